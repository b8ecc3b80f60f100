//! What becomes of calls whose servers, or whose threads, misbehave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use airlock_engine::{Code, Rejection, json::Bounds};
use airlock_mcp::{Id, Report};

use super::{AT_ONCE, Downstream, FreshServers, Input, Multiplexer, PerCall, Stop};
use crate::{line::Line, server::Started};

/// How long something may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came out.
#[derive(Debug, PartialEq)]
enum Heard {
    Message(String),
    NotRun(Id, Code),
    Lost(Id, Code),
    Failed,
}

struct Guard(Mutex<Sender<Heard>>);

impl Guard {
    fn hear(&self, heard: Heard) {
        // A test that is over hears nothing.
        drop(super::lock(&self.0).send(heard));
    }
}

impl Downstream for Guard {
    fn deliver(&self, line: Line<'_>) -> Result<(), Stop> {
        if let Line::Whole(line) = line {
            let line = String::from_utf8_lossy(line).into_owned();
            assert!(!line.contains("panic here"), "a defect of ours");
            self.hear(Heard::Message(line));
        }
        Ok(())
    }

    fn not_run(&self, call: &Id, rejection: Rejection) {
        self.hear(Heard::NotRun(call.clone(), rejection.code()));
    }

    fn lost(&self, call: &Id, rejection: Rejection) {
        self.hear(Heard::Lost(call.clone(), rejection.code()));
    }

    fn report(&self, _: Report) {}

    fn failed(&self, _: io::Error) {
        self.hear(Heard::Failed);
    }
}

/// Servers that run a script of the shell.
struct Scripts(String);

impl FreshServers for Scripts {
    fn start(&self) -> Result<Started, Rejection> {
        assert!(!self.0.is_empty(), "a defect of ours");
        let child = shell(&self.0);
        let pid = rustix::process::Pid::from_child(&child);
        // It can only fail because it has ended.
        Ok(Started::new(child, move || {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }))
    }
}

fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

struct Fixture {
    input: Input,
    servers: Arc<Multiplexer>,
    heard: Receiver<Heard>,
    // Only the session that it is part of keeps it.
    _guard: Arc<dyn Downstream>,
    primary: Child,
}

impl Fixture {
    fn new(script: impl Into<String>) -> Self {
        Self::with_ahead(script, 1)
    }

    fn with_ahead(script: impl Into<String>, ahead: usize) -> Self {
        let mut primary = shell("cat >/dev/null");
        let options = PerCall {
            servers: Arc::new(Scripts(script.into())),
            bounds: Bounds::DEFAULT,
            grace: Duration::from_secs(5),
            limit: None,
            ahead,
            max_line: 1 << 20,
        };
        let (servers, input) = Multiplexer::new(options, primary.stdin.take().unwrap());
        let (sender, heard) = channel();
        let guard: Arc<dyn Downstream> = Arc::new(Guard(Mutex::new(sender)));
        servers.begin(Arc::downgrade(&guard)).unwrap();
        Self { input, servers, heard, _guard: guard, primary }
    }

    fn say(&mut self, lines: &[&str]) {
        for line in lines {
            self.input.take(line.as_bytes()).unwrap();
        }
    }

    fn next(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits until just so many servers are there, none of which has a call.
    fn wait_for_spares(&self, count: usize) {
        let until = Instant::now() + PATIENCE;
        loop {
            let state = self.servers.state();
            let (spares, all) = (state.spares.len(), state.servers.len());
            drop(state);
            assert!(all <= AT_ONCE, "{all} servers");
            if (spares, all) == (count, count) {
                return;
            }
            assert!(Instant::now() < until, "{spares} of {all} wait, not {count}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends everything; whether nothing more was heard.
    fn end_quietly(mut self) -> bool {
        drop(self.input);
        self.servers.end();
        self.primary.kill().unwrap();
        self.primary.wait().unwrap();
        matches!(self.heard.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout))
    }
}

fn call(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"}}}}"#)
}

#[test]
fn a_panic_of_a_calls_thread_ends_the_session() {
    // In the start, and with the answer in hand.
    let mut fixture = Fixture::new("");
    fixture.say(&[&call("1")]);
    assert_eq!(fixture.next(), Heard::NotRun(Id::Number(1), Code::InternalPanic));
    assert_eq!(fixture.next(), Heard::Failed);
    fixture.end_quietly();
    let mut fixture = Fixture::new(
        r#"read call; echo '{"jsonrpc":"2.0","method":"x/y","params":"panic here"}'; echo '{"jsonrpc":"2.0","id":1,"result":{}}'"#,
    );
    fixture.say(&[&call("1")]);
    assert_eq!(fixture.next(), Heard::Lost(Id::Number(1), Code::InternalPanic));
    assert_eq!(fixture.next(), Heard::Failed);
    assert!(fixture.end_quietly());
    // The control.
    let mut fixture = Fixture::new(r#"read call; echo '{"jsonrpc":"2.0","id":1,"result":{}}'"#);
    fixture.say(&[&call("1")]);
    assert_eq!(fixture.next(), Heard::Message(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned()));
    assert!(fixture.end_quietly());
}

/// It could be asked for by nobody: its server is gone.
#[test]
fn a_task_is_no_answer() {
    for (kind, heard) in
        [("complete", None), ("task", Some(Heard::Lost(Id::Number(1), Code::InternalUpstream)))]
    {
        let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"resultType":"{kind}"}}}}"#);
        let mut fixture = Fixture::new(format!("read call; echo '{answer}'"));
        fixture.say(&[&call("1")]);
        assert_eq!(fixture.next(), heard.unwrap_or(Heard::Message(answer)), "{kind}");
        assert!(fixture.end_quietly());
    }
}

#[test]
fn a_call_may_have_the_id_that_the_level_has() {
    const LEVEL: &str =
        r#"{"jsonrpc":"2.0","id":"l","method":"logging/setLevel","params":{"level":"debug"}}"#;
    let answer = |of: &str| format!(r#"{{"jsonrpc":"2.0","id":"airlock-level","result":{{"of":"{of}"}}}}"#);
    for level in [true, false] {
        let level_answer =
            if level { format!("read level; echo '{}'; ", answer("level")) } else { String::new() };
        let mut fixture = Fixture::new(format!("{level_answer}read call; echo '{}'", answer("call")));
        if level {
            fixture.say(&[LEVEL]);
        }
        fixture.say(&[&call(r#""airlock-level""#)]);
        assert_eq!(fixture.next(), Heard::Message(answer("call")));
        assert!(fixture.end_quietly());
    }
}

const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// Gets as far as its call only if it hears all of the handshake before.
fn handshaking(answer: &str) -> String {
    format!(
        r#"read initialize; echo '{answer}'; read initialized; read call
        case "$initialized" in *notifications/initialized*) echo '{{"jsonrpc":"2.0","id":1,"result":{{}}}}';; esac"#
    )
}

#[test]
fn a_server_that_refuses_the_handshake_gets_no_call() {
    let result =
        |version: &str| format!(r#"{{"jsonrpc":"2.0","id":0,"result":{{"protocolVersion":"{version}"}}}}"#);
    let served = || Heard::Message(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned());
    let not_run = || Heard::NotRun(Id::Number(1), Code::SandboxError);
    for (answer, heard) in [
        (result("2025-11-25"), served()),
        (result("2025-06-18"), not_run()),
        (r#"{"jsonrpc":"2.0","id":0,"result":{}}"#.to_owned(), not_run()),
        (r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":""}}"#.to_owned(), not_run()),
    ] {
        let mut fixture = Fixture::new(handshaking(&answer));
        // All at once: the call comes before the primary server has said which revision it is to be.
        fixture.say(&[INITIALIZE, &call("1"), INITIALIZED]);
        let first = result("2025-11-25");
        fixture.servers.primary_says(Line::Whole(first.as_bytes())).unwrap();
        assert_eq!(fixture.next(), Heard::Message(first));
        assert_eq!(fixture.next(), heard, "{answer}");
        assert!(fixture.end_quietly());
    }
}

#[test]
fn as_many_servers_wait_as_are_to_be_started_ahead() {
    let first = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}"#;
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    for (ahead, wait) in [(0, 0), (1, 1), (3, 3), (AT_ONCE + 1, AT_ONCE)] {
        let mut fixture = Fixture::with_ahead(handshaking(first), ahead);
        fixture.say(&[INITIALIZE, INITIALIZED]);
        fixture.servers.primary_says(Line::Whole(first.as_bytes())).unwrap();
        assert_eq!(fixture.next(), Heard::Message(first.to_owned()));
        for _ in 0..4 {
            fixture.wait_for_spares(wait);
            fixture.say(&[&call("1")]);
            assert_eq!(fixture.next(), Heard::Message(answer.to_owned()), "{ahead}");
        }
        fixture.wait_for_spares(wait);
        assert!(fixture.end_quietly());
    }
}

#[test]
fn calls_wait_for_the_handshake_but_not_for_ever() {
    let first = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"a"}}"#;
    let mut fixture = Fixture::new(
        r#"read initialize; echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"a"}}'; read call; echo '{"jsonrpc":"2.0","id":1,"result":{}}'"#,
    );
    fixture.say(&[INITIALIZE, &call("1")]);
    fixture.servers.primary_says(Line::Whole(first.as_bytes())).unwrap();
    assert_eq!(fixture.next(), Heard::Message(first.to_owned()));
    assert!(fixture.servers.state().servers.is_empty(), "it waits");
    // The client says no more.
    let Fixture { input, servers, heard, .. } = fixture;
    drop(input);
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), Heard::Message(answer.to_owned()));
    servers.end();
}

#[test]
fn a_server_that_has_answered_may_put_away_what_it_has_open() {
    let folder = tempfile::tempdir().unwrap();
    // A machine that is busy may take longer than it is given.
    let put_away = (0..20).any(|attempt| {
        let file = folder.path().join(attempt.to_string());
        let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        let shown = file.display();
        let mut fixture =
            Fixture::new(format!("read call; echo '{answer}'; cat >/dev/null; echo done >'{shown}'"));
        fixture.say(&[&call("1")]);
        assert_eq!(fixture.next(), Heard::Message(answer.to_owned()));
        for _ in 0..100 {
            if file.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        assert!(fixture.end_quietly(), "it has said what there was to say");
        file.exists()
    });
    assert!(put_away);
    // One that does not end is ended, also where others wait for its place.
    let mut fixture =
        Fixture::new(r#"read call; echo '{"jsonrpc":"2.0","id":1,"result":{}}'; exec sleep 1000"#);
    for _ in 0..3 * AT_ONCE {
        fixture.say(&[&call("1")]);
        fixture.next();
    }
    let Fixture { input, servers, .. } = fixture;
    drop(input);
    let state = servers.state();
    let left = |state: &mut super::State| !state.servers.is_empty();
    let (_state, waited) = servers.changed.wait_timeout_while(state, PATIENCE, left).unwrap();
    assert!(!waited.timed_out());
}
