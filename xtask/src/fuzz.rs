//! Runs the fuzz targets, by default for a moment, as a smoke test: `fuzz/` is a cargo-fuzz folder and a
//! workspace of its own.
//!
//! What `cargo fuzz` does is a build with LLVM's coverage pass and a run of the binary. Both work with the
//! stable compiler when no sanitizer is asked for, and there is no `unsafe` here that one could watch: so this
//! needs neither a nightly compiler nor cargo-fuzz. To hunt for longer, use `cargo +nightly fuzz run TARGET`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::available_parallelism;

use crate::command::{cargo, command, root, run, succeeds, target};
use crate::report::Report;

/// What libFuzzer needs from the compiler, as cargo-fuzz passes it.
const FLAGS: &str = "--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What a run may use besides its time: seconds and megabytes for one input.
const LIMITS: [&str; 4] = ["-timeout=5", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1"];

/// What to run, and for how long.
pub(crate) struct Options {
    seconds: u32,
    /// All targets where none is named.
    targets: Vec<String>,
}

impl Options {
    /// A smoke test: every target for ten seconds.
    pub(crate) fn smoke() -> Self {
        Self { seconds: 10, targets: Vec::new() }
    }

    /// Reads `[--seconds N] [TARGET…]`; `None` for anything else.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let mut options = Self::smoke();
        let targets = match words {
            ["--seconds", seconds, targets @ ..] => {
                options.seconds = seconds.parse().ok().filter(|seconds| *seconds > 0)?;
                targets
            }
            targets => targets,
        };
        options.targets = targets.iter().map(|target| (*target).to_owned()).collect();
        options.targets.iter().all(|target| !target.starts_with('-')).then_some(options)
    }
}

/// Builds the targets and runs each of them.
pub(crate) fn fuzz(report: &mut Report, options: &Options) -> Result<(), String> {
    if !root().join("fuzz/Cargo.toml").exists() {
        report.skip("fuzz", "there is no fuzz folder".to_owned());
        return Ok(());
    }
    if !succeeds(command("c++").arg("--version")) {
        report.skip("fuzz", "libFuzzer needs a C++ compiler, and there is no `c++`".to_owned());
        return Ok(());
    }
    let folder = target().join("fuzz");
    report.step("fuzz: build", || build(&folder))?;
    report.step("fuzz: run", || run_all(&folder, options))
}

fn build(folder: &Path) -> Result<(), String> {
    let mut command = cargo(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml"]);
    // A target triple, though it is the host's, keeps the flags away from build scripts.
    command.args(["--target", env!("XTASK_HOST"), "--target-dir"]).arg(folder);
    run(command.env("RUSTFLAGS", FLAGS))
}

fn run_all(folder: &Path, options: &Options) -> Result<(), String> {
    let mut targets = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !targets.contains(name)) {
        return Err(format!("there is no fuzz target `{unknown}`, only {}", targets.join(", ")));
    }
    targets.retain(|name| options.targets.is_empty() || options.targets.contains(name));
    let cores = available_parallelism().map_or(1, usize::from);
    for some in targets.chunks(cores) {
        let started: Vec<Run> =
            some.iter().map(|name| Run::start(folder, name, options.seconds)).collect::<Result<_, _>>()?;
        let ended: Vec<Result<(), String>> = started.into_iter().map(Run::end).collect();
        ended.into_iter().collect::<Result<(), _>>()?;
    }
    let (count, seconds) = (targets.len(), options.seconds);
    println!("{count} targets, {cores} at a time, {seconds} s each: {}", targets.join(", "));
    Ok(())
}

/// The names of the targets: the sources in the folder of targets.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("cannot read `{}`: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    if names.is_empty() { Err(format!("no targets in `{}`", folder.display())) } else { Ok(names) }
}

/// One target at work; its talk goes to a file, and to the terminal when it finds something.
struct Run {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Run {
    fn start(folder: &Path, name: &str, seconds: u32) -> Result<Self, String> {
        let failed = |error| format!("cannot start the fuzz target `{name}`: {error}");
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus).map_err(failed)?;
        let log = folder.join(format!("{name}.log"));
        let binary = folder.join(env!("XTASK_HOST")).join("release").join(name);
        let seeds = root().join("fuzz/seeds").join(name);
        let mut command = command(binary);
        command.args(LIMITS).arg(format!("-max_total_time={seconds}"));
        command.arg(format!("-artifact_prefix={}/{name}-", folder.display())).arg(&corpus);
        if seeds.exists() {
            command.arg(seeds);
        }
        let dictionary = root().join("fuzz/dictionaries").join(name);
        if dictionary.exists() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        let talk = fs::File::create(&log).map_err(failed)?;
        let child = command.stdout(Stdio::null()).stderr(talk).spawn().map_err(failed)?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    fn end(mut self) -> Result<(), String> {
        let status =
            self.child.wait().map_err(|error| format!("lost the fuzz target `{}`: {error}", self.name))?;
        let talk =
            fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        if status.success() {
            let runs = talk.lines().find(|line| line.starts_with("stat::number_of_executed_units"));
            println!("{}: {}", self.name, runs.unwrap_or("no statistics"));
            return Ok(());
        }
        let lines: Vec<&str> = talk.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
        Err(format!("the fuzz target `{}` ended with {status}:\n{}", self.name, tail.join("\n")))
    }
}
