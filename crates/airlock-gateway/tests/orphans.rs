//! However a session ends, nothing of the server stays behind.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the other test file uses the rest")]
mod probe;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use probe::{Probe, eventually, sh};
use rustix::process::{Pid, Signal, kill_process};

/// Prints the pids of the server and of a child of it, then does `rest`.
fn family(rest: &str) -> Vec<String> {
    sh(&format!("sleep 1000 & echo $! $$; {rest}"))
}

fn pids(probe: &mut Probe) -> Vec<Pid> {
    let line = probe.read_line();
    let pids: Vec<_> = line.split(' ').map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect();
    assert!(pids.iter().all(|pid| runs(*pid)), "the control: they ran");
    pids
}

fn runs(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')))
}

fn all_gone(pids: &[Pid]) {
    eventually("no process is left", || !pids.iter().any(|pid| runs(*pid)));
}

/// The pids of the probe's own children: the supervisor.
fn supervisors(probe: &Probe) -> Vec<Pid> {
    let pid = probe.pid().as_raw_nonzero();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap());
    let children: String = children.collect();
    children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect()
}

const POLITE: &str = "exec cat";
const DEAF: &str = "trap '' TERM INT HUP; while :; do sleep 1000; done";
/// Deaf and without children.
const LONELY: &str = "echo $$; trap '' TERM INT HUP; exec sleep 1000";

#[test]
fn the_client_closes() {
    for server in [POLITE, DEAF] {
        let mut probe = Probe::start(&["--grace", "100"], &family(server));
        let pids = pids(&mut probe);
        probe.close_stdin();
        assert!(probe.finish().contains("end: the client closed the session"));
        all_gone(&pids);
    }
}

#[test]
fn a_polite_server_is_not_waited_for() {
    let start = Instant::now();
    let mut probe = Probe::start(&["--grace", "10000"], &sh("echo $$; exec cat"));
    let pids = pids(&mut probe);
    probe.close_stdin();
    probe.finish();
    all_gone(&pids);
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn a_server_that_was_started_by_somebody_else() {
    for (server, asked) in [(sh("echo $$; exec cat"), false), (family(DEAF), true)] {
        let mut probe = Probe::start(&["--given", "--grace", "100"], &server);
        let pids = pids(&mut probe);
        let start = Instant::now();
        probe.close_stdin();
        assert!(probe.finish().contains("end: the client closed the session"));
        all_gone(&pids);
        assert_eq!(start.elapsed() > Duration::from_millis(200), asked, "the steps of a shutdown");
    }
    // Its exit code is the server's; asked to end, it does.
    let probe = Probe::start(&["--given"], &sh("exit 7"));
    assert!(probe.finish().contains("end: the server exited with code 7"));
    let mut probe = Probe::start(&["--given", "--grace", "10000"], &sh("echo $$; exec sleep 1000"));
    let pids = pids(&mut probe);
    probe.signal(Signal::INT);
    thread::sleep(Duration::from_millis(100));
    probe.signal(Signal::INT);
    assert!(probe.finish().contains("end: ended by signal 2"));
    all_gone(&pids);
}

#[test]
fn we_are_signalled() {
    for (signal, server) in [(Signal::INT, POLITE), (Signal::TERM, DEAF), (Signal::HUP, DEAF)] {
        let mut probe = Probe::start(&["--grace", "100"], &family(server));
        let pids = pids(&mut probe);
        probe.signal(signal);
        assert!(probe.finish().contains(&format!("end: ended by signal {}", signal.as_raw())));
        all_gone(&pids);
    }
}

#[test]
fn each_further_signal_takes_the_next_step_at_once() {
    let start = Instant::now();
    let server = format!("trap '' TERM; cat; echo end of input; {DEAF}");
    let mut probe = Probe::start(&["--grace", "60000"], &family(&server));
    let pids = pids(&mut probe);
    probe.signal(Signal::INT);
    assert_eq!(probe.read_line(), "end of input");
    assert!(runs(pids[0]) && runs(pids[1]));
    probe.signal(Signal::INT);
    // The shell is deaf, its first child is not.
    eventually("asked to terminate", || !runs(pids[0]));
    assert!(runs(pids[1]), "the control: the shell is deaf");
    probe.signal(Signal::INT);
    assert!(probe.finish().contains("end: ended by signal 2"));
    all_gone(&pids);
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn we_are_killed() {
    for server in [POLITE, DEAF] {
        let mut probe = Probe::start(&["--grace", "100"], &family(server));
        let pids = [pids(&mut probe), supervisors(&probe)].concat();
        assert_eq!(pids.len(), 3);
        probe.signal(Signal::KILL);
        all_gone(&pids);
    }
}

#[test]
fn we_and_the_supervisor_are_killed() {
    let mut probe = Probe::start(&["--grace", "100"], &sh(LONELY));
    let server = pids(&mut probe);
    let supervisor = supervisors(&probe);
    kill_process(supervisor[0], Signal::KILL).unwrap();
    probe.signal(Signal::KILL);
    all_gone(&[server, supervisor].concat());
}

#[test]
fn the_supervisor_is_killed() {
    let mut probe = Probe::start(&["--grace", "100"], &sh(LONELY));
    let server = pids(&mut probe);
    kill_process(supervisors(&probe)[0], Signal::KILL).unwrap();
    assert!(probe.finish().contains("end: the server exited with code 137"));
    all_gone(&server);
}

#[test]
fn the_server_leaves_children_behind() {
    let mut probe = Probe::start(&["--grace", "100"], &family("exit 4"));
    let line = probe.read_line();
    let child = Pid::from_raw(line.split(' ').next().unwrap().parse().unwrap()).unwrap();
    assert!(probe.finish().contains("end: the server exited with code 4"));
    all_gone(&[child]);
}

#[test]
fn a_server_that_ended_does_not_hurry_the_client() {
    let line = "x".repeat(1000);
    let mut probe = Probe::start(&["--grace", "20"], &sh(&format!("yes {line} | head -n 100")));
    eventually("the server ended", || supervisors(&probe).is_empty());
    // Several times the deadline for everything that does not depend on the client.
    thread::sleep(Duration::from_millis(200));
    assert!((0..100).all(|_| probe.read_line() == line));
    assert!(probe.finish().contains("end: the server exited with code 0"));
}

#[test]
fn a_process_that_left_the_group_keeps_neither_the_session_nor_is_it_ended() {
    let script = "setsid sleep 1000 2>/dev/null & echo $!; read -r go; sleep 0.1; exit 0";
    let mut probe = Probe::start(&["--grace", "100"], &sh(script));
    let daemon = pids(&mut probe);
    probe.send("go");
    // It holds the server's output open, so only the deadline tells that nothing will come.
    assert_eq!(probe.read_line(), "failed");
    assert!(probe.finish().contains("end: the server exited with code 0"));
    assert!(runs(daemon[0]));
    kill_process(daemon[0], Signal::KILL).unwrap();
}
