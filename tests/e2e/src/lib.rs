//! The end-to-end suite: the built `airlock` binary between real public MCP clients and servers.
//!
//! | peer | what it is |
//! |---|---|
//! | [`Peer::Filesystem`], [`Peer::Everything`] | the reference servers of the MCP project, from npm |
//! | [`Peer::Python`] | a server written with the public Python SDK (`python/server.py`) |
//! | [`Peer::Rmcp`] | a server written with the public Rust SDK (`src/bin/rmcp_server.rs`) |
//! | clients | the Python SDK (`python/client.py`), `rmcp` (`src/bin/rmcp_client.rs`), the MCP inspector from npm |
//!
//! A test starts a server twice: directly, and behind `airlock run` ([`guard`]); a [`Session`] sends raw lines
//! and records raw lines, so that "the same" means the same bytes. Between the guard and the server stands
//! `e2e-tee`, which records what the server was really sent ([`tee`]): that is how a test knows that a refused
//! call never arrived.
//!
//! `cargo xtask test` installs the peers below `target/e2e` and requires every one of them. A plain
//! `cargo nextest run` uses what is there; a test whose peer is missing says so and passes ([`or_skip`]).
//! `AIRLOCK_BIN` names another binary to test than the one beside the tests.
#![forbid(unsafe_code)]
#![cfg(unix)]

pub mod guard;
pub mod install;
pub mod peers;
pub mod processes;
pub mod script;
pub mod session;
pub mod tee;
pub mod wire;

pub use guard::{Guarded, Setting};
pub use install::{Missing, or_skip};
pub use peers::{Peer, Revision};
pub use script::Step;
pub use session::{Ended, Session};
pub use tee::Tee;

/// What the tests and their helpers return: any failure ends the test with its message.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Any error. The test harness prints errors in their `Debug` form, and this one's can be read.
pub struct Failure(Box<dyn std::error::Error>);

impl<E: Into<Box<dyn std::error::Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, out)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, out)
    }
}
