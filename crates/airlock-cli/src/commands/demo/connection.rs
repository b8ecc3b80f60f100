//! An MCP client as small as the demo needs: one request at a time, over the pipes of a child process.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::exit::Failure;

/// How long an answer may take; the demo fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server, or a guard with a server behind it. Both look the same from here; that is the point.
pub(crate) struct Connection {
    child: Child,
    /// `None` once the connection is closed.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    next_id: u64,
}

impl Connection {
    /// Starts `command` and greets it.
    pub(crate) fn open(mut command: Command) -> Result<Self, Failure> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| {
                Failure::unexpected(format_args!("cannot start the demo's server: {error}"))
            })?;
        let (sender, lines) = sync_channel(16);
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let mut connection = Self { stdin: child.stdin.take(), child, lines, next_id: 1 };
        connection.greet()?;
        Ok(connection)
    }

    fn greet(&mut self) -> Result<(), Failure> {
        let client = json!({"name": "confused-agent", "version": "1.0.0"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        self.request("initialize", &params)?;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
    }

    /// Names of the tools that the other side offers.
    pub(crate) fn tools(&mut self) -> Result<Vec<String>, Failure> {
        let answer = self.request("tools/list", &json!({}))?;
        let tools = answer.pointer("/result/tools").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(tools.iter().filter_map(|tool| tool.get("name")?.as_str().map(str::to_owned)).collect())
    }

    /// Calls a tool; the whole answer, whether a result or an error.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, Failure> {
        self.request("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let line = self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
                RecvTimeoutError::Timeout => Failure::unexpected(format_args!("no answer to `{method}`")),
                RecvTimeoutError::Disconnected => {
                    Failure::unexpected(format_args!("the demo's server ended before it answered `{method}`"))
                }
            })?;
            let answer: Value = serde_json::from_str(&line)
                .map_err(|_| Failure::unexpected(format_args!("the answer to `{method}` is not JSON")))?;
            // Notifications, and requests of the guard, are not for this client.
            if answer.get("method").is_none() && answer.get("id") == Some(&json!(id)) {
                return Ok(answer);
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), Failure> {
        let Some(stdin) = &mut self.stdin else {
            return Err(Failure::unexpected("the connection is closed"));
        };
        stdin
            .write_all(format!("{message}\n").as_bytes())
            .map_err(|error| Failure::unexpected(format_args!("the demo's server does not listen: {error}")))
    }

    /// Ends the conversation as MCP says: closes stdin, and waits for the other side to leave.
    pub(crate) fn close(mut self) {
        self.stdin = None;
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
    }
}

impl Drop for Connection {
    /// Nothing may outlive the demo, whatever failed. After [`Connection::close`] there is nothing left to kill.
    fn drop(&mut self) {
        self.stdin = None;
        if self.lines.recv_timeout(Duration::from_secs(5)) != Err(RecvTimeoutError::Disconnected) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
