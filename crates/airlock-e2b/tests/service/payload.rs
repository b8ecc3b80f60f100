//! Calls with arguments: what was altered on its way does not run.

use std::time::Duration;

use airlock_e2b::{PythonCall, Warm};
use airlock_sandbox::{Confinement, End, Limits, Outcome, SandboxError, Stop};
use serde_json::{Value, json};

use crate::{
    Test,
    fake::{Fake, Fault, until},
    faults::{START, is_broken, is_unavailable},
};

pub(crate) const TESTS: &[Test] = &[
    ("payload::code_finds_its_arguments", code_finds_its_arguments),
    ("payload::code_ends_as_it_likes", code_ends_as_it_likes),
    ("payload::what_was_altered_does_not_run", what_was_altered_does_not_run),
    ("payload::code_cannot_say_that_it_did_not_run", code_cannot_say_that_it_did_not_run),
    ("payload::the_key_is_gone_when_the_code_runs", the_key_is_gone_when_the_code_runs),
    ("payload::without_the_word_of_the_stub_there_is_no_answer", without_the_word_of_the_stub),
    ("payload::limits_hold_as_ever", limits_hold_as_ever),
    ("payload::the_key_of_a_call_is_handed_over_or_nothing_runs", the_key_is_handed_over_or_nothing_runs),
    ("payload::a_machine_that_ended_is_replaced", a_machine_that_ended_is_replaced),
];

const RAN: &str = "print('r' + 'an')";

fn call_within(fake: &Fake, code: &str, arguments: Value, limits: Limits) -> Result<Outcome, SandboxError> {
    let call = PythonCall { code: code.to_owned(), arguments };
    let outcome =
        fake.sandbox().call(&call, &Confinement { limits, ..Confinement::default() }, &Stop::default());
    assert_eq!(fake.living(), 0, "a machine is left");
    outcome
}

fn call(fake: &Fake, code: &str, arguments: Value) -> Result<Outcome, SandboxError> {
    call_within(fake, code, arguments, Limits::default())
}

fn says(fake: &Fake, code: &str, arguments: Value) -> String {
    let outcome = call(fake, code, arguments).unwrap();
    assert_eq!(outcome.end, End::Exited(0), "{outcome:?}");
    String::from_utf8(outcome.stdout).unwrap()
}

fn code_finds_its_arguments(fake: &Fake) {
    let arguments =
        json!({ "text": "ä\n\u{0}'\"", "numbers": [1, -2.5, 12_345_678_901_234_567_u64], "none": null });
    let text = says(fake, "import json\nprint(json.dumps(arguments))", arguments.clone());
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), arguments);
    assert_eq!(says(fake, "import sys\nprint(repr(sys.stdin.read()), sys.argv)", json!(1)), "'' ['']\n");
    assert_eq!(says(fake, "print(len(arguments))", json!("x".repeat(300_000))), "300000\n");
    assert_eq!(
        says(fake, "def f():\n  return g()\ndef g():\n  return 7\nprint(f(), __name__)", json!({})),
        "7 __main__\n"
    );
}

fn code_ends_as_it_likes(fake: &Fake) {
    assert_eq!(call(fake, "import sys; sys.exit(7)", json!({})).unwrap().end, End::Exited(7));
    let failed = call(fake, "print('out')\nint('x')", json!({})).unwrap();
    assert_eq!((failed.end, failed.stdout.as_slice()), (End::Exited(1), b"out\n".as_slice()));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("ValueError"));
}

fn what_was_altered_does_not_run(fake: &Fake) {
    // The control: it runs, and that would be seen.
    assert_eq!(says(fake, RAN, json!({})), "ran\n");
    let seen = || fake.written().matches("ran").count();
    assert_eq!(seen(), 1);
    // With more input than goes at once, so that there are pieces to be repeated.
    let arguments = json!("x".repeat(100_000));
    for (road, fault, unavailable) in [
        ("SendInput", Fault::Altered, true),
        ("SendInput", Fault::Twice, true),
        // Without the right key the stub cannot even say that it refused.
        ("POST /files", Fault::Altered, false),
    ] {
        let programs = fake.programs();
        fake.fault(road, 1, fault);
        let outcome = call(fake, RAN, arguments.clone());
        assert!(
            if unavailable { is_unavailable(&outcome) } else { is_broken(&outcome) },
            "{fault:?}: {outcome:?}"
        );
        assert_eq!(
            (fake.programs() - programs, seen()),
            (1, 1),
            "{fault:?}: the stub began, and the code did not"
        );
    }
    assert_eq!(says(fake, RAN, arguments), "ran\n");
}

fn code_cannot_say_that_it_did_not_run(fake: &Fake) {
    // It has the key, as code could that looks for it in memory.
    let code = "import hashlib, hmac, os\n\
                key = arguments.encode()\n\
                print(hmac.new(key, b'refused\\0', hashlib.sha256).hexdigest())\n\
                os._exit(1)";
    let outcome = call(fake, code, json!("k")).unwrap();
    assert_eq!((outcome.end, outcome.stderr.as_slice()), (End::Exited(1), b"".as_slice()));
}

fn the_key_is_gone_when_the_code_runs(fake: &Fake) {
    assert_eq!(says(fake, "import os\nprint(os.listdir('.'))", json!({})), "[]\n");
    let files = fake.lines("POST /files");
    assert!(files.len() == 1 && files[0].contains(".key"), "{files:?}");
}

fn without_the_word_of_the_stub(fake: &Fake) {
    for fault in [Fault::HalfFrame, Fault::ErrorEnd, Fault::Cut, Fault::Unanswered] {
        fake.fault(START, 1, fault);
        let outcome = call(fake, RAN, json!({}));
        assert!(is_broken(&outcome), "{fault:?}: {outcome:?}");
    }
    // Somebody else's program answers.
    fake.fault(START, 1, Fault::Swapped);
    let outcome = call(fake, RAN, json!({}));
    assert!(is_broken(&outcome), "{outcome:?}");
    assert!(fake.written().contains("swapped"));
}

fn limits_hold_as_ever(fake: &Fake) {
    let limits = Limits { output: 1_000, wall: Some(Duration::from_secs(60)), ..Limits::default() };
    let print = |code: &str| call_within(fake, code, json!({}), limits).unwrap();
    let whole = print("print('x' * 999)");
    assert_eq!((whole.end, whole.stdout.len()), (End::Exited(0), 1_000));
    let flood = print("while True: print('x')");
    assert_eq!((flood.end, flood.stdout.len()), (End::OutputExceeded, 1_000));
    let flood = print("import sys\nwhile True: print('x', file=sys.stderr)");
    // The streams come by themselves: it may have been ended before the stub's word was read.
    assert!(flood.end == End::OutputExceeded && [0, 1_000].contains(&flood.stderr.len()), "{:?}", flood.end);
    let limits = Limits { wall: Some(Duration::from_secs(4)), ..Limits::default() };
    let late = call_within(fake, "while True: pass", json!({}), limits).unwrap();
    assert_eq!((late.end, late.stdout.as_slice()), (End::DeadlineExceeded, b"".as_slice()));
    let folder = Some("/".into());
    let call = PythonCall { code: RAN.to_owned(), arguments: json!({}) };
    let outcome =
        fake.sandbox().call(&call, &Confinement { folder, ..Confinement::default() }, &Stop::default());
    assert!(is_unavailable(&outcome), "{outcome:?}");
    let stop = Stop::new();
    stop.request();
    assert!(matches!(fake.sandbox().call(&call, &Confinement::default(), &stop), Err(SandboxError::GivenUp)));
}

fn the_key_is_handed_over_or_nothing_runs(fake: &Fake) {
    for fault in
        [Fault::Answer(507, "", "disk full"), Fault::Ignored, Fault::Answer(401, "", ""), Fault::Unanswered]
    {
        let starts = fake.calls(START).len();
        fake.fault("POST /files", 1, fault);
        let outcome = call(fake, RAN, json!({}));
        assert!(is_unavailable(&outcome), "{fault:?}: {outcome:?}");
        assert_eq!(fake.calls(START).len(), starts, "{fault:?}");
    }
    assert_eq!(fake.programs(), 0);
    assert_eq!(says(fake, RAN, json!({})), "ran\n");
}

fn a_machine_that_ended_is_replaced(fake: &Fake) {
    let sandbox = fake.sandbox().kept_warm(Warm::default()).unwrap();
    assert!(until(|| sandbox.waiting() == 1));
    fake.end_machines();
    let call = PythonCall { code: RAN.to_owned(), arguments: json!({}) };
    let outcome = sandbox.call(&call, &Confinement::default(), &Stop::default()).unwrap();
    assert_eq!((outcome.stdout.as_slice(), fake.programs()), (b"ran\n".as_slice(), 1));
    drop(sandbox);
    fake.is_empty();
}
