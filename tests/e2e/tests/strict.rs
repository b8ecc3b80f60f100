//! In strict mode no call passes that the server's own schema does not allow: twelve kinds of malformed calls
//! are stopped in front of each real server, which never sees them; valid calls pass.
#![cfg(unix)]

use std::path::Path;

use airlock_e2e::{Guarded, Outcome, Peer, Revision, Session, Setting, Tee, or_skip, peers, script, wire};
use serde_json::{Value, json};

/// What a refused call is answered with.
#[derive(Clone, Copy)]
enum Refused {
    Ghost,
    Invalid,
    Malformed,
}

/// A malformed call: its kind, the tool, raw arguments, and the refusal to expect.
type Attack<'a> = (&'static str, &'static str, String, Refused);

/// The kinds that are calls of their own; the twelfth, the batch, is no call but a frame.
const KINDS: [&str; 11] = [
    "ghost",
    "wrong-type",
    "missing",
    "extra-nested",
    "null",
    "array-for-object",
    "number-as-string",
    "bool-as-number",
    "out-of-range",
    "enum-miss",
    "duplicate-key",
];

#[test]
fn filesystem_server() -> Outcome {
    attack(Peer::Filesystem, Revision::V2025Nov)
}

#[test]
fn everything_server() -> Outcome {
    attack(Peer::Everything, Revision::V2025Nov)
}

#[test]
fn python_server() -> Outcome {
    attack(Peer::Python, Revision::V2025Mar)?;
    attack(Peer::Python, Revision::V2026Jul)
}

#[test]
fn rmcp_server() -> Outcome {
    attack(Peer::Rmcp, Revision::V2025Mar)?;
    attack(Peer::Rmcp, Revision::V2026Jul)
}

/// Sends valid and malformed calls in turn through a strict guard, and reads what the server got.
fn attack(peer: Peer, revision: Revision) -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    peers::fill(folder)?;
    let Some(server) = or_skip(peer.command(folder))? else {
        return Ok(());
    };
    let (tee, recorded) = Tee::before(&server, folder, "guarded")?;
    let guarded = Guarded::new(Setting::Strict, folder, &recorded)?;
    let mut session = Session::start(&guarded.command, folder)?;
    session.play(&script::opening(revision, &json!({})))?;

    let attacks = attacks(peer, folder);
    assert_eq!(attacks.iter().map(|attack| attack.0).collect::<Vec<_>>(), KINDS);
    for (kind, tool, arguments, expected) in &attacks {
        let call = script::call(revision, &format!("attack-{kind}"), tool, arguments);
        let answer = session.ask_json(&call)?;
        expect_refusal(&answer, *expected).map_err(|error| format!("{peer:?} {kind}: {error}: {answer}"))?;
    }
    let calls: Vec<String> =
        ["attack-one", "attack-two"].map(|id| valid_call(peer, revision, id, folder)).to_vec();
    session.send(&format!("[{}]", calls.join(",")))?;
    let answer = session.wait_for("the batch", |line| wire::response_id(line).is_some())?;
    let answer: Value = serde_json::from_slice(&answer)?;
    assert!(answer.get("error").is_some(), "a batch was answered with {answer}");

    for id in ["valid-1", "valid-2"] {
        let answer = session.ask_json(&valid_call(peer, revision, id, folder))?;
        assert!(!is_error(&answer), "{peer:?}: a valid call was answered with {answer}");
    }
    session.end()?;

    let received = wire::readable(&tee.received()?).concat();
    assert!(!received.contains("attack-"), "the server was sent a malformed call: {received}");
    assert!(received.contains("valid-1") && received.contains("valid-2"), "{received}");
    let audit = std::fs::read_to_string(&guarded.audit)?;
    let blocked = audit.lines().filter(|line| line.contains(r#""result":"blocked""#)).count();
    assert!(blocked >= KINDS.len(), "only {blocked} refusals in the audit log:\n{audit}");
    Ok(())
}

/// The same with the guard inside of the server. rmcp has read the message by then: of two equal keys it kept one, and
/// a batch it refuses itself.
#[test]
fn rmcp_server_with_the_guard_inside() -> Outcome {
    for revision in [Revision::V2025Mar, Revision::V2026Jul] {
        let folder = tempfile::tempdir()?;
        let guarded = Guarded::inside(Setting::Strict, folder.path())?;
        let mut session = Session::start(&guarded.command, folder.path())?;
        session.play(&script::opening(revision, &json!({})))?;
        let attacks = fixture_attacks();
        let readable = attacks.iter().filter(|attack| attack.0 != "duplicate-key");
        for (kind, tool, arguments, expected) in readable.clone() {
            let answer = session.ask_json(&script::call(revision, kind, tool, arguments))?;
            expect_refusal(&answer, *expected).map_err(|error| format!("{kind}: {error}: {answer}"))?;
        }
        for id in ["valid-1", "valid-2"] {
            let answer = session.ask_json(&valid_call(Peer::Rmcp, revision, id, folder.path()))?;
            assert!(!is_error(&answer), "a valid call was answered with {answer}");
        }
        session.end()?;
        let audit = std::fs::read_to_string(&guarded.audit)?;
        let count = |result: &str| audit.lines().filter(|line| line.contains(result)).count();
        assert_eq!(count(r#""result":"blocked""#), readable.count(), "{audit}");
        assert_eq!(count(r#""result":"allowed""#), 2, "{audit}");
    }
    Ok(())
}

/// A call that the server accepts.
fn valid_call(peer: Peer, revision: Revision, id: &str, folder: &Path) -> String {
    let path = json!(peers::served(folder).join("hello.txt"));
    match peer {
        Peer::Filesystem => {
            script::call(revision, id, "read_text_file", &format!(r#"{{"path":{path},"head":1}}"#))
        }
        Peer::Everything => script::call(revision, id, "get-sum", r#"{"a":1,"b":2}"#),
        Peer::Python | Peer::Rmcp => script::call(
            revision,
            id,
            "book_table",
            r#"{"guest":"Zoe","seats":12,"area":"bar","contact":{"email":"zoe@example.org"}}"#,
        ),
    }
}

/// One malformed call per kind, made for the schemas of `peer`.
fn attacks(peer: Peer, folder: &Path) -> Vec<Attack<'_>> {
    match peer {
        Peer::Filesystem => filesystem_attacks(folder),
        Peer::Everything => everything_attacks(),
        Peer::Python | Peer::Rmcp => fixture_attacks(),
    }
}

fn filesystem_attacks(folder: &Path) -> Vec<Attack<'_>> {
    use Refused::{Ghost, Invalid, Malformed};
    let served = json!(peers::served(folder));
    let file = json!(peers::served(folder).join("hello.txt"));
    vec![
        ("ghost", "read_text_file", format!(r#"{{"path":{file},"encoding":"utf-8"}}"#), Ghost),
        ("wrong-type", "read_text_file", r#"{"path":7}"#.to_owned(), Invalid),
        ("missing", "read_text_file", r#"{"head":1}"#.to_owned(), Invalid),
        (
            "extra-nested",
            "edit_file",
            format!(
                r#"{{"path":{file},"edits":[{{"oldText":"a","newText":"b","regex":true}}],"dryRun":true}}"#
            ),
            Ghost,
        ),
        ("null", "read_text_file", format!(r#"{{"path":{file},"head":null}}"#), Invalid),
        (
            "array-for-object",
            "edit_file",
            format!(r#"{{"path":{file},"edits":[["a","b"]],"dryRun":true}}"#),
            Invalid,
        ),
        ("number-as-string", "read_text_file", format!(r#"{{"path":{file},"head":"2"}}"#), Invalid),
        ("bool-as-number", "read_text_file", format!(r#"{{"path":{file},"head":true}}"#), Invalid),
        ("out-of-range", "read_multiple_files", r#"{"paths":[]}"#.to_owned(), Invalid),
        (
            "enum-miss",
            "list_directory_with_sizes",
            format!(r#"{{"path":{served},"sortBy":"date"}}"#),
            Invalid,
        ),
        (
            "duplicate-key",
            "read_text_file",
            format!(r#"{{"path":{file},"path":"/etc/hostname"}}"#),
            Malformed,
        ),
    ]
}

/// This server's schemas have no object in an object: the nested extra is an object of its own, and the array
/// stands for the arguments as a whole.
fn everything_attacks() -> Vec<Attack<'static>> {
    use Refused::{Ghost, Invalid, Malformed};
    [
        ("ghost", "echo", r#"{"message":"hi","loud":true}"#, Ghost),
        ("wrong-type", "echo", r#"{"message":{"text":"hi"}}"#, Invalid),
        ("missing", "get-sum", r#"{"a":1}"#, Invalid),
        ("extra-nested", "echo", r#"{"message":"hi","options":{"voice":{"loud":true}}}"#, Ghost),
        ("null", "get-sum", r#"{"a":1,"b":null}"#, Invalid),
        ("array-for-object", "get-sum", "[1,2]", Invalid),
        ("number-as-string", "get-sum", r#"{"a":1,"b":"2"}"#, Invalid),
        ("bool-as-number", "get-sum", r#"{"a":1,"b":true}"#, Invalid),
        ("out-of-range", "get-resource-links", r#"{"count":11}"#, Invalid),
        ("enum-miss", "get-structured-content", r#"{"location":"Paris"}"#, Invalid),
        ("duplicate-key", "get-sum", r#"{"a":1,"b":2,"a":3}"#, Malformed),
    ]
    .map(|(kind, tool, arguments, refused)| (kind, tool, arguments.to_owned(), refused))
    .to_vec()
}

fn fixture_attacks() -> Vec<Attack<'static>> {
    use Refused::{Ghost, Invalid, Malformed};
    let booking = |guest: &str, seats: &str, area: &str, contact: &str, rest: &str| {
        format!(r#"{{"guest":{guest},"seats":{seats},"area":"{area}","contact":{contact}{rest}}}"#)
    };
    let contact = r#"{"email":"zoe@example.org"}"#;
    let nested = r#"{"email":"zoe@example.org","vip":true}"#;
    [
        ("ghost", booking(r#""Zoe""#, "4", "hall", contact, r#","vip":true"#), Ghost),
        ("wrong-type", booking("7", "4", "hall", contact, ""), Invalid),
        (
            "missing",
            r#"{"guest":"Zoe","area":"hall","contact":{"email":"zoe@example.org"}}"#.to_owned(),
            Invalid,
        ),
        ("extra-nested", booking(r#""Zoe""#, "4", "hall", nested, ""), Ghost),
        ("null", booking(r#""Zoe""#, "null", "hall", contact, ""), Invalid),
        ("array-for-object", booking(r#""Zoe""#, "4", "hall", r#"["zoe@example.org"]"#, ""), Invalid),
        ("number-as-string", booking(r#""Zoe""#, r#""4""#, "hall", contact, ""), Invalid),
        ("bool-as-number", booking(r#""Zoe""#, "true", "hall", contact, ""), Invalid),
        ("out-of-range", booking(r#""Zoe""#, "13", "hall", contact, ""), Invalid),
        ("enum-miss", booking(r#""Zoe""#, "4", "roof", contact, ""), Invalid),
        ("duplicate-key", booking(r#""Zoe""#, "4", "hall", contact, r#","seats":5"#), Malformed),
    ]
    .map(|(kind, arguments, refused)| (kind, "book_table", arguments, refused))
    .to_vec()
}

/// A refused call is a tool result that a model can read and correct itself by.
fn expect_refusal(answer: &Value, expected: Refused) -> Outcome {
    if answer.pointer("/result/isError") != Some(&Value::Bool(true)) {
        return Err("no tool result with `isError`".into());
    }
    let text = answer.pointer("/result/content/0/text").and_then(Value::as_str).ok_or("no text")?;
    let report: Value = serde_json::from_str(text)?;
    let code = match expected {
        Refused::Ghost => "ghost_arguments",
        Refused::Invalid => "validation_error",
        Refused::Malformed => "malformed_message",
    };
    for (field, wanted) in
        [("success", json!(false)), ("status", json!("blocked")), ("block_reason", json!(code))]
    {
        if report.get(field) != Some(&wanted) {
            return Err(format!("`{field}` is not {wanted} in {report}").into());
        }
    }
    let hints = report.get("fix_hints").and_then(Value::as_array).map_or(0, Vec::len);
    let advice = report.pointer("/metadata/advice").and_then(Value::as_str).unwrap_or_default();
    if advice.is_empty() || hints == 0 && !matches!(expected, Refused::Malformed) {
        return Err(format!("no hint how to mend the call in {report}").into());
    }
    Ok(())
}

fn is_error(answer: &Value) -> bool {
    answer.get("error").is_some() || answer.pointer("/result/isError") == Some(&Value::Bool(true))
}
