//! What a caller may rely on, whichever backend there is.

use std::time::Duration;

use airlock_sandbox::{Confinement, End, Job, Level, Limits, Sandbox};

use crate::shell;

type Test = (&'static str, fn(&dyn Sandbox));

pub(crate) const TESTS: &[Test] = &[
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

fn run(sandbox: &dyn Sandbox, script: &str, limits: Limits) -> (End, Vec<u8>, Vec<u8>) {
    let confinement = Confinement { limits, ..Confinement::default() };
    let outcome = sandbox.run(&shell(script), &confinement).unwrap();
    (outcome.end, outcome.stdout, outcome.stderr)
}

fn feed(sandbox: &dyn Sandbox, script: &str, input: Vec<u8>) -> (End, Vec<u8>) {
    let job = Job { input, ..shell(script) };
    let limits = Limits { output: 4 << 20, ..Limits::default() };
    let outcome = sandbox.run(&job, &Confinement { limits, ..Confinement::default() }).unwrap();
    (outcome.end, outcome.stdout)
}

fn it_gives_what_it_says(sandbox: &dyn Sandbox) {
    let probe = sandbox.probe();
    assert!(probe.level > Level::Lite && probe.level <= sandbox.backend().level(), "{probe:?}");
    let outcome = sandbox.run(&shell("true"), &Confinement::default()).unwrap();
    assert_eq!(outcome.enforcement.level, probe.level);
}

fn the_code_comes_back(sandbox: &dyn Sandbox) {
    for code in [0, 1, 42] {
        assert_eq!(run(sandbox, &format!("exit {code}"), Limits::default()).0, End::Exited(code));
    }
}

fn a_signal_is_told_from_a_code(sandbox: &dyn Sandbox) {
    assert_eq!(run(sandbox, "kill -KILL $$", Limits::default()).0, End::Signalled(9));
}

fn both_streams_come_back_apart(sandbox: &dyn Sandbox) {
    let (end, stdout, stderr) = run(sandbox, r"printf 'a\000\377'; echo b >&2", Limits::default());
    assert_eq!(
        (end, stdout.as_slice(), stderr.as_slice()),
        (End::Exited(0), b"a\0\xff".as_slice(), b"b\n".as_slice())
    );
}

/// More than any pipe on the way holds, so that it has to be read while it is written.
fn input_arrives_whole_and_ends(sandbox: &dyn Sandbox) {
    let input: Vec<u8> = (0..1_000_000_u32).map(|nth| nth.to_le_bytes()[0]).collect();
    let (end, stdout) = feed(sandbox, "exec cat", input.clone());
    assert!(end == End::Exited(0) && stdout == input, "{end:?}, {} bytes", stdout.len());
}

fn without_input_there_is_none(sandbox: &dyn Sandbox) {
    assert_eq!(feed(sandbox, "wc -c", Vec::new()), (End::Exited(0), b"0\n".to_vec()));
}

fn input_that_nobody_reads_does_no_harm(sandbox: &dyn Sandbox) {
    assert_eq!(feed(sandbox, "echo done", vec![b'x'; 1_000_000]), (End::Exited(0), b"done\n".to_vec()));
}

fn the_deadline_ends_it(sandbox: &dyn Sandbox) {
    let limits = Limits { wall: Some(Duration::from_secs(4)), ..Limits::default() };
    let (end, stdout, _) = run(sandbox, "echo begun; while :; do sleep 1; done", limits);
    assert_eq!((end, stdout.as_slice()), (End::DeadlineExceeded, b"begun\n".as_slice()));
}

fn a_flood_of_output_ends_it(sandbox: &dyn Sandbox) {
    let limits = Limits { output: 10_000, ..Limits::default() };
    for (stream, script) in ["yes", "yes >&2"].into_iter().enumerate() {
        let (end, stdout, stderr) = run(sandbox, script, limits);
        assert_eq!((end, [stdout, stderr][stream].len()), (End::OutputExceeded, 10_000), "{script}");
    }
}

fn output_up_to_the_limit_is_whole(sandbox: &dyn Sandbox) {
    let limits = Limits { output: 10_000, ..Limits::default() };
    let (end, stdout, _) = run(sandbox, "head -c 10000 /dev/zero", limits);
    assert_eq!((end, stdout.len()), (End::Exited(0), 10_000));
}

fn the_environment_is_what_was_given(sandbox: &dyn Sandbox) {
    let environment = vec![("GIVEN".into(), "a b='c'\n".into())];
    let confinement = Confinement { environment, ..Confinement::default() };
    let outcome = sandbox.run(&shell("printf '%s' \"$GIVEN\"; env >&2"), &confinement).unwrap();
    assert_eq!(outcome.stdout, b"a b='c'\n");
    let (own, all) = ("CARGO_MANIFEST_DIR", String::from_utf8(outcome.stderr).unwrap());
    assert!(std::env::var_os(own).is_some(), "this process has it");
    assert!(all.contains("GIVEN=") && !all.contains(own) && !all.contains(crate::fake::KEY), "{all}");
}

fn nothing_is_left_for_the_next_run(sandbox: &dyn Sandbox) {
    let left = "/tmp/left \"$HOME/left\" left";
    let script = format!(
        "cat {left} 2>/dev/null; for file in {left}; do echo old > \"$file\"; done; cat /tmp/left left"
    );
    for nth in 0..2 {
        let (end, stdout, stderr) = run(sandbox, &script, Limits::default());
        assert_eq!(
            (end, stdout.as_slice()),
            (End::Exited(0), b"old\nold\n".as_slice()),
            "run {nth}: {}",
            String::from_utf8_lossy(&stderr)
        );
    }
}

fn what_does_not_exist_does_not_run(sandbox: &dyn Sandbox) {
    let job = Job { command: vec!["/bin/does-not-exist".into()], ..Job::default() };
    assert!(sandbox.run(&job, &Confinement::default()).is_err());
    assert!(sandbox.run(&shell("true"), &Confinement::default()).is_ok());
}
