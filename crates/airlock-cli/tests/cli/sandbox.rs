//! `airlock sandbox`: what it says of the machine that runs the tests, whatever that has.

use std::collections::BTreeSet;

use crate::common::run;

#[test]
fn the_doctor_says_the_same_in_both_formats() {
    let json = run(["sandbox", "doctor", "--format", "json"]);
    assert_eq!(json.err, "");
    let report = json.json();
    let level = report["level"].as_str().unwrap();
    assert_eq!(json.code, i32::from(level == "none"), "{report}");

    let levels: Vec<_> = report["levels"].as_array().unwrap().iter().map(|reach| &reach["level"]).collect();
    assert_eq!(levels, ["lite", "box", "kernel", "machine"]);

    let facts = report["facts"].as_array().unwrap();
    let subjects: BTreeSet<_> = facts.iter().map(|fact| fact["subject"].as_str().unwrap()).collect();
    let known = [
        "system",
        "landlock",
        "seccomp",
        "no_new_privs",
        "user_namespaces",
        "mount_api",
        "kvm",
        "e2b",
        "python3",
    ];
    for subject in known {
        assert!(subjects.contains(subject), "{subject}: {report}");
    }
    for fact in facts {
        let keys: Vec<_> = fact.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 5, "{fact}");
        let states = ["good", "degraded", "missing", "not_here"];
        assert!(states.contains(&fact["state"].as_str().unwrap()), "{fact}");
    }
    // A level is there exactly when nothing that it names is missing.
    for reach in report["levels"].as_array().unwrap() {
        for missing in reach["missing"].as_array().unwrap() {
            let fact = facts.iter().find(|fact| fact["subject"] == *missing).unwrap();
            assert_ne!(fact["state"], "good", "{report}");
        }
    }

    let text = run(["sandbox", "doctor"]);
    assert_eq!((text.code, &*text.err), (json.code, ""));
    assert!(text.out.starts_with(&format!("sandbox on this machine: {level}\n")), "{}", text.out);
    for subject in subjects {
        assert!(text.out.contains(subject), "{subject}: {}", text.out);
    }
    // Commands are not broken; all else keeps to the width.
    let commands = ["sudo ", "docker ", "systemd-run ", "profile "];
    for line in
        text.out.lines().filter(|line| !commands.iter().any(|command| line.trim().starts_with(command)))
    {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_key_is_never_printed() {
    let home = tempfile::tempdir().unwrap();
    let mut command = crate::common::airlock(home.path());
    command.env("E2B_API_KEY", "e2b_53cre7").args(["sandbox", "doctor"]);
    let ran = crate::common::feed(&mut command, b"");
    assert!(ran.out.contains("E2B_API_KEY is set") && !ran.out.contains("53cre7"), "{ran:?}");
}

/// What the doctor promises, the box keeps; and where it promises nothing, nothing runs.
#[test]
fn the_doctor_and_the_sandbox_agree() {
    let level = run(["sandbox", "doctor", "--format", "json"]).json()["level"].clone();
    let ran = run(["exec", "--min-level", "box", "--", "/bin/sh", "-c", "echo ran"]);
    let expected =
        if ["box", "kernel"].iter().any(|enough| level == *enough) { (0, "ran\n") } else { (125, "") };
    assert_eq!((ran.code, &*ran.out), expected, "{level}: {ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_selftest_finds_nothing_open() {
    let ran = run(["sandbox", "selftest", "--format", "json"]);
    if ran.code == 125 {
        println!("skipped: no box can be had here: {}", ran.err);
        return;
    }
    let report = ran.json();
    assert_eq!((ran.code, &report["held"]), (0, &true.into()), "{report}");
    assert!(report["attempts"].as_array().unwrap().len() >= 120);
    assert_eq!(report["enforcement"]["level"], "box");
    let text = run(["sandbox", "selftest"]);
    assert!(text.code == 0 && text.out.contains("nothing got out"), "{text:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_calls_are_listed_with_their_reasons() {
    let text = run(["sandbox", "calls"]);
    assert_eq!((text.code, &*text.err), (0, ""));
    let line = text.out.lines().find(|line| line.trim_start().starts_with("socket ")).unwrap();
    assert!(line.contains("some arguments"), "{line}");
    let json = run(["sandbox", "calls", "--format", "json"]);
    for line in json.out.lines() {
        let call: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(call["why"].as_str().is_some_and(|why| !why.is_empty()), "{line}");
        assert_ne!(call["name"], "ptrace");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_box_costs_is_measured() {
    let json = run(["sandbox", "bench", "--rounds", "2", "--format", "json"]);
    if json.code == 125 {
        println!("skipped: no box can be had here: {}", json.err);
        return;
    }
    assert_eq!((json.code, &*json.err), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let first = &report["times"][0];
    assert_eq!((report["rounds"].as_u64(), first["what"].as_str()), (Some(2), Some("/bin/true")));
    assert!(first["box_ms"].as_f64() > Some(0.0) && first["outside_ms"].as_f64() > Some(0.0), "{report}");
    let text = run(["sandbox", "bench", "--rounds", "1"]);
    assert!(text.code == 0 && text.out.contains("/bin/true"), "{}{}", text.out, text.err);
    assert_eq!(run(["sandbox", "bench", "--rounds", "0"]).code, 64);
}

/// A sandboxed server with our own stderr could read from a terminal and cut a log.
#[cfg(target_os = "linux")]
#[test]
fn a_sandboxed_server_gets_no_stream_of_ours() {
    use std::{fs, process::Stdio};

    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log");
    fs::write(&log, "kept\n").unwrap();
    let script = "readlink /proc/self/fd/2 >&2; : >/dev/stderr; printf 'drawn \\033[2J\\n' >&2; head -c 40000 /dev/zero | tr '\\0' x >&2; echo last >&2";
    let mut command = crate::common::airlock(home.path());
    command.args(["run", "--sandbox", "--", "/bin/sh", "-c", script]);
    let file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).status().unwrap();
    let said = fs::read_to_string(&log).unwrap();
    if status.code() == Some(125) {
        println!("skipped: no box can be had here: {said}");
        return;
    }
    assert!(said.starts_with("kept\n"), "{said}");
    assert!(
        said.contains("guarding") && said.contains("pipe:[") && said.contains("drawn \\u{1b}[2J"),
        "{said}"
    );
    assert!(said.contains("xlast\n"), "{}", said.len());
}

/// A server's way to the network goes through the proxy for as long as its session, and the start line says where to.
#[cfg(target_os = "linux")]
#[test]
fn a_sandboxed_server_reaches_hosts_by_the_proxy_alone() {
    let home = tempfile::tempdir().unwrap();
    let script = "curl -s -o /dev/null -w 'proxy %{http_code}\\n' http://example.org/ >&2; \
                  curl -s -o /dev/null -w 'direct %{http_code} %{errormsg}\\n' --noproxy '*' http://93.184.216.34/ >&2";
    let ran = |flags: &[&str]| {
        let mut command = crate::common::airlock(home.path());
        command.args(["run"]).args(flags).args(["--", "/bin/sh", "-c", script]);
        crate::common::feed(&mut command, b"")
    };
    let sandboxed = ran(&["--sandbox", "--net", "example.com", "--net", "*.example.net:8443"]);
    if sandboxed.code == 125 || sandboxed.err.contains("not found") {
        println!("skipped: no box or no curl can be had here: {sandboxed:?}");
        return;
    }
    for part in [
        "reaches example.com, *.example.net:8443",
        "airlock: the sandbox refused example.org:80: it is not on the list of hosts (--net HOST allows one)\n",
        "proxy 403\n",
        "direct 000 ",
    ] {
        assert!(sandboxed.err.contains(part), "{part}: {}", sandboxed.err);
    }
    let outside = ran(&["--net", "example.com"]);
    assert!(outside.code == 64 && outside.err.contains("add --sandbox"), "{outside:?}");
}

/// gVisor counts only where it runs a program.
#[cfg(target_os = "linux")]
#[test]
fn the_doctor_tries_gvisor() {
    let home = tempfile::tempdir().unwrap();
    let doctor = |path: &str| {
        let mut command = crate::common::airlock(home.path());
        let output =
            command.env("PATH", path).args(["sandbox", "doctor", "--format", "json"]).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let facts = report["facts"].as_array().unwrap();
        let runsc = facts.iter().find(|fact| fact["subject"] == "runsc").unwrap().clone();
        (report["level"].clone(), runsc["state"].clone(), runsc["text"].as_str().unwrap().to_owned())
    };
    let program = home.path().join("runsc");
    let fake = "#!/bin/sh\ncase $1 in --version) echo runsc version 7;; \
                flags) echo '  -platform string'; echo '  systrap (default), ptrace';; *) exit 3;; esac\n";
    // By another process: one that this one held open for writing could not be started while a child has it, too.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"]).arg(&program).arg(fake);
    assert!(shell.status().unwrap().success());
    let (level, state, text) = doctor(home.path().to_str().unwrap());
    assert!(level != "kernel" && state == "degraded", "{text}");
    assert!(text.contains("7, platform systrap; it does not run here: "), "{text}");
    let (level, state, text) = doctor(&std::env::var("PATH").unwrap());
    if state == "good" {
        assert!(text.contains(", platform ") && text.ends_with("; it runs programs here"), "{text}");
        assert_eq!(level, "kernel");
    } else {
        println!("skipped: {text}");
    }
}
