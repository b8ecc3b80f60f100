//! Drives `examples/probe.rs` as a client would.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// A running probe. Its standard error is collected.
pub(crate) struct Probe {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<JoinHandle<String>>,
}

impl Probe {
    pub(crate) fn start(options: &[&str], server: &[impl AsRef<str>]) -> Self {
        Self::start_with_env(options, server, &[])
    }

    /// With environment variables that all have the value `value`.
    pub(crate) fn start_with_env(options: &[&str], server: &[impl AsRef<str>], names: &[&str]) -> Self {
        let mut child = Command::new(example())
            .args(options)
            .args(server.iter().map(AsRef::as_ref))
            .envs(names.iter().map(|name| (name, "value")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            stderr: Some(thread::spawn(move || {
                let mut text = Vec::new();
                stderr.read_to_end(&mut text).unwrap();
                String::from_utf8_lossy(&text).into_owned()
            })),
            child,
        }
    }

    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().unwrap()
    }

    pub(crate) fn close_stdin(&mut self) {
        drop(self.stdin.take());
    }

    pub(crate) fn close_stdout(&mut self) {
        drop(self.stdout.take());
    }

    fn stdout(&mut self) -> &mut BufReader<ChildStdout> {
        self.stdout.as_mut().unwrap()
    }

    pub(crate) fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout().read_line(&mut line).unwrap();
        assert_eq!(line.pop(), Some('\n'), "the output ended");
        line
    }

    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        self.close_stdin();
        self.read_to_end_with_stdin_open()
    }

    pub(crate) fn read_to_end_with_stdin_open(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stdout().read_to_end(&mut rest).unwrap();
        rest
    }

    /// Waits for the end and returns what was said on standard error.
    pub(crate) fn finish(mut self) -> String {
        eventually("the session ends", || self.child.try_wait().unwrap().is_some());
        self.stderr.take().unwrap().join().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The most memory the probe ever had, in KiB.
    pub(crate) fn peak_kib(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Whether none of its threads ran for a while.
    pub(crate) fn is_asleep(&self) -> bool {
        let ran = || fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let switches = || -> usize {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            let status = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap());
            status.map(|text| text.lines().filter_map(switches_in).sum::<usize>()).sum()
        };
        let before = (ran(), switches());
        thread::sleep(Duration::from_millis(100));
        before == (ran(), switches())
    }
}

fn switches_in(line: &str) -> Option<usize> {
    let (name, count) = line.split_once(':')?;
    if name.ends_with("ctxt_switches") { count.trim().parse().ok() } else { None }
}

impl Drop for Probe {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `cargo test` and `cargo nextest` build the examples beside the tests.
pub(crate) fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/probe");
    assert!(path.exists(), "build the example first: cargo build -p airlock-gateway --example probe");
    path
}

/// A server that is a shell script.
pub(crate) fn sh(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).into()
}

/// What a server writes when the client starts it without us.
pub(crate) fn direct(server: &[String]) -> String {
    let output = Command::new(&server[0]).args(&server[1..]).stdin(Stdio::piped()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Lines that come from two sides, in any order.
pub(crate) fn lines(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

/// Waits for something that another process does.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
