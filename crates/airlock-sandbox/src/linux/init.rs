//! The first process of the box: builds it from the inside, gives up every right, starts the program, and reaps.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, Write},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::Command,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{PROC_SUPER_MAGIC, statfs},
    process::{
        DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, dumpable_behavior, getpid,
        parent_process_death_signal, pidfd_open, set_dumpable_behavior, set_parent_process_death_signal,
        umask, wait,
    },
    system::sethostname,
};

use super::{
    control::{report, report_with},
    files,
    helper::as_report,
    landlock::{self, Right, Rules},
    limits,
    plan::{Plan, Report, WORK},
    privileges,
    root::{Root, Visible},
    seccomp::Filters,
    sys::{self, Forked},
};
use crate::{Enforcement, Level, SandboxError, Step};

/// What a host name inside says.
pub(super) const HOST_NAME: &[u8] = b"box";
/// The program was not started, as shells say it.
pub(super) const NOT_RUNNABLE: i32 = 126;
pub(super) const NOT_FOUND: i32 = 127;
/// The box could not be made; the host was told why.
pub(super) const NOT_STARTED: i32 = 125;

/// The kinds of namespaces that the box has for itself.
pub(super) const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
/// The sets of capabilities that a process holds, and that which bounds what programs give it. To empty that one takes a
/// capability.
pub(super) const HELD: &[&str] = &["CapInh", "CapPrm", "CapEff", "CapAmb"];
pub(super) const ALL: &[&str] = &["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"];
/// `TMPFS_MAGIC` of the kernel's `linux/magic.h`.
const TMPFS: i64 = 0x0102_1994;

/// All that the helper prepared.
pub(super) struct Start {
    pub(super) plan: Plan,
    pub(super) visible: Visible,
    pub(super) filters: Filters,
    /// Where the proxy is reached, if there is one.
    pub(super) port: Option<u16>,
    /// What [`namespaces`] said on the host.
    pub(super) namespaces_outside: Vec<PathBuf>,
    /// `/dev/null`.
    pub(super) nothing: OwnedFd,
    /// Hung up when the helper is gone.
    pub(super) helper_lives: OwnedFd,
}

/// The identities of this process's namespaces. A process sees the one that its children will be in as its
/// `pid_for_children`; the first process is such a child.
pub(super) fn namespaces() -> io::Result<Vec<PathBuf>> {
    NAMESPACES.iter().map(|name| fs::read_link(format!("/proc/self/ns/{name}"))).collect()
}

/// The first process's whole life. Returns the code to exit with.
pub(super) fn run(start: Start, control: &UnixStream) -> i32 {
    match begin(start, control) {
        Ok(program) => reap(program, control),
        Err(error) => {
            report(control, &as_report(&error));
            NOT_STARTED
        }
    }
}

fn begin(start: Start, control: &UnixStream) -> Result<Pid, SandboxError> {
    let Start { plan, visible, filters, port, namespaces_outside, nothing, helper_lives } = start;
    die_with_the_helper(&helper_lives).map_err(SandboxError::at(Step::StartInit))?;
    drop(helper_lives);
    // The host's `/proc` is still there. Read back what the host cannot be told about by the box's own.
    let namespaces = own_namespaces(&namespaces_outside).map_err(SandboxError::at(Step::ReadBack))?;
    let status = File::open("/proc/self/status").map_err(SandboxError::at(Step::ReadBack))?;
    let victim = fs::OpenOptions::new().write(true).open("/proc/self/oom_score_adj");
    let mut victim = victim.map_err(SandboxError::at(Step::StartInit))?;
    let this = pidfd_open(getpid(), PidfdFlags::empty());
    let this = this.map_err(|error| SandboxError::at(Step::StartInit)(error.into()))?;

    Root::make(visible)
        .and_then(|root| {
            sethostname(HOST_NAME)?;
            root.enter(&plan)
        })
        .map_err(SandboxError::at(Step::BuildRoot))?;
    limits::set(&plan, limits::OURS).map_err(SandboxError::at(Step::ResourceLimits))?;
    privileges::drop_capabilities().map_err(SandboxError::at(Step::DropCapabilities))?;
    privileges::no_new_privileges().map_err(SandboxError::at(Step::NoNewPrivileges))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| SandboxError::at(Step::Undumpable)(error.into()))?;
    let landlock_abi = rules(&plan, port).enforce().map_err(SandboxError::at(Step::Landlock))?;
    if let Some(missing) = misses_for_network(port, landlock_abi) {
        let (required, given) = (plan.min_level, Level::None);
        return Err(SandboxError::TooWeak { required, given, missing: missing.to_owned() });
    }
    filters.apply().map_err(SandboxError::at(Step::Seccomp))?;

    let mut enforcement = read_back(status, namespaces).map_err(SandboxError::at(Step::ReadBack))?;
    enforcement.landlock_abi = landlock_abi;
    let enforcement = accept(enforcement, &plan)?;
    report_with(control, &Report::Ready(enforcement), this.as_fd())
        .map_err(SandboxError::at(Step::StartProgram))?;
    drop(this);
    // When memory runs out, the program ends first, and the first process lives to tell. The program cannot say so
    // itself, since it starts out as unreadable as this process.
    victim.write_all(b"1000").map_err(SandboxError::at(Step::StartProgram))?;
    match sys::fork().map_err(SandboxError::at(Step::StartProgram))? {
        Forked::Child => sys::exit_now(become_program(&plan, control)),
        Forked::Parent(program) => {
            // It leads a group of its own.
            sys::pass_terminate_on(-program.as_raw_nonzero().get());
            victim.write_all(b"0").map_err(SandboxError::at(Step::StartProgram))?;
            sys::let_go_of_standard_streams(&nothing).map_err(SandboxError::at(Step::StartProgram))?;
            Ok(program)
        }
    }
}

pub(super) fn die_with_the_helper(helper_lives: &OwnedFd) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut watched = [PollFd::new(helper_lives, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    // Had it died before we asked, nobody would tell us.
    if poll(&mut watched, Some(&at_once))? > 0 {
        return Err(io::Error::other("the helper is gone"));
    }
    Ok(())
}

/// What holds the program, if that is as much as is required.
pub(super) fn accept(mut enforcement: Enforcement, plan: &Plan) -> Result<Enforcement, SandboxError> {
    // Joining them would have failed otherwise, and the host read their bounds back.
    enforcement.cgroup.clone_from(&plan.controllers);
    let missing = judge(&mut enforcement);
    if enforcement.level < plan.min_level {
        return Err(SandboxError::TooWeak {
            required: plan.min_level,
            given: enforcement.level,
            missing: missing.join(", "),
        });
    }
    Ok(enforcement)
}

/// Which namespaces are not those of `outside`.
pub(super) fn own_namespaces(outside: &[PathBuf]) -> io::Result<Vec<String>> {
    let inside = namespaces()?;
    let own = NAMESPACES.iter().zip(inside.iter().zip(outside));
    Ok(own.filter(|(_, (inside, outside))| inside != outside).map(|(name, _)| (*name).to_owned()).collect())
}

/// What is missing to hold a program that may make TCP sockets to the one port of the proxy.
fn misses_for_network(port: Option<u16>, landlock_abi: u8) -> Option<&'static str> {
    let held = port.is_none() || landlock_abi >= landlock::TCP;
    (!held).then_some("a network needs Landlock of version 4 (Linux 6.7), which holds it to the proxy")
}

/// The same as the mounts say, once more: all that the root holds may be read, since only what was named is in it.
fn rules(plan: &Plan, port: Option<u16>) -> Rules {
    let mut rules = Rules::default();
    if let Some(port) = port {
        rules.connect_to(port);
    }
    rules.allow("/".as_ref(), Right::Read);
    for path in files::DEVICES {
        rules.allow(path.as_ref(), Right::Use);
    }
    for path in ["/tmp", WORK] {
        rules.allow(path.as_ref(), Right::Own);
    }
    for path in &plan.writable {
        rules.allow(path, Right::Write);
    }
    rules
}

/// What the kernel says of this process now.
fn read_back(mut status: File, namespaces: Vec<String>) -> io::Result<Enforcement> {
    let mut text = String::new();
    status.rewind()?;
    status.read_to_string(&mut text)?;
    if dumpable_behavior()? != DumpableBehavior::NotDumpable {
        return Err(io::Error::other("the first process can be read"));
    }
    if parent_process_death_signal()? != Some(Signal::KILL) {
        return Err(io::Error::other("the first process would outlive the helper"));
    }
    Ok(Enforcement { namespaces, own_root: own_root()?, ..enforcement(&text, ALL)? })
}

/// What `/proc/self/status` says of a process, of whose `capabilities` none may be left.
pub(super) fn enforcement(status: &str, capabilities: &[&str]) -> io::Result<Enforcement> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim).ok_or_else(|| io::Error::other(format!("no {name} in the status of the process")))
    };
    let none = |name: &str| Ok::<_, io::Error>(field(name)?.bytes().all(|digit| digit == b'0'));
    let uids: Vec<u32> = field("Uid")?.split_whitespace().filter_map(|uid| uid.parse().ok()).collect();
    let [uid, rest @ ..] = uids.as_slice() else { return Err(io::Error::other("no user in the status")) };
    if rest.iter().any(|other| other != uid) {
        return Err(io::Error::other("the process has more than one user"));
    }
    // Without seccomp the field is 0; on kernels before 5.9 the number of filters is not told.
    let filtered = field("Seccomp")? == "2";
    let filters = field("Seccomp_filters").ok().and_then(|number| number.parse().ok());
    Ok(Enforcement {
        uid: *uid,
        no_capabilities: capabilities
            .iter()
            .try_fold(true, |all, set| Ok::<_, io::Error>(all && none(set)?))?,
        no_new_privileges: field("NoNewPrivs")? == "1",
        seccomp_filters: if filtered { filters.unwrap_or(Filters::COUNT) } else { 0 },
        ..Enforcement::default()
    })
}

/// Whether the root is an empty file system of ours that cannot be written to.
pub(super) fn own_root() -> io::Result<bool> {
    let root = statfs("/")?;
    let writable = File::create_new("/probe").is_ok();
    let processes =
        Path::new("/proc").symlink_metadata().is_err() || statfs("/proc")?.f_type == PROC_SUPER_MAGIC;
    Ok(root.f_type == TMPFS && !writable && processes)
}

/// Gives the level that all of it amounts to, and says what a higher one misses.
fn judge(enforcement: &mut Enforcement) -> Vec<&'static str> {
    let confined = [
        (enforcement.no_capabilities, "capabilities are left"),
        (enforcement.no_new_privileges, "programs may give privileges"),
        (enforcement.seccomp_filters >= Filters::COUNT, "system calls are not filtered"),
        (enforcement.uid != 0, "it is root"),
    ];
    let apart = [
        (enforcement.namespaces.len() == NAMESPACES.len(), "namespaces are shared with the host"),
        (enforcement.own_root, "the root is not its own"),
    ];
    let missing = |points: &[(bool, &'static str)]| -> Vec<&'static str> {
        points.iter().filter(|(held, _)| !held).map(|(_, text)| *text).collect()
    };
    let (confined, apart) = (missing(&confined), missing(&apart));
    enforcement.level = match (confined.is_empty(), apart.is_empty()) {
        (true, true) => Level::Box,
        (true, false) if enforcement.landlock_abi >= LITE_LANDLOCK => Level::Lite,
        _ => Level::None,
    };
    // Whatever else is missing, that is what a level above misses.
    confined.into_iter().chain(apart).chain(["the kernel is the host's"]).collect()
}

/// The first version of Landlock that holds files, TCP, abstract sockets and signals.
const LITE_LANDLOCK: u8 = 6;

/// Becomes the program; returns only the code to exit with if that fails.
pub(super) fn become_program(plan: &Plan, control: &UnixStream) -> i32 {
    let error = execute(plan);
    let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
    report(control, &as_report(&SandboxError::at(Step::StartProgram)(error)));
    code
}

pub(super) fn execute(plan: &Plan) -> io::Error {
    let Some((program, arguments)) = plan.command.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "the command is empty");
    };
    // No terminal is its own.
    if let Err(error) = sys::start_session() {
        return error;
    }
    umask(rustix::fs::Mode::from_raw_mode(0o022));
    // `PATH` is looked up in the environment of the program, not in the empty one of this process.
    let search = plan.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
    let found = if Path::new(program).components().nth(1).is_some() {
        PathBuf::from(program)
    } else {
        let folders = std::env::split_paths(search.as_deref().unwrap_or_default()).collect::<Vec<_>>();
        let candidates = folders.into_iter().map(|folder| folder.join(program));
        match candidates.into_iter().find(|path| path.is_file()) {
            Some(found) => found,
            None => {
                return io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("`{}` is not in the box", program.display()),
                );
            }
        }
    };
    Command::new(&found)
        .arg0(program)
        .args(arguments)
        .env_clear()
        .envs(plan.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&plan.folder)
        .exec()
}

/// Reaps whatever ends, and ends when the program does; the kernel then ends the rest.
fn reap(program: Pid, control: &UnixStream) -> i32 {
    loop {
        let status = match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => status,
            Ok(_) | Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return NOT_STARTED,
        };
        return tell_end(status, control);
    }
}

/// Reports how the program ended. Returns the code to exit with.
pub(super) fn tell_end(status: WaitStatus, control: &UnixStream) -> i32 {
    if let Some(code) = status.exit_status() {
        report(control, &Report::Exited(code));
        return code;
    }
    let signal = status.terminating_signal().unwrap_or(0);
    report(control, &Report::Signalled(signal));
    128 + signal
}

#[cfg(test)]
mod tests {
    use super::misses_for_network;

    #[test]
    fn a_network_needs_a_landlock_that_holds_tcp() {
        assert_eq!(misses_for_network(None, 0), None, "without a network no socket can be made");
        assert!((0..4).all(|abi| misses_for_network(Some(81), abi).is_some()));
        assert_eq!(misses_for_network(Some(81), 4), None);
    }
}
