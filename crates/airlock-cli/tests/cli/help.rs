//! What people read first: help texts, usage errors, completions, manual pages.
//!
//! `UPDATE=1 cargo test -p airlock-cli --test cli` rewrites the expected texts.

use std::{fs, path::PathBuf};

use crate::common::run;

fn matches_snapshot(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} differs (UPDATE=1 rewrites it):\n{text}");
}

#[test]
fn help_texts() {
    for command in [
        "",
        "run",
        "check",
        "call",
        "exec",
        "scan",
        "demo",
        "sandbox",
        "sandbox doctor",
        "completions",
        "man",
    ] {
        let args: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let ran = run(args);
        assert_eq!((ran.code, &*ran.err), (0, ""), "{command}");
        let name = if command.is_empty() { "airlock" } else { command };
        matches_snapshot(&format!("{}.txt", name.replace(' ', "-")), &ran.out);
        assert!(ran.out.contains("Example"), "{command} shows no example");
        assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{command} has long lines");
    }
}

#[test]
fn a_wrong_command_line_is_64_and_says_so_on_stderr() {
    for args in [
        &[][..],
        &["nonsense"],
        &["run"],
        &["run", "--nonsense", "--", "true"],
        &["run", "--agent-id", "", "--", "true"],
        &["call"],
        &["call", "--tool", "x", "--at", "yesterday"],
        &["scan", "--kinds", "everything"],
        &["sandbox"],
        &["sandbox", "nonsense"],
        &["completions", "nonsense"],
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 64, "{args:?} {ran:?}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?} {ran:?}");
    }
}

#[test]
fn the_version_is_data() {
    let ran = run(["--version"]);
    assert_eq!((ran.code, ran.out), (0, format!("airlock {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn completions_know_the_commands_and_hide_the_rest() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.out.contains("completions") && ran.out.contains("strict"), "{shell}");
        assert!(!ran.out.contains("__child") && !ran.out.contains("demo-server"), "{shell}");
    }
}

#[test]
fn manual_pages_for_every_command() {
    let ran = run(["man"]);
    assert!(
        ran.code == 0 && ran.out.contains(".TH airlock 1") && ran.out.contains("airlock demo"),
        "{}",
        ran.out
    );
    let folder = tempfile::tempdir().unwrap();
    let ran = run(["man".as_ref(), folder.path().as_os_str()]);
    assert_eq!((ran.code, &*ran.out), (0, ""));
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    let expected = [
        "airlock-call.1",
        "airlock-check.1",
        "airlock-completions.1",
        "airlock-demo.1",
        "airlock-exec.1",
        "airlock-man.1",
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .chain(["airlock-run.1", "airlock-sandbox.1", "airlock-scan.1", "airlock.1"])
        .collect();
    assert_eq!(names, expected);
    let page = fs::read_to_string(folder.path().join("airlock-run.1")).unwrap();
    assert!(page.contains(".TH airlock-run 1"), "{page}");
    let missing = run(["man", "/nonexistent/folder"]);
    assert_eq!(missing.code, 1, "{missing:?}");
}
