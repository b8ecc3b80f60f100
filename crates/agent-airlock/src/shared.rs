//! The engine of calls outside a toolbox: one per process, for the configuration of this machine.

use std::sync::OnceLock;

use airlock_engine::{Airlock, Code, Rejection};
use airlock_host::HostError;

static ENGINE: OnceLock<Result<Airlock, HostError>> = OnceLock::new();

pub(crate) fn engine() -> &'static Result<Airlock, HostError> {
    ENGINE.get_or_init(|| airlock_host::start(&airlock_host::load()?))
}

/// Nothing can be recorded then, so nothing may run.
pub(crate) fn not_started() -> Rejection {
    Rejection::new(Code::InternalPolicy).with_message("Airlock could not start on this machine")
}

/// Starts the engine of calls outside a toolbox, which else starts with the first of them, so that what is wrong with
/// the machine's configuration is known at the start.
///
/// # Errors
///
/// The configuration is invalid, or there is no place for audit records.
pub fn start() -> Result<(), HostError> {
    engine().as_ref().map(drop).map_err(Clone::clone)
}

/// Gives calls outside a toolbox this engine. Only the first engine of a process is taken: `false` if one was started
/// or installed before, or could not be started; calls go on with that.
#[must_use = "an engine that is not taken judges nothing"]
pub fn install(airlock: Airlock) -> bool {
    ENGINE.set(Ok(airlock)).is_ok()
}
