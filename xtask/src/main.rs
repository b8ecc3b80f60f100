//! The project's own tasks: `cargo xtask test` checks everything on a fresh machine, and is what CI runs.
//!
//! Plain standard library, so that it builds in a second: the tasks are commands of cargo and of package
//! managers, run in order, timed, and stopped at the first failure.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to whoever started it, on the terminal or in the log of CI"
)]

mod command;
mod fuzz;
mod report;
mod setup;
mod steps;

use std::process::ExitCode;

use report::Report;

const HELP: &str = "\
usage: cargo xtask TASK

  test    everything below, then all tests: what CI runs
  setup   installs what the tests need (npm packages, a Python venv, cargo tools); quick when it is there
  lint    format, clippy, documentation, dependencies
  e2e     only the end-to-end tests, with the real MCP servers and clients
  fuzz    each fuzz target for ten seconds
  help    this text

Everything is installed below `target/e2e`, but for cargo tools (cargo-nextest, cargo-deny), which are
installed with `cargo install` when they are missing.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let task: fn(&mut Report) -> Result<(), String> =
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["test"] => steps::test,
            ["setup"] => setup::setup,
            ["lint"] => steps::lint,
            ["e2e"] => steps::e2e,
            ["fuzz"] => fuzz::fuzz,
            ["help" | "--help" | "-h"] => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("{HELP}");
                return ExitCode::from(64);
            }
        };
    let mut report = Report::default();
    let outcome = task(&mut report);
    report.print();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nfailed: {message}");
            ExitCode::FAILURE
        }
    }
}
