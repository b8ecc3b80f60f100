//! An MCP client over the standard streams of a process: one request at a time, no JSON library, so that the
//! client costs little beside what it measures.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const INITIALIZE: &str = r#""method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}"#;
const INITIALIZED: &str = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
const LIST: &str = r#""method":"tools/list""#;

/// A running server, directly or behind `airlock run`.
pub(super) struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    requests: u64,
    request: String,
    answer: Vec<u8>,
}

impl Session {
    /// Starts the process and initializes the session; also says how long the first answer took.
    pub(super) fn start(command: &mut Command) -> Result<(Self, Duration), String> {
        let started = Instant::now();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| {
            format!("cannot start `{}`: {error}", command.get_program().to_string_lossy())
        })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without pipes".to_owned());
        };
        let output = BufReader::new(output);
        let mut session =
            Self { child, input, output, requests: 0, request: String::new(), answer: Vec::new() };
        session.request(INITIALIZE)?;
        let took = started.elapsed();
        session.send(INITIALIZED)?;
        session.request(LIST)?;
        Ok((session, took))
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// One call of about 1 KB with an answer of about 1 KB; how long it took.
    pub(super) fn call(&mut self, params: &str) -> Result<Duration, String> {
        let started = Instant::now();
        self.request(params)?;
        let took = started.elapsed();
        if self.answer.windows(14).any(|window| window == br#""isError":true"#) {
            return Err(format!("a call was refused: {}", String::from_utf8_lossy(&self.answer)));
        }
        Ok(took)
    }

    /// Sends a request and reads one line, its answer.
    fn request(&mut self, rest: &str) -> Result<(), String> {
        self.requests += 1;
        let mut request = std::mem::take(&mut self.request);
        request.clear();
        request.push_str(r#"{"jsonrpc":"2.0","id":"#);
        request.push_str(&self.requests.to_string());
        request.push(',');
        request.push_str(rest);
        request.push_str("}\n");
        self.send(&request)?;
        self.request = request;
        self.answer.clear();
        let read = self.output.read_until(b'\n', &mut self.answer).map_err(|error| error.to_string())?;
        let expected = format!("\"id\":{}", self.requests);
        if read == 0 || !self.answer.windows(expected.len()).any(|window| window == expected.as_bytes()) {
            return Err(format!("no answer to request {}", self.requests));
        }
        Ok(())
    }

    /// The last request with its line break.
    pub(super) fn last_request(&self) -> &str {
        &self.request
    }

    /// The last answer with its line break.
    pub(super) fn answer(&self) -> &[u8] {
        &self.answer
    }

    fn send(&mut self, line: &str) -> Result<(), String> {
        self.input
            .write_all(line.as_bytes())
            .and_then(|()| self.input.flush())
            .map_err(|error| format!("the process does not read: {error}"))
    }

    /// Closes the input, which ends the session, and waits.
    pub(super) fn end(mut self) -> Result<(), String> {
        drop(self.input);
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("a session ended with {status}")) }
    }
}
