//! Real programs in real boxes: what holds them, what bounds them, and what is left of them.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that has no harness of its own"
)]

#[path = "box/confinement.rs"]
mod confinement;
#[path = "box/escape.rs"]
mod escape;
#[path = "box/limits.rs"]
mod limits;
#[path = "box/pool.rs"]
mod pool;
#[path = "box/servers.rs"]
mod servers;
#[path = "box/traces.rs"]
mod traces;

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use airlock_sandbox::{
    Confinement, Job, Outcome, ProcessBox, Sandbox as _, SandboxError, attempts::SECRET_VARIABLE, enter,
};
use libtest_mimic::{Arguments, Failed, Trial};

/// A test, and the name that `cargo` shows.
type Test = (&'static str, fn(&ProcessBox));

fn main() -> ExitCode {
    let launcher = match enter(std::env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    // Something for the escape suite to look for, there before any thread is.
    if std::env::var_os(SECRET_VARIABLE).is_none() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        let error = again.args(std::env::args_os().skip(1)).env(SECRET_VARIABLE, "a secret").exec();
        panic!("cannot start anew: {error}");
    }
    let tests =
        [confinement::TESTS, escape::TESTS, limits::TESTS, pool::TESTS, servers::TESTS, traces::TESTS]
            .concat();
    let trials = tests.into_iter().map(|(name, test)| {
        let sandbox = ProcessBox::new(launcher.clone());
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
fn run(sandbox: &ProcessBox, script: &str) -> Outcome {
    run_with(sandbox, script, &Confinement::default()).unwrap()
}

fn run_with(sandbox: &ProcessBox, script: &str, confinement: &Confinement) -> Result<Outcome, SandboxError> {
    sandbox.run(&shell(script), confinement)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
