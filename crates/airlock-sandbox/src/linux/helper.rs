//! The helper: from a plan to a box, and then waiting.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    process::{Pid, PidfdFlags, Signal, WaitStatus, geteuid, pidfd_open, pidfd_send_signal, waitpid},
    thread::UnshareFlags,
};

use super::{
    cgroup,
    control::{give_listener, receive_plan, report},
    gvisor,
    identity::Identity,
    init, lite,
    plan::{Report, point_at_proxy},
    root::Visible,
    seccomp::{self, Beside},
    sys::{self, Forked},
    watch::Watch,
};
use crate::{SandboxError, Step};

/// It was not started by this crate.
const MISUSED: u8 = 64;
/// The box could not be made; the host was told why.
pub(super) const NOT_STARTED: u8 = 125;
/// Longest reason that the host is told, in characters; it may quote the command.
const LONGEST_DETAIL: usize = 1_000;

/// Those that a box has for itself, beside that of users, which is made first.
pub(super) const NAMESPACES: UnshareFlags = UnshareFlags::NEWNS
    .union(UnshareFlags::NEWPID)
    .union(UnshareFlags::NEWNET)
    .union(UnshareFlags::NEWIPC)
    .union(UnshareFlags::NEWUTS)
    .union(UnshareFlags::NEWCGROUP);

/// Kinds of namespaces that nobody inside may make, as files of `/proc/sys/user`. With no user namespace none of the
/// others can be had; they are named in case that changes. Of mounts there must be one more: the box's file systems
/// count as such until they have a place.
const FORBIDDEN: &[&str] = &[
    "max_user_namespaces",
    "max_pid_namespaces",
    "max_net_namespaces",
    "max_ipc_namespaces",
    "max_uts_namespaces",
    "max_cgroup_namespaces",
    "max_time_namespaces",
];

/// Counts that the kernel keeps for each user and that somebody outside would be short of, as files of
/// `/proc/sys/user`, and what is enough for one box.
const FEW: &[(&str, &str)] = &[("max_inotify_instances", "16"), ("max_inotify_watches", "8192")];

/// The helper's whole life. Returns the code to exit with: that of the program, or 128 and its signal.
pub(super) fn run() -> u8 {
    let Ok(control) = sys::take_control() else { return MISUSED };
    let control = UnixStream::from(control);
    box_of_the_host(&control).unwrap_or_else(|error| {
        report(&control, &as_report(&error));
        NOT_STARTED
    })
}

/// What the host is told.
pub(super) fn as_report(error: &SandboxError) -> Report {
    match error {
        SandboxError::TooWeak { given, missing, .. } => {
            Report::TooWeak { given: *given, missing: missing.clone() }
        }
        SandboxError::Failed { step, source } => Report::Failed {
            step: *step,
            errno: source.raw_os_error().unwrap_or_else(|| match source.kind() {
                io::ErrorKind::NotFound => libc::ENOENT,
                io::ErrorKind::PermissionDenied => libc::EACCES,
                _ => 0,
            }),
            detail: source.to_string().chars().take(LONGEST_DETAIL).collect(),
        },
        other => Report::Failed { step: Step::StartHelper, errno: 0, detail: other.to_string() },
    }
}

fn box_of_the_host(control: &UnixStream) -> Result<u8, SandboxError> {
    let (mut plan, input) = receive_plan(control).map_err(SandboxError::at(Step::ReadPlan))?;
    rustix::stdio::dup2_stdin(&input).map_err(|error| SandboxError::at(Step::ReadPlan)(error.into()))?;
    drop(input);
    sys::close_from(sys::CONTROL + 1).map_err(SandboxError::at(Step::CloseDescriptors))?;
    sys::reset_signals();
    let watch = Watch::new(&plan, control).map_err(SandboxError::at(Step::StartHelper))?;
    cgroup::join(&plan.entrances).map_err(SandboxError::at(Step::JoinCgroup))?;
    if let Some(scratch) = &plan.scratch {
        return lite::run(&plan, scratch, control, watch);
    }
    if let Some(runsc) = plan.runsc.clone() {
        return gvisor::helper::run(plan, &runsc, control, watch);
    }
    let beside = if plan.network { Beside::NamespacesAndProxy } else { Beside::Namespaces };
    let filters = seccomp::compile(beside).map_err(SandboxError::at(Step::Seccomp))?;
    let namespaces_outside = init::namespaces().map_err(SandboxError::at(Step::ReadBack))?;

    // Root takes hold of the paths while it may still walk to them; anybody else has no more rights outside of a user
    // namespace than inside.
    let mut visible = None;
    if geteuid().is_root() {
        if sys::unshare(UnshareFlags::NEWNS).is_ok() {
            visible = Some(Visible::open(&plan).map_err(SandboxError::at(Step::OpenPaths))?);
        }
        super::identity::leave_root(&[]).map_err(SandboxError::at(Step::LeaveRoot))?;
    }
    let identity = Identity::current();
    Identity::unshare().map_err(SandboxError::at(Step::UserNamespace))?;
    identity.map().map_err(SandboxError::at(Step::MapUser))?;
    sys::unshare(NAMESPACES).map_err(SandboxError::at(Step::Namespaces))?;
    let port = plan.network.then(|| listen(control)).transpose().map_err(SandboxError::at(Step::Network))?;
    if let Some(port) = port {
        point_at_proxy(&mut plan.environment, port);
    }
    let visible = match visible {
        Some(visible) => visible,
        None => Visible::open(&plan).map_err(SandboxError::at(Step::OpenPaths))?,
    };
    forbid_namespaces().map_err(SandboxError::at(Step::ForbidNamespaces))?;

    let nothing = fs::OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let nothing = nothing.map_err(SandboxError::at(Step::StartInit))?;
    // Held by the helper alone: its end tells the first process, should the helper die before that asked to be told.
    let (helper_lives, helper) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|error| SandboxError::at(Step::StartInit)(error.into()))?;
    match sys::fork().map_err(SandboxError::at(Step::StartInit))? {
        Forked::Child => {
            drop((helper, watch));
            let start =
                init::Start { plan, visible, filters, port, namespaces_outside, nothing, helper_lives };
            sys::exit_now(init::run(start, control))
        }
        Forked::Parent(first) => {
            drop((helper_lives, visible, plan));
            let ended = wait(first, watch, &nothing).map_err(SandboxError::at(Step::StartInit));
            drop(helper);
            ended
        }
    }
}

/// Makes the way to the proxy: the one socket of this network namespace that anybody listens at. It is served on the
/// host, and nothing of it stays here. Its port.
fn listen(control: &UnixStream) -> io::Result<u16> {
    sys::bring_loopback_up()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    give_listener(control, &listener)?;
    Ok(port)
}

fn forbid_namespaces() -> io::Result<()> {
    let none = FORBIDDEN.iter().map(|name| (*name, "0"));
    for (name, most) in none.chain(FEW.iter().copied()) {
        match fs::write(format!("/proc/sys/user/{name}"), most) {
            // An older kernel has fewer kinds.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            written => written?,
        }
    }
    Ok(())
}

/// Waits until the box is empty, or it is over: then it is emptied.
pub(super) fn wait(first: Pid, mut watch: Watch<'_>, nothing: &OwnedFd) -> io::Result<u8> {
    let box_ = pidfd_open(first, PidfdFlags::empty())?;
    sys::let_go_of_standard_streams(nothing)?;
    // The first process hands it on to the program: who asks the helper to end asks the program.
    sys::pass_terminate_on(first.as_raw_nonzero().get());
    let mut killed = false;
    loop {
        if watch.wait(box_.as_fd(), None)? {
            // Its number will be free.
            sys::pass_terminate_on(0);
            let status = waitpid(Some(first), rustix::process::WaitOptions::empty())?;
            return Ok(status.map_or(NOT_STARTED, |(_, status)| code_of(status)));
        }
        if watch.is_over() && !killed {
            killed = true;
            kill(&box_);
        }
    }
}

fn kill(box_: &OwnedFd) {
    // It can only fail because the box is gone.
    let _ = pidfd_send_signal(box_, Signal::KILL);
}

pub(super) fn code_of(status: WaitStatus) -> u8 {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_STARTED)
}
