//! The engine that this machine's configuration asks for: one per process.
//!
//! A server over HTTP is made anew for each session, sometimes for each request. With an engine each, no rate limit would
//! ever be reached.

use std::{error::Error, fmt, sync::OnceLock};

use airlock_engine::{Airlock, config::Destination};
use airlock_host::HostError;
use airlock_mcp::GuardSettings;
use rmcp::service::ServerInitializeError;

/// What is the same for every guarded server of this process.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) engine: Airlock,
    pub(crate) settings: GuardSettings,
    /// What weakens protection, in words for the operator.
    pub(crate) warnings: Vec<String>,
}

/// The engine of this process, started with the first server that asks for it.
pub(crate) fn machine() -> Result<Machine, StartError> {
    static MACHINE: OnceLock<Result<Machine, StartError>> = OnceLock::new();
    MACHINE.get_or_init(start).clone()
}

fn start() -> Result<Machine, StartError> {
    let config = airlock_host::load().map_err(StartError::Host)?;
    if matches!(config.audit.destination, Destination::Stdout) {
        return Err(StartError::AuditToStdout);
    }
    let engine = airlock_host::start(&config).map_err(StartError::Host)?;
    let settings = GuardSettings {
        hide_denied: config.airlock.hide_denied_tools,
        bounds: config.limits.message,
        ..GuardSettings::default()
    };
    Ok(Machine { engine, settings, warnings: config.warnings.iter().map(ToString::to_string).collect() })
}

/// Why there is no guard, and therefore no server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration is invalid, or the machine does not give what it asks for.
    Host(HostError),
    /// The configuration sends audit records to the standard output, which may carry the protocol.
    AuditToStdout,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::AuditToStdout => {
                f.write_str("audit.path is `stdout`, which carries the protocol: choose a file or `stderr`")
            }
        }
    }
}

impl Error for StartError {}

/// Why a guarded server is not served.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no guard.
    Start(StartError),
    /// The handshake with the client failed.
    Handshake(Box<ServerInitializeError>),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start(error) => Some(error),
            Self::Handshake(error) => Some(error),
        }
    }
}

impl From<StartError> for ServeError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}
