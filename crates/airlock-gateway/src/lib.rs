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
//! | `per_call` | a server for each call, which the gate sees as one |
//! | `server` | the server's process: start, shutdown, no orphans |
//! | `signals` | being asked to end |

#![forbid(unsafe_code)]

mod gate;
mod line;
mod per_call;
mod server;
mod signals;
mod stdio;

pub use gate::Gate;
pub use per_call::FreshServers;
pub use server::{Launcher, Started, become_child};
pub use signals::{end_by_signal, watch_end_signals};
pub use stdio::{SessionEnd, SessionOptions, run_stdio};
