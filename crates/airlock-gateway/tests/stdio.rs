//! Sessions between real processes: what passes, what is bounded, how they end.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod probe;

use std::{io::Write, thread};

use probe::{Probe, eventually, lines, sh};

/// Runs a whole session: everything is sent, the client's side is closed, and the rest is read.
fn session(options: &[&str], server: &[impl AsRef<str>], input: &[u8]) -> (String, String) {
    let mut probe = Probe::start(options, server);
    let mut stdin = probe.take_stdin();
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = probe.read_to_end();
    writer.join().unwrap().unwrap();
    (String::from_utf8_lossy(&output).into_owned(), probe.finish())
}

#[test]
fn messages_pass_byte_for_byte_and_in_order() {
    let mut input = Vec::new();
    for number in 0..10_000_usize {
        let padding = "x ü\u{1f512}".repeat(number % 300);
        writeln!(
            input,
            "{{\"id\": {number},  \"text\":\"{padding}\"}}{}",
            if number % 7 == 0 { "\r" } else { "" }
        )
        .unwrap();
    }
    input.extend_from_slice(b"not json \xff\xfe \x00 garbage\n");
    let mut probe = Probe::start(&["--plain"], &["cat"]);
    let mut stdin = probe.take_stdin();
    let sent = input.clone();
    let writer = thread::spawn(move || stdin.write_all(&sent));
    let output = probe.read_to_end();
    writer.join().unwrap().unwrap();
    assert!(output == input, "{} bytes came back of {}", output.len(), input.len());
    assert!(probe.finish().contains("end: the client closed the session"));
}

#[test]
fn blank_lines_are_dropped_and_a_last_half_line_is_a_line() {
    let (output, _) = session(&[], &["cat"], b"\n\r\nwhole\n  \nhalf");
    assert_eq!(output, "whole\nhalf\n");
}

#[test]
fn what_the_gate_stops_does_not_reach_the_other_side() {
    let server = sh(r#"while read -r line; do echo "saw $line"; done"#);
    let (output, stderr) = session(&[], &server, b"1\ndeny\n2\n");
    assert_eq!(lines(&output), ["denied", "saw 1", "saw 2"].into());
    assert!(stderr.ends_with(
        "probe: server closed\nprobe: client closed\nprobe: end: the client closed the session\n"
    ));
}

#[test]
fn the_server_runs_as_if_started_by_the_client() {
    let script =
        "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd; pwd; env | sort; echo talk >&2";
    let direct = probe::direct(&sh(script));
    assert!(direct.contains("PATH="), "{direct}");
    let (output, stderr) = session(&["--plain"], &sh(script), b"");
    assert_eq!(output, direct);
    assert!(direct.contains("SigIgn"), "{direct}");
    assert!(stderr.starts_with("talk\n"), "{stderr}");
}

#[test]
fn what_is_withheld_does_not_reach_the_server() {
    let script = sh("echo ${PROBE_SECRET-unset} ${PROBE_OPEN-unset}");
    let mut probe = Probe::start_with_env(&["--plain"], &script, &["PROBE_SECRET", "PROBE_OPEN"]);
    assert_eq!(probe.read_line(), "unset value");
    probe.finish();
}

#[test]
fn a_huge_line_is_skipped_in_constant_memory() {
    const HUGE: usize = 100_000_000;
    // From the client; the line of exactly the bound is the control.
    let mut probe = Probe::start(&["--max-line", "100000"], &["cat"]);
    let mut stdin = probe.take_stdin();
    let writer = thread::spawn(move || {
        stdin.write_all(b"{\"id\":17,\"x\":\"").unwrap();
        for _ in 0..HUGE / 100_000 {
            stdin.write_all(&vec![b'x'; 100_000]).unwrap();
        }
        stdin.write_all(b"\"}\n").unwrap();
        stdin.write_all(&vec![b'y'; 100_000]).unwrap();
        stdin.write_all(b"\n").unwrap();
        stdin
    });
    assert_eq!(probe.read_line(), "oversize from client: Some(\"17\")");
    assert_eq!(probe.read_line(), "y".repeat(100_000));
    let peak = probe.peak_kib();
    assert!(peak < 16 * 1024, "{peak} KiB");
    drop(writer.join().unwrap());
    probe.finish();

    // From the server.
    let script = format!(
        r#"read -r go; printf '{{"id":18,"x":"'; head -c {HUGE} /dev/zero | tr '\0' x; printf '"}}\nnext\n'; cat"#
    );
    let mut probe = Probe::start(&["--max-line", "100000"], &sh(&script));
    probe.send("go");
    assert_eq!(probe.read_line(), "oversize from server: Some(\"18\")");
    assert_eq!(probe.read_line(), "next");
    let peak = probe.peak_kib();
    assert!(peak < 16 * 1024, "{peak} KiB");
    probe.close_stdin();
    probe.finish();
}

#[test]
fn a_stuck_client_stops_the_server_and_costs_no_memory() {
    let line = "x".repeat(1000);
    let script = format!("echo $$; yes {line} | head -n 50000; cat");
    let mut probe = Probe::start(&[], &sh(&script));
    probe.read_line();
    eventually("the session waits for the client", || probe.is_asleep());
    let peak = probe.peak_kib();
    assert!(peak < 16 * 1024, "{peak} KiB");
    // The control: nothing was dropped.
    assert!((0..50_000).all(|_| probe.read_line() == line));
    probe.close_stdin();
    probe.finish();
}

#[test]
fn a_stuck_client_does_not_keep_us_from_ending() {
    let mut probe = Probe::start(&["--grace", "100"], &sh("echo start; exec yes"));
    probe.read_line();
    eventually("the session waits for the client", || probe.is_asleep());
    probe.signal(rustix::process::Signal::TERM);
    assert!(probe.finish().contains("end: ended by signal 15"));
}

#[test]
fn a_stuck_server_stops_the_client_and_costs_no_memory() {
    let script = "echo ready; read -r go </dev/null; exec sleep 1000";
    let mut probe = Probe::start(&["--grace", "100"], &sh(script));
    probe.read_line();
    let mut stdin = probe.take_stdin();
    let writer = thread::spawn(move || {
        let line = [&[b'x'; 1000], b"\n".as_slice()].concat();
        (0..50_000).take_while(|_| stdin.write_all(&line).is_ok()).count()
    });
    eventually("the session waits for the server", || probe.is_asleep());
    let peak = probe.peak_kib();
    assert!(peak < 16 * 1024, "{peak} KiB");
    probe.signal(rustix::process::Signal::TERM);
    assert!(probe.finish().contains("end: ended by signal 15"));
    assert!(writer.join().unwrap() < 50_000, "the client was stopped");
}

#[test]
fn a_server_that_writes_before_it_reads_does_not_deadlock() {
    // 3 MB of questions, far more than the pipes hold, before the first answer is read.
    let padding = "x".repeat(1000);
    let script =
        format!("i=0; while [ $i -lt 3000 ]; do echo \"ask $i {padding}\"; i=$((i+1)); done; exec cat");
    let mut probe = Probe::start(&["--grace", "100"], &sh(&script));
    for number in 0..3000 {
        assert_eq!(probe.read_line(), format!("answer {number} {padding}"));
    }
    probe.close_stdin();
    probe.finish();
}

#[test]
fn a_server_that_never_reads_ends_the_session_not_our_memory() {
    let padding = "x".repeat(1000);
    let script = format!("while :; do echo \"ask {padding}\"; done");
    let probe = Probe::start(&["--max-line", "50000", "--grace", "100"], &sh(&script));
    let stderr = probe.finish();
    assert!(stderr.contains("end: the server does not read its input"), "{stderr}");
}

#[test]
fn a_client_that_pipes_its_requests_in_gets_its_answers() {
    // The input ends at once; the server is slow; a message is held until the server has spoken.
    let script = "read -r a; sleep 0.4; echo \"got $a\"; read -r b; sleep 0.4; echo \"got $b\"";
    let input = b"1\nhold 2\n";
    let (output, _) = session(&["--grace", "50"], &sh(script), input);
    assert_eq!(output, "got 1\ngot hold 2\n");
    // The control: a server that is not waited for is ended after the grace.
    let (output, stderr) = session(&["--grace", "50", "--drain", "100"], &sh(script), input);
    assert_eq!(output, "failed\n");
    assert!(stderr.contains("end: the client closed the session"));
}

#[test]
fn held_messages_are_not_lost_while_they_are_let_go() {
    let script = "read -r a; echo \"slowly $a\"; read -r b; echo \"got $b\"";
    let (output, _) = session(&["--grace", "50"], &sh(script), b"1\nhold 2\n");
    assert_eq!(output, "slowly 1\ngot hold 2\n");
}

#[test]
fn a_server_that_dies_fails_what_is_in_flight() {
    let cases = [
        ("read -r a; printf '{\"half'; exit 3", "{\"half\n", "code 3"),
        ("read -r a; kill -SEGV $$", "failed\n", "code 139"),
        ("read -r a; echo answer; exit 0", "answer\n", "code 0"),
        // It closes its output but stays: nothing can come from it any more.
        ("read -r a; exec >&-; exec sleep 1000", "failed\n", "code 143"),
    ];
    for (script, want, code) in cases {
        let mut probe = Probe::start(&["--grace", "100"], &sh(script));
        probe.send("request");
        assert_eq!(String::from_utf8(probe.read_to_end_with_stdin_open()).unwrap(), want, "{script}");
        let stderr = probe.finish();
        assert!(stderr.contains(&format!("the server exited with {code}\n")), "{script}: {stderr}");
    }
}

#[test]
fn a_client_that_closes_its_output_ends_the_session() {
    let mut probe = Probe::start(&["--grace", "100"], &sh("while echo line; do :; done; exec sleep 1000"));
    probe.read_line();
    probe.close_stdout();
    assert!(probe.finish().contains("end: the client closed the session"));
}

#[test]
fn a_panic_in_the_gate_ends_the_session() {
    let (output, stderr) = session(&["--grace", "100"], &["cat"], b"fine\n");
    assert_eq!((output.as_str(), stderr.contains("internal error")), ("fine\n", false));
    for (server, direction) in [("exec cat", "client"), ("echo panic; while echo more; do :; done", "server")]
    {
        let mut probe = Probe::start(&["--grace", "100"], &sh(server));
        if direction == "client" {
            probe.send("panic");
        }
        probe.read_to_end_with_stdin_open();
        let stderr = probe.finish();
        let want = format!("end: internal error: the {direction} thread panicked");
        assert!(stderr.contains(&want), "{stderr}");
    }
}

#[test]
fn a_command_that_cannot_be_started_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let no_interpreter = script("no-interpreter", "#!/nonexistent/interpreter\n");
    let no_program = script("no-program", "#!/tmp\n");
    let fine = script("fine", "#!/bin/sh\nexit 5\n");
    let cases = [
        (vec![], "probe: end: cannot start ``: the command is empty\n".to_owned()),
        (
            vec!["no-such-command"],
            "probe: end: cannot start `no-such-command`: not found on PATH\n".to_owned(),
        ),
        (
            vec![no_interpreter.as_str()],
            format!("airlock: cannot start `{no_interpreter}`: it or its interpreter is not found\n"),
        ),
        (vec![no_interpreter.as_str()], "the server exited with code 127\n".to_owned()),
        (vec![no_program.as_str()], format!("airlock: cannot start `{no_program}`: permission denied\n")),
        (vec![no_program.as_str()], "the server exited with code 126\n".to_owned()),
        (vec![fine.as_str()], "the server exited with code 5\n".to_owned()),
    ];
    for (command, want) in cases {
        let mut probe = Probe::start(&[], &command);
        probe.read_to_end_with_stdin_open();
        let stderr = probe.finish();
        assert!(stderr.contains(&want), "{command:?}: {stderr}");
    }
}
