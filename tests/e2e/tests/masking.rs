//! The product document's example comes back masked wherever a model can read it: as text, as structured
//! content, in both kinds of errors, in a prompt, in a resource, in progress and in log messages. With no
//! configuration at all, and in strict mode.
#![cfg(unix)]

use airlock_e2e::{Guarded, Outcome, Peer, Revision, Session, Setting, Tee, or_skip, script, wire};
use serde_json::{Value, json};

const SECRETS: [&str; 2] = ["sk-live-xxxxx", "123-45-6789"];
const MASKED: [&str; 2] = ["***REDACTED***", "***-**-6789"];

#[test]
fn python_server_without_configuration() -> Outcome {
    each_revision(Peer::Python, Setting::Default)
}

#[test]
fn rmcp_server_without_configuration() -> Outcome {
    each_revision(Peer::Rmcp, Setting::Default)
}

#[test]
fn python_server_in_strict_mode() -> Outcome {
    each_revision(Peer::Python, Setting::Strict)
}

#[test]
fn rmcp_server_in_strict_mode() -> Outcome {
    each_revision(Peer::Rmcp, Setting::Strict)
}

fn each_revision(peer: Peer, setting: Setting) -> Outcome {
    for &revision in peer.revisions() {
        masked(peer, revision, setting).map_err(|error| format!("{revision:?}: {error}"))?;
    }
    Ok(())
}

fn masked(peer: Peer, revision: Revision, setting: Setting) -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let Some(server) = or_skip(peer.command(folder))? else {
        return Ok(());
    };
    let (tee, recorded) = Tee::before(&server, folder, "guarded")?;
    let guarded = Guarded::new(setting, folder, &recorded)?;
    let mut session = Session::start(&guarded.command, folder)?;
    session.play(&script::session(peer, revision, folder))?;
    let ended = session.end()?;

    // The positive control: the server did leak, in each of the places.
    let (leaked, arrived) = (places(&tee.sent()?), places(&ended.received));
    for (place, text) in &leaked {
        for secret in SECRETS {
            assert!(text.contains(secret), "{place} does not leak: {text}");
        }
    }
    let names = |places: &[(&'static str, String)]| places.iter().map(|place| place.0).collect::<Vec<_>>();
    assert_eq!(names(&arrived), PLACES, "something did not arrive: {:#?}", wire::readable(&ended.received));
    for (place, text) in &arrived {
        for mask in MASKED {
            assert!(text.contains(mask), "{place} is not masked as documented: {text}");
        }
    }
    for line in wire::readable(&ended.received) {
        for secret in SECRETS {
            assert!(!line.contains(secret), "a secret came through: {line}");
        }
    }
    keeps_its_shape(&ended.received)
}

/// Masked JSON stays JSON of the same shape.
fn keeps_its_shape(received: &[Vec<u8>]) -> Outcome {
    let messages: Vec<Value> = received.iter().filter_map(|line| wire::json(line)).collect();
    assert_eq!(messages.len(), received.len(), "a line is no JSON any more");
    let account = messages.iter().find(|message| message.get("id") == Some(&json!("account")));
    let account = account.ok_or("no answer to the call of `account`")?;
    let wanted = json!({"api_key": "***REDACTED***", "user_ssn": "***-**-6789"});
    assert_eq!(account.pointer("/result/structuredContent"), Some(&wanted));
    let text = account.pointer("/result/content/0/text").and_then(Value::as_str).ok_or("no text")?;
    assert_eq!(serde_json::from_str::<Value>(text)?, wanted);
    Ok(())
}

/// The places of the session where the leak turns up, in order.
const PLACES: [&str; 10] = [
    "text",
    "structured content",
    "error result",
    "error message",
    "error data",
    "progress message",
    "log object",
    "log text",
    "prompt",
    "resource",
];

/// What is at each of [`PLACES`], as JSON text, of those that are there.
fn places(lines: &[Vec<u8>]) -> Vec<(&'static str, String)> {
    let messages: Vec<Value> = lines.iter().filter_map(|line| wire::json(line)).collect();
    let by_id = |id: &str, pointer: &str| {
        let message =
            messages.iter().find(|message| message.get("id").and_then(Value::as_str) == Some(id))?;
        message.pointer(pointer).map(Value::to_string)
    };
    let logs: Vec<&Value> = messages.iter().filter_map(|message| message.pointer("/params/data")).collect();
    let found = [
        by_id("account", "/result/content/0/text"),
        by_id("account", "/result/structuredContent"),
        by_id("error", "/result/content/0/text"),
        by_id("denied", "/error/message"),
        by_id("denied", "/error/data"),
        messages.iter().find_map(|message| message.pointer("/params/message")).map(Value::to_string),
        logs.first().map(ToString::to_string),
        logs.get(1).map(ToString::to_string),
        by_id("prompt", "/result/messages/0/content/text"),
        by_id("memo", "/result/contents/0/text"),
    ];
    PLACES.into_iter().zip(found).filter_map(|(place, text)| Some((place, text?))).collect()
}
