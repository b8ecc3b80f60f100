//! What README shows is true: its configuration is valid, its JSON parses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, process::Command};

/// The fenced blocks of README in one language.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let fence = format!("```{language}\n");
    let parts = readme.split(fence.as_str()).skip(1);
    parts.filter_map(|part| part.split("\n```").next()).map(str::to_owned).collect()
}

#[test]
fn the_configurations_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks("toml");
    assert!(!blocks.is_empty());
    for block in blocks {
        let file = folder.path().join("airlock.toml");
        fs::write(&file, &block).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_airlock")).arg("check").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}\n{block}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn the_json_parses() {
    let blocks = blocks("json");
    assert!(!blocks.is_empty());
    for block in blocks {
        serde_json::from_str::<serde_json::Value>(&block).unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}
