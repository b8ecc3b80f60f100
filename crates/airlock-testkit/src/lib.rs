//! Fakes for the ports of the engine, the contract suites that fakes and real ones pass alike, the calls that every door
//! decides alike, and the contract of sandbox backends (feature `backends`).
//!
//! Not published; for tests only. A suite panics where a port breaks its contract.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test kit fails a test by panicking"
)]

#[cfg(feature = "backends")]
pub mod backends;
pub mod calls;
mod contracts;
mod fakes;

pub use contracts::{audit_sink_contract, clock_contract, files_contract, rate_limit_store_contract};
pub use fakes::{FakeAudit, FakeClock, NoFiles, broken_store, config, engine, providers};
