//! The calls of the service inside a machine: its programs and its files.

use std::{collections::BTreeMap, fmt, fmt::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    CallError, Client, Machine,
    client::random,
    frames::{Frame, Frames},
    http::{Answer, Call, Method, Stream, Time},
};

/// Where the service inside a machine listens.
pub(crate) const PORT: u16 = 49_983;
/// What a call without a stream may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the service says that it is still there, in seconds, and after how much silence it is not.
const KEEP_ALIVE: &str = "20";
const SILENCE: Duration = Duration::from_secs(60);
/// The longest message of a stream; the service writes at most 32 KiB of output in one.
const MOST_OF_A_MESSAGE: u32 = 4 << 20;
/// The longest answer without a stream.
const MOST: usize = 1 << 20;
/// What carries the token for the traffic of a machine.
pub(crate) const TRAFFIC: &str = "e2b-traffic-access-token";
/// The user that programs run as, and files belong to, in machines that still ask for one: `user` without a password.
const USER: (&str, &str) = ("authorization", "Basic dXNlcjo=");

/// What is to be run in a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Program {
    /// A path, or a name on the machine's `PATH`.
    pub cmd: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables besides those of the machine.
    pub envs: BTreeMap<String, String>,
    /// Where it starts; the home of the user by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// What happened to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It began, with this number.
    Started(u32),
    /// It wrote to standard output.
    Stdout(Vec<u8>),
    /// It wrote to standard error.
    Stderr(Vec<u8>),
    /// It ended.
    Ended(ProgramEnd),
}

/// How a program ended, as the service says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProgramEnd {
    /// The code that it ended with.
    pub exit_code: i32,
    /// Whether it ended by itself.
    pub exited: bool,
    /// In words: `exit status 1`, `signal: killed`.
    pub status: String,
}

/// A signal that can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It ends the program.
    Kill,
    /// It asks the program to end.
    Terminate,
}

/// What happens to a program, as it happens. To drop it does not end the program.
pub struct Events {
    stream: Stream,
    frames: Frames,
    /// What no error repeats.
    secrets: Vec<String>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Message {
    event: Happened,
}

/// One of them is there, or none that matters here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Happened {
    start: Option<Start>,
    data: Option<Data>,
    end: Option<ProgramEnd>,
}

#[derive(Deserialize)]
struct Start {
    pid: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    stdout: Option<String>,
    stderr: Option<String>,
}

#[derive(Deserialize)]
struct Last {
    error: Option<Value>,
}

impl Event {
    /// What it is, without what is in it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Started(_) => "that the program began",
            Self::Stdout(_) | Self::Stderr(_) => "output",
            Self::Ended(_) => "that the program ended",
        }
    }
}

impl Events {
    /// Waits for the next event; `None` if the service ended the stream.
    ///
    /// # Errors
    /// The connection was lost, what came makes no sense, or the service ended it with an error.
    #[expect(clippy::should_implement_trait, reason = "it fails, and is not to be called after that")]
    pub fn next(&mut self) -> Result<Option<Event>, CallError> {
        loop {
            match self.frames.next()? {
                Some(Frame::Message(message)) => {
                    if let Some(event) = event(&message)? {
                        return Ok(Some(event));
                    }
                }
                Some(Frame::End(message)) => {
                    let last: Last =
                        serde_json::from_slice(&message).map_err(|error| CallError::nonsense(&error))?;
                    let secrets: Vec<_> = self.secrets.iter().map(String::as_str).collect();
                    return last.error.map_or(Ok(None), |error| {
                        Err(CallError::refused(200, error.to_string().as_bytes(), &secrets))
                    });
                }
                None => {
                    let Some(piece) = self.stream.read()? else {
                        self.frames.finish()?;
                        return Ok(None);
                    };
                    self.frames.push(&piece);
                }
            }
        }
    }
}

/// The event in a message, if it is one that matters.
fn event(message: &[u8]) -> Result<Option<Event>, CallError> {
    let Message { event } = serde_json::from_slice(message).map_err(|error| CallError::nonsense(&error))?;
    let decode = |text: String| {
        STANDARD.decode(text).map_err(|error| CallError::Nonsense(format!("output in base64: {error}")))
    };
    Ok(match event {
        Happened { start: Some(Start { pid }), .. } => Some(Event::Started(pid)),
        Happened { end: Some(end), .. } => Some(Event::Ended(end)),
        Happened { data: Some(Data { stdout: Some(text), .. }), .. } => Some(Event::Stdout(decode(text)?)),
        Happened { data: Some(Data { stderr: Some(text), .. }), .. } => Some(Event::Stderr(decode(text)?)),
        _ => None,
    })
}

impl Client {
    /// Starts a program, which `stdin` says whether it can be written to, and follows it for at most `whole`. It is asked
    /// for once: a program must not run twice.
    ///
    /// # Errors
    /// [`CallError::Dropped`] and [`CallError::Nonsense`] leave open whether it runs.
    pub fn start(
        &self,
        machine: &Machine,
        program: &Program,
        stdin: bool,
        whole: Duration,
    ) -> Result<Events, CallError> {
        let message = json!({ "process": program, "stdin": stdin }).to_string();
        let length = u32::try_from(message.len())
            .map_err(|_| CallError::NotSent("the program and its environment are too long".to_owned()))?;
        let mut frame = vec![0];
        frame.extend(length.to_be_bytes());
        frame.extend(message.into_bytes());
        let headers = [
            ("content-type", "application/connect+json"),
            ("connect-protocol-version", "1"),
            ("keepalive-ping-interval", KEEP_ALIVE),
        ];
        let path = "/process.Process/Start";
        let (url, port) = (format!("{}{path}", machine.address), PORT.to_string());
        let headers = all_headers(machine, &port, &headers);
        let time = Time { whole, silence: SILENCE };
        let call = Call { method: Method::Post, url: &url, headers: &headers, body: Some(&frame), time };
        let (status, stream) = self.http.stream(call, self.stops())?;
        let secrets = self.secrets(Some(machine));
        if !(200..300).contains(&status) {
            return Err(CallError::refused(status, &stream.text(MOST)?, &secrets));
        }
        let secrets = secrets.into_iter().map(str::to_owned).collect();
        Ok(Events { stream, frames: Frames::new(MOST_OF_A_MESSAGE), secrets })
    }

    /// Writes to the standard input of a program.
    ///
    /// # Errors
    /// It was not written, or nobody knows: it is asked for once.
    pub fn send_input(&self, machine: &Machine, pid: u32, input: &[u8]) -> Result<(), CallError> {
        let input = json!({ "stdin": STANDARD.encode(input) });
        let ask = json!({ "process": { "pid": pid }, "input": input });
        // It is taken when the program reads on, and that may be as late as the program likes.
        self.unary(machine, "SendInput", &ask, Time::of(self.time_left(PATIENCE)))
    }

    /// Closes the standard input of a program, which machines since `envd` 0.5.2 can do.
    ///
    /// # Errors
    /// It may be open still.
    pub fn close_stdin(&self, machine: &Machine, pid: u32) -> Result<(), CallError> {
        let ask = json!({ "process": { "pid": pid } });
        self.unary(machine, "CloseStdin", &ask, Time::of(self.time_left(PATIENCE)))
    }

    /// Sends a signal to a program.
    ///
    /// # Errors
    /// It was not sent, or nobody knows.
    pub fn send_signal(&self, machine: &Machine, pid: u32, signal: Signal) -> Result<(), CallError> {
        let signal = match signal {
            Signal::Kill => "SIGNAL_SIGKILL",
            Signal::Terminate => "SIGNAL_SIGTERM",
        };
        let ask = json!({ "process": { "pid": pid }, "signal": signal });
        self.unary(machine, "SendSignal", &ask, self.patience())
    }

    /// Reads a file of at most `most` bytes.
    ///
    /// # Errors
    /// It cannot be read, or is longer.
    pub fn read_file(&self, machine: &Machine, path: &str, most: u64) -> Result<Vec<u8>, CallError> {
        let path = file(path);
        let answer = self.inside(Method::Get, machine, &path, &[], None, self.patience())?;
        Ok(answer.text(most)?)
    }

    /// Writes a file, as the field `file` of a form: every version of the service takes that.
    ///
    /// # Errors
    /// It was not written, or nobody knows.
    pub fn write_file(&self, machine: &Machine, path: &str, content: &[u8]) -> Result<(), CallError> {
        let boundary = format!("{:016x}{:016x}", random(), random());
        let disposition = "content-disposition: form-data; name=\"file\"; filename=\"file\"";
        let kind = "content-type: application/octet-stream";
        let mut body = format!("--{boundary}\r\n{disposition}\r\n{kind}\r\n\r\n").into_bytes();
        body.extend(content);
        body.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        let headers = [("content-type", kind.as_str())];
        let time = self.patience();
        let answer = self.inside(Method::Post, machine, &file(path), &headers, Some(&body), time)?;
        answer.text(MOST as u64)?;
        Ok(())
    }

    /// What a call without a stream may take.
    fn patience(&self) -> Time {
        Time::of(self.time_left(PATIENCE).min(PATIENCE))
    }

    /// A method of programs without a stream.
    fn unary(&self, machine: &Machine, method: &str, body: &Value, time: Time) -> Result<(), CallError> {
        let headers = [("content-type", "application/json"), ("connect-protocol-version", "1")];
        let (path, body) = (format!("/process.Process/{method}"), body.to_string());
        let answer = self.inside(Method::Post, machine, &path, &headers, Some(body.as_bytes()), time)?;
        answer.text(MOST as u64)?;
        Ok(())
    }

    /// A call of the service inside a machine, made once. The answer is a success.
    fn inside(
        &self,
        method: Method,
        machine: &Machine,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        time: Time,
    ) -> Result<Answer, CallError> {
        let (url, port) = (format!("{}{path}", machine.address), PORT.to_string());
        let headers = all_headers(machine, &port, headers);
        let answer = self.http.send(Call { method, url: &url, headers: &headers, body, time })?;
        let status = answer.status;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(CallError::refused(status, &answer.text(MOST as u64)?, &self.secrets(Some(machine))))
    }
}

/// What every call has to say, and what this one has.
fn all_headers<'a>(
    machine: &'a Machine,
    port: &'a str,
    headers: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("e2b-sandbox-id", machine.id.as_str()),
        ("e2b-sandbox-port", port),
        ("x-access-token", &machine.token),
        USER,
    ];
    all.extend(machine.traffic_token.as_deref().map(|token| (TRAFFIC, token)));
    all.extend(headers);
    all
}

/// The address of a file.
fn file(path: &str) -> String {
    let mut address = "/files?username=user&path=".to_owned();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => address.push(byte.into()),
            // Writing to a text does not fail.
            _ => drop(write!(address, "%{byte:02X}")),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::{Event, ProgramEnd, event, file};
    use crate::CallError;

    #[test]
    fn events_are_read_and_others_passed_over() {
        let read = |text: &str| event(text.as_bytes());
        assert_eq!(read(r#"{"event":{"start":{"pid":7}}}"#), Ok(Some(Event::Started(7))));
        assert_eq!(read(r#"{"event":{"data":{"stdout":"aGk="}}}"#), Ok(Some(Event::Stdout(b"hi".to_vec()))));
        assert_eq!(read(r#"{"event":{"data":{"stderr":""}}}"#), Ok(Some(Event::Stderr(Vec::new()))));
        assert_eq!(read(r#"{"event":{"keepalive":{}}}"#), Ok(None));
        // What is zero is left out.
        let end = ProgramEnd { exit_code: 0, exited: true, status: "exit status 0".to_owned() };
        let text = r#"{"event":{"end":{"exited":true,"status":"exit status 0"}}}"#;
        assert_eq!(read(text), Ok(Some(Event::Ended(end))));
        for odd in ["{}", r#"{"event":{"start":{}}}"#, r#"{"event":{"data":{"stdout":"?"}}}"#] {
            assert!(matches!(read(odd), Err(CallError::Nonsense(_))), "{odd}");
        }
    }

    #[test]
    fn a_path_cannot_become_another_question() {
        assert_eq!(file("/a b&c=ü"), "/files?username=user&path=/a%20b%26c%3D%C3%BC");
    }
}
