//! A real rmcp client before a real rmcp server, over a pipe in memory: with the guard in between, and without it
//! for control.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(
    deprecated,
    reason = "log messages and sampling are deprecated since 2026-07-28, and still to be guarded"
)]

mod callers;
mod calls;
mod endings;
mod fixture;
mod output;
mod raw;
mod scene;
mod stateless;
mod unknown;
