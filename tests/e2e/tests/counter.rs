//! The example server `counter`, in the shape of rmcp's own: with the one line in it, it does what `airlock run` does in
//! front of it without.
#![cfg(unix)]

use std::{ffi::OsString, fs, path::Path};

use airlock_e2e::{Ended, Outcome, Revision, Session, install, script, wire};
use serde_json::{Value, json};

/// Kept by both ways: calls that pass, a ghost, wrong types, a tool that is none, and one call too many.
const CONFIG: &str = "
[airlock]
strict_mode = true
[policy.rate_limits]
\"decrement\" = \"1/hour\"
";

fn play(revision: Revision, command: &[OsString], folder: &Path) -> Outcome<Ended> {
    let mut session = Session::start(command, folder)?;
    session.play(&script::opening(revision, &json!({})))?;
    session.ask(&script::request(revision, "list", "tools/list", &json!({})))?;
    for (id, tool, arguments) in [
        ("1", "increment", "{}"),
        ("2", "increment", "{}"),
        ("3", "sum", r#"{ "b":-2, "a":44 }"#),
        ("4", "increment", r#"{"by":100}"#),
        ("ghost", "increment", r#"{"step":5}"#),
        ("5", "sum", r#"{"a":1,"b":2,"c":3}"#),
        ("6", "sum", r#"{"a":"1","b":2}"#),
        ("7", "reset", "{}"),
        ("8", "decrement", "{}"),
        ("9", "decrement", "{}"),
        ("10", "get_value", "{}"),
    ] {
        session.ask(&script::call(revision, id, tool, arguments))?;
    }
    session.end()
}

fn messages(ended: &Ended) -> Outcome<Vec<Value>> {
    ended
        .received
        .iter()
        .map(|line| {
            let mut message = wire::json(line).ok_or("a line is no JSON")?;
            // How long to wait depends on when it is asked.
            if let Some(text) = message.pointer_mut("/result/content/0/text") {
                let mut refusal: Value =
                    serde_json::from_str(text.as_str().unwrap_or_default()).unwrap_or_default();
                let metadata = refusal.get_mut("metadata").and_then(Value::as_object_mut);
                if metadata.and_then(|metadata| metadata.remove("retry_after_ms")).is_some() {
                    refusal.as_object_mut().and_then(|refusal| refusal.remove("fix_hints"));
                    *text = refusal;
                }
            }
            Ok(message)
        })
        .collect()
}

/// What the records say of each call.
fn records(folder: &Path) -> Outcome<Vec<String>> {
    let mut outcomes = Vec::new();
    for line in fs::read_to_string(folder.join("airlock/audit.jsonl"))?.lines() {
        let record: Value = serde_json::from_str(line)?;
        let [tool, args, result, reason] =
            ["tool", "args", "result", "reason"].map(|name| record.get(name).cloned().unwrap_or_default());
        outcomes.push(format!("{tool} {args} {result} {reason}"));
    }
    Ok(outcomes)
}

#[test]
fn with_the_line_it_does_what_airlock_run_does_in_front_of_it() -> Outcome {
    let counter = install::sibling("counter")?;
    let bare = [counter.clone(), "--bare".into()];
    for revision in Revision::ALL {
        let (outside, inside, control) = (tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?);
        let config = outside.path().join("airlock.toml");
        fs::write(&config, CONFIG)?;
        let mut run = vec![install::airlock()?, "run".into(), "--config".into(), config.into(), "--".into()];
        run.extend(bare.clone());
        let through_run = play(revision, &run, outside.path())?;

        fs::create_dir_all(inside.path().join(".config/airlock"))?;
        fs::write(inside.path().join(".config/airlock/airlock.toml"), CONFIG)?;
        let through_line = play(revision, std::slice::from_ref(&counter), inside.path())?;
        assert!(through_line.status.is_some_and(|status| status.success()), "{}", through_line.stderr);
        assert_eq!(messages(&through_line)?, messages(&through_run)?, "{revision:?}");

        let kept = records(inside.path())?;
        assert_eq!(kept, records(outside.path())?, "{revision:?}");
        let refused = kept.iter().filter(|record| record.contains("\"blocked\"")).count();
        assert_eq!((kept.len(), refused), (11, 6), "{revision:?}: {kept:#?}");

        // The count at the end tells what has run: without a guard all four increments, and both decrements.
        let value = |ended: &Ended| -> Outcome<Value> {
            let last = messages(ended)?.pop().ok_or("no answer")?;
            Ok(last.pointer("/result/content/0/text").cloned().unwrap_or_default())
        };
        assert_eq!(value(&through_line)?, "1", "{revision:?}");
        let unguarded = play(revision, &bare, control.path())?;
        assert_eq!(value(&unguarded)?, "2", "positive control, {revision:?}");
    }
    Ok(())
}
