//! What goes wrong, one at a time: the error, and that no program ever runs twice, or here.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path, process::Command, time::Duration};

use airlock_e2b::{CallError, E2bSandbox};
use airlock_sandbox::{
    Backend, Confinement, End, Job, Level, Limits, Outcome, Sandbox as _, SandboxError, proxy::Network,
    strongest,
};

use crate::{
    Test,
    fake::{Fake, Fault, KEY},
    shell,
};

pub(crate) const TESTS: &[Test] = &[
    ("faults::a_local_run_would_be_seen", a_local_run_would_be_seen),
    ("faults::making_a_machine_is_tried_again", making_a_machine_is_tried_again),
    ("faults::making_a_machine_is_given_up", making_a_machine_is_given_up),
    ("faults::a_machine_that_was_made_unheard_is_made_once", a_machine_that_was_made_unheard_is_made_once),
    ("faults::what_was_refused_did_not_run", what_was_refused_did_not_run),
    ("faults::what_was_lost_is_broken_and_not_begun_again", what_was_lost_is_broken_and_not_begun_again),
    ("faults::a_hang_meets_the_deadline", a_hang_meets_the_deadline),
    ("faults::lost_input_ends_the_program", lost_input_ends_the_program),
    ("faults::input_that_can_never_be_closed_is_refused", input_that_can_never_be_closed_is_refused),
    ("faults::making_a_machine_takes_no_longer_than_the_program_may", making_a_machine_is_within_the_time),
    ("faults::a_machine_needs_its_token", a_machine_needs_its_token),
    ("faults::without_the_key_it_cannot_be_used", without_the_key_it_cannot_be_used),
    ("faults::nobody_there_is_unavailable", nobody_there_is_unavailable),
    ("faults::an_old_service_is_spoken_to_in_its_words", an_old_service_is_spoken_to_in_its_words),
    ("faults::what_cannot_be_had_there_is_not_asked_for", what_cannot_be_had_there_is_not_asked_for),
    ("faults::a_machine_that_cannot_be_used_is_ended", a_machine_that_cannot_be_used_is_ended),
    ("faults::an_empty_domain_is_none", an_empty_domain_is_none),
    ("faults::a_machine_that_was_kept_stays", a_machine_that_was_kept_stays),
    ("faults::nothing_that_the_service_says_gets_into_errors", nothing_that_it_says_gets_into_errors),
    ("faults::no_token_gets_into_errors", no_token_gets_into_errors),
    ("faults::a_machine_that_cannot_be_ended_has_a_limit", a_machine_that_cannot_be_ended_has_a_limit),
];

pub(crate) const CREATE: &str = "POST /v2/sandboxes";
pub(crate) const START: &str = "Process/Start";

/// A job that leaves a mark if it runs on this machine and not in a box, and says that it ran.
pub(crate) fn marking(mark: &Path) -> Job {
    shell(&format!("echo 2>/dev/null > '{}'; echo ran", mark.display()))
}

/// Runs a job against a service that is well, and then with a fault; what came of that, and how many programs began.
fn with(
    fake: &Fake,
    route: &'static str,
    times: usize,
    fault: Fault,
) -> (Result<Outcome, SandboxError>, usize) {
    let (folder, sandbox) = (tempfile::tempdir().unwrap(), fake.sandbox());
    let mark = folder.path().join("mark");
    let short = Limits { wall: Some(Duration::from_secs(10)), ..Limits::default() };
    let run = || sandbox.run(&marking(&mark), &Confinement { limits: short, ..Confinement::default() });
    let before = fake.programs();
    ran(run());
    assert_eq!(fake.programs(), before + 1);
    fake.fault(route, times, fault);
    let outcome = run();
    assert!(!mark.exists(), "it ran on this machine");
    assert_eq!(fake.living(), 0, "a machine is left");
    (outcome, fake.programs() - before - 1)
}

pub(crate) fn ran(outcome: Result<Outcome, SandboxError>) {
    let outcome = outcome.unwrap();
    assert_eq!((outcome.end, outcome.stdout.as_slice()), (End::Exited(0), b"ran\n".as_slice()));
}

pub(crate) fn is_unavailable<T>(outcome: &Result<T, SandboxError>) -> bool {
    matches!(outcome, Err(SandboxError::Unavailable { backend: Backend::E2b, .. }))
}

pub(crate) fn is_broken<T>(outcome: &Result<T, SandboxError>) -> bool {
    matches!(outcome, Err(SandboxError::Broken { backend: Backend::E2b, .. }))
}

fn a_local_run_would_be_seen(_: &Fake) {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let [program, arguments @ ..] = marking(&mark).command.try_into().map(|command: [_; 3]| command).unwrap();
    assert!(Command::new(program).args(arguments).output().unwrap().status.success());
    assert!(mark.exists());
}

fn making_a_machine_is_tried_again(fake: &Fake) {
    let faults = [
        Fault::Answer(429, "retry-after: 0\r\n", ""),
        Fault::Answer(
            503,
            "",
            r#"{"code":503,"error_code":"sandbox_capacity_unavailable","message":"full"}"#,
        ),
        Fault::Answer(500, "should-retry: true\r\n", ""),
        Fault::Ignored,
    ];
    for fault in faults {
        let (calls, made) = (fake.calls(CREATE).len(), fake.made());
        let (outcome, programs) = with(fake, CREATE, 2, fault);
        ran(outcome);
        assert_eq!(programs, 1, "{fault:?}");
        assert_eq!((fake.calls(CREATE).len() - calls, fake.made() - made), (1 + 3, 2), "{fault:?}");
    }
}

fn making_a_machine_is_given_up(fake: &Fake) {
    let faults = [
        (Fault::Answer(429, "retry-after: 0\r\n", ""), 4),
        (Fault::Answer(429, "retry-after: 3600\r\n", ""), 1),
        (Fault::Answer(503, "should-retry: false\r\n", "full"), 1),
        (Fault::Answer(400, "", r#"{"code":400,"message":"no such template"}"#), 1),
        (Fault::Answer(307, "location: /sandboxes\r\n", ""), 1),
        (Fault::Answer(201, "", "no machine"), 1),
        (Fault::Ignored, 4),
    ];
    for (fault, attempts) in faults {
        let calls = fake.calls(CREATE).len();
        let (outcome, programs) = with(fake, CREATE, attempts, fault);
        assert!(is_unavailable(&outcome), "{fault:?}: {outcome:?}");
        assert_eq!((programs, fake.calls(CREATE).len() - calls), (0, 1 + attempts), "{fault:?}");
    }
}

fn a_machine_that_was_made_unheard_is_made_once(fake: &Fake) {
    let (outcome, programs) = with(fake, CREATE, 1, Fault::Unanswered);
    ran(outcome);
    assert_eq!((programs, fake.calls(CREATE).len(), fake.made()), (1, 3, 2));
}

fn what_was_refused_did_not_run(fake: &Fake) {
    let faults = [
        Fault::Answer(502, "", "The sandbox was not found"),
        Fault::Answer(502, "", "The sandbox is running but port is not open"),
        Fault::Answer(400, "", r#"{"code":"invalid_argument","message":"no"}"#),
        Fault::Answer(429, "retry-after: 0\r\n", r#"{"code":"resource_exhausted","message":"no"}"#),
        Fault::Refused("permission_denied"),
    ];
    for fault in faults {
        let starts = fake.calls(START).len();
        let (outcome, programs) = with(fake, START, 1, fault);
        assert!(is_unavailable(&outcome), "{fault:?}: {outcome:?}");
        assert_eq!((programs, fake.calls(START).len() - starts), (0, 2), "{fault:?}");
    }
}

fn what_was_lost_is_broken_and_not_begun_again(fake: &Fake) {
    let faults = [
        (Fault::HalfFrame, 1),
        (Fault::ErrorEnd, 1),
        (Fault::Cut, 1),
        (Fault::Unanswered, 1),
        (Fault::Ignored, 0),
        (Fault::Refused("unavailable"), 0),
        (Fault::Answer(503, "retry-after: 0\r\n", "who knows"), 0),
        (Fault::Answer(200, "", "no message"), 0),
        (Fault::Answer(200, "", "\x02\0\0\0\x02{}"), 0),
    ];
    for (fault, begun) in faults {
        let starts = fake.calls(START).len();
        let (outcome, programs) = with(fake, START, 1, fault);
        assert!(is_broken(&outcome), "{fault:?}: {outcome:?}");
        assert_eq!((programs, fake.calls(START).len() - starts), (begun, 2), "{fault:?}");
    }
}

fn a_hang_meets_the_deadline(fake: &Fake) {
    let limits = Limits { wall: Some(Duration::from_secs(4)), ..Limits::default() };
    let confinement = Confinement { limits, ..Confinement::default() };
    fake.fault(START, 1, Fault::Hang);
    let outcome = fake.sandbox().run(&shell("true"), &confinement).unwrap();
    assert_eq!((outcome.end, fake.programs()), (End::DeadlineExceeded, 1));
    fake.is_empty();
    // Nobody knows whether it began.
    fake.fault(START, 1, Fault::Silent);
    let outcome = fake.sandbox().run(&shell("true"), &confinement).unwrap();
    assert_eq!((outcome.end, outcome.stdout.as_slice()), (End::DeadlineExceeded, b"".as_slice()));
    assert_eq!((fake.programs(), fake.calls(START).len(), fake.living()), (1, 2, 0));
}

fn lost_input_ends_the_program(fake: &Fake) {
    let job = Job { input: vec![b'x'; 200_000], ..shell("wc -c") };
    let run = || fake.sandbox().run(&job, &Confinement::default());
    assert_eq!(run().unwrap().stdout, b"200000\n");
    for route in ["Process/SendInput", "Process/CloseStdin"] {
        for fault in [
            Fault::Ignored,
            Fault::Answer(503, "", "who knows"),
            Fault::Answer(501, "", r#"{"code":"unimplemented","message":"no such method"}"#),
            Fault::Answer(403, "", r#"{"code":"permission_denied","message":"no"}"#),
            Fault::Answer(500, "", r#"{"code":"internal","message":"no idea"}"#),
        ] {
            let (programs, inputs) = (fake.programs(), fake.calls(route).len());
            fake.fault(route, 1, fault);
            let outcome = run();
            assert!(is_broken(&outcome), "{route} {fault:?}: {outcome:?}");
            assert_eq!(
                (fake.programs() - programs, fake.calls(route).len() - inputs),
                (1, 1),
                "{route} {fault:?}"
            );
            assert_eq!(fake.living(), 0);
        }
    }
}

fn a_machine_needs_its_token(fake: &Fake) {
    for (token, starts) in [(Some("another"), 2), (Some("a\nb"), 1), (Some(""), 1), (None, 1)] {
        let before = fake.calls(START).len();
        let (outcome, programs) = with(fake, CREATE, 1, Fault::Token(token));
        assert!(is_unavailable(&outcome), "{token:?}: {outcome:?}");
        // Without a token of its own, the machine is not even asked.
        assert_eq!((programs, fake.calls(START).len() - before), (0, starts), "{token:?}");
    }
}

fn without_the_key_it_cannot_be_used(fake: &Fake) {
    assert_eq!(fake.sandbox().probe().level, Level::Machine);
    let wrong = "e2b_ffffffffffffffff";
    for key in [None, Some(wrong)] {
        let sandbox = E2bSandbox::new(fake.settings(key));
        let probe = sandbox.probe();
        assert_eq!(probe.level, Level::None);
        let reason = probe.reasons.concat();
        assert!(reason.contains(if key.is_some() { "401" } else { "E2B_API_KEY" }), "{reason}");
        assert!(!reason.contains(wrong) && !reason.contains(KEY), "{reason}");
        let outcome = sandbox.run(&shell("true"), &Confinement::default());
        assert!(is_unavailable(&outcome), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains(wrong), "{outcome:?}");
        // Where it is the only candidate, there is no other way.
        let chosen = strongest(&[std::sync::Arc::new(sandbox)], Level::Machine);
        assert!(matches!(chosen, Err(SandboxError::NoneStrongEnough { .. })), "{chosen:?}");
    }
    assert_eq!(fake.programs(), 0);
    ran(fake.sandbox().run(&shell("echo ran"), &Confinement::default()));
}

fn nobody_there_is_unavailable(fake: &Fake) {
    let sandbox = fake.sandbox();
    ran(sandbox.run(&shell("echo ran"), &Confinement::default()));
    // The same service as it is when nobody listens any more.
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    fake.stop();
    let outcome = sandbox.run(&marking(&mark), &Confinement::default());
    assert!(is_unavailable(&outcome), "{outcome:?}");
    assert_eq!(sandbox.probe().level, Level::None);
    assert!(!mark.exists());
}

fn an_old_service_is_spoken_to_in_its_words(fake: &Fake) {
    fake.make_old();
    ran(fake.sandbox().run(&shell("echo ran"), &Confinement::default()));
    let body = &fake.calls("POST /sandboxes ")[0];
    assert_eq!((&body["secure"], &body["allow_internet_access"]), (&true.into(), &false.into()));
    let (client, minute) = (fake.client(), Duration::from_secs(60));
    let machine = client.create("base", minute).unwrap();
    client.pause(&machine).unwrap();
    assert!(client.connect(&machine, minute).is_ok());
    assert_eq!(fake.sandbox().probe().level, Level::Machine);
}

fn what_cannot_be_had_there_is_not_asked_for(fake: &Fake) {
    let (sandbox, plain) = (fake.sandbox(), Confinement::default());
    let here = || vec!["/usr".into()];
    let no_text = || OsStr::from_bytes(b"\xff").to_owned();
    let network = Network::of(vec!["example.com".parse().unwrap()]);
    for odd in [
        Confinement { network, ..plain.clone() },
        Confinement { environment: vec![("A".into(), no_text())], ..plain.clone() },
        Confinement { folder: Some(no_text().into()), ..plain.clone() },
        Confinement { read_only: here(), ..plain.clone() },
        Confinement { writable: here(), ..plain.clone() },
        Confinement { links: vec![("/a".into(), "/b".into())], ..plain.clone() },
        Confinement { limits: Limits { wall: None, ..Limits::default() }, ..plain.clone() },
    ] {
        let outcome = sandbox.run(&shell("true"), &odd);
        assert!(is_unavailable(&outcome), "{outcome:?}");
    }
    let command = shell("true").command.into_iter().chain([no_text()]).collect();
    for command in [Vec::new(), command] {
        let outcome = sandbox.run(&Job { command, ..Job::default() }, &plain);
        assert!(is_unavailable(&outcome), "{outcome:?}");
    }
    assert_eq!((fake.made(), fake.programs()), (0, 0));
    ran(sandbox.run(&shell("echo ran"), &plain));
    assert_eq!(fake.calls(CREATE)[0]["allow_internet_access"], false);
}

fn a_machine_that_cannot_be_ended_has_a_limit(fake: &Fake) {
    let sandbox = fake.sandbox();
    // It is asked for three times more.
    fake.fault("DELETE", 3, Fault::Answer(500, "", ""));
    ran(sandbox.run(&shell("echo ran"), &Confinement::default()));
    assert_eq!((fake.living(), sandbox.left()), (0, vec![]));
    for fault in [Fault::Answer(500, "", ""), Fault::Answer(403, "", "no")] {
        fake.fault("DELETE", 4, fault);
        ran(sandbox.run(&shell("echo ran"), &Confinement::default()));
        let (machines, left) = (fake.machines(), sandbox.left());
        let left = left.iter().find(|left| left.machine.as_ref() == machines.first()).unwrap();
        let limit = Duration::from_secs(120);
        assert!(left.at_most <= limit && left.at_most > limit / 2, "{left:?}");
        fake.heal();
        fake.end_machines();
    }
    let body = &fake.calls(CREATE)[0];
    assert_eq!((&body["timeout"], &body["autoPause"]), (&120.into(), &false.into()));
    fake.fault("DELETE", 4, Fault::Answer(500, "", ""));
    ran(sandbox.run(&shell("echo ran"), &Confinement::default()));
    assert_eq!(fake.living(), 1);
    // The service is well again, and asked once more. Of the others it says that they are gone.
    assert_eq!((sandbox.shut_down(Duration::from_secs(30)), sandbox.left()), (vec![], vec![]));
    fake.is_empty();
}

fn nothing_that_it_says_gets_into_errors(fake: &Fake) {
    // What the program wrote, as a first event, in words that are no number, and where a machine should be named.
    let first = "\0\0\0\0\x28{\"event\":{\"data\":{\"stdout\":\"Y2FuYXJ5\"}}}";
    let number = "\0\0\0\0\x24{\"event\":{\"start\":{\"pid\":\"canary\"}}}";
    assert_eq!((first.len(), number.len()), (5 + 0x28, 5 + 0x24));
    for (route, text, says) in [
        (START, first, "is output"),
        (START, number, "line 1, column"),
        (CREATE, r#"{"sandboxID":"i1","envdAccessToken":{"a":1},"domain":"canary"}"#, "line 1, column"),
        (CREATE, r#"{"sandboxID":"canary"#, "too early"),
    ] {
        fake.fault(route, 1, Fault::Answer(200, "", text));
        let error = fake.sandbox().run(&shell("true"), &Confinement::default()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        // As text, in base64 and as numbers.
        for canary in ["canary", "Y2Fu", "99, 97"] {
            assert!(!error.contains(canary) && error.len() < 500, "{error}");
        }
    }
}

fn no_token_gets_into_errors(fake: &Fake) {
    let client = fake.client();
    let machine = client.create("base", Duration::from_secs(60)).unwrap();
    let number = &machine.id()[1..];
    let [token, traffic] = ["token", "traffic"].map(|name| format!("{name}-{number}"));
    fake.fault("", 4, Fault::Echo);
    for refused in [
        client.set_timeout(&machine, Duration::from_secs(60)).unwrap_err(),
        client.write_file(&machine, "a", b"").unwrap_err(),
        client.send_input(&machine, 1, b"").unwrap_err(),
        client.kill(&machine).unwrap_err(),
    ] {
        let text = format!("{refused:?} {refused}");
        // It was really said.
        assert!(text.contains("you said ***") && !text.contains(KEY), "{text}");
        assert!(!text.contains(&token) && !text.contains(&traffic), "{text}");
    }
}

fn a_machine_that_cannot_be_used_is_ended(fake: &Fake) {
    for (member, value) in [
        ("domain", r#""evil/""#),
        ("domain", "7"),
        ("envdAccessToken", "null"),
        ("envdAccessToken", "[]"),
        ("trafficAccessToken", r#""""#),
    ] {
        let (made, ends) = (fake.made(), fake.calls("DELETE").len());
        fake.fault(CREATE, 1, Fault::Named(member, value));
        let outcome = fake.sandbox().run(&shell("true"), &Confinement::default());
        assert!(is_unavailable(&outcome), "{member} {value}: {outcome:?}");
        assert_eq!((fake.made() - made, fake.living()), (1, 0), "{member} {value}");
        assert_eq!(fake.calls("DELETE").len() - ends, 1, "{member} {value}");
    }
    // One that the service does not end is told of.
    fake.fault("DELETE", 4, Fault::Answer(500, "", ""));
    fake.fault(CREATE, 1, Fault::Named("domain", "7"));
    let sandbox = fake.sandbox();
    assert!(sandbox.run(&shell("true"), &Confinement::default()).is_err());
    assert!(fake.living() == 1 && sandbox.left()[0].machine.as_ref() == fake.machines().first());
    fake.end_machines();
    // A name that would lead elsewhere is not asked for anything.
    for id in [r#""a/../b""#, r#""a?b""#, r#""""#] {
        let ends = fake.calls("DELETE").len();
        fake.fault(CREATE, 1, Fault::Named("sandboxID", id));
        let outcome = fake.sandbox().run(&shell("true"), &Confinement::default());
        assert!(is_unavailable(&outcome), "{id}: {outcome:?}");
        assert_eq!(fake.calls("DELETE").len(), ends, "{id}");
        fake.end_machines();
    }
    assert_eq!(fake.programs(), 0);
}

fn an_empty_domain_is_none(fake: &Fake) {
    fake.fault(CREATE, 1, Fault::Named("domain", r#""""#));
    ran(fake.sandbox().run(&shell("echo ran"), &Confinement::default()));
    fake.is_empty();
}

fn a_machine_that_was_kept_stays(fake: &Fake) {
    let (client, minute) = (fake.client(), Duration::from_secs(60));
    let machine = client.create("base", minute).unwrap();
    let other = client.create("base", minute).unwrap();
    let named: &'static str = format!("{:?}", other.id()).leak();
    for (member, value) in [("sandboxID", named), ("envdAccessToken", "null"), ("domain", "7")] {
        fake.fault("/connect", 1, Fault::Named(member, value));
        let error = client.connect(&machine, minute).unwrap_err();
        assert!(matches!(error, CallError::Nonsense(_)), "{member}: {error}");
        assert_eq!((fake.living(), fake.calls("DELETE").len()), (2, 0), "{member}");
    }
    // The control: the answer as it should be.
    assert_eq!(client.connect(&machine, minute).unwrap(), machine);
}

fn input_that_can_never_be_closed_is_refused(fake: &Fake) {
    let run = |input: &[u8]| {
        let job = Job { input: input.to_vec(), ..shell("cat; echo ran") };
        fake.sandbox().run(&job, &Confinement::default())
    };
    for (version, without, with) in [
        ("0.2.9", false, false),
        ("0.3.0", true, false),
        ("0.5.1", true, false),
        ("0.5.2", true, true),
        ("0.10.0", true, true),
        ("as ever", true, true),
    ] {
        fake.make_envd(version);
        for (input, runs) in [(b"".as_slice(), without), (b"i", with)] {
            let (programs, outcome) = (fake.programs(), run(input));
            assert_eq!(fake.programs() - programs, usize::from(runs), "{version}");
            if runs {
                assert_eq!(outcome.unwrap().stdout, [input, b"ran\n"].concat(), "{version}");
            } else {
                assert!(is_unavailable(&outcome), "{version}: {outcome:?}");
                let text = outcome.unwrap_err().to_string();
                assert!(text.contains(version) && text.contains("template"), "{text}");
            }
            assert_eq!(fake.living(), 0);
        }
    }
}

fn making_a_machine_is_within_the_time(fake: &Fake) {
    let run = |seconds| {
        let limits = Limits { wall: Some(Duration::from_secs(seconds)), ..Limits::default() };
        fake.sandbox().run(&shell("echo ran"), &Confinement { limits, ..Confinement::default() })
    };
    for fault in [Fault::Answer(429, "retry-after: 8\r\n", ""), Fault::Silent] {
        let calls = fake.calls(CREATE).len();
        fake.fault(CREATE, 9, fault);
        let outcome = run(2);
        assert!(is_unavailable(&outcome), "{fault:?}: {outcome:?}");
        assert_eq!((fake.calls(CREATE).len() - calls, fake.programs()), (1, 0), "{fault:?}");
        fake.heal();
    }
    // The control: it waits for as long as there is time.
    fake.fault(CREATE, 1, Fault::Answer(429, "retry-after: 2\r\n", ""));
    ran(run(60));
    fake.is_empty();
}
