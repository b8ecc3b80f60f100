//! The MCP guard, sans-IO: raw JSON-RPC in, decision and bytes out.
//!
//! A typed model of the protocol in the middle would drop what it does not know and forward what it could
//! not read; this guard reads every message in place, decides on exactly the bytes that it forwards, and
//! leaves everything it does not change as it was. See [`Guard`].
//!
//! All revisions are understood: 2024-11-05 to 2025-11-25 (handshake, sessions, requests of the server) and
//! 2026-07-28 (metadata in every request, results that say what they are).

#![forbid(unsafe_code)]

mod catalog;
mod definition;
mod envelope;
mod guard;
mod method;
mod order;
mod outcome;
mod places;
mod refusal;
pub mod skim;
mod state;

pub use envelope::Id;
pub use guard::{Guard, GuardSettings, LateAnswers};
pub use order::Release;
pub use outcome::{Outcome, Pending, Report, Severity};
