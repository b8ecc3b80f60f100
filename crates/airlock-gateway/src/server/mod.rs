//! The server's process: how it is started, how it ends, and that nothing of it stays behind.
//!
//! On Unix the command is not our child but our grandchild:
//!
//! ```text
//! airlock ── supervisor (airlock __child supervise …) ── the command, leader of a process group of its own
//! ```
//!
//! The supervisor does nothing but wait: for the command to end, for a signal of ours, and for our own death,
//! however sudden (on Linux the kernel tells it; elsewhere it looks every second). Then it ends the whole
//! group: SIGTERM, a grace, SIGKILL. It lets go of the pipes, so the command talks to us directly.
//!
//! The boundary is the process group: `npx` and the `node` it starts are inside. A process that moved to a
//! session of its own asked to outlive its parent, and is left alone. On Linux the command itself dies even
//! when we and the supervisor are killed in the same instant; its own children then see only that their input
//! ended.
//!
//! Elsewhere than on Unix the command is our child, and only it is ended.
//!
//! Whoever wants more around a server, a sandbox say, starts it and hands it over as [`Started`].

#[cfg(not(unix))]
mod direct;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod reexec;
mod started;
#[cfg(unix)]
mod supervised;
#[cfg(unix)]
mod supervisor;

use std::{
    env,
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ChildStdin, ChildStdout, ExitCode},
};

#[cfg(not(unix))]
pub(crate) use direct::Server;
pub use started::Started;
#[cfg(unix)]
pub(crate) use supervised::Server;

/// What is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program<'a> {
    /// The program and its arguments.
    pub(crate) command: &'a [OsString],
    /// Environment variables that are not passed on.
    pub(crate) withheld: &'a [OsString],
}

/// What we write to and read from.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) input: ChildStdin,
    pub(crate) output: ChildStdout,
}

/// The proof that this binary can be started as its own child: its `main` calls [`become_child`] before
/// anything else. Without that, a session would start itself for ever.
#[derive(Clone, Debug)]
pub struct Launcher {
    #[cfg_attr(not(unix), expect(dead_code, reason = "the command is started directly"))]
    program: PathBuf,
}

/// Call this first in `main` with all arguments (the program's name included).
///
/// Usually it returns at once with the [`Launcher`] that [`SessionOptions`](crate::SessionOptions) needs. In a
/// process that a session started, it does that process's work and returns the code to exit with; a
/// command that cannot be started is reported on standard error, with code 127 when it is not found and 126
/// otherwise.
///
/// # Example: a main function
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     let launcher = match airlock_gateway::become_child(std::env::args_os()) {
///         Ok(launcher) => launcher,
///         Err(code) => return code,
///     };
///     // … run a session with `launcher` …
/// #   drop(launcher);
///     ExitCode::SUCCESS
/// }
/// ```
pub fn become_child(arguments: impl IntoIterator<Item = OsString>) -> Result<Launcher, ExitCode> {
    let arguments = arguments.into_iter().skip(1);
    #[cfg(unix)]
    if let Some(code) = reexec::run(arguments) {
        return Err(ExitCode::from(code));
    }
    #[cfg(not(unix))]
    drop(arguments);
    // Known on every supported system; if it is not, starting a session will say so.
    Ok(Launcher { program: env::current_exe().unwrap_or_default() })
}

/// Why `program` could not be started, for the operator.
fn cannot_start(program: &std::ffi::OsStr, error: &io::Error) -> String {
    let program = program.to_string_lossy();
    match error.kind() {
        io::ErrorKind::NotFound => format!("cannot start `{program}`: it or its interpreter is not found"),
        io::ErrorKind::PermissionDenied => format!("cannot start `{program}`: permission denied"),
        _ => format!("cannot start `{program}`: {error}"),
    }
}
