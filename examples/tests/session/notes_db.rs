//! The database: masked rows, bound parameters, and who may delete.

use rusqlite::Connection;
use serde_json::json;

use crate::harness::{Session, folder, outcomes, shipped};

const SERVER: &str = env!("CARGO_BIN_EXE_notes_db");
const SECRETS: [&str; 2] = ["123-45-6789", "sk-live-xxxxx"];

#[tokio::test]
async fn what_no_model_should_see_is_masked() {
    let session = Session::start(folder(), SERVER, &["notes.db"], &shipped("notes_db.toml")).await;
    let answer = session.call("query_notes", json!({})).await;
    let text = answer.text();
    assert!(text.contains("lunch with Ada"), "{text}");
    assert!(text.contains("my SSN is [SSN REDACTED]"), "{text}");
    assert!(text.contains("api_key=***REDACTED***"), "{text}");
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");

    let (records, folder) = session.end().await;
    assert_eq!(outcomes(&records), ["query_notes allowed -"]);
    // Each stands there twice: as structured content, and as the text of it.
    assert!(records[0]["masked"]["ssn"].as_u64() >= Some(1), "{}", records[0]);
    assert!(records[0]["masked"]["api_key"].as_u64() >= Some(1), "{}", records[0]);

    // Positive control: the database itself holds them.
    let database = Connection::open(folder.path().join("notes.db")).unwrap();
    let all: String =
        database.query_row("SELECT group_concat(text) FROM notes", [], |row| row.get(0)).unwrap();
    assert!(SECRETS.iter().all(|secret| all.contains(secret)), "{all}");
}

#[tokio::test]
async fn values_are_values() {
    let session = Session::start(folder(), SERVER, &[], &shipped("notes_db.toml")).await;
    let text = "'); DROP TABLE notes; --";
    let added = session.call("add_note", json!({"author": "eve", "text": text})).await;
    assert_eq!(added.text(), "note 4");
    let found = session.call("query_notes", json!({"text": text})).await;
    assert!(found.text().contains("DROP TABLE"), "{}", found.text());
    assert!(!found.text().contains("lunch"), "{}", found.text());

    for (arguments, reason) in [
        (json!({"sql": "DELETE FROM notes"}), "ghost_arguments"),
        (json!({"limit": "1"}), "validation_error"),
        (json!({"limit": 101}), "validation_error"),
    ] {
        let refused = session.call("query_notes", arguments.clone()).await;
        assert_eq!(refused.refused().as_deref(), Some(reason), "{arguments}");
    }
    let first = session.call("query_notes", json!({"limit": 1})).await;
    assert!(first.text().contains("lunch") && !first.text().contains("eve"), "{}", first.text());

    let (records, _) = session.end().await;
    let expected = [
        "add_note allowed -",
        "query_notes allowed -",
        "query_notes blocked ghost_arguments",
        "query_notes blocked validation_error",
        "query_notes blocked validation_error",
        "query_notes allowed -",
    ];
    assert_eq!(outcomes(&records), expected);
}

#[tokio::test]
async fn only_keepers_delete() {
    let config = shipped("notes_db.toml");
    let session = Session::start(folder(), SERVER, &["notes.db"], &config).await;
    assert_eq!(session.tools().await, ["add_note", "query_notes"]);
    // Hidden, and refused to whoever knows of it.
    let refused = session.call("delete_notes", json!({"author": "zoe"})).await;
    assert_eq!(refused.refused().as_deref(), Some("tool_denied"));
    let (records, folder) = session.end().await;
    assert_eq!(outcomes(&records), ["delete_notes blocked tool_denied"]);
    let count = |file: &std::path::Path| -> i64 {
        Connection::open(file).unwrap().query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&folder.path().join("notes.db")), 3, "nothing has run");

    let keeper = Session::start(folder, SERVER, &["--role", "keeper", "notes.db"], &config).await;
    assert_eq!(keeper.tools().await, ["add_note", "delete_notes", "query_notes"]);
    let deleted = keeper.call("delete_notes", json!({"author": "zoe"})).await;
    assert_eq!(deleted.text(), "2 notes deleted");
    let (records, folder) = keeper.end().await;
    assert_eq!(outcomes(&records)[1..], ["delete_notes allowed -"]);
    assert_eq!(count(&folder.path().join("notes.db")), 1);
}
