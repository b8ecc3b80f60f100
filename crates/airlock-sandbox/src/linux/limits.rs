//! Limits that the kernel keeps for each process.

use std::{fs, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::plan::Plan;

/// Room for the addresses of one process, at least: runtimes reserve far more than they use (V8, WebAssembly).
const LEAST_ADDRESSES: u64 = 4 << 30;
/// In a box the first process and the helper count, too.
pub(super) const OURS: u64 = 2;

/// How many processes and threads are of the user of this process, whom no namespace sets apart: the kernel counts them
/// together with those of the program.
pub(super) fn of_the_same_user() -> u64 {
    let user = rustix::process::getuid().as_raw().to_string();
    let tasks = |status: String| {
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        if field("Uid:") == Some(&user) { field("Threads:")?.parse::<u64>().ok() } else { None }
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let statuses = processes.filter_map(|process| fs::read_to_string(process.path().join("status")).ok());
    statuses.filter_map(tasks).sum()
}

/// The controller of a control group that bounds the memory of all together.
pub(super) const MEMORY: &str = "memory";

/// Bounds how many processes and threads there are of the user of this process, `others` of whom it does not own.
pub(super) fn set_processes(most: u64, others: u64) -> io::Result<()> {
    let host = getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX);
    let most = Some(most.saturating_add(others).min(host));
    Ok(setrlimit(Resource::Nproc, Rlimit { current: most, maximum: most })?)
}

/// No memory on disk: a core goes nowhere, not to a file, which cannot be this small, and not to a program of the host, which
/// the kernel starts for 0, too, and for 1 alone does not (`coredump_pipe` in fs/coredump.c).
const CORE: u64 = 1;

/// Rules out cores of this process and all that come of it.
pub(super) fn set_core() -> io::Result<()> {
    let host = getrlimit(Resource::Core).maximum.unwrap_or(u64::MAX);
    let most = Some(CORE.min(host));
    Ok(setrlimit(Resource::Core, Rlimit { current: most, maximum: most })?)
}

/// Bounds what `runsc` and its processes have for themselves. What a program has, gVisor maps into them from a file, and
/// that does not count.
pub(super) fn set_data(most: u64) -> io::Result<()> {
    let host = getrlimit(Resource::Data).maximum.unwrap_or(u64::MAX);
    let most = Some(most.min(host));
    Ok(setrlimit(Resource::Data, Rlimit { current: most, maximum: most })?)
}

/// Sets them for this process and all that come of it; `others` are counted with them by the kernel.
pub(super) fn set(plan: &Plan, others: u64) -> io::Result<()> {
    let cpu = plan.cpu.map(|cpu| cpu.as_secs().max(1));
    let grouped = plan.controllers.iter().any(|controller| controller == MEMORY);
    let limits = [
        // A second after SIGXCPU comes SIGKILL.
        (Resource::Cpu, cpu, cpu.map(|cpu| cpu + 1)),
        (Resource::Nproc, Some(u64::from(plan.processes).saturating_add(others)), None),
        (Resource::Nofile, Some(u64::from(plan.open_files)), None),
        // What a process has for itself and may write to. Where a group bounds all of it, this would only be in the way of
        // runtimes that reserve more than they use: Node.js 24 reserves 512 MiB for code alone.
        (Resource::Data, (!grouped).then_some(plan.memory), None),
        (Resource::As, Some(plan.memory.saturating_mul(8).max(LEAST_ADDRESSES)), None),
        (Resource::Fsize, Some(plan.tmpfs), None),
        // The filter of system calls keeps it from being changed.
        (Resource::Core, Some(CORE), None),
        // No memory that cannot be reclaimed, no queues outside of it.
        (Resource::Nice, Some(0), None),
        (Resource::Rtprio, Some(0), None),
        (Resource::Memlock, Some(64 << 10), None),
        (Resource::Msgqueue, Some(0), None),
        (Resource::Sigpending, Some(1_024), None),
    ];
    for (resource, current, maximum) in limits {
        if let Some(current) = current {
            // A limit of the host that is lower stays.
            let host = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let (current, maximum) = (current.min(host), maximum.unwrap_or(current).min(host));
            setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?;
        }
    }
    Ok(())
}
