//! The program's own process, until it becomes the program: it enters the root and gives up every right.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use rustix::{
    process::{DumpableBehavior, chdir, chroot, set_dumpable_behavior},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
    thread::{
        CapabilitySet, CapabilitySets, Gid, Uid, set_capabilities, set_keep_capabilities, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    },
};

use super::{
    super::super::{
        control::report,
        helper::as_report,
        init::{self, become_program},
        limits,
        plan::{Plan, Report},
        privileges,
        seccomp::{self, Beside},
        sys,
    },
    PLACES,
};
use crate::{Enforcement, Level, SandboxError, Step};

/// A user that nobody is, as in a box of root.
const NOBODY: u32 = 0x7000_0000;
/// It was not started, and the first process was told why.
const NOT_STARTED: i32 = 125;

/// Becomes the program. Returns only the code to exit with if that fails.
pub(super) fn run(plan: &Plan, [input, output, errors]: [OwnedFd; 3], control: &UnixStream) -> i32 {
    sys::reset_signals();
    let streams = || -> io::Result<()> {
        dup2_stdin(&input)?;
        dup2_stdout(&output)?;
        Ok(dup2_stderr(&errors)?)
    };
    let restrained = streams().map_err(SandboxError::at(Step::StartProgram)).and_then(|()| restrain(plan));
    match restrained {
        Ok(enforcement) => {
            report(control, &Report::Ready(enforcement));
            become_program(plan, control)
        }
        Err(error) => {
            report(control, &as_report(&error));
            NOT_STARTED
        }
    }
}

fn restrain(plan: &Plan) -> Result<Enforcement, SandboxError> {
    // When memory runs out, the program ends, and what it starts.
    fs::write("/proc/self/oom_score_adj", "1000").map_err(SandboxError::at(Step::StartProgram))?;
    chroot(PLACES.1)
        .and_then(|()| chdir("/"))
        .map_err(|error| SandboxError::at(Step::EnterRoot)(error.into()))?;
    limits::set(plan, 0).map_err(SandboxError::at(Step::ResourceLimits))?;
    leave_root().map_err(SandboxError::at(Step::LeaveRoot))?;
    privileges::drop_capabilities().map_err(SandboxError::at(Step::DropCapabilities))?;
    privileges::no_new_privileges().map_err(SandboxError::at(Step::NoNewPrivileges))?;
    // It was made unreadable by the change of its user; it has to read about itself.
    set_dumpable_behavior(DumpableBehavior::Dumpable)
        .map_err(|error| SandboxError::at(Step::ReadBack)(error.into()))?;
    filter().map_err(SandboxError::at(Step::Seccomp))?;
    read_back().map_err(SandboxError::at(Step::ReadBack))
}

/// Becomes a user that owns nothing. What it takes to rule out capabilities for good is kept until that is done.
fn leave_root() -> io::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_keep_capabilities(true)?;
    set_thread_res_uid(user, user, user)?;
    let needed = CapabilitySet::SETPCAP;
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: needed, permitted: needed, inheritable: none })?)
}

/// The list of a box, where the guest's kernel can hold anybody to it: then less of that kernel can be reached.
fn filter() -> io::Result<()> {
    let applied = seccomp::compile(Beside::Namespaces).and_then(|filters| filters.apply());
    match applied {
        Err(error)
            if error.kind() == io::ErrorKind::Unsupported
                || matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
        {
            Ok(())
        }
        applied => applied,
    }
}

/// What the guest's kernel says of this process. What was done and is not so is an error.
fn read_back() -> io::Result<Enforcement> {
    let status = fs::read_to_string("/proc/self/status")?;
    let held = Enforcement {
        own_root: init::own_root()?,
        level: Level::Machine,
        ..init::enforcement(&status, init::ALL)?
    };
    let points = [
        (held.uid == NOBODY, "it is another user"),
        (held.no_capabilities, "capabilities are left"),
        (held.no_new_privileges, "programs may give privileges"),
        (held.own_root, "the root is not its own"),
    ];
    match points.iter().find(|(holds, _)| !holds) {
        None => Ok(held),
        Some((_, missing)) => Err(io::Error::other(*missing)),
    }
}
