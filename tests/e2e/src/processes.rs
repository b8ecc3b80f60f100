//! Which processes of a session are alive, and signals to them. Linux: reads `/proc`.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// The environment variable by which the processes of a session are known, also when their parent is gone.
pub const MARKER: &str = "AIRLOCK_E2E_SESSION";

/// The processes that carry `marker` in their environment and are not zombies.
pub fn marked(marker: &str) -> Vec<i32> {
    let wanted = format!("{MARKER}={marker}");
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        // A zombie's environment reads as empty.
        .filter(|pid: &i32| {
            fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                environment.split(|&byte| byte == 0).any(|one| one == wanted.as_bytes())
            })
        })
        .collect()
}

/// Waits until no process carries `marker`.
///
/// # Errors
///
/// Names the command lines of those that are left after `patience`, and ends them.
pub fn expect_gone(marker: &str, patience: Duration) -> Outcome {
    let deadline = Instant::now() + patience;
    loop {
        let left = marked(marker);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let names: Vec<String> = left.iter().map(|pid| command_line(*pid)).collect();
            for pid in left {
                // It may have ended by itself just now.
                let _ = send(pid, Signal::KILL);
            }
            return Err(format!("still running after {patience:?}: {names:?}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process, told apart from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it started, in ticks since the machine did.
    pub started: u64,
}

/// The process with this number and its parent, unless it is a zombie.
fn process(pid: i32) -> Option<(Process, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, and ends with the last bracket.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let parent = fields.get(1)?.parse().ok()?;
    let started = fields.get(19)?.parse().ok()?;
    (fields.first() != Some(&"Z")).then_some((Process { pid, started }, parent))
}

/// All that came of a process and is not a zombie, whatever environment it has.
pub fn below(pid: i32) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<_> =
        entries.filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for (child, _) in all.iter().filter(|(_, of)| *of == parent) {
            parents.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

/// Waits until none of these processes is left.
///
/// # Errors
///
/// Names the command lines of those that are left after `patience`, and ends them.
pub fn expect_all_gone(processes: &[Process], patience: Duration) -> Outcome {
    let deadline = Instant::now() + patience;
    loop {
        let is_left = |one: &&Process| process(one.pid).is_some_and(|(now, _)| now == **one);
        let left: Vec<_> = processes.iter().filter(is_left).collect();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let names: Vec<String> = left.iter().map(|one| command_line(one.pid)).collect();
            for one in left {
                // It may have ended by itself just now.
                let _ = send(one.pid, Signal::KILL);
            }
            return Err(format!("still running after {patience:?}: {names:?}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The most memory that a process has had so far, in KiB.
///
/// # Errors
///
/// When there is no such process.
pub fn peak_memory(pid: i32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak in the status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Sends a signal to one process.
///
/// # Errors
///
/// When there is no such process.
pub fn send(pid: i32, signal: Signal) -> Outcome {
    let pid = Pid::from_raw(pid).ok_or("not a process id")?;
    Ok(kill_process(pid, signal)?)
}

fn command_line(pid: i32) -> String {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid}: {}", String::from_utf8_lossy(&raw).replace('\0', " "))
}
