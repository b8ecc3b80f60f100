//! The two things that this binary does as its own child: supervise, and become the command.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
    time::Duration,
};

use rustix::process::{Pid, getppid};

use super::{Program, cannot_start, supervisor};

/// The command exists but cannot be run.
const NOT_RUNNABLE: u8 = 126;
/// The command does not exist.
const NOT_FOUND: u8 = 127;
/// Nobody but this crate gives these arguments.
const MISUSED: u8 = 64;
/// Whoever started us is gone already.
const ORPHANED: u8 = 1;

const CHILD: &str = "__child";
const SUPERVISE: &str = "supervise";
const BECOME: &str = "become";

/// Does what our parent wants, if our parent is this binary: `__child supervise PARENT GRACE_MS COMMAND…` or
/// `__child become PARENT COMMAND…`. Returns the code to exit with.
pub(super) fn run(mut arguments: impl Iterator<Item = OsString>) -> Option<u8> {
    if arguments.next()? == CHILD { Some(act(arguments)) } else { None }
}

fn act(mut arguments: impl Iterator<Item = OsString>) -> u8 {
    let role = arguments.next().unwrap_or_default();
    let parent = number(arguments.next()).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let grace = if role == SUPERVISE { number(arguments.next()) } else { Some(0) };
    let command: Vec<OsString> = arguments.collect();
    match (role.to_str(), parent, grace) {
        (Some(SUPERVISE), Some(parent), Some(grace)) => {
            supervisor::supervise(parent, Duration::from_millis(grace), &command)
        }
        (Some(BECOME), Some(parent), _) => become_command(parent, &command),
        _ => MISUSED,
    }
}

/// How `binary` (this one) is started as the supervisor of `program`.
pub(super) fn supervisor_command(binary: &Path, grace: Duration, program: Program<'_>) -> Command {
    let mut supervisor = Command::new(binary);
    supervisor
        .args([CHILD, SUPERVISE, &std::process::id().to_string(), &grace.as_millis().to_string()])
        .args(program.command);
    for variable in program.withheld {
        supervisor.env_remove(variable);
    }
    supervisor
}

/// How the supervisor starts `command`: on Linux through this binary, because the wish to die with its parent
/// has to be stated by the process itself.
pub(super) fn server_command(command: &[OsString]) -> io::Result<Command> {
    if cfg!(target_os = "linux") {
        let mut server = Command::new(std::env::current_exe()?);
        server.args([CHILD, BECOME, &std::process::id().to_string()]).args(command);
        return Ok(server);
    }
    Ok(plain(command))
}

fn plain(command: &[OsString]) -> Command {
    let mut rest = command.iter();
    let mut plain = Command::new(rest.next().map(OsString::as_os_str).unwrap_or_default());
    plain.args(rest);
    plain
}

fn become_command(parent: Pid, command: &[OsString]) -> u8 {
    if let Err(error) = die_with_parent(rustix::process::Signal::KILL) {
        return complain(&format!("cannot ask to end with airlock: {}", error.kind()), NOT_RUNNABLE);
    }
    // Had it died before we asked, nobody would tell us.
    if getppid() != Some(parent) {
        return ORPHANED;
    }
    let error = plain(command).exec();
    not_started(command, &error)
}

/// Says why the command was not started, and the code to exit with.
pub(super) fn not_started(command: &[OsString], error: &io::Error) -> u8 {
    let program = command.first().map(OsString::as_os_str).unwrap_or_default();
    let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
    complain(&cannot_start(program, error), code)
}

/// Has the kernel send us `signal` when the thread that started us ends.
#[cfg(target_os = "linux")]
pub(super) fn die_with_parent(signal: rustix::process::Signal) -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(signal))?)
}

/// Not offered here; the supervisor looks for its parent instead.
#[cfg(not(target_os = "linux"))]
pub(super) fn die_with_parent(_signal: rustix::process::Signal) -> io::Result<()> {
    Ok(())
}

fn complain(text: &str, code: u8) -> u8 {
    // Nobody is left to tell if this fails.
    drop(writeln!(io::stderr(), "airlock: {text}"));
    code
}

fn number(argument: Option<OsString>) -> Option<u64> {
    argument?.to_str()?.parse().ok()
}
