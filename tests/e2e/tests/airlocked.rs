//! The guard inside of a server written with rmcp does what `airlock run` does in front of it: the same sessions, in
//! each revision, with the same outcome.
#![cfg(unix)]

use std::{ffi::OsString, fs, path::Path};

use airlock_e2e::{
    Ended, Guarded, Outcome, Peer, Revision, Session, Setting, install, script, session, wire,
};
use serde_json::Value;

const SECRETS: [&str; 2] = ["sk-live-xxxxx", "123-45-6789"];

/// Plays the session of the fixture against a command line.
fn play(revision: Revision, command: &[OsString], folder: &Path) -> Outcome<Ended> {
    let mut session = Session::start(command, folder)?;
    session.play(&script::session(Peer::Rmcp, revision, folder))?;
    session.end()
}

/// What was received, without the answer to the method that is none of the protocol's: the guard inside refuses it, the
/// one in front lets the server do that.
fn messages(ended: &Ended) -> Outcome<Vec<Value>> {
    let mut messages: Vec<Value> = ended.received.iter().filter_map(|line| wire::json(line)).collect();
    if messages.len() != ended.received.len() {
        return Err("a line is no JSON".into());
    }
    let custom = |message: &Value| message.get("id").and_then(Value::as_str) == Some("vendor");
    let at = messages.iter().position(custom).ok_or("no answer to the custom method")?;
    let answer = messages.remove(at);
    assert!(answer.get("error").is_some(), "{answer}");
    Ok(messages)
}

/// What the records say of each call, times and durations apart.
fn records(audit: &Path) -> Outcome<Vec<(Value, Value, Value, Value)>> {
    let text = fs::read_to_string(audit)?;
    let mut records = Vec::new();
    for line in text.lines() {
        let mut record: Value = serde_json::from_str(line)?;
        let mut take = |name: &str| record.get_mut(name).map(Value::take).unwrap_or_default();
        let record = (take("tool"), take("args"), take("result"), take("reason"));
        // See `messages`.
        if record.0 != "?" {
            records.push(record);
        }
    }
    Ok(records)
}

#[test]
fn the_same_session_has_the_same_outcome() -> Outcome {
    for setting in [Setting::Transparent, Setting::Strict, Setting::Default] {
        for revision in Revision::ALL {
            let (outside, inside, bare) = (tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?);
            let server = Peer::Rmcp.command(outside.path())?;
            let run = Guarded::new(setting, outside.path(), &server)?;
            let wrapped = Guarded::inside(setting, inside.path())?;
            let through_run = messages(&play(revision, &run.command, outside.path())?)?;
            let ended = play(revision, &wrapped.command, inside.path())?;
            assert!(ended.status.is_some_and(|status| status.success()), "{}", ended.stderr);
            let through_wrapper = messages(&ended)?;
            assert_eq!(through_wrapper, through_run, "{setting:?} {revision:?}");

            let plain = messages(&play(revision, &server, bare.path())?)?;
            let leaks = |messages: &[Value]| {
                let text = messages.iter().map(Value::to_string).collect::<String>();
                SECRETS.iter().any(|secret| text.contains(secret))
            };
            assert!(leaks(&plain), "positive control");
            match setting {
                Setting::Transparent => assert_eq!(through_wrapper, plain, "{revision:?}"),
                Setting::Strict | Setting::Default => assert!(!leaks(&through_wrapper), "{revision:?}"),
            }
            // Without a configuration `airlock run` keeps its records elsewhere.
            if !matches!(setting, Setting::Default) {
                let (run, wrapped) = (records(&run.audit)?, records(&wrapped.audit)?);
                assert!(!run.is_empty(), "{setting:?} {revision:?}");
                assert_eq!(wrapped, run, "{setting:?} {revision:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_client_made_with_rmcp_sees_no_difference() -> Outcome {
    for lifecycle in ["legacy", "modern"] {
        let (outside, inside) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let run = Guarded::new(Setting::Strict, outside.path(), &Peer::Rmcp.command(outside.path())?)?;
        let wrapped = Guarded::inside(Setting::Strict, inside.path())?;
        let report = |command: &[OsString], folder: &Path| -> Outcome<Value> {
            let client = install::sibling("e2e-rmcp-client")?;
            let output = session::isolated(&client, folder).arg(lifecycle).args(command).output()?;
            let talk = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{lifecycle}: {}: {talk}", output.status);
            Ok(serde_json::from_slice(&output.stdout)?)
        };
        let through_run = report(&run.command, outside.path())?;
        let through_wrapper = report(&wrapped.command, inside.path())?;
        assert_eq!(through_wrapper, through_run, "{lifecycle}");
        let text = through_wrapper.to_string();
        assert!(text.contains("AIRLOCK_BLOCK"), "the malformed call was refused: {text}");
        assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "a secret came through: {text}");
    }
    Ok(())
}

#[test]
fn without_a_guard_there_is_no_server() -> Outcome {
    for (text, problem) in [
        ("[airlock]\nstrict_mod = true\n", "strict_mod"),
        ("[audit]\npath = \"stdout\"\n", "AuditToStdout"),
        ("[audit]\npath = \"/dev/null/audit.jsonl\"\n", "audit records cannot be written"),
    ] {
        let folder = tempfile::tempdir()?;
        let guarded = Guarded::inside(Setting::Strict, folder.path())?;
        fs::write(folder.path().join(".config/airlock/airlock.toml"), text)?;
        let ended = Session::start(&guarded.command, folder.path())?.wait()?;
        assert!(ended.status.is_some_and(|status| !status.success()), "{text}: {}", ended.stderr);
        assert!(ended.stderr.contains(problem), "{text}: {}", ended.stderr);
        assert!(ended.received.is_empty(), "{text}: {:?}", wire::readable(&ended.received));
    }
    Ok(())
}
