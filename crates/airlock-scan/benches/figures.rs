//! What the scanner reads per second of CPU time, beside what it is compared with, in one run:
//! `cargo bench -p airlock-scan --bench figures`. `cargo xtask bench` reads what this prints.
//!
//! | group | what |
//! |---|---|
//! | `scan`, `screen`, `mask` | the four kinds of text; `mask` scans and writes the text anew |
//! | `baseline` | one regular expression per kind over the same text |
//! | `hostile` | texts that tempt the scanner most |
//! | `start` | the first scan of a fresh process: CPU time, memory |
#![expect(clippy::print_stdout, reason = "a benchmark talks to whoever started it")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is a host: it starts processes")]

mod baseline;
mod data;
mod hostile;
#[path = "support/mask.rs"]
mod mask;
#[path = "support/meter.rs"]
mod meter;

use std::{env, error::Error, hint::black_box, process::Command};

use airlock_scan::{Finding, Scanner};
use baseline::Baseline;
use data::{NAMES, data};
use mask::masked;
use meter::{cpu, resident};

/// More than the caches of one core hold.
const LEN: usize = 16 << 20;
/// A fraction of it suffices for what is slow.
const BASELINE_LEN: usize = 1 << 20;
const HOSTILE_LEN: usize = 10 << 20;
const ROUNDS: usize = 7;
const STARTS: usize = 21;

/// The word by which this program asks itself for the first scan of a process.
const FRESH: &str = "--fresh-process";

fn main() -> Result<(), Box<dyn Error>> {
    if env::args().any(|argument| argument == FRESH) {
        first_scan();
        return Ok(());
    }
    start()?;
    let baseline = Baseline::new()?;
    for name in NAMES {
        let text = data(name, LEN);
        let scan = median(&text, ROUNDS, |text, out| Scanner::default().scan(text, out));
        print("scan", name, scan);
        print("screen", name, median(&text, ROUNDS, |text, out| Scanner::default().screen(text, out)));
        print("mask", name, median(&text, ROUNDS, |text, out| drop(black_box(masked(text, out)))));
        let mut found = Vec::new();
        let text = data(name, BASELINE_LEN);
        let speed = median(&text, 3, |text, _| {
            found.clear();
            baseline.scan(text, &mut found);
        });
        print("baseline", name, speed);
    }
    println!("baseline/patterns {} patterns", baseline.len());
    for (name, text) in hostile::texts(HOSTILE_LEN) {
        print("hostile", name, median(&text, 1, |text, out| Scanner::default().scan(text, out)));
    }
    Ok(())
}

fn print(group: &str, name: &str, speed: f64) {
    println!("{group}/{name} {speed:.1} MB/s");
}

/// Megabytes (10⁶) per CPU second of this thread.
#[expect(clippy::cast_precision_loss, reason = "sizes and times, said with a few digits")]
fn median(text: &str, rounds: usize, mut work: impl FnMut(&str, &mut Vec<Finding>)) -> f64 {
    let mut out = Vec::new();
    let mut speeds: Vec<f64> = (0..rounds)
        .map(|_| {
            out.clear();
            let start = cpu();
            work(black_box(text), &mut out);
            text.len() as f64 * 1e3 / cpu().saturating_sub(start).max(1) as f64
        })
        .collect();
    speeds.sort_by(f64::total_cmp);
    speeds.get(speeds.len() / 2).copied().unwrap_or_default()
}

/// Calls a verifier of each sort, so that no table stays unbuilt.
const FIRST: &str =
    "On 2026-11-24 bob@example.com (203.0.113.7) wrote: the answer is password=Zr7kQ2mL, ghp_none.";

/// Prints nanoseconds and bytes: tables that are built, code that is read in.
fn first_scan() {
    let (memory, start) = (resident(), cpu());
    Scanner::default().scan(black_box(FIRST), black_box(&mut Vec::new()));
    let (end, after) = (cpu(), resident());
    println!("{} {}", end - start, after.saturating_sub(memory));
}

#[expect(clippy::cast_precision_loss, reason = "sizes and times, said with a few digits")]
fn start() -> Result<(), Box<dyn Error>> {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let output = Command::new(env::current_exe()?).arg(FRESH).output()?;
        let text = String::from_utf8(output.stdout)?;
        let (time, size) = text.trim().split_once(' ').ok_or("the fresh process gave no figures")?;
        times.push(time.parse::<u64>()?);
        sizes.push(size.parse::<u64>()?);
    }
    let middle = |figures: &mut Vec<u64>| {
        figures.sort_unstable();
        figures.get(figures.len() / 2).copied().unwrap_or_default() as f64 / 1e6
    };
    println!("start/cpu {:.3} ms", middle(&mut times));
    println!("start/memory {:.3} MB", middle(&mut sizes));
    Ok(())
}
