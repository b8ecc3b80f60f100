//! Runs the fuzz targets, by default for a moment, as a smoke test: `fuzz/` is a cargo-fuzz folder and a
//! workspace of its own.
//!
//! What `cargo fuzz` does is a build with LLVM's coverage pass and a run of the binary. Both work with the
//! stable compiler when no sanitizer is asked for. `AddressSanitizer`, which watches the `unsafe` of the scanner's vector
//! code, comes with the stable compiler too, but is an option of nightly ones: with `--sanitizer address` the compiler
//! is told to take it all the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::available_parallelism;

use crate::base64;
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
    /// Where the inputs start. A smoke test always starts at the same place, so that a build fails for what changed
    /// and not by luck; a hunt starts anywhere.
    seed: Option<u32>,
    sanitizer: Sanitizer,
    /// All targets where none is named.
    targets: Vec<String>,
}

/// What watches over memory meanwhile.
#[derive(Clone, Copy)]
enum Sanitizer {
    None,
    Address,
}

impl Options {
    /// A smoke test: every target for ten seconds.
    pub(crate) fn smoke() -> Self {
        Self { seconds: 10, seed: Some(1), sanitizer: Sanitizer::None, targets: Vec::new() }
    }

    /// Reads `[--seconds N] [--sanitizer address] [TARGET…]`; `None` for anything else.
    pub(crate) fn parse(mut words: &[&str]) -> Option<Self> {
        let mut options = Self::smoke();
        loop {
            words = match words {
                ["--seconds", seconds, rest @ ..] => {
                    options.seconds = seconds.parse().ok().filter(|seconds| *seconds > 0)?;
                    options.seed = None;
                    rest
                }
                ["--sanitizer", "address", rest @ ..] => {
                    options.sanitizer = Sanitizer::Address;
                    rest
                }
                targets => {
                    options.targets = targets.iter().map(|target| (*target).to_owned()).collect();
                    return options.targets.iter().all(|target| !target.starts_with('-')).then_some(options);
                }
            };
        }
    }

    /// Where it is built, and where the corpus, the logs and the finds are. Other flags, another folder.
    fn folder(&self) -> PathBuf {
        target().join(match self.sanitizer {
            Sanitizer::None => "fuzz",
            Sanitizer::Address => "fuzz-address",
        })
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
    let folder = options.folder();
    report.step("fuzz: build", || build(&folder, options.sanitizer))?;
    report.step("fuzz: run", || run_all(&folder, options))
}

fn build(folder: &Path, sanitizer: Sanitizer) -> Result<(), String> {
    let mut command = cargo(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml"]);
    // A target triple, though it is the host's, keeps the flags away from build scripts.
    command.args(["--target", env!("XTASK_HOST"), "--target-dir"]).arg(folder);
    match sanitizer {
        Sanitizer::None => command.env("RUSTFLAGS", FLAGS),
        Sanitizer::Address => {
            command.env("RUSTFLAGS", format!("{FLAGS} -Zsanitizer=address")).env("RUSTC_BOOTSTRAP", "1")
        }
    };
    run(&mut command)
}

fn run_all(folder: &Path, options: &Options) -> Result<(), String> {
    let mut targets = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !targets.contains(name)) {
        return Err(format!("there is no fuzz target `{unknown}`, only {}", targets.join(", ")));
    }
    targets.retain(|name| options.targets.is_empty() || options.targets.contains(name));
    let cores = available_parallelism().map_or(1, usize::from);
    let mut found = Vec::new();
    for some in targets.chunks(cores) {
        let started: Vec<Run> =
            some.iter().map(|name| Run::start(folder, name, options)).collect::<Result<_, _>>()?;
        found.extend(started.into_iter().filter_map(|run| run.end().err()));
    }
    let (count, seconds) = (targets.len(), options.seconds);
    println!("{count} targets, {cores} at a time, {seconds} s each: {}", targets.join(", "));
    if found.is_empty() { Ok(()) } else { Err(found.join("\n\n")) }
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

/// One target at work; its talk goes to a file, of which what matters goes to the terminal when it finds something.
struct Run {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Run {
    fn start(folder: &Path, name: &str, options: &Options) -> Result<Self, String> {
        let failed = |error| format!("cannot start the fuzz target `{name}`: {error}");
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus).map_err(failed)?;
        let log = folder.join(format!("{name}.log"));
        let binary = folder.join(env!("XTASK_HOST")).join("release").join(name);
        let seeds = root().join("fuzz/seeds").join(name);
        let mut command = command(binary);
        command.args(LIMITS).arg(format!("-max_total_time={}", options.seconds));
        if let Some(seed) = options.seed {
            command.arg(format!("-seed={seed}"));
        }
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
            let figure =
                |name: &str| talk.lines().find_map(|line| line.strip_prefix(name)).map_or("?", str::trim);
            let (runs, slowest) =
                (figure("stat::number_of_executed_units:"), figure("stat::slowest_unit_time_sec:"));
            println!("{}: {runs} inputs, {slowest} s the slowest", self.name);
            return Ok(());
        }
        let (name, log) = (&self.name, self.log.display());
        let said = matters(&talk).join("\n");
        Err(format!(
            "the fuzz target `{name}` ended with {status}, see `{log}`:\n{said}\n{}",
            again(name, &talk)
        ))
    }
}

/// Most lines of a panic that are shown, and most characters of a line.
const LINES: usize = 12;
const WIDTH: usize = 1000;

/// What libFuzzer, a sanitizer and a panic say of a find; the last lines where nothing of that kind is said.
fn matters(talk: &str) -> Vec<String> {
    let told =
        |line: &&str| line.starts_with("==") && line.contains("ERROR:") || line.starts_with("SUMMARY:");
    let panic = talk.lines().skip_while(|line| !line.contains(" panicked at "));
    let ends = |line: &&str| ["note:", "==", "stack backtrace:"].iter().any(|end| line.starts_with(end));
    let panic = panic.take_while(|line| !ends(line)).take(LINES);
    let mut lines: Vec<&str> = panic.chain(talk.lines().filter(told)).collect();
    if lines.is_empty() {
        lines = talk.lines().rev().take(LINES).collect();
        lines.reverse();
    }
    lines.into_iter().map(|line| format!("  {}", line.chars().take(WIDTH).collect::<String>())).collect()
}

/// How to see the find again on another machine: as a seed, which it should stay.
fn again(name: &str, talk: &str) -> String {
    let file = talk
        .lines()
        .rev()
        .find_map(|line| line.split_once("Test unit written to "))
        .map(|(_, file)| file.trim());
    match file.map(|file| (file, fs::read(file))) {
        Some((_, Ok(input))) => format!(
            "its input has {} bytes; to see it again, and to keep it:\n  \
             echo {} | base64 -d >fuzz/seeds/{name}/WHAT-IT-IS; cargo xtask fuzz {name}",
            input.len(),
            base64::encode(&input)
        ),
        Some((file, Err(error))) => format!("its input is lost: cannot read `{file}`: {error}"),
        None => "it was no input: no file was written".to_owned(),
    }
}
