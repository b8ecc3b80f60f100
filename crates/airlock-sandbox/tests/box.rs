//! Real programs in real boxes: what holds them, what bounds them, and what is left of them.
#![cfg(target_os = "linux")]

#[path = "box/confinement.rs"]
mod confinement;
#[path = "box/limits.rs"]
mod limits;
#[path = "box/traces.rs"]
mod traces;

use std::process::ExitCode;

use airlock_sandbox::{Confinement, Job, Outcome, Sandbox, SandboxError, enter};
use libtest_mimic::{Arguments, Failed, Trial};

/// A test, and the name that `cargo` shows.
type Test = (&'static str, fn(&Sandbox));

fn main() -> ExitCode {
    let launcher = match enter(std::env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    let tests = [confinement::TESTS, limits::TESTS, traces::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| {
        let sandbox = Sandbox::new(launcher.clone());
        Trial::test(name, move || {
            test(&sandbox);
            Ok::<_, Failed>(())
        })
    });
    let mut arguments = Arguments::from_args();
    // One after the other, or one would see the traces of another.
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// A script for the shell of the box.
fn shell(script: &str) -> Job {
    Job { command: ["/bin/sh", "-c", script].map(Into::into).to_vec(), input: Vec::new() }
}

/// Runs a script in a box that shows nothing of the host.
fn run(sandbox: &Sandbox, script: &str) -> Outcome {
    run_with(sandbox, script, &Confinement::default()).unwrap()
}

fn run_with(sandbox: &Sandbox, script: &str, confinement: &Confinement) -> Result<Outcome, SandboxError> {
    sandbox.run(&shell(script), confinement)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
