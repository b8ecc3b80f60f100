//! Processes end as they should: a server that dies fails the calls in flight, a server that talks nonsense is
//! not heard, and however a session ends, nothing is left running. Linux, where `/proc` tells.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::thread;
use std::time::Duration;

use airlock_e2e::{
    Guarded, Outcome, Revision, Session, Setting, Step, install, processes, script, session, wire,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the guard may take to end a server that does not want to: closed input, grace, TERM, grace, KILL.
const GRACE: Duration = Duration::from_secs(20);

const CALL: &str = r#"{"jsonrpc":"2.0","id":"call","method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}"#;

/// A session, past its handshake, with a guard before the server with this fault.
fn guarded(fault: &str) -> Outcome<(Session, TempDir)> {
    let folder = tempfile::tempdir()?;
    let server = [install::sibling("e2e-faulty-server")?, fault.into()];
    let guarded = Guarded::new(Setting::Transparent, folder.path(), &server)?;
    let mut session = Session::start(&guarded.command, folder.path())?;
    session.play(&script::opening(Revision::V2025Nov, &json!({})))?;
    session.ask(r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#)?;
    let running = processes::marked(session.marker()).len();
    assert!(running >= 2, "{running} processes: the guard and the server should be running");
    Ok((session, folder))
}

#[test]
fn healthy_server() -> Outcome {
    let (mut session, _folder) = guarded("none")?;
    let answer = session.ask_json(CALL)?;
    assert_eq!(answer.pointer("/result/content/0/text"), Some(&json!("hi")));
    let marker = session.marker().to_owned();
    let ended = session.end()?;
    assert_eq!(ended.status.and_then(|status| status.code()), Some(0), "{}", ended.stderr);
    processes::expect_gone(&marker, Duration::from_secs(1))
}

#[test]
fn server_dies_in_a_call() -> Outcome {
    for (fault, reason) in [("crash", "ended before it answered"), ("half-answer", "cannot be read")] {
        let (mut session, _folder) = guarded(fault)?;
        let answer = session.ask_json(CALL)?;
        let is_error = answer.pointer("/result/isError") == Some(&Value::Bool(true));
        assert!(is_error || answer.get("error").is_some(), "{fault}: {answer}");
        assert!(answer.to_string().contains(reason), "{fault}: unclear: {answer}");
        let marker = session.marker().to_owned();
        let ended = session.wait()?;
        let status = ended.status.ok_or("the guard outlives its server")?;
        assert!(!status.success(), "{fault}: a dead server is no success");
        for line in &ended.received {
            assert!(wire::json(line).is_some(), "{fault}: {}", String::from_utf8_lossy(line));
        }
        processes::expect_gone(&marker, Duration::from_secs(1))?;
    }
    Ok(())
}

#[test]
fn garbage_is_not_forwarded() -> Outcome {
    let (mut session, _folder) = guarded("garbage")?;
    let answer = session.ask_json(CALL)?;
    assert_eq!(answer.pointer("/result/content/0/text"), Some(&json!("hi")));
    let ended = session.end()?;
    for line in wire::readable(&ended.received) {
        assert!(!line.contains("GARBAGE"), "{line}");
    }
    assert_eq!(ended.received.len(), 4, "{:#?}", wire::readable(&ended.received));
    Ok(())
}

#[test]
fn unasked_answers_are_not_forwarded() -> Outcome {
    let (mut session, _folder) = guarded("twice")?;
    session.ask(CALL)?;
    session.ask(r#"{"jsonrpc":"2.0","id":"ping-2","method":"ping"}"#)?;
    let ended = session.end()?;
    let answers = |id: &str| {
        let wanted = Some(json!(id));
        ended.received.iter().filter(|line| wire::response_id(line) == wanted).count()
    };
    assert_eq!((answers("call"), answers("nobody-asked"), answers("ping-2")), (1, 0, 1));
    Ok(())
}

/// The servers that a guard has to take with it, from the most willing to the least.
const FAULTS: [&str; 4] = ["none", "deaf", "stubborn", "child"];

#[test]
fn closed_input_leaves_nothing_running() -> Outcome {
    for fault in FAULTS {
        let (session, _folder) = guarded(fault)?;
        let marker = session.marker().to_owned();
        let ended = session.end()?;
        assert!(ended.status.is_some(), "{fault}: the guard did not end: {}", ended.stderr);
        processes::expect_gone(&marker, Duration::from_secs(1))
            .map_err(|error| format!("{fault}: {error}"))?;
    }
    Ok(())
}

#[test]
fn signals_leave_nothing_running() -> Outcome {
    for signal in [Signal::TERM, Signal::INT] {
        for fault in FAULTS {
            let (session, _folder) = guarded(fault)?;
            let marker = session.marker().to_owned();
            let ended = session.end_by(signal)?;
            assert!(ended.status.is_some(), "{fault}: the guard did not end: {}", ended.stderr);
            processes::expect_gone(&marker, Duration::from_secs(1))
                .map_err(|error| format!("{fault} after {signal:?}: {error}"))?;
        }
    }
    Ok(())
}

/// The guard gets no chance to clean up; the kernel has to.
#[test]
fn killed_guard_leaves_nothing_running() -> Outcome {
    for fault in ["none", "deaf", "stubborn"] {
        let (session, _folder) = guarded(fault)?;
        let marker = session.marker().to_owned();
        session.end_by(Signal::KILL)?;
        processes::expect_gone(&marker, GRACE).map_err(|error| format!("{fault}: {error}"))?;
    }
    Ok(())
}

/// A call that is in flight when the session ends is no reason to hang.
#[test]
fn ends_in_the_middle_of_a_call() -> Outcome {
    let folder = tempfile::tempdir()?;
    let server = [install::sibling("e2e-rmcp-server")?];
    for signal in [None, Some(Signal::TERM)] {
        let guarded = Guarded::new(Setting::Strict, folder.path(), &server)?;
        let mut session = Session::start(&guarded.command, folder.path())?;
        session.play(&script::opening(Revision::V2025Nov, &json!({})))?;
        session.ask(r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#)?;
        session.send(&script::call(Revision::V2025Nov, "nap", "nap", r#"{"milliseconds":60000}"#))?;
        let marker = session.marker().to_owned();
        let ended = match signal {
            None => session.end()?,
            Some(signal) => session.end_by(signal)?,
        };
        assert!(ended.status.is_some(), "the guard did not end: {}", ended.stderr);
        processes::expect_gone(&marker, Duration::from_secs(1))?;
        let audit = std::fs::read_to_string(&guarded.audit)?;
        let naps = audit.lines().filter(|line| line.contains(r#""tool":"nap""#)).count();
        assert!(naps >= 1, "a call was dropped without a record:\n{audit}");
    }
    Ok(())
}

/// What the guard may need at most while a peer floods it or does not listen, in KiB. Lines are bounded, and so
/// is what waits to be written.
const BOUND: u64 = 192 * 1024;

#[test]
fn line_without_end_is_bounded() -> Outcome {
    let (mut session, _folder) = guarded("none")?;
    session.send_bytes(br#"{"jsonrpc":"2.0","id":"long","method":"ping","params":{"x":""#.to_vec())?;
    let chunk = vec![b'a'; 1 << 20];
    for _ in 0..100 {
        // The guard may hang up in the middle, which is an answer too.
        if session.send_bytes(chunk.clone()).is_err() {
            break;
        }
    }
    let peak = processes::peak_memory(session.pid())?;
    assert!(peak < BOUND, "{peak} KiB for a line of 100 MiB");
    Ok(())
}

#[test]
fn answer_without_end_is_bounded() -> Outcome {
    let (mut session, _folder) = guarded("flood")?;
    let answer = session.ask(CALL)?;
    assert!(answer.len() < 1 << 20, "{} bytes were forwarded", answer.len());
    let is_error = wire::json(&answer).is_some_and(|answer| {
        answer.get("error").is_some() || answer.pointer("/result/isError") == Some(&json!(true))
    });
    assert!(is_error, "{}", String::from_utf8_lossy(&answer));
    let peak = processes::peak_memory(session.pid())?;
    assert!(peak < BOUND, "{peak} KiB for an answer of 64 MiB");
    Ok(())
}

/// The server talks without end, and the client does not read.
#[test]
fn client_that_does_not_read_is_bounded() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (mut child, mut input) = unread("chatter", folder.path())?;
    input.write_all(format!("{CALL}\n").as_bytes())?;
    let outcome = stays_bounded(&mut child);
    child.kill()?;
    child.wait()?;
    outcome
}

/// The client sends without end, and the server does not read.
#[test]
fn server_that_does_not_read_is_bounded() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (mut child, mut input) = unread("stuck", folder.path())?;
    let line = CALL.replace(r#""hi""#, &format!("{:?}", "a".repeat(8_000)));
    // Ends when the guard is killed: then the pipe breaks.
    let sender = thread::spawn(move || while writeln!(input, "{line}").is_ok() {});
    let outcome = stays_bounded(&mut child);
    child.kill()?;
    child.wait()?;
    sender.join().map_err(|_| "the sender panicked")?;
    outcome
}

/// A guard before a server with this fault, past the handshake, whose output nobody reads.
fn unread(fault: &str, folder: &Path) -> Outcome<(Child, ChildStdin)> {
    let server = [install::sibling("e2e-faulty-server")?, fault.into()];
    let guarded = Guarded::new(Setting::Transparent, folder, &server)?;
    let (program, arguments) = guarded.command.split_first().ok_or("no command")?;
    let mut command = session::isolated(program, folder);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or("no standard input")?;
    for step in script::opening(Revision::V2025Nov, &json!({})) {
        if let Step::Send(line) = step {
            writeln!(input, "{line}")?;
        }
    }
    Ok((child, input))
}

/// Watches the memory of a guard for long enough that a queue without bounds would show.
fn stays_bounded(child: &mut Child) -> Outcome {
    let pid = i32::try_from(child.id())?;
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(100));
        assert_eq!(child.try_wait()?, None, "the guard gave up");
        let peak = processes::peak_memory(pid)?;
        assert!(peak < BOUND, "{peak} KiB and growing");
    }
    Ok(())
}
