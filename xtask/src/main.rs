//! The project's own tasks: `cargo xtask test` checks everything on a fresh machine, and is what CI runs.
//!
//! Plain standard library, so that it builds in a second: the tasks are commands of cargo and of package
//! managers, run in order, timed, and stopped at the first failure.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to whoever started it, on the terminal or in the log of CI"
)]

mod base64;
mod bench;
mod command;
mod corpus;
mod fuzz;
mod machines;
mod quality;
mod rarity;
mod report;
mod setup;
mod steps;

use std::process::ExitCode;

use report::Report;

const HELP: &str = "\
usage: cargo xtask TASK

  test    setup, lint, all tests, fuzz: what CI runs
  setup   installs what the tests need (npm packages, a Python venv, cargo tools); quick when it is there
  lint    format, clippy, documentation, dependencies
  e2e     only the end-to-end tests, with the real MCP servers and clients
  fuzz [--seconds N] [--sanitizer address] [TARGET...]
          each fuzz target, or the named ones, for N seconds (10); with AddressSanitizer if asked
  corpus  makes the labelled corpus of the scanner from its templates: corpus/detection
  quality [--misses N] [--format table|json] [FILE.jsonl...]
          recall and false alarms of the scanner on labelled text, by default on that corpus
  machines [bookworm|trixie ...]
          boots Debian as it is installed, emulated, and tries the sandbox there as a user without
          rights: some three minutes each, and one more the first time; as root, on Debian
  bench   measures everything that has a budget, and writes BENCHMARKS.md
  rarity [FOLDER]
          builds the scanner's table of letter frequencies from the word lists in FOLDER (/usr/share/dict)
  help    this text

Everything is installed below `target/e2e`, but for cargo tools (cargo-nextest, cargo-deny), which are
installed with `cargo install` when they are missing.";

/// What is to be done.
enum Task {
    Help,
    Steps(fn(&mut Report) -> Result<(), String>),
    Fuzz(fuzz::Options),
    Machines(Vec<String>),
    Quality(Vec<String>),
    Rarity(Option<String>),
}

impl Task {
    /// Reads the command line; `None` when it makes no sense.
    fn parse(words: &[&str]) -> Option<Self> {
        Some(match *words {
            ["test"] => Self::Steps(steps::test),
            ["setup"] => Self::Steps(setup::setup),
            ["lint"] => Self::Steps(steps::lint),
            ["e2e"] => Self::Steps(steps::e2e),
            ["bench"] => Self::Steps(bench::bench),
            ["corpus"] => Self::Steps(corpus::corpus),
            ["quality", ref words @ ..] => Self::Quality(owned(words)),
            ["machines", ref releases @ ..] => Self::Machines(owned(releases)),
            ["fuzz", ref words @ ..] => Self::Fuzz(fuzz::Options::parse(words)?),
            ["rarity"] => Self::Rarity(None),
            ["rarity", folder] => Self::Rarity(Some(folder.to_owned())),
            ["help" | "--help" | "-h"] => Self::Help,
            _ => return None,
        })
    }

    fn run(self, report: &mut Report) -> Result<(), String> {
        match self {
            Self::Help => {
                println!("{HELP}");
                return Ok(());
            }
            Self::Steps(steps) => steps(report)?,
            // Its answer is the whole output, so that `--format json` can be piped on.
            Self::Quality(words) => return quality::quality(&words),
            Self::Fuzz(options) => fuzz::fuzz(report, &options)?,
            Self::Machines(releases) => machines::machines(report, &releases)?,
            Self::Rarity(folder) => rarity::rarity(folder.as_deref())?,
        }
        Ok(())
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(task) = Task::parse(&words) else {
        eprintln!("{HELP}");
        return ExitCode::from(64);
    };
    let mut report = Report::default();
    let outcome = task.run(&mut report);
    report.print();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nfailed: {message}");
            ExitCode::FAILURE
        }
    }
}
