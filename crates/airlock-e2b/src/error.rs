//! Why a call of the service gave nothing.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, error::Category};

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
        /// What it said: untrusted, cut, without secrets and without what draws or hides.
        message: String,
    },
    /// The machine is not there any more, or nothing in it can be asked.
    Gone,
    /// Nothing was sent.
    NotSent(String),
    /// Something was sent, and nobody knows what became of it.
    Dropped(String),
    /// The answer makes no sense. Nothing of it is repeated here.
    Nonsense(String),
    /// Nothing was sent: the machine cannot do what was asked for.
    Incapable(String),
    /// Nothing was sent: the backend was shut down.
    ShutDown,
}

/// Whatever is in them, texts are shown as one short line.
impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code, message } => {
                let code = code.as_ref().map(|code| format!(", {}", line(code))).unwrap_or_default();
                write!(f, "the service refused ({status}{code}): {}", line(message))
            }
            Self::Gone => f.write_str("the machine is not there"),
            Self::NotSent(why) => write!(f, "the service cannot be reached: {}", line(why)),
            Self::Dropped(why) => write!(f, "the connection to the service was lost: {}", line(why)),
            Self::Nonsense(why) => write!(f, "the answer of the service makes no sense: {}", line(why)),
            Self::Incapable(why) => write!(f, "the machine cannot do that: {}", line(why)),
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
    /// What an answer says that is not a success. It may repeat what it was asked with, so `secrets` are taken out.
    pub(crate) fn refused(status: u16, text: &[u8], secrets: &[&str]) -> Self {
        let plain = String::from_utf8_lossy(text);
        // The words of the proxy before the machines.
        if status == 502 && (plain.contains("was not found") || plain.contains("port is not open")) {
            return Self::Gone;
        }
        match serde_json::from_slice::<Said>(text) {
            Ok(said) => {
                let code = said.error_code.or_else(|| said.code.as_str().map(str::to_owned));
                let code = code.map(|code| shown(&code, secrets));
                Self::Refused { status, code, message: shown(&said.message, secrets) }
            }
            Err(_) => Self::Refused { status, code: None, message: shown(&plain, secrets) },
        }
    }

    /// What is wrong with an answer, and where; the words of `error` would quote it, and a program's output with it.
    pub(crate) fn nonsense(error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            Category::Io => "it cannot be read",
            Category::Syntax => "it is no JSON",
            Category::Data => "something in it is missing or of another kind",
            Category::Eof => "it ends too early",
        };
        Self::Nonsense(format!("{what} (line {}, column {})", error.line(), error.column()))
    }
}

/// One line that repeats no secret, nor draws or hides anything.
fn shown(text: &str, secrets: &[&str]) -> String {
    // What is dropped first cannot have held the pieces of a secret apart.
    let mut text: String = text.chars().filter_map(visible).collect();
    let mut secrets: Vec<_> = secrets.iter().filter(|secret| !secret.is_empty()).collect();
    // One may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        text = text.replace(*secret, "***");
    }
    line(&text)
}

/// One line, no longer than is shown.
fn line(text: &str) -> String {
    text.chars().filter_map(visible).take(MOST_SHOWN).collect()
}

/// A character as it may be shown to somebody at a terminal: none that draws, types, or turns the direction of others.
fn visible(char: char) -> Option<char> {
    match char {
        char if char.is_control() => Some(' '),
        '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => None,
        char => Some(char),
    }
}

#[cfg(test)]
mod tests {
    use super::CallError;

    #[test]
    fn errors_are_read_in_all_their_forms() {
        let refused = |status, text: &str| CallError::refused(status, text.as_bytes(), &["e2b_0123"]);
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
        let message = message(&text, &["e2b_0123"]);
        assert!(message.starts_with("key *** is wrong!") && message.len() == 300, "{message}");
    }

    fn message(text: &str, secrets: &[&str]) -> String {
        match CallError::refused(401, text.as_bytes(), secrets) {
            CallError::Refused { message, .. } => message,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn no_secret_is_repeated_also_not_in_disguise() {
        let secrets = ["", "token", "token-7", "traffic-7"];
        assert_eq!(message("token-7 and traffic-7 of tokens, typed", &secrets), "*** and *** of ***s, typed");
        // What is not shown does not hide it either.
        assert_eq!(message("to\u{200b}ken\u{202e}-7 \u{e0041}traffic\u{ad}-7", &secrets), "*** ***");
        let CallError::Refused { code, .. } =
            CallError::refused(400, br#"{"code":"token-7","message":""}"#, &secrets)
        else {
            panic!("it is a refusal");
        };
        assert_eq!(code.as_deref(), Some("***"));
    }

    #[test]
    fn nothing_that_draws_or_hides_is_shown() {
        assert_eq!(message("a\u{1b}[2J\u{9b}b\u{202e}\u{2066}\u{feff}\u{200f}c", &[]), "a [2J bc");
        assert_eq!(message("über 日本", &[]), "über 日本");
    }

    #[test]
    fn whatever_is_in_an_error_its_words_are_few_and_on_one_line() {
        let long = || format!("\u{202e}line\nbreak {}", "x".repeat(1 << 20));
        for error in [
            CallError::Refused { status: 400, code: Some(long()), message: long() },
            CallError::NotSent(long()),
            CallError::Dropped(long()),
            CallError::Nonsense(long()),
        ] {
            let text = error.to_string();
            assert!(text.len() < 1_000 && !text.contains(['\n', '\u{202e}']) && text.contains("line break"));
        }
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_not_quoted() {
        let error = |text: &str| CallError::nonsense(&serde_json::from_str::<u32>(text).unwrap_err());
        let CallError::Nonsense(text) = error("\"canary\"") else { panic!("it makes no sense") };
        assert!(!text.contains("canary") && text.contains("line 1, column 8"), "{text}");
        assert_ne!(error("x"), error("\"x\""), "they are told apart");
    }
}
