//! Measures what the design has a budget for, and writes the figures into `BENCHMARKS.md`.
//!
//! | part | owns |
//! |---|---|
//! | `crates` | the benchmarks of the crates: runs them, reads divan's tables |
//! | `session` | an MCP client over the standard streams of a process |
//! | `process` | CPU and memory of processes, as Linux tells them |
//! | `paired` | the same server with and without `airlock run`, in turns |
//! | `sandbox` | a cold box beside a plain start and bubblewrap |
//! | `isolated` | a server of npm in the box, beside the same outside |
//! | `scanner` | the scanner in CPU time: against regexes, hostile texts, masking, start |
//! | `start` | time to the first byte, idle memory, size of the binary |
//! | `budget` | the budgets, and what a figure means for one |
//! | `page` | the text of `BENCHMARKS.md` |

mod budget;
mod crates;
mod isolated;
mod machine;
mod page;
mod paired;
mod process;
mod sandbox;
mod scanner;
mod session;
mod start;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{cargo, command, root, run, target};
use crate::report::Report;
use session::Session;

/// Runs everything and rewrites `BENCHMARKS.md`.
pub(crate) fn bench(report: &mut Report) -> Result<(), String> {
    let programs = Programs::new();
    let mut rows = Vec::new();
    report.step("bench: crates", || {
        rows = crates::measure()?;
        Ok(())
    })?;
    let mut scanner = None;
    report.step("bench: scanner", || {
        scanner = Some(scanner::measure()?);
        Ok(())
    })?;
    let mut sandbox = None;
    report.step("bench: sandbox", || {
        sandbox = Some(sandbox::measure()?);
        Ok(())
    })?;
    report.step("bench: build", build)?;
    let mut added = None;
    report.step("bench: airlock run", || {
        programs.configure()?;
        added = Some(paired::measure(&programs)?);
        Ok(())
    })?;
    let mut start = None;
    report.step("bench: start", || {
        start = Some(start::measure(&programs)?);
        Ok(())
    })?;
    let mut isolated = None;
    report.step("bench: a server in the box", || {
        isolated = Some(isolated::measure(&programs)?);
        Ok(())
    })?;
    let (Some(scanner), Some(sandbox), Some(added), Some(start), Some(isolated)) =
        (scanner, sandbox, added, start, isolated)
    else {
        return Err("nothing was measured".to_owned());
    };
    let measured = page::Measured { rows, scanner, sandbox, added, start, isolated };
    let text = page::page(&machine::Machine::this()?, &measured)?;
    let path = root().join("BENCHMARKS.md");
    fs::write(&path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    println!("written: BENCHMARKS.md");
    Ok(())
}

fn build() -> Result<(), String> {
    run(&mut cargo([
        "build",
        "--release",
        "--package",
        "airlock-cli",
        "--bin",
        "airlock",
        "--example",
        SERVER,
    ]))
}

/// The name of the server's process; Linux keeps 15 characters.
const SERVER: &str = "bench_server";

/// A strict configuration with every layer at work.
const CONFIG: &str = r#"[airlock]
strict_mode = true
[policy]
allowed_tools = ["query_*", "read_*"]
denied_tools = ["delete_*", "drop_*"]
timezone = "UTC"
[policy.rate_limits]
"*" = "1000000000/second"
[policy.time_restrictions]
"write_*" = "09:00-17:00"
[audit]
path = "#;

/// The binaries and the configuration.
struct Programs {
    airlock: PathBuf,
    server: PathBuf,
    folder: PathBuf,
}

impl Programs {
    fn new() -> Self {
        let release = target().join("release");
        Self {
            airlock: release.join("airlock"),
            server: release.join("examples").join(SERVER),
            folder: target().join("bench"),
        }
    }

    fn configure(&self) -> Result<(), String> {
        let failed = |error| format!("cannot write to `{}`: {error}", self.folder.display());
        fs::create_dir_all(&self.folder).map_err(failed)?;
        // Debug is how TOML writes a path, too.
        let audit = self.folder.join("audit.jsonl");
        let _ = fs::remove_file(&audit);
        fs::write(self.config(), format!("{CONFIG}{:?}\n", audit.to_string_lossy())).map_err(failed)
    }

    fn config(&self) -> PathBuf {
        self.folder.join("airlock.toml")
    }

    /// The server by itself.
    fn direct(&self) -> Command {
        clean(&self.server)
    }

    /// The server behind `airlock run`.
    fn guarded(&self) -> Command {
        let mut command = clean(&self.airlock);
        command.args(["run", "--quiet", "--config"]).arg(self.config()).arg("--").arg(&self.server);
        command
    }
}

/// A command whose environment changes nothing.
fn clean(program: &Path) -> Command {
    let mut command = command(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AIRLOCK_")) {
        command.env_remove(name);
    }
    command
}

/// The value in the middle, and the one that 99 of 100 do not exceed.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list of some thousand"
    )]
    let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}
