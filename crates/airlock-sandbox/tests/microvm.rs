//! The backend `microvm`: against a `firecracker` of our own that goes wrong in each way, and, where there is an emulator and
//! a kernel, with real guests.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that has no harness of its own"
)]

#[path = "microvm/faults.rs"]
mod faults;
#[path = "microvm/firecracker.rs"]
mod firecracker;
#[path = "microvm/guest.rs"]
mod guest;
#[path = "microvm/monitor.rs"]
mod monitor;
#[path = "microvm/qemu.rs"]
mod qemu;

use std::process::ExitCode;

use airlock_sandbox::{Launcher, enter};
use airlock_testkit::backends::{self, POINTS, shell};
use libtest_mimic::{Arguments, Failed, Trial};

/// A test, and the name that `cargo` shows.
type Test = (&'static str, fn(&Launcher));

fn main() -> ExitCode {
    let launcher = match enter(std::env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    if let Some(code) = monitor::play() {
        return code;
    }
    if faults::be_victim(&launcher) {
        return ExitCode::SUCCESS;
    }
    let (emulated, missing) = (launcher.clone(), qemu::missing());
    let skipped = missing.is_some();
    if let Some(missing) = missing {
        eprintln!("skipped: the contract of `microvm`, {} tests: {missing}", POINTS.len());
    }
    let contract =
        backends::trials("microvm", qemu::particulars(), move |test| test(&qemu::sandbox(&emulated)));
    let contract = contract.map(move |trial| trial.with_ignored_flag(skipped));
    let trials = [
        (faults::TESTS, None),
        (guest::TESTS, qemu::missing()),
        (firecracker::TESTS, firecracker::missing()),
    ];
    let trials = trials.into_iter().flat_map(|(tests, missing)| {
        if let Some(missing) = &missing {
            eprintln!("skipped: {} tests of `microvm` with real guests: {missing}", tests.len());
        }
        let skipped = missing.is_some();
        let launcher = launcher.clone();
        tests.iter().map(move |(name, test)| {
            let launcher = launcher.clone();
            let trial = Trial::test(*name, move || {
                test(&launcher);
                Ok::<_, Failed>(())
            });
            trial.with_ignored_flag(skipped)
        })
    });
    let mut arguments = Arguments::from_args();
    // Emulated machines are slow enough by themselves.
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials.chain(contract).collect()).exit_code()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
