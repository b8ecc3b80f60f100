//! `sandbox.mode = "per_call"`: each call of a tool has a server of its own, in a box of its own. Linux.
#![cfg(target_os = "linux")]

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use airlock_e2e::{Guarded, Outcome, Revision, Session, Step, install, processes, script};
use rustix::process::Signal;
use serde_json::{Value, json};

const REVISION: Revision = Revision::V2025Nov;
const CONFIG: &str = "[airlock]\nsanitize_output = false\n[policy]\npreset = \"permissive\"\n";
/// How long something may take that is waited for; generous, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the kernel may take to end boxes.
const SOON: Duration = Duration::from_secs(5);

/// A session with the stateful server in the sandbox, and the folder that all of its processes share.
struct Fixture {
    folder: tempfile::TempDir,
    guarded: Guarded,
    place: PathBuf,
}

impl Fixture {
    fn new(config: &str, flags: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let place = folder.path().join("place");
        fs::create_dir(&place)?;
        fs::set_permissions(&place, Permissions::from_mode(0o777))?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let server: [OsString; 2] = [install::sibling("e2e-stateful-server")?, place.clone().into()];
        let text = place.to_str().ok_or("a folder whose name is no text")?;
        let all: Vec<_> = ["--rw", text].into_iter().chain(flags.iter().copied()).collect();
        let guarded = Guarded::configured(&format!("{CONFIG}{config}"), &all, folder.path(), &server)?;
        Ok(Self { folder, guarded, place })
    }

    fn per_call() -> Outcome<Self> {
        Self::new("", &["--sandbox", "--per-call"])
    }

    fn open(&self) -> Outcome<Session> {
        let mut session = Session::start(&self.guarded.command, self.folder.path())?;
        let capabilities = json!({"elicitation": {}, "roots": {}});
        session.play(&script::opening(REVISION, &capabilities))?;
        session.ask(&script::request(REVISION, "list", "tools/list", &json!({})))?;
        Ok(session)
    }

    fn wait_for(&self, name: &str) -> Outcome {
        eventually(name, || self.place.join(name).exists())
    }

    /// How many calls any server has run.
    fn ran(&self) -> usize {
        fs::read_to_string(self.place.join("ran")).map_or(0, |text| text.lines().count())
    }
}

fn eventually(what: &str, is_so: impl Fn() -> bool) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > deadline {
            return Err(format!("not in time: {what}").into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn line(id: &str, tool: &str, arguments: &Value) -> String {
    script::call(REVISION, id, tool, &arguments.to_string())
}

fn text(answer: &Value) -> String {
    answer.pointer("/result/content/0/text").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What a tool answered; of a refusal, its code.
fn call(session: &mut Session, id: &str, tool: &str, arguments: &Value) -> Outcome<String> {
    let text = text(&session.ask_json(&line(id, tool, arguments))?);
    let refusal: Option<Value> = serde_json::from_str(&text).ok();
    let code =
        refusal.and_then(|refusal| refusal.get("block_reason").and_then(Value::as_str).map(str::to_owned));
    Ok(code.unwrap_or(text))
}

/// The next message of this method, not answered.
fn next(session: &mut Session, method: &str) -> Outcome<Value> {
    loop {
        let message: Value = serde_json::from_slice(&session.next_line()?)?;
        if message.get("method") == Some(&json!(method)) {
            return Ok(message);
        }
    }
}

fn answered(session: &mut Session, id: &str) -> Outcome<Value> {
    let quoted = json!(id);
    let is_it = |line: &[u8]| {
        serde_json::from_slice::<Value>(line)
            .is_ok_and(|message| message.get("id") == Some(&quoted) && message.get("method").is_none())
    };
    if let Some(line) = session.received().iter().find(|line| is_it(line)) {
        return Ok(serde_json::from_slice(line)?);
    }
    Ok(serde_json::from_slice(&session.wait_for(id, is_it)?)?)
}

#[test]
fn nothing_is_kept_between_calls() -> Outcome {
    for (config, flags, expected) in [
        // The control: one server keeps what it likes.
        ("", &["--sandbox"][..], ["1 1", "2 2", "3 3"]),
        ("", &["--sandbox", "--per-call"], ["1 1"; 3]),
        ("[sandbox]\nrequired = true\nmode = \"per_call\"\n", &[], ["1 1"; 3]),
    ] {
        let fixture = Fixture::new(config, flags)?;
        let mut session = fixture.open()?;
        let counts = ["a", "b", "c"].map(|id| call(&mut session, id, "count", &json!({})));
        for (count, expected) in counts.into_iter().zip(expected) {
            assert_eq!(count?, expected, "{flags:?}");
        }
        assert_eq!(fixture.ran(), 3);
        let ended = session.end()?;
        assert_eq!(ended.status.and_then(|status| status.code()), Some(0), "{}", ended.stderr);
        let shown = ended.stderr.contains("sandbox box per call (");
        assert_eq!(shown, expected == ["1 1"; 3], "{}", ended.stderr);
        let audit = fs::read_to_string(&fixture.guarded.audit)?;
        assert_eq!(audit.matches(r#""result":"allowed""#).count(), 3, "{audit}");
        assert_eq!(audit.matches(r#""sandbox":"box""#).count(), 3, "{audit}");
    }
    Ok(())
}

#[test]
fn a_server_hears_the_handshake_and_its_call_alone() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    assert_eq!(call(&mut session, "a", "heard", &json!({}))?, "initialize notifications/initialized");
    session
        .ask(r#"{"jsonrpc":"2.0","id":"level","method":"logging/setLevel","params":{"level":"debug"}}"#)?;
    // The one that waited already was told before.
    call(&mut session, "b", "heard", &json!({}))?;
    assert_eq!(
        call(&mut session, "c", "heard", &json!({}))?,
        "initialize notifications/initialized logging/setLevel"
    );
    // An id that was used before, and one that the handshake had.
    let again = r#"{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{"name":"count","arguments":{}}}"#;
    assert_eq!(text(&session.ask_json(again)?), "1 1");
    assert_eq!(call(&mut session, "a", "count", &json!({}))?, "1 1");
    session.end()?;
    Ok(())
}

#[test]
fn calls_run_side_by_side_and_ask_under_the_same_id() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    session.answer("elicitation/create", json!({"action": "accept", "content": {"for": "one"}}));
    session.answer("roots/list", json!({"roots": [{"uri": "file:///for/two"}]}));
    session.send(&line("one", "ask", &json!({"method": "elicitation/create", "own": "1", "other": "2"})))?;
    session.send(&line("two", "ask", &json!({"method": "roots/list", "own": "2", "other": "1"})))?;
    let one = text(&answered(&mut session, "one")?);
    let two = text(&answered(&mut session, "two")?);
    assert_eq!(one, r#"{"action":"accept","content":{"for":"one"}}"#);
    assert_eq!(two, r#"{"roots":[{"uri":"file:///for/two"}]}"#);
    session.end()?;
    Ok(())
}

#[test]
fn what_a_server_says_is_about_its_own_call() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    session.send(&line("victim", "linger", &json!({})))?;
    fixture.wait_for("lingers-victim")?;
    let told = r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"tell","arguments":{"of":"foreign"},"_meta":{"progressToken":"own"}}}"#;
    assert_eq!(text(&session.ask_json(told)?), "told");
    assert_eq!(call(&mut session, "f", "forge", &json!({"of": "victim"}))?, "done");
    assert_eq!(call(&mut session, "g", "forge", &json!({"of": "f"}))?, "done");
    let said = session.received().iter().map(|line| String::from_utf8_lossy(line)).collect::<String>();
    assert!(said.contains("working") && said.contains(r#""progressToken":"own""#), "{said}");
    for foreign in ["forged", "foreign", "no message"] {
        assert!(!said.contains(foreign), "{foreign}: {said}");
    }
    let ended = session.end_by(Signal::TERM)?;
    assert!(ended.stderr.contains("about a call that it does not have was dropped"), "{}", ended.stderr);
    Ok(())
}

#[test]
fn a_cancellation_comes_to_the_right_server_and_ends_it() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    for id in ["a", "b"] {
        session.send(&line(id, "linger", &json!({})))?;
        fixture.wait_for(&format!("lingers-{id}"))?;
    }
    let before = processes::below(session.pid());
    session.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}"#)?;
    fixture.wait_for("a-heard-a")?;
    // It does not answer, and is ended all the same; that of the other call goes on.
    let alive = || {
        let now: Vec<_> = processes::below(session.pid()).iter().map(|process| process.pid).collect();
        before.iter().filter(|process| now.contains(&process.pid)).count()
    };
    eventually("the server of the cancelled call ends", || alive() < before.len())?;
    assert!(!fixture.place.join("b-heard-a").exists() && !fixture.place.join("b-heard-b").exists());
    assert_eq!(call(&mut session, "c", "count", &json!({}))?, "1 1");
    session.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"b"}}"#)?;
    fixture.wait_for("b-heard-b")?;
    let ended = session.end()?;
    let answers = String::from_utf8_lossy(&ended.received.concat()).into_owned();
    assert!(!answers.contains(r#""id":"a""#) && !answers.contains(r#""id":"b""#), "{answers}");
    let audit = fs::read_to_string(&fixture.guarded.audit)?;
    assert_eq!(audit.matches(r#""result":"abandoned""#).count(), 2, "{audit}");
    Ok(())
}

#[test]
fn a_server_that_crashes_takes_its_own_call_with_it_alone() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    session.send(&line("other", "linger", &json!({})))?;
    fixture.wait_for("lingers-other")?;
    assert_eq!(call(&mut session, "a", "crash", &json!({}))?, "internal_upstream");
    assert_eq!(call(&mut session, "b", "count", &json!({}))?, "1 1");
    session.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"other"}}"#)?;
    fixture.wait_for("other-heard-other")?;
    session.end()?;
    Ok(())
}

#[test]
fn a_call_that_takes_too_long_is_ended() -> Outcome {
    let fixture = Fixture::new("[sandbox]\nmax_call_seconds = 4\n", &["--sandbox", "--per-call"])?;
    let mut session = fixture.open()?;
    assert_eq!(call(&mut session, "a", "linger", &json!({}))?, "timeout");
    assert_eq!(call(&mut session, "b", "count", &json!({}))?, "1 1", "others go on");
    session.end()?;
    Ok(())
}

/// Not even the handshake, whether it was begun for the call or ahead of it.
#[test]
fn a_server_that_is_never_ready_ends_with_the_time_of_its_call() -> Outcome {
    let fixture = Fixture::new("[sandbox]\nmax_call_seconds = 4\n", &["--sandbox", "--per-call"])?;
    let mut session = fixture.open()?;
    fs::write(fixture.place.join("silent"), "")?;
    // There may be a server that was greeted before.
    let first = call(&mut session, "a", "count", &json!({}))?;
    assert!(first == "1 1" || first == "timeout", "{first}");
    assert_eq!(call(&mut session, "b", "count", &json!({}))?, "timeout");
    fs::remove_file(fixture.place.join("silent"))?;
    // There may be one that is silent, begun before.
    let next = call(&mut session, "c", "count", &json!({}))?;
    assert!(next == "1 1" || next == "timeout", "{next}");
    assert_eq!(call(&mut session, "d", "count", &json!({}))?, "1 1");
    session.end()?;
    let audit = fs::read_to_string(&fixture.guarded.audit)?;
    assert!(audit.contains(r#""reason":"timeout""#), "{audit}");
    Ok(())
}

/// Nobody waits for the answer any more, so the client need not ask its user.
#[test]
fn questions_of_a_server_that_is_gone_are_withdrawn() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    session.send(&line("a", "leave", &json!({})))?;
    let asked = next(&mut session, "roots/list")?;
    let withdrawn = next(&mut session, "notifications/cancelled")?;
    assert_eq!(withdrawn.pointer("/params/requestId"), asked.get("id"), "{withdrawn}");
    assert_eq!(text(&answered(&mut session, "a")?), "left");
    // Answered all the same, which goes nowhere and disturbs nobody.
    session.send(&json!({"jsonrpc": "2.0", "id": asked.get("id"), "result": {"roots": []}}).to_string())?;
    assert_eq!(call(&mut session, "b", "count", &json!({}))?, "1 1");
    session.end()?;
    Ok(())
}

#[test]
fn progress_of_the_client_comes_to_the_server_that_asked() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    session.send(&line("a", "follow", &json!({})))?;
    let asked = next(&mut session, "x/slow")?;
    let token = asked.pointer("/params/_meta/progressToken").ok_or("no token")?.clone();
    assert_ne!(token, "mine", "two servers could have the same");
    let progress = json!({"progressToken": token, "progress": 0.5});
    session.send(
        &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}).to_string(),
    )?;
    let heard: Value = serde_json::from_str(&text(&answered(&mut session, "a")?))?;
    assert_eq!(heard, json!({"progressToken": "mine", "progress": 0.5}));
    session.end()?;
    Ok(())
}

#[test]
fn no_server_answers_the_call_of_another() -> Outcome {
    // The control: one server for all calls can answer any of them.
    for (flags, forged) in [(&["--sandbox"][..], true), (&["--sandbox", "--per-call"], false)] {
        for by_a_call in [true, false] {
            let fixture = Fixture::new("", flags)?;
            let mut session = fixture.open()?;
            session.send(&line("victim", "defer", &json!({})))?;
            fixture.wait_for("lingers-victim")?;
            let of = json!({"of": "victim"});
            let forge = if by_a_call {
                line("x", "forge", &of)
            } else {
                script::request(REVISION, "x", "x/forge", &of)
            };
            let own = session.ask_json(&forge)?;
            assert!(own.get("result").is_some(), "its own it can: {own}");
            assert_eq!(call(&mut session, "c", "count", &json!({}))?, "1 1");
            let said =
                session.received().iter().map(|line| String::from_utf8_lossy(line)).collect::<String>();
            assert_eq!(said.contains("forged"), forged, "{flags:?}, by a call: {by_a_call}: {said}");
            session.end_by(Signal::TERM)?;
        }
    }
    Ok(())
}

#[test]
fn the_first_server_withdraws_its_own_questions_alone() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    session.send(&line("a", "follow", &json!({})))?;
    let asked = next(&mut session, "x/slow")?;
    session.send(&script::request(REVISION, "x", "x/withdraw", &json!({})))?;
    // Those of others come before it.
    let withdrawn = next(&mut session, "notifications/cancelled")?;
    assert_eq!(withdrawn.pointer("/params/requestId"), Some(&json!("own")), "its own it can");
    // The other one is answered as before.
    let token = asked.pointer("/params/_meta/progressToken").ok_or("no token")?;
    let progress = json!({"progressToken": token, "progress": 0.5});
    session.send(
        &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}).to_string(),
    )?;
    assert!(text(&answered(&mut session, "a")?).contains("mine"));
    session.end()?;
    Ok(())
}

/// The guard fails a request whose answer cannot be read, so that its id is free; the server may have more to say to it.
#[test]
fn a_late_answer_of_the_first_server_answers_no_call() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    let failed = session.ask_json(&script::request(REVISION, "again", "x/broken", &json!({})))?;
    assert!(failed.get("error").is_some(), "{failed}");
    session.send(&line("again", "defer", &json!({})))?;
    fixture.wait_for("forged")?;
    // What was said before it has come when this has.
    session.ask_json(&script::request(REVISION, "list-2", "tools/list", &json!({})))?;
    let said = session.received().iter().map(|line| String::from_utf8_lossy(line)).collect::<String>();
    assert!(!said.contains("forged"), "{said}");
    session.end_by(Signal::TERM)?;
    Ok(())
}

/// 2026-07-28 has no handshake: a server for a call gets its call alone.
#[test]
fn without_a_handshake_it_is_the_same() -> Outcome {
    const MODERN: Revision = Revision::V2026Jul;
    let fixture = Fixture::per_call()?;
    let mut session = Session::start(&fixture.guarded.command, fixture.folder.path())?;
    session.play(&script::opening(MODERN, &json!({})))?;
    for id in ["a", "b"] {
        let answer = session.ask_json(&script::call(MODERN, id, "count", "{}"))?;
        assert_eq!(text(&answer), "1 1", "{answer}");
    }
    let answer = session.ask_json(&script::call(MODERN, "c", "heard", "{}"))?;
    assert_eq!(text(&answer), "", "{answer}");
    session.end()?;
    Ok(())
}

#[test]
fn a_task_is_refused() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    let task = r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"count","arguments":{},"task":{"ttl":1000}}}"#;
    let answer = session.ask_json(task)?;
    assert!(text(&answer).contains("a task needs a server that stays"), "{answer}");
    assert_eq!(fixture.ran(), 0);
    session.end()?;
    Ok(())
}

#[test]
fn an_answer_that_cannot_be_read_is_an_answer_all_the_same() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    for how in ["batch", "twice", "lines", "broken"] {
        assert_eq!(call(&mut session, how, "garble", &json!({"how": how}))?, "internal_upstream", "{how}");
    }
    assert_eq!(call(&mut session, "a", "count", &json!({}))?, "1 1");
    session.end()?;
    Ok(())
}

/// What is shown to the servers disappears, so that no box can be made.
#[test]
fn a_call_without_a_server_is_refused_and_comes_to_no_other() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    assert_eq!(call(&mut session, "control", "count", &json!({}))?, "1 1");
    let aside = fixture.folder.path().join("aside");
    fs::rename(&fixture.place, &aside)?;
    let ran = || fs::read_to_string(aside.join("ran")).map_or(0, |text| text.lines().count());
    // One that waited already has what it needs.
    let mut answers = Vec::new();
    for id in ["1", "2", "3"] {
        answers.push(call(&mut session, id, "count", &json!({}))?);
    }
    let refused = answers.iter().filter(|answer| *answer == "sandbox_unavailable").count();
    let served = answers.iter().filter(|answer| *answer == "1 1").count();
    assert!(refused >= 2 && refused + served == 3, "{answers:?}");
    assert_eq!(ran(), 1 + served, "no other server ran a call");
    // All else goes on.
    let listed = session.ask_json(&script::request(REVISION, "list-2", "tools/list", &json!({})))?;
    assert!(listed.pointer("/result/tools/0").is_some(), "{listed}");
    fs::rename(&aside, &fixture.place)?;
    assert_eq!(call(&mut session, "4", "count", &json!({}))?, "1 1");
    let ended = session.end()?;
    assert!(ended.stderr.contains("no server could be started for a call"), "{}", ended.stderr);
    let audit = fs::read_to_string(&fixture.guarded.audit)?;
    assert_eq!(audit.matches(r#""reason":"sandbox_unavailable""#).count(), refused, "{audit}");
    assert_eq!(audit.matches(r#""result":"blocked""#).count(), refused, "{audit}");
    assert_eq!(
        audit.matches(r#""sandbox":"box""#).count(),
        2 + served,
        "what did not run ran in no sandbox: {audit}"
    );
    Ok(())
}

#[test]
fn answers_come_also_when_the_client_has_said_all() -> Outcome {
    let fixture = Fixture::per_call()?;
    let mut session = fixture.open()?;
    for number in 0..12 {
        session.send(&line(&format!("n{number}"), "count", &json!({})))?;
    }
    let ended = session.end()?;
    let answers = String::from_utf8_lossy(&ended.received.concat()).into_owned();
    assert_eq!(answers.matches(r#""text":"1 1""#).count(), 12, "{answers}\n{}", ended.stderr);
    assert_eq!(ended.status.and_then(|status| status.code()), Some(0), "{}", ended.stderr);
    Ok(())
}

/// Each answer is longer than what a pipe holds.
#[test]
fn answers_come_also_when_the_client_reads_late() -> Outcome {
    const CALLS: usize = 6;
    let fixture = Fixture::per_call()?;
    let (program, arguments) = fixture.guarded.command.split_first().ok_or("no command")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let opening = script::opening(REVISION, &json!({})).into_iter().filter_map(|step| match step {
        Step::Send(message) => Some(message),
        Step::Await(_) => None,
    });
    let calls = (0..CALLS).map(|number| line(&format!("n{number}"), "big", &json!({})));
    let said: String = opening.chain(calls).flat_map(|message| [message, "\n".to_owned()]).collect();
    child.stdin.take().ok_or("no input")?.write_all(said.as_bytes())?;
    eventually("all calls ran", || fixture.ran() == CALLS)?;
    // Whatever ends too early has time for it.
    thread::sleep(Duration::from_secs(1));
    let output = child.wait_with_output()?;
    let answers = String::from_utf8_lossy(&output.stdout).matches("yyy\"").count();
    assert_eq!((answers, output.status.code()), (CALLS, Some(0)));
    Ok(())
}

#[test]
fn nothing_is_left_of_any_server() -> Outcome {
    for signal in [None, Some(Signal::TERM), Some(Signal::KILL)] {
        let fixture = Fixture::per_call()?;
        let mut session = fixture.open()?;
        for id in ["a", "b"] {
            session.send(&line(id, "linger", &json!({})))?;
            fixture.wait_for(&format!("lingers-{id}"))?;
        }
        let below = processes::below(session.pid());
        assert!(below.len() >= 9, "three boxes of at least three processes: {below:?}");
        match signal {
            None => {
                // Nobody answers, so that it would be waited for.
                for id in ["a", "b"] {
                    session.send(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":"{id}"}}}}"#))?;
                }
                let ended = session.end()?;
                assert!(ended.status.is_some(), "it did not end: {}", ended.stderr);
            }
            Some(signal) => drop(session.end_by(signal)?),
        }
        processes::expect_all_gone(&below, SOON).map_err(|error| format!("{signal:?}: {error}"))?;
    }
    Ok(())
}

/// It is a way of the sandbox, not one around it.
#[test]
fn without_the_sandbox_it_does_not_start() -> Outcome {
    for (config, flags) in [("[sandbox]\nmode = \"per_call\"\n", &[][..]), ("", &["--per-call"])] {
        let folder = tempfile::tempdir()?;
        let server: [OsString; 2] = [install::sibling("e2e-stateful-server")?, folder.path().into()];
        let guarded = Guarded::configured(&format!("{CONFIG}{config}"), flags, folder.path(), &server)?;
        let ended = Session::start(&guarded.command, folder.path())?.end()?;
        assert_eq!(ended.status.and_then(|status| status.code()), Some(3), "{}", ended.stderr);
        assert!(ended.stderr.contains("`per_call` is for servers in the sandbox"), "{}", ended.stderr);
        assert!(ended.received.is_empty() && !Path::new(&guarded.audit).exists());
    }
    Ok(())
}
