//! The client and the backend against a service of our own, which speaks the protocol and really runs programs, in boxes
//! of this machine.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that has no harness of its own"
)]

#[path = "service/calls.rs"]
mod calls;
#[path = "service/fake.rs"]
mod fake;
#[path = "service/faults.rs"]
mod faults;
#[path = "service/interpreter.rs"]
mod interpreter;
#[path = "service/official.rs"]
mod official;
#[path = "service/payload.rs"]
mod payload;
#[path = "service/pool.rs"]
mod pool;
#[path = "service/stops.rs"]
mod stops;

use std::process::ExitCode;

use airlock_e2b::Warm;
use airlock_sandbox::{ProcessBox, enter};
use airlock_testkit::backends::{self, Particulars, shell};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::fake::{Fake, KEY, until};

fn main() -> ExitCode {
    let launcher = match enter(std::env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    let boxes = || ProcessBox::new(launcher.clone());
    let trial = |name: String, test: Box<dyn FnOnce() + Send>| {
        Trial::test(name, move || {
            test();
            Ok::<_, Failed>(())
        })
    };
    let mut trials = Vec::new();
    // The service of these tests sees programs end by their code alone.
    let particulars = Particulars { untold: &[137], secrets: &[KEY], ..Particulars::default() };
    let sandbox = boxes();
    trials.extend(backends::trials("box", Particulars { untold: &[], ..particulars }, move |test| {
        test(&sandbox);
    }));
    let fake = boxes();
    trials.extend(backends::trials("e2b", particulars, move |test| {
        let fake = Fake::start(fake.clone());
        test(&fake.sandbox());
        fake.is_empty();
    }));
    let fake = boxes();
    trials.extend(backends::trials("warm", particulars, move |test| {
        let fake = Fake::start(fake.clone());
        let sandbox = fake.sandbox().kept_warm(Warm::default()).unwrap();
        assert!(until(|| sandbox.waiting() == 1));
        test(&sandbox);
        drop(sandbox);
        fake.is_empty();
    }));
    let own = [calls::TESTS, faults::TESTS, interpreter::TESTS, payload::TESTS, pool::TESTS, stops::TESTS];
    for (name, test) in own.into_iter().flatten() {
        let sandbox = boxes();
        trials.push(trial((*name).to_owned(), Box::new(move || test(&Fake::start(sandbox)))));
    }
    let (sandbox, python) = (boxes(), official::python());
    let ignored = python.is_none();
    let run = move || {
        let python = python.expect("`cargo xtask setup` installs the official client");
        official::the_official_client_finds_what_it_expects(&python, &Fake::start(sandbox));
    };
    trials.push(trial(official::NAME.to_owned(), Box::new(run)).with_ignored_flag(ignored));
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test of the client, and its name.
type Test = (&'static str, fn(&Fake));
