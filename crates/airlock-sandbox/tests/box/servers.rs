//! Programs that somebody else talks to and waits for.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Child,
};

use airlock_sandbox::{Aftermath, Confinement, Hold, ProcessBox, SandboxError, Step};
use rustix::process::{Pid, Signal, kill_process};

use crate::Test;

pub(crate) const TESTS: &[Test] = &[
    ("a_server_is_asked_to_end", a_server_is_asked_to_end),
    ("a_server_that_nobody_holds_ends", a_server_that_nobody_holds_ends),
    ("a_program_that_is_not_there_is_named", a_program_that_is_not_there_is_named),
];

fn serve(sandbox: &ProcessBox, command: &[&str]) -> (Child, Hold, Aftermath) {
    let command: Vec<_> = command.iter().map(Into::into).collect();
    sandbox.start(&command, &Confinement::default()).unwrap().into_parts()
}

fn a_server_is_asked_to_end(sandbox: &ProcessBox) {
    let script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    let (mut child, _hold, mut aftermath) = serve(sandbox, &["/bin/sh", "-c", script]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "up\n", "the control: it runs");
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bye\n");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(aftermath.refusal().is_none());
}

fn a_server_that_nobody_holds_ends(sandbox: &ProcessBox) {
    let script = "trap '' TERM; echo up; sleep 1000 & exec sleep 1000";
    let (mut child, hold, _aftermath) = serve(sandbox, &["/bin/sh", "-c", script]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    assert!(child.try_wait().unwrap().is_none(), "the control: it runs");
    drop(hold);
    assert_eq!(child.wait().unwrap().code(), Some(137));
    assert_eq!(output.read_to_string(&mut String::new()).unwrap(), 0);
}

fn a_program_that_is_not_there_is_named(sandbox: &ProcessBox) {
    let (mut child, _hold, mut aftermath) = serve(sandbox, &["/usr/bin/no-such-program"]);
    assert_eq!(child.wait().unwrap().code(), Some(127));
    let refusal = aftermath.refusal();
    assert!(matches!(refusal, Some(SandboxError::Failed { step: Step::StartProgram, .. })), "{refusal:?}");
}
