//! A real Firecracker, where somebody has one: `AIRLOCK_TEST_FIRECRACKER` is its path, and the guest is that of the tests
//! under QEMU. Where KVM is emulated, too, the guest hardly moves; then this shows that every request is taken.

use std::{env, path::PathBuf, time::Duration};

use airlock_sandbox::{End, Launcher, Limits, Sandbox as _, SandboxError};

use super::{Test, faults::untimed, qemu, shell, text};

const PROGRAM: &str = "AIRLOCK_TEST_FIRECRACKER";

/// What is said of a guest where KVM emulates instructions, slowly, or not all of them.
const NOT_KVM: [&str; 2] = ["had not started the program", "ended and told nothing"];

pub(crate) const TESTS: &[Test] = &[("firecracker::it_takes_every_request", it_takes_every_request)];

/// What keeps this test from being run, in words.
pub(crate) fn missing() -> Option<String> {
    if env::var_os(PROGRAM).is_none() {
        return Some(format!("{PROGRAM} is not set"));
    }
    qemu::unset()
}

fn it_takes_every_request(launcher: &Launcher) {
    let sandbox = untimed(launcher, qemu::settings(), env::var_os(PROGRAM).map(PathBuf::from));
    assert_eq!(sandbox.missing(), Vec::<String>::new());
    let limits = Limits { wall: Some(Duration::from_secs(90)), ..Limits::default() };
    let confinement = airlock_sandbox::Confinement { limits, ..qemu::patient() };
    match sandbox.run(&shell("echo out; exit 7"), &confinement) {
        Ok(outcome) => {
            assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(7), "out\n"));
            eprintln!("the guest ran to its end");
        }
        // Only once it was started.
        Err(SandboxError::Broken { reason, .. }) if NOT_KVM.iter().any(|what| reason.contains(what)) => {
            eprintln!("every request was taken, and then: {reason}");
        }
        other => panic!("{other:?}"),
    }
}
