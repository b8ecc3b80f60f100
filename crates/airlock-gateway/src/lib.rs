//! Transports and sessions of Agent-Airlock.
//!
//! A session stands between one MCP client and one MCP server. [`run_stdio`] starts the server as a child
//! process and carries lines between it and our own standard input and output; a [`Gate`] decides about each
//! line. The transport holds no rule: it bounds, frames, delivers, and ends processes.
//!
//! | part | owns |
//! |---|---|
//! | `gate` | what the transport asks of the guard |
//! | `line` | lines of bounded length out of a stream, without copying |
//! | `stdio` | the session: two directions, an event loop, its end |
//! | `server` | the server's process: start, shutdown, no orphans |
//! | `signals` | being asked to end |

#![forbid(unsafe_code)]

mod gate;
mod line;
mod server;
mod signals;
mod stdio;

pub use gate::Gate;
pub use server::{Launcher, Started, become_child};
pub use signals::{end_by_signal, watch_end_signals};
pub use stdio::{SessionEnd, SessionOptions, run_stdio};
