//! `airlock check` and `airlock call` on the built binary.

use std::{fs, path::Path};

use crate::common::{Ran, airlock, feed, run};
use serde_json::json;

fn with_config(text: &str, args: &[&str]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("my.toml"), text).unwrap();
    feed(airlock(home.path()).args(args), b"")
}

#[test]
fn without_a_file_the_defaults_hold() {
    let ran = run(["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("the defaults; there is no file at"), "{}", ran.out);
    assert!(ran.out.contains("airlock.strict_mode") && ran.out.contains("built-in"), "{}", ran.out);
}

#[test]
fn every_problem_at_once_with_its_place() {
    let bad = "[airlock]\nstrict_mod = true\n[policy]\ndenied_tools = \"delete_*\"\n";
    let ran = with_config(bad, &["check", "my.toml"]);
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("my.toml:2:1: error") && ran.out.contains("my.toml:4:"), "{}", ran.out);
    assert!(ran.out.contains("2 errors") && ran.out.contains("did you mean `strict_mode`?"), "{}", ran.out);
    let report = with_config(bad, &["check", "--format", "json", "my.toml"]);
    assert_eq!((report.code, &report.json()["valid"]), (3, &json!(false)));
    assert_eq!(report.json()["problems"][0]["line"], 2);
    // `call` needs a valid configuration too.
    let call = with_config(bad, &["call", "--tool", "x", "--config", "my.toml"]);
    assert!(call.code == 3 && call.out.is_empty() && call.err.contains("my.toml:2:1: error"), "{call:?}");
}

#[test]
fn what_weakens_protection_is_listed_and_who_set_it() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("my.toml"), "[airlock]\nmask_pii = false\n").unwrap();
    let mut command = airlock(home.path());
    command
        .env("AIRLOCK_CONFIG", "my.toml")
        .env("AIRLOCK_STRICT_MODE", "yes")
        .args(["check", "--format", "json"]);
    let report = feed(&mut command, b"").json();
    assert_eq!((&report["valid"], &report["file"]), (&json!(true), &json!("my.toml")));
    assert_eq!(report["warnings"][0]["key"], "airlock.mask_pii");
    let setting = |key: &str| {
        let settings = report["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["key"] == key).cloned().unwrap()
    };
    assert_eq!(setting("airlock.mask_pii")["origin"], "file");
    assert_eq!(setting("airlock.mask_pii")["line"], 2);
    assert_eq!(setting("airlock.strict_mode")["origin"], "environment");
}

#[test]
fn the_current_directory_is_not_trusted() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("airlock.toml"), "nonsense").unwrap();
    assert_eq!(feed(airlock(home.path()).arg("check"), b"").code, 0);
    // The positive control: the same file where it is looked for.
    let usual = home.path().join(".config/airlock");
    fs::create_dir_all(&usual).unwrap();
    fs::copy(home.path().join("airlock.toml"), usual.join("airlock.toml")).unwrap();
    assert_eq!(feed(airlock(home.path()).arg("check"), b"").code, 3);
}

#[test]
fn a_named_file_must_exist() {
    let ran = run(["check", "missing.toml"]);
    assert!(ran.code == 3 && ran.err.contains("missing.toml"), "{ran:?}");
}

const SCHEMA: &str = r#"{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}"#;

fn call(args: &[&str]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    schema_file(home.path());
    feed(airlock(home.path()).args(["call", "--tool", "delete_user"]).args(args), b"")
}

fn schema_file(home: &Path) {
    fs::write(home.join("schema.json"), SCHEMA).unwrap();
}

#[test]
fn a_call_is_judged_by_schema_policy_and_time() {
    let schema = ["--schema", "schema.json"];
    let table: &[(&[&str], i32, &str)] = &[
        (&["--args", r#"{"id":7}"#], 0, ""),
        (&["--args", r#"{"id":"7"}"#], 2, "validation_error"),
        (&["--args", r#"{"id":7,"force":true}"#], 0, ""),
        (&["--args", r#"{"id":7,"force":true}"#, "--strict"], 2, "ghost_arguments"),
        (&["--args", r#"{"id":7}"#, "--policy", "read_only"], 2, "tool_denied"),
        (&["--args", r#"{"id":7}"#, "--policy", "strict"], 2, "agent_required"),
        (&["--args", r#"{"id":7}"#, "--policy", "strict", "--agent-id", "a"], 0, ""),
        (
            &["--args", r#"{"id":7}"#, "--policy", "business_hours", "--at", "2026-01-30T22:00"],
            2,
            "time_restricted",
        ),
        (&["--args", r#"{"id":7}"#, "--policy", "business_hours", "--at", "2026-01-30T10:00"], 0, ""),
    ];
    for (args, code, reason) in table {
        let text = call(&[args, &schema[..]].concat());
        assert_eq!(text.code, *code, "{args:?}: {text:?}");
        assert!(text.out.contains(reason), "{args:?}: {text:?}");
        let report = call(&[args, &schema[..], &["--format", "json"]].concat()).json();
        assert_eq!(report["admitted"], *code == 0, "{args:?}: {report}");
        assert_eq!(
            report["rejection"]["block_reason"].as_str().unwrap_or_default(),
            *reason,
            "{args:?}: {report}"
        );
    }
}

#[test]
fn what_would_be_forwarded_is_shown_exactly() {
    let report = call(&[
        "--args",
        r#"{"id":12345678901234567890123,"ghost":1}"#,
        "--schema",
        "schema.json",
        "--format",
        "json",
    ]);
    assert!(report.out.contains("12345678901234567890123"), "{}", report.out);
    assert!(report.json()["arguments"].get("ghost").is_none(), "{}", report.out);
    let steps = report.json()["steps"].clone();
    assert_eq!((&steps[0]["layer"], &steps[0]["outcome"]), (&json!("validate"), &json!("passed")));
    assert!(steps[0]["remark"].as_str().unwrap().contains("ghost"), "{steps}");
}

#[test]
fn without_a_schema_the_policy_alone_decides_and_that_is_said() {
    let ran = call(&["--args", r#"{"anything":["goes"]}"#]);
    assert!(ran.code == 0 && ran.out.contains("not given"), "{ran:?}");
    let report = call(&["--format", "json"]).json();
    assert_eq!((&report["schema_given"], &report["arguments"]), (&json!(false), &json!({})));
}

#[test]
fn arguments_come_from_files_and_stdin() {
    let home = tempfile::tempdir().unwrap();
    schema_file(home.path());
    fs::write(home.path().join("args.json"), r#"{"id":1}"#).unwrap();
    let call = |args: &str, input: &[u8]| {
        feed(
            airlock(home.path()).args(["call", "--tool", "t", "--schema", "schema.json", "--args", args]),
            input,
        )
        .code
    };
    assert_eq!(call("@args.json", b""), 0);
    assert_eq!(call("-", br#"{"id":"1"}"#), 2);
    assert_eq!(call("not json", b""), 2);
    assert_eq!(call("@missing.json", b""), 1);
}

#[test]
fn nothing_is_recorded_or_left_behind() {
    let home = tempfile::tempdir().unwrap();
    feed(airlock(home.path()).args(["call", "--tool", "t", "--policy", "strict", "--agent-id", "a"]), b"");
    feed(airlock(home.path()).arg("check"), b"");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}
