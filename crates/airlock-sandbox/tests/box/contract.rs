//! The contract of backends, of which `airlock-testkit` has the points.

use airlock_sandbox::Sandbox;
use airlock_testkit::backends::{self, Particulars};
use libtest_mimic::Trial;

/// The contract of a backend; ignored where there is none.
pub(crate) fn trials<S>(sandbox: &S, particulars: Particulars, ignored: bool) -> Vec<Trial>
where
    S: Sandbox + Clone + 'static,
{
    let (name, sandbox) = (sandbox.backend().as_str(), sandbox.clone());
    let trials = backends::trials(name, particulars, move |test| test(&sandbox));
    trials.map(|trial| trial.with_ignored_flag(ignored)).collect()
}

/// Without namespaces there is neither a `/tmp` nor a `/dev/shm` of its own.
pub(crate) fn of_lite() -> Particulars {
    Particulars { folders: &["$TMPDIR", "$HOME", "."], ..Particulars::default() }
}
