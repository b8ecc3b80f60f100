//! `airlock demo`: the real guard over a real pipe.

use std::fs;

use serde_json::json;

use crate::common::{airlock, feed, run};

#[test]
fn all_six_threats_are_stopped() {
    let ran = run(["demo", "--format", "json"]);
    let report = ran.json();
    assert!(ran.code == 0 && report["all_stopped"] == true, "{report:#}");
    assert_eq!(ran.err, "");
    assert!(ran.out.len() < 100_000, "{} bytes", ran.out.len());
    assert_eq!(report["threats"].as_array().unwrap().len(), 6);
    assert_eq!(report["ordinary_call_unchanged"], true);
    assert_eq!(report["calls"], report["audit_records"]);
    assert_eq!(report["hidden_tools"], json!(["delete_database"]));
    let codes: Vec<_> = report["threats"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|threat| threat["attempts"].as_array().unwrap())
        .filter_map(|attempt| attempt["code"].as_str())
        .collect();
    for code in [
        "ghost_arguments",
        "validation_error",
        "output_blocked",
        "path_denied",
        "rate_limited",
        "tool_denied",
    ] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
}

#[test]
fn the_story_is_whole_and_plain_where_nobody_looks() {
    let ran = run(["demo"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for expected in [
        "1 of 6",
        "6 of 6",
        "without Airlock",
        "with Airlock",
        "audit record",
        "mcpServers",
        "attacks stopped",
    ] {
        assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
    }
    assert!(!ran.out.contains("NOT STOPPED") && !ran.out.contains('\u{1b}'), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
}

#[test]
fn the_users_own_settings_do_not_matter_and_nothing_is_left_behind() {
    let home = tempfile::tempdir().unwrap();
    let tmp = home.path().join("tmp");
    fs::create_dir(&tmp).unwrap();
    let mut command = airlock(home.path());
    command.args(["demo", "--format", "json"]).env("TMPDIR", &tmp);
    command.env("AIRLOCK_MASK_PII", "off").env("AIRLOCK_CONFIG", "nonsense.toml");
    let ran = feed(&mut command, b"");
    assert_eq!(ran.json()["all_stopped"], true, "{ran:?}");
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "only the folder that the test made");
}
