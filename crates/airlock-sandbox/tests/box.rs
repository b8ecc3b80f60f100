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
#[path = "box/contract.rs"]
mod contract;
#[path = "box/escape.rs"]
mod escape;
#[path = "box/gvisor.rs"]
mod gvisor;
#[path = "box/limits.rs"]
mod limits;
#[path = "box/lite.rs"]
mod lite;
#[path = "box/network.rs"]
mod network;
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
    Backend, Confinement, Outcome, ProcessBox, Sandbox as _, SandboxError,
    attempts::SECRET_VARIABLE,
    doctor::{State, examine},
    enter,
};
use airlock_testkit::backends::{POINTS, Particulars, shell};
use libtest_mimic::{Arguments, Failed, Trial};

/// A test, and the name that `cargo` shows.
type Test = (&'static str, fn(&ProcessBox));

/// Set where this program is to be a host that comes to grief.
const GRIEF: &str = "AIRLOCK_TEST_HOST";
/// Set where it is to say what it is refused.
const REFUSED: &str = "AIRLOCK_TEST_REFUSED";

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
    if std::env::var_os(REFUSED).is_some() {
        println!("{:?}", run_with(&ProcessBox::lite(launcher), "echo ran", &Confinement::default()));
        return ExitCode::SUCCESS;
    }
    if let Some(kind) = std::env::var_os(GRIEF) {
        if kind == "gvisor" {
            gvisor::come_to_grief(&launcher);
            return ExitCode::SUCCESS;
        }
        if kind == gvisor::AS_A_USER {
            gvisor::write_as_a_user(&launcher);
            return ExitCode::SUCCESS;
        }
        if kind == gvisor::FILL_AS_A_USER {
            gvisor::fill_as_a_user(&launcher);
            return ExitCode::SUCCESS;
        }
        let sandbox = if kind == "lite" { ProcessBox::lite(launcher) } else { ProcessBox::new(launcher) };
        traces::come_to_grief(&sandbox);
        return ExitCode::SUCCESS;
    }
    let facts = examine();
    let missing = |needs| facts.iter().find(|fact| fact.subject == needs && fact.state != State::Good);
    let (lite, boxed) = (ProcessBox::lite(launcher.clone()), ProcessBox::new(launcher.clone()));
    let broken = contract::broken_ones(&boxed, missing("user_namespaces").is_some());
    let kinds = [
        (lite::tests(&tests), "landlock", contract::of_lite(), lite),
        ([&*tests, network::TESTS].concat(), "user_namespaces", Particulars::default(), boxed),
    ];
    let trials = kinds.into_iter().flat_map(|(tests, needs, particulars, sandbox)| {
        let missing = missing(needs);
        if let Some(fact) = missing {
            let number = tests.len() + POINTS.len();
            eprintln!("skipped: {number} tests of `{}`: {}", sandbox.backend(), fact.text);
        }
        let skipped = missing.is_some();
        let contract = contract::trials(&sandbox, particulars, skipped);
        let own = tests.into_iter().map(move |(name, test)| {
            let sandbox = sandbox.clone();
            let name = format!("{}{name}", prefix(sandbox.backend()));
            let trial = Trial::test(name, move || {
                test(&sandbox);
                Ok::<_, Failed>(())
            });
            trial.with_ignored_flag(skipped)
        });
        own.chain(contract)
    });
    let mut arguments = Arguments::from_args();
    let trials = trials.chain(broken).chain(gvisor::trials(&launcher, &arguments));
    // One after the other, or one would see the traces of another.
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// What the names of a backend's tests begin with.
fn prefix(backend: Backend) -> &'static str {
    if backend == Backend::Lite { "lite::" } else { "" }
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
