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
