//! Fresh machines: Debian as it is installed, booted by emulation, where a user without rights tries the sandbox.
//!
//! What the machine of a developer or of CI cannot show is seen there: another kernel, control groups of version 2 as systemd
//! arranges them, `AppArmor`, and a program that is the only thing of ours.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::command::{cargo, command, root, run, target};
use crate::report::Report;
use crate::setup::require;

/// The releases that are tried where none is named.
const RELEASES: [&str; 2] = ["bookworm", "trixie"];
/// What begins the lines of `check.sh`.
const CHECK: &str = "check: ";
/// No check takes as long, emulated.
const PATIENCE: Duration = Duration::from_secs(180);
/// The tests of `#[airlock(sandbox)]`.
const TESTS: &str = "sandboxed";

/// Makes, boots and judges a machine of each release.
pub(crate) fn machines(report: &mut Report, releases: &[String]) -> Result<(), String> {
    if let Some(wrong) = releases.iter().find(|release| !RELEASES.contains(&release.as_str())) {
        return Err(format!("there is no machine `{wrong}`, but {}", RELEASES.join(" and ")));
    }
    report.step("machines: tools", || {
        require("mmdebstrap", "mmdebstrap", "mmdebstrap, to install a Debian into a folder,")?;
        require("qemu-system-x86_64", "qemu-system-x86", "QEMU")
    })?;
    let mut built = Vec::new();
    report.step("machines: programs", || {
        built = programs()?;
        Ok(())
    })?;
    let wanted = |release: &&str| releases.is_empty() || releases.iter().any(|named| named == release);
    for release in RELEASES.into_iter().filter(wanted) {
        report.step(release, || machine(release, &built))?;
    }
    Ok(())
}

/// Builds the program and the tests that go along.
fn programs() -> Result<Vec<PathBuf>, String> {
    run(&mut cargo(["build", "--package", "airlock-cli", "--release", "--quiet"]))?;
    let mut build =
        cargo(["test", "--package", "agent-airlock", "--test", TESTS, "--no-run", "--profile", "ci"]);
    let built = build.output().map_err(|error| format!("cannot build the tests: {error}"))?;
    let said = String::from_utf8_lossy(&built.stderr);
    // `  Executable tests/sandboxed.rs (target/ci/deps/sandboxed-…)`
    let tests = said
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("Executable")?.rsplit_once('(')?.1.strip_suffix(')'));
    let tests = tests.ok_or_else(|| format!("cannot build the tests:\n{said}"))?;
    Ok(vec![target().join("release/airlock"), root().join(tests)])
}

fn machine(release: &str, programs: &[PathBuf]) -> Result<(), String> {
    let mut script = command("bash");
    script.arg(root().join("tests/machines/machine.sh")).arg(release).arg(target().join("machines"));
    script.args(programs).env("TESTS_FOLDER", target().join("tmp"));
    let child = script.stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("cannot start the machine: {error}"))?;
    let judged = judge(&mut child);
    if judged.is_err() {
        // The script has become the machine. Where it has ended by itself there is nothing to kill.
        drop(child.kill());
    }
    child.wait().map_err(|error| format!("cannot wait for the machine: {error}"))?;
    judged
}

/// Passes on what the checks say, and counts nothing as good but their own last line.
fn judge(child: &mut Child) -> Result<(), String> {
    let lines = lines(child)?;
    fs::create_dir_all(target().join("machines"))
        .map_err(|error| format!("cannot make a folder: {error}"))?;
    let path = target().join("machines/last.log");
    let unwritten = |error| format!("cannot write `{}`: {error}", path.display());
    let mut log = File::create(&path).map_err(unwritten)?;
    let mut last = String::new();
    // The first wait is for what has to be installed.
    let mut patience = PATIENCE * 4;
    loop {
        let line = match lines.recv_timeout(patience) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("the machine said nothing for {} s, after `{last}`", patience.as_secs()));
            }
        };
        writeln!(log, "{line}").map_err(unwritten)?;
        if line.starts_with(CHECK) || line.starts_with("    ") {
            println!("{line}");
            patience = PATIENCE;
        }
        if line.starts_with(CHECK) {
            last = line;
        }
    }
    match last.strip_prefix(CHECK).and_then(|last| last.strip_suffix(" passed, 0 failed")) {
        Some(passed) if passed.parse::<u32>().is_ok_and(|passed| passed > 0) => Ok(()),
        _ => Err(format!("the last that the machine said is `{last}`; all is in `{}`", path.display())),
    }
}

/// The lines of the console, without what terminals add.
fn lines(child: &mut Child) -> Result<Receiver<String>, String> {
    let console = child.stdout.take().ok_or("the machine has no console")?;
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(console).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            // What the machine's firmware and its log-in say stands before the first check.
            let line = line.find(CHECK).and_then(|at| line.get(at..)).unwrap_or(line);
            if send.send(line.to_owned()).is_err() {
                break;
            }
        }
    });
    Ok(receive)
}
