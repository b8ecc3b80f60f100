//! Why a call of the service gave nothing.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::{frames::FrameError, http::Failure};

/// How much is shown of what the service said.
const MOST_SHOWN: usize = 300;

/// Why a call of the service gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The service refused.
    Refused {
        /// Of HTTP; 200 where a stream ended with an error.
        status: u16,
        /// The kind of error, where the service named one.
        code: Option<String>,
        /// What it said: untrusted, cut, and without the key.
        message: String,
    },
    /// The machine is not there any more, or nothing in it can be asked.
    Gone,
    /// Nothing was sent.
    NotSent(String),
    /// Something was sent, and nobody knows what became of it.
    Dropped(String),
    /// The answer makes no sense.
    Nonsense(String),
    /// Nothing was sent: the backend was shut down.
    ShutDown,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code, message } => {
                let code = code.as_ref().map(|code| format!(", {code}")).unwrap_or_default();
                write!(f, "the service refused ({status}{code}): {message}")
            }
            Self::Gone => f.write_str("the machine is not there"),
            Self::NotSent(why) => write!(f, "the service cannot be reached: {why}"),
            Self::Dropped(why) => write!(f, "the connection to the service was lost: {why}"),
            Self::Nonsense(why) => write!(f, "the answer of the service makes no sense: {why}"),
            Self::ShutDown => f.write_str("it was shut down"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(why) => Self::NotSent(why),
            Failure::Dropped(why) => Self::Dropped(why),
        }
    }
}

impl From<FrameError> for CallError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Incomplete => Self::Dropped(error.to_string()),
            _ => Self::Nonsense(error.to_string()),
        }
    }
}

/// An error as the service writes it: in the control API, of a method, or at the end of a stream.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    code: Value,
    error_code: Option<String>,
    message: String,
}

impl CallError {
    /// What an answer says that is not a success.
    pub(crate) fn refused(status: u16, text: &[u8], key: &str) -> Self {
        let plain = String::from_utf8_lossy(text);
        // The words of the proxy before the machines.
        if status == 502 && (plain.contains("was not found") || plain.contains("port is not open")) {
            return Self::Gone;
        }
        match serde_json::from_slice::<Said>(text) {
            Ok(said) => {
                let code = said.error_code.or_else(|| said.code.as_str().map(str::to_owned));
                let code = code.map(|code| shown(&code, key));
                Self::Refused { status, code, message: shown(&said.message, key) }
            }
            Err(_) => Self::Refused { status, code: None, message: shown(&plain, key) },
        }
    }
}

/// One line that does not repeat the key.
fn shown(text: &str, key: &str) -> String {
    let text = text.replace(key, "***");
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MOST_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::CallError;

    #[test]
    fn errors_are_read_in_all_their_forms() {
        let refused = |status, text: &str| CallError::refused(status, text.as_bytes(), "e2b_0123");
        let coded = refused(503, r#"{"code":503,"error_code":"full","message":"no room"}"#);
        assert_eq!(coded.to_string(), "the service refused (503, full): no room");
        let method = refused(404, r#"{"code":"not_found","message":"no process"}"#);
        assert_eq!(method.to_string(), "the service refused (404, not_found): no process");
        assert_eq!(refused(500, "oh\nno").to_string(), "the service refused (500): oh no");
        assert_eq!(refused(502, "The sandbox i was not found"), CallError::Gone);
        assert!(matches!(refused(404, "was not found"), CallError::Refused { .. }));
    }

    #[test]
    fn the_key_is_not_repeated_and_no_text_is_long() {
        let text = format!("key e2b_0123 is wrong{}", "!".repeat(1_000));
        let CallError::Refused { message, .. } = CallError::refused(401, text.as_bytes(), "e2b_0123") else {
            panic!("it is a refusal");
        };
        assert!(message.starts_with("key *** is wrong!") && message.len() == 300, "{message}");
    }
}
