//! What `main` calls first.

use std::{env, ffi::OsString, future::Future, pin::Pin, process::ExitCode, sync::OnceLock};

use super::{host::Isolation, worker};
use crate::Tool;

/// The argument that makes this program a worker; only a sandbox of ours gives it.
pub(super) const WORKER: &str = "__airlock_tool";

/// The isolation of this process.
static PROCESS: OnceLock<Isolation> = OnceLock::new();

/// A tool's call inside the sandbox, for [`enter_with`] to drive to its end.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes sandboxed tools run isolated. `main` calls it **first**, before any thread, runtime or secret exists, with
/// every tool that asks for a sandbox.
///
/// A sandboxed tool runs in a process of its own: this program, started anew in a box, with an empty environment, no
/// network, and nothing of the file system but the system's programs and what
/// [`Isolation::confinement`] names. Its process begins with `main` as every one does, and this function takes it
/// from there: it runs the one tool and returns the code to exit with. Usually it returns at once, and every toolbox of
/// the process uses what it returned ([`ToolboxBuilder::isolation`](crate::ToolboxBuilder::isolation) takes another).
///
/// [An example](crate#sandboxed-tools) stands at the beginning.
///
/// With tokio the runtime comes after it, instead of `#[tokio::main]`; a tool that needs the runtime gets one inside by
/// [`enter_with`]:
///
/// ```text
/// fn main() -> ExitCode {
///     let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
///     if let Err(code) = agent_airlock::enter_with(&[fetch], |work| runtime().block_on(work)) {
///         return code;
///     }
///     runtime().block_on(serve())
/// }
/// ```
///
/// # Errors
///
/// The code to exit with, at once, in a process that a sandbox of ours started.
pub fn enter(tools: &[fn() -> Tool]) -> Result<Isolation, ExitCode> {
    enter_with(tools, pollster::block_on)
}

/// Like [`enter`], with what drives the future of a tool inside the sandbox, where there is no runtime yet.
///
/// # Errors
///
/// Like [`enter`].
pub fn enter_with(tools: &[fn() -> Tool], drive: impl FnOnce(Work)) -> Result<Isolation, ExitCode> {
    let arguments: Vec<OsString> = env::args_os().collect();
    let launcher = airlock_sandbox::enter(arguments.iter().cloned())?;
    if arguments.get(1).is_some_and(|role| role == WORKER) {
        return Err(worker::run(arguments.get(2).and_then(|name| name.to_str()), tools, drive));
    }
    let isolation = Isolation::new(launcher, tools);
    // A second call has nothing to add: the first one came before everything.
    Ok(PROCESS.get_or_init(|| isolation).clone())
}

/// What [`enter`] returned in this process, if it ran.
pub(crate) fn of_process() -> Option<Isolation> {
    PROCESS.get().cloned()
}
