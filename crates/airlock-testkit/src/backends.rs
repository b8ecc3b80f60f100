//! What a caller may rely on, whichever backend runs the program. A backend differs from another one in what its
//! [`Particulars`] say, and in nothing else.

use std::time::Duration;

use airlock_sandbox::{Confinement, End, Job, Limits, Sandbox, SandboxError};
use libtest_mimic::{Failed, Trial};

/// A point of the contract, and its name. It panics where a backend does not keep it.
pub type Point = (&'static str, fn(&dyn Sandbox, &Particulars));

/// The contract.
pub const POINTS: &[Point] = &[
    ("it_gives_what_it_says", it_gives_what_it_says),
    ("the_code_comes_back", the_code_comes_back),
    ("a_signal_is_told_from_a_code", a_signal_is_told_from_a_code),
    ("both_streams_come_back_apart", both_streams_come_back_apart),
    ("input_arrives_whole_and_ends", input_arrives_whole_and_ends),
    ("without_input_there_is_none", without_input_there_is_none),
    ("input_that_nobody_reads_does_no_harm", input_that_nobody_reads_does_no_harm),
    ("the_deadline_ends_it", the_deadline_ends_it),
    ("a_flood_of_output_ends_it", a_flood_of_output_ends_it),
    ("output_up_to_the_limit_is_whole", output_up_to_the_limit_is_whole),
    ("the_environment_is_what_was_given", the_environment_is_what_was_given),
    ("nothing_is_left_for_the_next_run", nothing_is_left_for_the_next_run),
    ("what_does_not_exist_does_not_run", what_does_not_exist_does_not_run),
];

/// What differs between backends.
#[derive(Clone, Copy, Debug)]
pub struct Particulars {
    /// Folders that a program can write to, in the words of a shell. Some may be names of the same one.
    pub folders: &'static [&'static str],
    /// Codes that it cannot tell from a signal.
    pub untold: &'static [i32],
    /// What this process knows and no program may, besides its variables.
    pub secrets: &'static [&'static str],
    /// Longer than a program takes to begin, and as short as that allows: it is waited for.
    pub begun_by: Duration,
    /// Longer than a program takes that is not to be ended.
    pub patience: Duration,
}

impl Default for Particulars {
    /// A box, and what is like one.
    fn default() -> Self {
        Self {
            folders: &["/tmp", "$HOME", ".", "/dev/shm"],
            untold: &[],
            secrets: &[],
            begun_by: Duration::from_secs(4),
            patience: Duration::from_secs(60),
        }
    }
}

impl Particulars {
    fn limits(&self) -> Limits {
        Limits { wall: Some(self.patience), ..Limits::default() }
    }

    fn confinement(&self) -> Confinement {
        Confinement { limits: self.limits(), ..Confinement::default() }
    }
}

/// A trial for each point, `contract::NAME::POINT`. `with` is to call what it is given with the backend.
pub fn trials<F>(name: &str, particulars: Particulars, with: F) -> impl Iterator<Item = Trial>
where
    F: Fn(&dyn Fn(&dyn Sandbox)) + Clone + Send + 'static,
{
    POINTS.iter().map(move |(point, test)| {
        let with = with.clone();
        Trial::test(format!("contract::{name}::{point}"), move || {
            with(&|sandbox| test(sandbox, &particulars));
            Ok::<_, Failed>(())
        })
    })
}

/// A script for the shell of a sandbox.
pub fn shell(script: &str) -> Job {
    Job { command: ["/bin/sh", "-c", script].map(Into::into).to_vec(), ..Job::default() }
}

fn run(sandbox: &dyn Sandbox, script: &str, limits: Limits) -> (End, Vec<u8>, Vec<u8>) {
    let confinement = Confinement { limits, ..Confinement::default() };
    let outcome = sandbox.run(&shell(script), &confinement).expect("the program runs");
    (outcome.end, outcome.stdout, outcome.stderr)
}

fn feed(sandbox: &dyn Sandbox, with: &Particulars, script: &str, input: Vec<u8>) -> (End, Vec<u8>) {
    let limits = Limits { output: 4 << 20, ..with.limits() };
    let job = Job { input, ..shell(script) };
    let outcome = sandbox.run(&job, &Confinement { limits, ..Confinement::default() });
    let outcome = outcome.expect("the program runs");
    (outcome.end, outcome.stdout)
}

fn it_gives_what_it_says(sandbox: &dyn Sandbox, with: &Particulars) {
    let probe = sandbox.probe();
    let full = (sandbox.backend(), sandbox.backend().level());
    assert_eq!((probe.backend, probe.level), full, "{probe:?}");
    let outcome = sandbox.run(&shell("true"), &with.confinement()).expect("the program runs");
    assert_eq!(outcome.enforcement.level, probe.level);
}

fn the_code_comes_back(sandbox: &dyn Sandbox, with: &Particulars) {
    // Some of them are those by which `runsc` and shells say that something else happened.
    let codes = [0, 1, 2, 42, 125, 126, 127, 128, 137, 255];
    for code in codes.into_iter().filter(|code| !with.untold.contains(code)) {
        assert_eq!(run(sandbox, &format!("exit {code}"), with.limits()).0, End::Exited(code));
    }
}

fn a_signal_is_told_from_a_code(sandbox: &dyn Sandbox, with: &Particulars) {
    assert_eq!(run(sandbox, "kill -KILL $$", with.limits()).0, End::Signalled(9));
    assert_eq!(run(sandbox, "kill -SEGV $$", with.limits()).0, End::Signalled(11));
}

fn both_streams_come_back_apart(sandbox: &dyn Sandbox, with: &Particulars) {
    let (end, stdout, stderr) = run(sandbox, r"printf 'a\000\377'; echo b >&2", with.limits());
    assert_eq!(
        (end, stdout.as_slice(), stderr.as_slice()),
        (End::Exited(0), b"a\0\xff".as_slice(), b"b\n".as_slice())
    );
}

/// More than any pipe on the way holds, so that it has to be read while it is written.
fn input_arrives_whole_and_ends(sandbox: &dyn Sandbox, with: &Particulars) {
    let input: Vec<u8> = (0..1_000_000_u32).map(|nth| nth.to_le_bytes()[0]).collect();
    let (end, stdout) = feed(sandbox, with, "exec cat", input.clone());
    assert!(end == End::Exited(0) && stdout == input, "{end:?}, {} bytes", stdout.len());
}

fn without_input_there_is_none(sandbox: &dyn Sandbox, with: &Particulars) {
    assert_eq!(feed(sandbox, with, "wc -c", Vec::new()), (End::Exited(0), b"0\n".to_vec()));
}

fn input_that_nobody_reads_does_no_harm(sandbox: &dyn Sandbox, with: &Particulars) {
    let fed = feed(sandbox, with, "echo done", vec![b'x'; 1_000_000]);
    assert_eq!(fed, (End::Exited(0), b"done\n".to_vec()));
}

fn the_deadline_ends_it(sandbox: &dyn Sandbox, with: &Particulars) {
    let limits = Limits { wall: Some(with.begun_by), ..Limits::default() };
    let (end, stdout, _) = run(sandbox, "echo begun; while :; do sleep 1; done", limits);
    assert_eq!((end, stdout.as_slice()), (End::DeadlineExceeded, b"begun\n".as_slice()));
}

fn a_flood_of_output_ends_it(sandbox: &dyn Sandbox, with: &Particulars) {
    let limits = Limits { output: 10_000, ..with.limits() };
    let (end, stdout, _) = run(sandbox, "yes", limits);
    assert_eq!((end, stdout.len()), (End::OutputExceeded, 10_000), "standard output");
    let (end, _, stderr) = run(sandbox, "yes >&2", limits);
    assert_eq!((end, stderr.len()), (End::OutputExceeded, 10_000), "standard error");
}

fn output_up_to_the_limit_is_whole(sandbox: &dyn Sandbox, with: &Particulars) {
    let limits = Limits { output: 10_000, ..with.limits() };
    let (end, stdout, _) = run(sandbox, "head -c 10000 /dev/zero", limits);
    assert_eq!((end, stdout.len()), (End::Exited(0), 10_000));
}

/// What every program has of its own, or its shell gives it.
const OWN: &[&str] = &["PATH", "HOME", "TMPDIR", "LANG", "PWD", "OLDPWD", "SHLVL", "_"];

fn the_environment_is_what_was_given(sandbox: &dyn Sandbox, with: &Particulars) {
    let environment = vec![("GIVEN".into(), "a b='c'\n".into())];
    let confinement = Confinement { environment, ..with.confinement() };
    let outcome = sandbox.run(&shell("printf '%s' \"$GIVEN\"; env >&2"), &confinement);
    let outcome = outcome.expect("the program runs");
    assert_eq!(outcome.stdout, b"a b='c'\n");
    let all = String::from_utf8_lossy(&outcome.stderr);
    assert!(all.contains("GIVEN="), "the control: {all}");
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "the control: this process has others");
    for (name, _) in std::env::vars_os().filter(|(name, _)| OWN.iter().all(|own| name != *own)) {
        let begin = format!("{}=", name.to_string_lossy());
        assert!(all.lines().all(|line| !line.starts_with(&begin)), "it has `{begin}` of this process: {all}");
    }
    for secret in with.secrets {
        assert!(!all.contains(secret), "it knows `{secret}`: {all}");
    }
}

fn nothing_is_left_for_the_next_run(sandbox: &dyn Sandbox, with: &Particulars) {
    let left: Vec<_> = with.folders.iter().map(|folder| format!("\"{folder}/left\"")).collect();
    let left = left.join(" ");
    let script = format!(
        "cat {left} 2>/dev/null; for file in {left}; do echo old > \"$file\"; done; echo now:; cat {left}"
    );
    let expected = format!("now:\n{}", "old\n".repeat(with.folders.len()));
    for nth in 0..2 {
        let (end, stdout, stderr) = run(sandbox, &script, with.limits());
        let [said, errors] = [&stdout, &stderr].map(|text| String::from_utf8_lossy(text));
        assert_eq!((end, &*said), (End::Exited(0), &*expected), "run {nth}: {errors}");
    }
}

fn what_does_not_exist_does_not_run(sandbox: &dyn Sandbox, with: &Particulars) {
    let job = Job { command: vec!["/bin/does-not-exist".into()], ..Job::default() };
    let refusal = sandbox.run(&job, &with.confinement());
    let is_known = !matches!(refusal, Err(SandboxError::Lost | SandboxError::Broken { .. }));
    assert!(refusal.is_err() && is_known, "{refusal:?}");
    assert!(sandbox.run(&shell("true"), &with.confinement()).is_ok(), "the control");
}
