//! How this program becomes the helper of a box.

use std::{ffi::OsString, process::ExitCode};

#[cfg(feature = "microvm")]
use super::microvm;
use super::{
    gvisor::inside,
    helper,
    host::Launcher,
    selftest::{self, TRY},
};

/// The argument that only this crate gives.
pub(super) const BOX: &str = "__box";

/// Call this first in `main` with all arguments (the program's name included): before any thread, runtime or secret
/// exists.
///
/// Usually it returns at once with the [`Launcher`] that a [`ProcessBox`](crate::ProcessBox) needs. In a process that a
/// sandbox started, it does that process's work and returns the code to exit with.
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> Result<Launcher, ExitCode> {
    let mut rest = arguments.into_iter();
    match rest.nth(1) {
        Some(role) if role == BOX => Err(ExitCode::from(helper::run())),
        #[cfg(feature = "microvm")]
        Some(role) if role == microvm::GUEST => Err(ExitCode::from(microvm::run_guest())),
        #[cfg(feature = "microvm")]
        Some(role) if role == microvm::MONITOR => Err(ExitCode::from(microvm::become_monitor(rest))),
        Some(role) if role == inside::INSIDE => Err(inside::run()),
        Some(role) if role == TRY => {
            let names = rest.map(|name| name.to_string_lossy().into_owned());
            Err(selftest::attempt(&names.collect::<Vec<_>>()))
        }
        _ => Ok(Launcher::new()),
    }
}
