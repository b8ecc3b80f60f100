//! What a session adds to a message: CPU, latency, memory, start-up, with the same server beside it.
//!
//! ```text
//! cargo run --release -p airlock-gateway --example measure
//! ```
//!
//! `cat` answers messages of 1 KB directly and through `examples/probe.rs`, which passes everything on, so the
//! figures are those of the transport: two messages judged per round trip, one in each direction.

#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports, reason = "reads /proc"))]

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Round trips per run, and runs; the best run counts, as the others shared the machine.
const ROUND_TRIPS: u32 = 20_000;
const RUNS: usize = 5;

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> io::Result<()> {
    let probe = std::env::current_exe()?.with_file_name("probe");
    if !probe.exists() {
        return Err(io::Error::other("build the other example first: cargo build --release --examples"));
    }
    let runs = (0..RUNS)
        .map(|_| Ok((run(Command::new("cat"))?, run(through(&probe, "cat"))?)))
        .collect::<io::Result<Vec<(Run, Run)>>>()?;
    let best = |of: fn(&Run) -> Duration, pick: fn(&(Run, Run)) -> &Run| {
        runs.iter().map(|pair| of(pick(pair))).min().unwrap_or_default()
    };
    let mut out = io::stdout().lock();
    let direct = best(|run| run.latency, |pair| &pair.0);
    let guarded = best(|run| run.latency, |pair| &pair.1);
    let cpu = best(|run| run.cpu, |pair| &pair.1);
    writeln!(out, "round trip of 1 KB, directly:     {direct:?}")?;
    writeln!(out, "round trip of 1 KB, through us:   {guarded:?}")?;
    writeln!(out, "CPU of our process per message:   {:?}", cpu / 2)?;
    if let Some((_, run)) = runs.first() {
        writeln!(out, "resident memory, us + supervisor: {} + {} KiB", run.memory, run.supervisor_memory)?;
    }
    writeln!(out, "start to first answer, directly:  {:?}", first_answer(|| Command::new("cat"))?)?;
    writeln!(out, "start to first answer, through us: {:?}", first_answer(|| through(&probe, "cat"))?)?;
    Ok(())
}

struct Run {
    latency: Duration,
    cpu: Duration,
    memory: usize,
    supervisor_memory: usize,
}

fn through(probe: &Path, server: &str) -> Command {
    let mut command = Command::new(probe);
    command.args(["--plain", server]);
    command
}

fn start(mut command: Command) -> io::Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

fn run(command: Command) -> io::Result<Run> {
    let mut child = start(command)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut stdout = BufReader::new(stdout);
    let mut answer = Vec::new();
    let message = [vec![b'x'; 1023], vec![b'\n']].concat();
    let mut round_trips = |count: u32| -> io::Result<()> {
        for _ in 0..count {
            stdin.write_all(&message)?;
            answer.clear();
            stdout.read_until(b'\n', &mut answer)?;
        }
        Ok(())
    };
    round_trips(ROUND_TRIPS / 10)?;
    let (started, cpu) = (Instant::now(), cpu(child.id())?);
    round_trips(ROUND_TRIPS)?;
    let run = Run {
        latency: started.elapsed() / ROUND_TRIPS,
        cpu: self::cpu(child.id())?.saturating_sub(cpu) / ROUND_TRIPS,
        memory: memory(child.id())?,
        supervisor_memory: first_child(child.id())?.map_or(Ok(0), memory)?,
    };
    drop(stdin);
    child.wait()?;
    Ok(run)
}

fn first_answer(command: impl Fn() -> Command) -> io::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let started = Instant::now();
        let mut child = start(command())?;
        let mut answer = String::new();
        if let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
            stdin.write_all(b"hello\n")?;
            BufReader::new(stdout).read_line(&mut answer)?;
        }
        best = best.min(started.elapsed());
        child.wait()?;
    }
    Ok(best)
}

/// Time on a processor, of all threads, exact to the nanosecond (`stat` counts in hundredths of a second).
fn cpu(process: u32) -> io::Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        total += text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(total))
}

/// Resident memory in KiB.
fn memory(process: u32) -> io::Result<usize> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn first_child(process: u32) -> io::Result<Option<u32>> {
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let path: PathBuf = task?.path().join("children");
        if let Some(child) = fs::read_to_string(path)?.split_whitespace().next() {
            return Ok(child.parse().ok());
        }
    }
    Ok(None)
}
