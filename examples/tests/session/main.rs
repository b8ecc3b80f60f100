//! The built examples, each with the configuration beside it, started by a real rmcp client over stdio.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod counter;
mod fetch;
mod files;
mod harness;
mod notes_db;
