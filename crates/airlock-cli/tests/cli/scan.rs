//! `airlock scan` on the built binary.

use std::fs;

use crate::common::{Ran, airlock, feed, run};
use serde_json::{Value, json};

const LEAKY: &str =
    "first line\nmail bob@example.com now\napi_key = \"sk-live-4f9aQ2LmX8sT1vB6\" ssn 123-45-6789\n";

fn scan(args: &[&str], input: &[u8]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    feed(airlock(home.path()).arg("scan").args(args), input)
}

#[test]
fn exit_codes_tell_clean_from_found_from_broken() {
    assert_eq!(scan(&[], b"nothing here\n").code, 0);
    assert_eq!(scan(&[], b"").code, 0);
    assert_eq!(scan(&[], LEAKY.as_bytes()).code, 1);
    assert_eq!(run(["scan", "/nonexistent/file"]).code, 2);
    assert_eq!(run(["scan", "."]).code, 2);
    // A file that cannot be read is no reason to leave the others out, nor to call the whole clean.
    let mixed = scan(&["/nonexistent/file", "-"], LEAKY.as_bytes());
    assert!(mixed.code == 2 && mixed.out.contains("ssn"), "{mixed:?}");
}

#[test]
fn a_table_says_where_and_never_what() {
    let ran = scan(&[], LEAKY.as_bytes());
    for expected in ["-:2:6 ", "email", "-:3:12 ", "api_key", "ssn", "pii", "secret"] {
        assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
    }
    assert!(ran.err.contains("3 findings (1 secret, 2 pii) in 1 input"), "{}", ran.err);
    for value in ["bob@example.com", "sk-live", "123-45-6789"] {
        assert!(!ran.out.contains(value) && !ran.err.contains(value), "{value}: {ran:?}");
    }
    // Also when only some kinds are asked for.
    let ran = scan(&["--kinds", "ssn"], LEAKY.as_bytes());
    assert!(ran.out.lines().count() == 1 && !ran.out.contains("sk-live"), "{}", ran.out);
}

#[test]
fn json_has_bytes_and_places() {
    let ran = scan(&["--format", "jsonl"], LEAKY.as_bytes());
    let rows: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    for (row, (kind, class, value, line)) in rows.iter().zip([
        ("email", "pii", "bob@example.com", 2),
        ("api_key", "secret", "sk-live-4f9aQ2LmX8sT1vB6", 3),
        ("ssn", "pii", "123-45-6789", 3),
    ]) {
        assert_eq!((&row["kind"], &row["class"], &row["line"]), (&json!(kind), &json!(class), &json!(line)));
        let span = row["start"].as_u64().unwrap() as usize..row["end"].as_u64().unwrap() as usize;
        assert_eq!(&LEAKY[span], value);
        assert!(row["confidence"].is_string() && row["rule"].is_string() && row["file"] == "-");
    }
    assert_eq!(ran.err, "");
    assert_eq!(scan(&["--format", "json"], LEAKY.as_bytes()).json(), Value::Array(rows));
    assert_eq!(scan(&["--format", "json"], b"clean").json(), json!([]));
}

#[test]
fn masked_text_is_the_text_without_the_values() {
    let ran = scan(&["--mask"], LEAKY.as_bytes());
    assert_eq!(
        ran.out,
        "first line\nmail [EMAIL REDACTED] now\napi_key = \"[API_KEY REDACTED]\" ssn [SSN REDACTED]\n"
    );
    assert_eq!((ran.code, &*ran.err), (1, ""));
    let again = scan(&["--mask"], ran.out.as_bytes());
    assert_eq!((again.code, again.out), (0, ran.out), "masking what is masked changes nothing");
}

#[test]
fn bytes_that_are_no_text_pass_and_hide_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("latin1.txt");
    let bytes = b"caf\xe9 \xff\xfe bob@example.com \x00 na\xefve";
    fs::write(&path, bytes).unwrap();
    let ran = feed(airlock(home.path()).args(["scan", "--format", "jsonl", "latin1.txt"]), b"");
    let row = ran.json();
    assert_eq!(
        &bytes[row["start"].as_u64().unwrap() as usize..row["end"].as_u64().unwrap() as usize],
        b"bob@example.com"
    );
    let output = airlock(home.path()).args(["scan", "--mask", "latin1.txt"]).output().unwrap();
    assert_eq!(output.stdout, b"caf\xe9 \xff\xfe [EMAIL REDACTED] \x00 na\xefve");
    // In UTF-16 nothing would be found, so it is refused rather than called clean.
    let wide = scan(&[], b"\xff\xfeb\x00o\x00b\x00");
    assert!(wide.code == 2 && wide.err.contains("UTF-16"), "{wide:?}");
}

#[test]
fn a_long_text_is_scanned_in_pieces_without_a_difference() {
    let unit = format!("{}{LEAKY}", "lorem ipsum dolor sit amet, consectetur adipiscing elit\n".repeat(400));
    let text = unit.repeat(60);
    let ran = scan(&["--format", "jsonl"], text.as_bytes());
    let rows: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 180);
    for (index, row) in rows.iter().enumerate() {
        let unit_start = (index / 3) * unit.len();
        let start = row["start"].as_u64().unwrap() as usize;
        assert!(start >= unit_start && start < unit_start + unit.len(), "row {index}: {row}");
        assert_eq!(row["line"], text[..start].matches('\n').count() + 1, "row {index}");
    }
}

#[test]
fn one_answer_per_json_line_in_order() {
    let input = concat!(
        r#"{"id":"a","text":"mail bob@example.com"}"#,
        "\n",
        r#"{"text":"clean","id":12345678901234567890123}"#,
        "\n\n",
        r#"{"text":"\ud83d\ude00\ud800 123-45-6789"}"#,
        "\n",
    );
    let args = ["--input", "jsonl", "--field", "text", "--format", "jsonl"];
    let ran = scan(&args, input.as_bytes());
    let lines: Vec<_> = ran.out.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:?}");
    assert!(lines[1].starts_with(r#"{"id":12345678901234567890123,"findings":[]"#), "{}", lines[1]);
    let first: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&first["id"], &first["findings"][0]["kind"]), (&json!("a"), &json!("email")));
    assert_eq!((&first["findings"][0]["start"], &first["findings"][0]["end"]), (&json!(5), &json!(20)));
    let third: Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!((&third["id"], &third["findings"][0]["start"]), (&Value::Null, &json!(8)));
    assert_eq!(ran.code, 1);

    for bad in ["{\"id\":1}\n", "[]\n", "nonsense\n", "{\"text\":7}\n"] {
        let ran = scan(&args, bad.as_bytes());
        assert!(ran.code == 2 && ran.err.contains("-:1: "), "{bad}: {ran:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_stdout_is_quiet() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("big.txt"), LEAKY.repeat(50_000)).unwrap();
    let mut child = airlock(home.path())
        .args(["scan", "big.txt"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(141));
}
