//! The calls of the code interpreter inside a machine.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    CallError, Client, Machine,
    envd::TRAFFIC,
    http::{Call, Method, Stream as Answer, Time},
    lines::{Lines, TooLong},
};

/// Where the code interpreter listens.
pub(crate) const PORT: u16 = 49_999;
/// The longest line that is accepted: a picture may be in one.
const MOST_OF_A_LINE: usize = 16 << 20;
/// The longest answer that is read of an error.
const MOST: usize = 1 << 20;

/// Code for the interpreter of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Code {
    /// The code itself.
    #[serde(rename = "code")]
    pub text: String,
    /// Its language, as the template calls it: `python` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Variables besides those of the machine.
    #[serde(rename = "env_vars")]
    pub environment: BTreeMap<String, String>,
}

/// What came of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// It wrote to standard output.
    Stdout(String),
    /// It wrote to standard error.
    Stderr(String),
    /// The value of its last expression, as text.
    Text(String),
    /// It raised an error that it did not catch.
    Error(RaisedError),
}

/// An error that code raised and did not catch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RaisedError {
    /// Its type, such as `ValueError`.
    pub name: String,
    /// What it says.
    pub value: String,
    /// Where it was raised, in lines.
    pub traceback: String,
}

/// What comes of code, as it comes. To drop it does not end the code.
pub struct Outputs {
    answer: Answer,
    lines: Lines,
    read: usize,
    most: usize,
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs").finish_non_exhaustive()
    }
}

/// What [`Outputs::next`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Something that the code made.
    Output(Output),
    /// All of it was read.
    End,
    /// More came than was to be read, or it never came to the end of a line.
    TooMuch,
}

/// What kind of line it is. What it has besides is looked at where it is known.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Stream {
    text: String,
}

/// Pictures and other forms of it are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Shown {
    text: Option<String>,
    is_main_result: bool,
}

impl Outputs {
    /// Waits for what comes next.
    ///
    /// # Errors
    /// The connection was lost, what came makes no sense, or the interpreter itself ended.
    #[expect(clippy::should_implement_trait, reason = "it fails, and is not to be called after that")]
    pub fn next(&mut self) -> Result<Next, CallError> {
        loop {
            match self.lines.next() {
                Ok(Some(line)) => match next(&line)? {
                    Some(next) => return Ok(next),
                    None => continue,
                },
                Ok(None) if self.read <= self.most => {}
                Ok(None) | Err(TooLong) => return Ok(Next::TooMuch),
            }
            let Some(piece) = self.answer.read()? else {
                return Err(CallError::Dropped("nothing was said of the code's end".to_owned()));
            };
            self.read += piece.len();
            self.lines.push(&piece);
        }
    }
}

/// What a line says, if it is something that matters.
fn next(line: &[u8]) -> Result<Option<Next>, CallError> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let Line { kind } = read(line)?;
    Ok(Some(match kind.as_str() {
        "stdout" => Next::Output(Output::Stdout(read::<Stream>(line)?.text)),
        "stderr" => Next::Output(Output::Stderr(read::<Stream>(line)?.text)),
        "result" => match read(line)? {
            Shown { text: Some(text), is_main_result: true } => Next::Output(Output::Text(text)),
            // Something that was displayed on the way, or that has no form in text.
            _ => return Ok(None),
        },
        "error" => Next::Output(Output::Error(read(line)?)),
        "end_of_execution" => Next::End,
        "unexpected_end_of_execution" => {
            return Err(CallError::Dropped("the interpreter ended before the code did".to_owned()));
        }
        _ => return Ok(None),
    }))
}

fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(line).map_err(|error| CallError::nonsense(&error))
}

impl Client {
    /// Has the interpreter of a machine run code, and follows it for at most `whole`, until `most` bytes were read. It is
    /// asked for once: code must not run twice. What code leaves behind the next one finds, unless the machine is ended.
    ///
    /// # Errors
    /// [`CallError::Dropped`] and [`CallError::Nonsense`] leave open whether it runs.
    pub fn execute(
        &self,
        machine: &Machine,
        code: &Code,
        whole: Duration,
        most: usize,
    ) -> Result<Outputs, CallError> {
        let url = format!("{}/execute", machine.interpreter);
        let port = PORT.to_string();
        let body = serde_json::to_vec(code).map_err(|error| CallError::NotSent(error.to_string()))?;
        let mut headers = vec![
            ("e2b-sandbox-id", machine.id.as_str()),
            ("e2b-sandbox-port", &port),
            ("x-access-token", &machine.token),
            ("content-type", "application/json"),
        ];
        headers.extend(machine.traffic_token.as_deref().map(|token| (TRAFFIC, token)));
        // Code may compute for long before it says anything.
        let call = Call {
            method: Method::Post,
            url: &url,
            headers: &headers,
            body: Some(&body),
            time: Time::of(whole),
        };
        let (status, answer) = self.http.stream(call, self.stops())?;
        if !(200..300).contains(&status) {
            return Err(CallError::refused(status, &answer.text(MOST)?, &self.secrets(Some(machine))));
        }
        Ok(Outputs { answer, lines: Lines::new(MOST_OF_A_LINE), read: 0, most })
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Output, RaisedError, next};
    use crate::CallError;

    #[test]
    fn lines_are_read_and_others_passed_over() {
        let read = |text: &str| next(text.as_bytes());
        let output = |output| Ok(Some(Next::Output(output)));
        assert_eq!(
            read(r#"{"type":"stdout","text":"a","timestamp":1}"#),
            output(Output::Stdout("a".to_owned()))
        );
        assert_eq!(read(r#"{"type":"stderr","text":""}"#), output(Output::Stderr(String::new())));
        let main = r#"{"type":"result","is_main_result":true,"text":"42","png":"iVBO","new":{"a":[1]}}"#;
        assert_eq!(read(main), output(Output::Text("42".to_owned())));
        let error = r#"{"type":"error","name":"ValueError","value":"no","traceback":"line 1"}"#;
        let raised =
            RaisedError { name: "ValueError".into(), value: "no".into(), traceback: "line 1".into() };
        assert_eq!(read(error), output(Output::Error(raised)));
        assert_eq!(read(r#"{"type":"end_of_execution"}"#), Ok(Some(Next::End)));
        for other in [
            r#"{"type":"result","text":"shown, and not the value"}"#,
            r#"{"type":"result","is_main_result":true,"png":"iVBO"}"#,
            r#"{"type":"number_of_executions","execution_count":1}"#,
            r#"{"type":"something new","text":7.5e3,"name":[]}"#,
            " ",
        ] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn what_is_no_line_of_the_service_is_said() {
        for odd in ["{}", "[]", "x", r#"{"type":"stdout"}"#, r#"{"type":"stdout","text":7}"#, "\u{0}"] {
            assert!(matches!(next(odd.as_bytes()), Err(CallError::Nonsense(_))), "{odd}");
        }
        let gone = next(br#"{"type":"unexpected_end_of_execution"}"#);
        assert!(matches!(gone, Err(CallError::Dropped(_))), "{gone:?}");
    }
}
