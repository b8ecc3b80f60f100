//! Guards an MCP server written with rmcp: one changed line.

#![forbid(unsafe_code)]

mod airlocked;
mod judge;
mod message;
mod outbox;
mod pump;
mod setup;
mod shield;
mod start;
mod transport;

pub use airlock_engine::{AgentId, Airlock, Caller, Role, SessionId};
pub use airlock_host::HostError;
pub use airlock_mcp::{GuardSettings, Report, Severity};
pub use airlocked::Airlocked;
pub use shield::Shielded;
pub use start::{ServeError, StartError};
pub use transport::{GuardedError, GuardedTransport};
