//! `corpus/calls`, decided by `airlock run` around a real server.
#![cfg(unix)]

use std::fs;

use airlock_e2e::{Guarded, Outcome, Revision, Session, install, script};
use airlock_testkit::calls::{Case, Seen, check};
use serde_json::{Value, json};

const REVISION: Revision = Revision::V2025Nov;

#[test]
fn the_command_decides_the_corpus() {
    check(|case| play(case).unwrap_or_else(|error| panic!("{}: {error}", case.name)));
}

/// One session per case: a quota and a policy belong to it.
fn play(case: &Case) -> Outcome<Seen> {
    let folder = tempfile::tempdir()?;
    let ran = folder.path().join("ran.jsonl");
    let server = [install::sibling("e2e-calls-server")?, ran.clone().into()];
    let mut flags = Vec::new();
    for (flag, value) in case
        .agent_id
        .iter()
        .map(|id| ("--agent-id", id))
        .chain(case.roles.iter().map(|role| ("--role", role)))
    {
        flags.extend([flag, value]);
    }
    let guarded = Guarded::configured(&case.config, &flags, folder.path(), &server)?;
    let mut session = Session::start(&guarded.command, folder.path())?;
    session.play(&script::opening(REVISION, &json!({})))?;
    let mut last = Value::Null;
    for call in 0..case.repeat {
        last = session.ask_json(&script::call(
            REVISION,
            &format!("call-{call}"),
            &case.tool,
            &case.arguments,
        ))?;
    }
    session.end()?;
    let lines = fs::read_to_string(&ran).unwrap_or_default();
    let ran = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let text = last.pointer("/result/content/0/text").and_then(Value::as_str);
    let refusal = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let code = refusal.as_ref().and_then(|refusal| refusal.get("block_reason")?.as_str().map(str::to_owned));
    Ok(match code {
        Some(code) => Seen { code: Some(code), ran, ..Seen::default() },
        None => Seen {
            shown: Some(text.ok_or_else(|| format!("no text in {last}"))?.to_owned()),
            failed: last.pointer("/result/isError") == Some(&json!(true)),
            ran,
            code: None,
        },
    })
}
