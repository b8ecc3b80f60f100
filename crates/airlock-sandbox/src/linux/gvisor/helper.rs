//! The helper of a program that runs in gVisor: from a plan to namespaces, and then waiting.

use std::{
    fs,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use rustix::{process::geteuid, thread::UnshareFlags};

use super::{
    super::{
        helper::{NAMESPACES, wait},
        init, limits,
        plan::{Plan, Runsc},
        seccomp,
        sys::{self, Forked},
        watch::Watch,
    },
    identity,
    inside::Kernel,
    outside::{self, Start},
    tree::Taken,
};
use crate::{SandboxError, Step};

/// As the helper of a box, and with its means.
pub(in super::super) fn run(
    plan: Plan,
    runsc: &Runsc,
    control: &UnixStream,
    watch: Watch<'_>,
) -> Result<u8, SandboxError> {
    let namespaces_outside = init::namespaces().map_err(SandboxError::at(Step::ReadBack))?;
    let kernel = Kernel::current();
    let open = |plan| Taken::open(plan, runsc).map_err(SandboxError::at(Step::OpenPaths));
    // Root takes hold of the paths while it may still walk to them.
    let mut taken = None;
    if geteuid().is_root() && sys::unshare(UnshareFlags::NEWNS).is_ok() {
        taken = Some(open(&plan)?);
    }
    let filters = seccomp::around_gvisor().map_err(SandboxError::at(Step::Seccomp))?;
    // Those of root are of a user that nobody else is.
    let others = if geteuid().is_root() { 0 } else { limits::of_the_same_user() };
    let program = identity::enter().map_err(SandboxError::at(Step::UserNamespace))?;
    sys::unshare(NAMESPACES).map_err(SandboxError::at(Step::Namespaces))?;
    let taken = match taken {
        Some(taken) => taken,
        None => open(&plan)?,
    };
    let nothing = fs::OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let nothing = nothing.map_err(SandboxError::at(Step::StartInit))?;
    // Held by the helper alone, as that of the box.
    let (helper_lives, helper) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|error| SandboxError::at(Step::StartInit)(error.into()))?;
    match sys::fork().map_err(SandboxError::at(Step::StartInit))? {
        Forked::Child => {
            drop((helper, watch));
            let start = Start {
                plan,
                runsc: runsc.clone(),
                taken,
                program,
                others,
                filters,
                kernel,
                namespaces_outside,
                nothing,
                helper_lives,
            };
            sys::exit_now(outside::run(start, control))
        }
        Forked::Parent(first) => {
            drop((helper_lives, taken, plan));
            let ended = wait(first, watch, &nothing).map_err(SandboxError::at(Step::StartInit));
            drop(helper);
            ended
        }
    }
}
