//! CPU and memory of processes, as Linux tells them in `/proc`.

use std::fs;
use std::path::Path;
use std::process;

use crate::command::{command, said};

/// The processes of airlock in a session.
pub(super) struct Airlock {
    pids: Vec<u32>,
}

/// The processes of a guarded session: airlock's own, and the server.
pub(super) fn below(root: u32, server: &str) -> Result<(Airlock, u32), String> {
    let entries = fs::read_dir("/proc").map_err(|error| format!("this needs Linux's /proc: {error}"))?;
    let all: Vec<Process> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect();
    let (mut pids, mut found, mut at) = (vec![root], None, 0);
    while let Some(&parent) = pids.get(at) {
        for process in all.iter().filter(|process| process.parent == parent) {
            if process.name == server {
                found = Some(process.pid);
            } else {
                pids.push(process.pid);
            }
        }
        at += 1;
    }
    let server = found.ok_or_else(|| format!("process {root} has no descendant `{server}`"))?;
    Ok((Airlock { pids }, server))
}

impl Airlock {
    /// Nanoseconds on a CPU so far, in user and kernel mode, of all threads.
    pub(super) fn cpu(&self) -> Result<u64, String> {
        self.pids.iter().map(|pid| cpu(*pid)).sum()
    }

    /// Resident memory of each process, in bytes: ours first, then the supervisor's.
    pub(super) fn resident(&self) -> Result<Vec<u64>, String> {
        self.pids.iter().map(|pid| resident(*pid)).collect()
    }
}

struct Process {
    pid: u32,
    parent: u32,
    name: String,
}

impl Process {
    /// `/proc/PID/stat`: the process id, the name in parentheses, the state, the parent.
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.split_once('(')?;
        let (name, rest) = rest.rsplit_once(')')?;
        let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
        Some(Self { pid, parent, name: name.to_owned() })
    }
}

/// The first figure of each thread's `schedstat`: nanoseconds on a CPU. Counted by the scheduler at every
/// switch, unlike the ticks of `/proc/PID/stat`.
pub(super) fn cpu(pid: u32) -> Result<u64, String> {
    let tasks = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&tasks).map_err(|error| format!("cannot read `{tasks}`: {error}"))?;
    entries.flatten().map(|entry| thread_cpu(&entry.path())).sum()
}

fn thread_cpu(task: &Path) -> Result<u64, String> {
    let file = task.join("schedstat");
    let text =
        fs::read_to_string(&file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let first = text.split_whitespace().next().and_then(|figure| figure.parse().ok());
    first.ok_or_else(|| format!("`{}` has another form", file.display()))
}

fn resident(pid: u32) -> Result<u64, String> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).map_err(|error| format!("cannot read `{file}`: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| format!("`{file}` has no VmRSS"))
}

/// This process, and what it starts from now on, on one core or on all of them.
///
/// A message between processes on two cores wakes the other core, which costs several times what the message
/// costs, on virtual machines above all; and whether it happens depends on what else runs. On one core it never
/// happens.
pub(super) fn stay_on(cores: &str) -> Result<(), String> {
    let pid = process::id().to_string();
    said(command("taskset").args(["--cpu-list", "--pid", cores, &pid])).map(drop)
}

/// The cores that this process may use now, in the form that [`stay_on`] takes.
pub(super) fn cores() -> Result<String, String> {
    let text = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.map(|line| line.trim().to_owned()).ok_or_else(|| "/proc/self/status names no cores".to_owned())
}
