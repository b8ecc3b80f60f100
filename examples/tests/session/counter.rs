//! The counter, with and without the one line.

use serde_json::{Value, json};

use crate::harness::{Answer, Session, folder, outcomes, shipped};

const SERVER: &str = env!("CARGO_BIN_EXE_counter");

/// Plays the calls; the answers, and what the audit records say.
async fn play(arguments: &[&str], calls: &[(&'static str, Value)]) -> (Vec<Answer>, Vec<String>) {
    let session = Session::start(folder(), SERVER, arguments, &shipped("counter.toml")).await;
    assert_eq!(session.tools().await, ["decrement", "get_value", "increment", "sum"]);
    let mut answers = Vec::new();
    for (tool, arguments) in calls {
        answers.push(session.call(tool, arguments.clone()).await);
    }
    let (records, _) = session.end().await;
    (answers, outcomes(&records))
}

#[tokio::test]
async fn proper_calls_are_answered_as_without_the_guard() {
    let calls = [
        ("increment", json!({})),
        ("increment", json!({})),
        ("decrement", json!({})),
        ("get_value", json!({})),
        ("sum", json!({"a": -2, "b": 44})),
    ];
    let (bare, none) = play(&["--bare"], &calls).await;
    let (guarded, records) = play(&[], &calls).await;
    assert_eq!(bare.iter().map(Answer::text).collect::<Vec<_>>(), ["1", "2", "1", "1", "42"]);
    assert_eq!(guarded, bare);
    assert!(none.is_empty(), "{none:?}");
    let expected = calls.map(|(tool, _)| format!("{tool} allowed -"));
    assert_eq!(records, expected);
}

#[tokio::test]
async fn a_ghost_changes_nothing_behind_the_guard() {
    let calls = [
        ("increment", json!({"by": 100})),
        ("sum", json!({"a": 2, "b": 40, "admin": true})),
        ("get_value", json!({})),
    ];
    let (bare, _) = play(&["--bare"], &calls).await;
    assert_eq!(bare.iter().map(Answer::text).collect::<Vec<_>>(), ["1", "42", "1"], "positive control");
    let (guarded, records) = play(&[], &calls).await;
    assert_eq!(guarded[0].refused().as_deref(), Some("ghost_arguments"));
    assert_eq!(guarded[1].refused().as_deref(), Some("ghost_arguments"));
    assert_eq!(guarded[2].text(), "0", "nothing has run");
    let expected =
        ["increment blocked ghost_arguments", "sum blocked ghost_arguments", "get_value allowed -"];
    assert_eq!(records, expected);
}
