//! The contract of backends, of which `airlock-testkit` has the points; and that each of them can fail.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
};

use airlock_sandbox::{
    Backend, Confinement, End, Job, Level, Outcome, Probe, ProcessBox, Sandbox, SandboxError,
};
use airlock_testkit::backends::{self, POINTS, Particulars};
use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use self::Fault::{Asked, Run, Told};
use crate::shell;

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

/// What a box does that does not keep the contract.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It runs something else than it is asked for.
    Asked(fn(&mut Job, &mut Confinement)),
    /// It tells something else than what became of it.
    Told(fn(&mut Outcome)),
    /// It comes to grief otherwise.
    Run(fn(&Broken, &Job, &Confinement) -> Result<Outcome, SandboxError>),
}

/// The points, each with what breaks it.
const BROKEN: &[(&str, &str, Fault)] = &[
    ("it_gives_what_it_says", "it_holds_less", Told(|outcome| outcome.enforcement.level = Level::Lite)),
    ("the_code_comes_back", "codes_are_cut", Told(codes_are_cut)),
    ("a_signal_is_told_from_a_code", "a_signal_is_a_code", Told(a_signal_is_a_code)),
    ("both_streams_come_back_apart", "streams_are_joined", Told(streams_are_joined)),
    ("input_arrives_whole_and_ends", "input_is_cut", Asked(|job, _| job.input.truncate(64 << 10))),
    ("without_input_there_is_none", "there_is_always_input", Asked(|job, _| job.input.push(b'\n'))),
    ("input_that_nobody_reads_does_no_harm", "input_has_to_be_read", Run(input_has_to_be_read)),
    ("the_deadline_ends_it", "the_deadline_is_not_told", Told(the_deadline_is_not_told)),
    ("a_flood_of_output_ends_it", "a_flood_is_not_told", Told(a_flood_is_not_told)),
    ("a_flood_of_output_ends_it", "too_much_is_let_out", Asked(|_, asked| asked.limits.output += 1)),
    ("a_flood_of_output_ends_it", "only_one_stream_is_bounded", Told(only_one_stream_is_bounded)),
    ("output_up_to_the_limit_is_whole", "the_limit_is_too_much", Asked(|_, asked| asked.limits.output -= 1)),
    ("the_environment_is_what_was_given", "a_variable_is_let_in", Asked(a_variable_is_let_in)),
    ("the_environment_is_what_was_given", "a_secret_is_let_in", Asked(a_secret_is_let_in)),
    ("the_environment_is_what_was_given", "nothing_is_given", Asked(|_, asked| asked.environment.clear())),
    ("nothing_is_left_for_the_next_run", "a_folder_is_kept", Run(a_folder_is_kept)),
    ("what_does_not_exist_does_not_run", "something_else_runs", Run(something_else_runs)),
    ("what_does_not_exist_does_not_run", "nobody_knows_whether_it_ran", Run(nobody_knows_whether_it_ran)),
];

/// What [`a_secret_is_let_in`] lets in.
const SECRET: &str = "a word that nobody gave";

/// A box that breaks the contract in one way.
#[derive(Debug)]
struct Broken {
    sandbox: ProcessBox,
    /// A folder of the host, which outlives each run.
    kept: TempDir,
    fault: Fault,
}

impl Sandbox for Broken {
    fn backend(&self) -> Backend {
        self.sandbox.backend()
    }

    fn probe(&self) -> Probe {
        self.sandbox.probe()
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        match self.fault {
            Asked(other) => {
                let (mut job, mut confinement) = (job.clone(), confinement.clone());
                other(&mut job, &mut confinement);
                self.sandbox.run(&job, &confinement)
            }
            Told(other) => {
                let mut outcome = self.sandbox.run(job, confinement)?;
                other(&mut outcome);
                Ok(outcome)
            }
            Run(other) => other(self, job, confinement),
        }
    }
}

/// That each point sees what breaks it, and that each has something that does.
pub(crate) fn broken_ones(sandbox: &ProcessBox, ignored: bool) -> Vec<Trial> {
    let each = BROKEN.iter().map(|(name, what, fault)| {
        let sandbox = sandbox.clone();
        let trial = move || {
            let (_, point) = POINTS.iter().find(|(point, _)| point == name).ok_or("no such point")?;
            let kept = tempfile::tempdir().unwrap();
            // In a box there is no root, if there is one here.
            fs::set_permissions(kept.path(), fs::Permissions::from_mode(0o777)).unwrap();
            let broken = Broken { sandbox, kept, fault: *fault };
            let particulars = Particulars { secrets: &[SECRET], ..Particulars::default() };
            let passed = catch_unwind(AssertUnwindSafe(|| point(&broken, &particulars))).is_ok();
            if passed { Err(Failed::from(format!("`{name}` does not see it"))) } else { Ok(()) }
        };
        Trial::test(format!("contract::broken::{what}"), trial).with_ignored_flag(ignored)
    });
    let all = Trial::test("contract::each_point_can_fail", || {
        let unbroken: Vec<_> = POINTS
            .iter()
            .map(|(name, _)| name)
            .filter(|name| BROKEN.iter().all(|(at, ..)| at != *name))
            .collect();
        assert!(unbroken.is_empty(), "nothing breaks {unbroken:?}");
        Ok(())
    });
    each.chain([all]).collect()
}

fn codes_are_cut(outcome: &mut Outcome) {
    if let End::Exited(code) = &mut outcome.end {
        *code &= 0x7f;
    }
}

fn a_signal_is_a_code(outcome: &mut Outcome) {
    if let End::Signalled(signal) = outcome.end {
        outcome.end = End::Exited(128 + signal);
    }
}

fn streams_are_joined(outcome: &mut Outcome) {
    outcome.stdout.append(&mut outcome.stderr);
}

fn input_has_to_be_read(
    broken: &Broken,
    job: &Job,
    confinement: &Confinement,
) -> Result<Outcome, SandboxError> {
    let outcome = broken.sandbox.run(job, confinement)?;
    if outcome.stdout.len() < job.input.len() { Err(SandboxError::Lost) } else { Ok(outcome) }
}

fn the_deadline_is_not_told(outcome: &mut Outcome) {
    if outcome.end == End::DeadlineExceeded {
        outcome.end = End::Signalled(9);
    }
}

fn a_flood_is_not_told(outcome: &mut Outcome) {
    if outcome.end == End::OutputExceeded {
        outcome.end = End::Signalled(9);
    }
}

fn only_one_stream_is_bounded(outcome: &mut Outcome) {
    if outcome.end == End::OutputExceeded && outcome.stdout.is_empty() {
        outcome.stderr.push(b'y');
    }
}

fn a_variable_is_let_in(_: &mut Job, asked: &mut Confinement) {
    asked.environment.push(("CARGO_MANIFEST_DIR".into(), "x".into()));
}

fn a_secret_is_let_in(_: &mut Job, asked: &mut Confinement) {
    asked.environment.push(("ANOTHER".into(), SECRET.into()));
}

fn a_folder_is_kept(broken: &Broken, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
    let kept = broken.kept.path().to_owned();
    let (writable, folder) = (vec![kept.clone()], Some(kept));
    broken.sandbox.run(job, &Confinement { writable, folder, ..confinement.clone() })
}

fn something_else_runs(
    broken: &Broken,
    job: &Job,
    confinement: &Confinement,
) -> Result<Outcome, SandboxError> {
    broken.sandbox.run(job, confinement).or_else(|_| broken.sandbox.run(&shell("true"), confinement))
}

fn nobody_knows_whether_it_ran(
    broken: &Broken,
    job: &Job,
    confinement: &Confinement,
) -> Result<Outcome, SandboxError> {
    broken.sandbox.run(job, confinement).map_err(|_| SandboxError::Lost)
}
