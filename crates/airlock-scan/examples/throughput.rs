//! Measures what the scanner reads per second of CPU time, of this thread alone: other work on the
//! machine slows the clock on the wall, not this figure by much.
//!
//! ```text
//! cargo run --release -p airlock-scan --example throughput -- [--mask|--screen] [--rounds N] FILE…
//! ```
//!
//! Per file: the median and the best of N rounds (5) in megabytes (10⁶) per CPU second, and how much was found. A round
//! scans the whole file as one text. Without files: what the first scan of a process costs, in CPU time and memory.
#![expect(clippy::print_stdout, reason = "an example talks to whoever started it")]
#![expect(clippy::disallowed_methods, reason = "an example is a host: it reads files and the command line")]

#[path = "../benches/support/mask.rs"]
mod mask;
#[path = "../benches/support/meter.rs"]
mod meter;

use std::{env, error::Error, fs, hint::black_box};

use airlock_scan::{Finding, Scanner};
use mask::masked;
use meter::{cpu, resident};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Calls a verifier, so that no table stays unbuilt.
const FIRST: &str = "On 2026-11-24 bob@example.com wrote: the answer is password=Zr7kQ2mL.";

const USAGE: &str = "usage: throughput [--mask|--screen] [--rounds N] FILE…";

/// What is measured, and on what.
struct Options {
    work: fn(&str, &mut Vec<Finding>) -> usize,
    rounds: usize,
    files: Vec<String>,
}

fn main() -> Outcome<()> {
    let options = Options::read(env::args().skip(1))?;
    if options.files.is_empty() {
        first_scan();
        return Ok(());
    }
    println!("{:<24} {:>9} {:>9} {:>10} {:>10}", "file", "median", "best", "MB", "findings");
    for file in &options.files {
        let text = String::from_utf8(fs::read(file)?)?;
        println!("{}", measure(file, &text, &options));
    }
    Ok(())
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self { work: scan, rounds: 5, files: Vec::new() };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--mask" => options.work = mask,
                "--screen" => options.work = screen,
                "--rounds" => options.rounds = arguments.next().ok_or(USAGE)?.parse::<usize>()?.max(1),
                option if option.starts_with("--") => return Err(USAGE.into()),
                _ => options.files.push(argument),
            }
        }
        Ok(options)
    }
}

fn scan(text: &str, out: &mut Vec<Finding>) -> usize {
    Scanner::default().scan(text, out);
    out.len()
}

fn screen(text: &str, out: &mut Vec<Finding>) -> usize {
    Scanner::default().screen(text, out);
    out.len()
}

/// Scans and writes the text anew, each finding replaced by its label.
fn mask(text: &str, out: &mut Vec<Finding>) -> usize {
    black_box(masked(text, out));
    out.len()
}

#[expect(clippy::cast_precision_loss, reason = "sizes and times, said with a few digits")]
fn measure(file: &str, text: &str, options: &Options) -> String {
    let mut found = Vec::new();
    let mut speeds = Vec::new();
    for _ in 0..options.rounds {
        found.clear();
        let start = cpu();
        (options.work)(black_box(text), &mut found);
        speeds.push(text.len() as f64 * 1e3 / (cpu() - start).max(1) as f64);
    }
    speeds.sort_by(f64::total_cmp);
    let median = speeds.get(speeds.len() / 2).copied().unwrap_or_default();
    let best = speeds.last().copied().unwrap_or_default();
    let (name, size) = (file.rsplit('/').next().unwrap_or(file), text.len() as f64 / 1e6);
    format!("{name:<24} {median:>9.1} {best:>9.1} {size:>10.1} {:>10}", found.len())
}

/// What a process pays for its first scan: tables that are built, code that is read in.
#[expect(clippy::cast_precision_loss, reason = "sizes and times, said with a few digits")]
fn first_scan() {
    let (memory, start) = (resident(), cpu());
    black_box(scan(black_box(FIRST), &mut Vec::new()));
    let (end, after) = (cpu(), resident());
    println!("first scan: {:.3} ms of CPU time", (end - start) as f64 / 1e6);
    println!("memory of the scanner: {:.3} MB", after.saturating_sub(memory) as f64 / 1e6);
}
