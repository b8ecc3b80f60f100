//! Programs on gVisor, where this machine has it: what holds them, what bounds them, and what is left of them.

use airlock_sandbox::{Backend, Confinement, End, Gvisor, Job, Launcher, Level, Sandbox as _};
use libtest_mimic::{Failed, Trial};

use super::{shell, text};

type Test = (&'static str, fn(&Gvisor));

const TESTS: &[Test] = &[("a_program_runs", a_program_runs)];

/// Its tests; ignored where it does not work, which is said.
pub(super) fn trials(launcher: &Launcher) -> Vec<Trial> {
    let sandbox = Gvisor::new(launcher.clone());
    let probe = sandbox.probe();
    let missing = probe.level < Level::Kernel;
    if missing {
        eprintln!("skipped: {} tests of `gvisor`: {}", TESTS.len(), probe.reasons.join(", "));
    }
    let trial = |(name, test): &Test| {
        let (test, sandbox) = (*test, sandbox.clone());
        let run = move || {
            test(&sandbox);
            Ok::<_, Failed>(())
        };
        Trial::test(format!("gvisor::{name}"), run).with_ignored_flag(missing)
    };
    TESTS.iter().map(trial).collect()
}

fn a_program_runs(sandbox: &Gvisor) {
    let job = Job { input: b"in\n".to_vec(), ..shell("id -u; uname -r; cat; echo err >&2; exit 7") };
    let outcome = sandbox.run(&job, &Confinement::default()).unwrap();
    assert_eq!(outcome.end, End::Exited(7), "{outcome:?}");
    assert_eq!(sandbox.backend(), Backend::Gvisor);
    let uid = outcome.enforcement.uid;
    assert_ne!(uid, 0);
    assert_eq!(text(&outcome.stdout), format!("{uid}\n4.4.0\nin\n"));
    assert_eq!(text(&outcome.stderr), "err\n");
    assert_eq!(outcome.enforcement.level, Level::Kernel);
}
