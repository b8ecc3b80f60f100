//! What was done, how long it took, and what was left out.

use std::io::Write as _;
use std::time::{Duration, Instant};

/// The steps of a task so far.
#[derive(Default)]
pub(crate) struct Report {
    done: Vec<(&'static str, Duration)>,
    skipped: Vec<(&'static str, String)>,
}

impl Report {
    /// Runs one step under a heading; its time is counted also when it fails.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        run: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        println!("\n== {name}");
        // Cargo writes to the standard error: without this the heading would come after it in a log.
        let _ = std::io::stdout().flush();
        let start = Instant::now();
        let outcome = run();
        self.done.push((name, start.elapsed()));
        outcome.map_err(|error| format!("step `{name}`: {error}"))
    }

    /// Notes that something was left out; it is printed now, and counted at the end.
    pub(crate) fn skip(&mut self, name: &'static str, reason: String) {
        println!("\n== {name}: skipped: {reason}");
        self.skipped.push((name, reason));
    }

    /// Prints the times and the skips.
    pub(crate) fn print(&self) {
        if self.done.is_empty() && self.skipped.is_empty() {
            return;
        }
        println!("\n== summary");
        for (name, time) in &self.done {
            println!("{:>8.1} s  {name}", time.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, time)| *time).sum();
        println!("{:>8.1} s  in all, {} skipped", total.as_secs_f64(), self.skipped.len());
        for (name, reason) in &self.skipped {
            println!("  skipped: {name}: {reason}");
        }
    }
}
