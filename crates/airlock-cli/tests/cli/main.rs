//! The built binary, as people and scripts use it. One test program, so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of tests fail their test"
)]

mod common;
mod config;
mod demo;
mod e2b;
mod exec;
mod help;
mod profile;
mod run;
mod sandbox;
mod scan;
