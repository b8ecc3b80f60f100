//! A session with a server over its standard streams: raw lines out, raw lines in, nothing interpreted that
//! does not have to be.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{Outcome, Step, processes, wire};

/// How long a test waits for an answer before it gives up. Generous: CI runs several Node.js at once.
const PATIENCE: Duration = Duration::from_secs(30);

static SESSIONS: AtomicU32 = AtomicU32::new(0);

/// A running server (or a guard before one) and everything that was said so far.
///
/// Dropping it kills the process that it started; a guard is expected to take its server with it.
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    answers: BTreeMap<String, Value>,
    sent: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
    stderr: PathBuf,
    marker: String,
}

/// What is left of a session after its end.
pub struct Ended {
    /// The lines that were sent, each with its line feed.
    pub sent: Vec<Vec<u8>>,
    /// The lines that came back; the last may lack a line feed.
    pub received: Vec<Vec<u8>>,
    /// How the process ended; `None` when it had to be killed.
    pub status: Option<ExitStatus>,
    /// What was written to the standard error.
    pub stderr: String,
}

impl Session {
    /// Starts `command`; its standard error goes into a file in `folder`.
    ///
    /// # Errors
    ///
    /// When the command does not start.
    pub fn start(command: &[OsString], folder: &Path) -> Outcome<Self> {
        let marker = format!("{}-{}", std::process::id(), SESSIONS.fetch_add(1, Ordering::Relaxed));
        let stderr = folder.join(format!("stderr-{marker}.txt"));
        let (program, arguments) = command.split_first().ok_or("an empty command")?;
        let mut child = isolated(program, folder)
            .args(arguments)
            .env(processes::MARKER, &marker)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&stderr)?)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("the child has no standard output")?;
        let (lines, received) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                // The end, a broken pipe or a receiver that is gone: nothing more to collect.
                match output.read_until(b'\n', &mut line) {
                    Ok(1..) if lines.send(line).is_ok() => {}
                    _ => return,
                }
            }
        });
        Ok(Self {
            child,
            input,
            output: received,
            answers: BTreeMap::new(),
            sent: Vec::new(),
            received: Vec::new(),
            stderr,
            marker,
        })
    }

    /// Answers the server's requests of `method` with `result`; all others get "method not found".
    pub fn answer(&mut self, method: &str, result: Value) {
        self.answers.insert(method.to_owned(), result);
    }

    /// The process id of what was started.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(i32::MAX)
    }

    /// The value of [`processes::MARKER`] for the processes of this session.
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// Every line received so far.
    pub fn received(&self) -> &[Vec<u8>] {
        &self.received
    }

    /// Sends a line; the line feed is added.
    ///
    /// # Errors
    ///
    /// When the process no longer reads.
    pub fn send(&mut self, line: &str) -> Outcome {
        self.send_bytes(format!("{line}\n").into_bytes())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// When the process no longer reads.
    pub fn send_bytes(&mut self, bytes: Vec<u8>) -> Outcome {
        let input = self.input.as_mut().ok_or("the standard input is closed already")?;
        input.write_all(&bytes)?;
        input.flush()?;
        self.sent.push(bytes);
        Ok(())
    }

    /// Sends a request and returns the raw line that answers it; answers the server's requests meanwhile.
    ///
    /// # Errors
    ///
    /// When no answer comes in time, or the process ends.
    pub fn ask(&mut self, line: &str) -> Outcome<Vec<u8>> {
        let (_, id) = wire::request(line.as_bytes()).ok_or_else(|| format!("not a request: {line}"))?;
        self.send(line)?;
        self.wait_for(line, |answer| wire::response_id(answer).as_ref() == Some(&id))
    }

    /// As [`ask`](Self::ask), as JSON.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask), and when the answer is no JSON.
    pub fn ask_json(&mut self, line: &str) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.ask(line)?)?)
    }

    /// Plays a script: sends each line, and waits for the answer to each request.
    ///
    /// # Errors
    ///
    /// When an answer or an awaited message does not come.
    pub fn play(&mut self, script: &[Step]) -> Outcome {
        for step in script {
            match step {
                Step::Send(line) if wire::request(line.as_bytes()).is_some() => {
                    self.ask(line)?;
                }
                Step::Send(line) => self.send(line)?,
                Step::Await(method) => self.wait_for_method(method)?,
            }
        }
        Ok(())
    }

    /// Waits until the server has sent a message of `method`, unless it has already.
    ///
    /// # Errors
    ///
    /// When none comes in time.
    pub fn wait_for_method(&mut self, method: &str) -> Outcome {
        let is_it = |line: &[u8]| {
            wire::json(line)
                .is_some_and(|message| message.get("method").and_then(Value::as_str) == Some(method))
        };
        if !self.received.iter().any(|line| is_it(line)) {
            self.wait_for(method, is_it)?;
        }
        Ok(())
    }

    /// Waits for the next line that `is_it` and returns it; answers the server's requests meanwhile.
    ///
    /// # Errors
    ///
    /// When none comes in time, with all that came instead.
    pub fn wait_for(&mut self, what: &str, is_it: impl Fn(&[u8]) -> bool) -> Outcome<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            let line = self.output.recv_timeout(patience).map_err(|error| {
                let why = match error {
                    RecvTimeoutError::Timeout => "no answer in time",
                    RecvTimeoutError::Disconnected => "the output ended",
                };
                let seen = wire::readable(&self.received);
                format!("{why} for {what}\nreceived: {seen:#?}\nstderr: {}", self.stderr_so_far())
            })?;
            self.received.push(line.clone());
            if let Some((method, id)) = wire::request(&line) {
                self.reply(&method, &id)?;
            }
            if is_it(&line) {
                return Ok(line);
            }
        }
    }

    /// The next line, whatever it is; a request of the server is left to the test.
    ///
    /// # Errors
    ///
    /// When none comes in time.
    pub fn next_line(&mut self) -> Outcome<Vec<u8>> {
        let line = self
            .output
            .recv_timeout(PATIENCE)
            .map_err(|error| format!("no line in time: {error}\nstderr: {}", self.stderr_so_far()))?;
        self.received.push(line.clone());
        Ok(line)
    }

    /// Closes the standard input, collects what still comes, and waits for the end.
    ///
    /// # Errors
    ///
    /// When the process cannot be waited for.
    pub fn end(mut self) -> Outcome<Ended> {
        drop(self.input.take());
        self.collect_the_end()
    }

    /// Sends a signal to the process that was started, collects what still comes, and waits for the end.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled or waited for.
    pub fn end_by(mut self, signal: Signal) -> Outcome<Ended> {
        processes::send(self.pid(), signal)?;
        // Kept open until the end: the signal alone has to do.
        let input = self.input.take();
        let ended = self.collect_the_end();
        drop(input);
        ended
    }

    /// Collects what still comes and waits for the end, which the process has to come to by itself.
    ///
    /// # Errors
    ///
    /// When the process cannot be waited for.
    pub fn wait(mut self) -> Outcome<Ended> {
        let input = self.input.take();
        let ended = self.collect_the_end();
        drop(input);
        ended
    }

    fn collect_the_end(&mut self) -> Outcome<Ended> {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.received.push(line);
        }
        let mut status = self.child.try_wait()?;
        while status.is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
            status = self.child.try_wait()?;
        }
        Ok(Ended {
            sent: std::mem::take(&mut self.sent),
            received: std::mem::take(&mut self.received),
            status,
            stderr: self.stderr_so_far(),
        })
    }

    fn reply(&mut self, method: &str, id: &Value) -> Outcome {
        let reply = match self.answers.get(method) {
            Some(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            None => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "method not found"}})
            }
        };
        self.send(&reply.to_string())
    }

    fn stderr_so_far(&self) -> String {
        fs::read(&self.stderr).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

/// A command whose environment is the test's own: what the guard keeps for its user stays in `folder`, and
/// nothing outside configures it.
pub fn isolated(program: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AIRLOCK_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", folder).env("XDG_STATE_HOME", folder).env_remove("XDG_CONFIG_HOME");
    command
}

impl Drop for Session {
    fn drop(&mut self) {
        // Most sessions have ended by now, and then there is nothing to kill.
        let _: io::Result<()> = self.child.kill();
        let _: io::Result<ExitStatus> = self.child.wait();
    }
}
