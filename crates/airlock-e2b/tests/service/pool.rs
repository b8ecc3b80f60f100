//! Machines that are made ahead.

use std::{num::NonZeroUsize, time::Duration};

use airlock_e2b::{E2bSandbox, Warm};
use airlock_sandbox::{Confinement, End, Limits, Outcome, Sandbox as _, SandboxError};

use crate::{
    Test,
    fake::{Fake, Fault, until},
    faults::{CREATE, is_unavailable, marking},
    shell,
};

pub(crate) const TESTS: &[Test] = &[
    ("pool::programs_find_machines_that_wait_and_each_has_its_own", programs_find_machines_that_wait),
    ("pool::a_machine_that_ended_is_replaced", a_machine_that_ended_is_replaced),
    ("pool::a_machine_that_ended_and_cannot_be_replaced_is_an_error", what_cannot_be_replaced_is_an_error),
    ("pool::a_machine_that_waits_is_kept_alive", a_machine_that_waits_is_kept_alive),
    ("pool::a_machine_that_waits_too_long_is_replaced", a_machine_that_waits_too_long_is_replaced),
    ("pool::a_program_gets_the_time_that_it_needs", a_program_gets_the_time_that_it_needs),
    ("pool::a_program_for_most_of_a_day_gets_a_fresh_machine", most_of_a_day_needs_a_fresh_machine),
    ("pool::a_machine_that_cannot_be_kept_is_ended_and_replaced", what_cannot_be_kept_is_replaced),
    ("pool::it_recovers_when_the_service_does", it_recovers_when_the_service_does),
    ("pool::settings_without_a_key_make_nothing", settings_without_a_key_make_nothing),
];

fn warm(fake: &Fake, size: usize, warm: Warm) -> E2bSandbox {
    let warm = Warm { size: NonZeroUsize::new(size).unwrap(), ..warm };
    let sandbox = fake.sandbox().kept_warm(warm).unwrap();
    assert!(until(|| sandbox.waiting() == size), "they are made");
    sandbox
}

fn run(sandbox: &E2bSandbox, script: &str, wall: u64) -> Result<Outcome, SandboxError> {
    let limits = Limits { wall: Some(Duration::from_secs(wall)), ..Limits::default() };
    sandbox.run(&shell(script), &Confinement { limits, ..Confinement::default() })
}

fn says(sandbox: &E2bSandbox, script: &str, wall: u64) -> String {
    let outcome = run(sandbox, script, wall).unwrap();
    assert_eq!(outcome.end, End::Exited(0), "{outcome:?}");
    String::from_utf8(outcome.stdout).unwrap()
}

fn programs_find_machines_that_wait(fake: &Fake) {
    let sandbox = warm(fake, 2, Warm::default());
    for nth in 0..4 {
        let waiting = fake.machines();
        // What one leaves another one would find.
        assert_eq!(says(&sandbox, "cat left 2>/dev/null; echo old > left; cat left", 50), "old\n");
        let ran_in = fake.ran_in();
        assert!(waiting.contains(&ran_in[nth]), "it had to wait for a machine");
        assert!(!fake.machines().contains(&ran_in[nth]), "its machine is left");
        assert!(!ran_in[..nth].contains(&ran_in[nth]), "its machine was used before");
        assert!(until(|| sandbox.waiting() == 2), "another one takes its place");
        assert_eq!(fake.living(), 2);
    }
    assert_eq!(fake.made(), 6, "no more than are needed");
    for body in fake.calls(CREATE) {
        assert_eq!((&body["timeout"], &body["allow_internet_access"]), (&300.into(), &false.into()));
        assert_eq!(
            (&body["network"]["allowPublicTraffic"], &body["autoPause"]),
            (&false.into(), &false.into())
        );
    }
    let clone = sandbox.clone();
    drop(sandbox);
    assert_eq!(says(&clone, "echo ran", 50), "ran\n");
    drop(clone);
    fake.is_empty();
}

fn a_machine_that_ended_is_replaced(fake: &Fake) {
    // For the first program one that waits has time enough, so that the program's start is the first to notice. The
    // second one has to ask for more.
    for (nth, wall) in [50, 3_600].into_iter().enumerate() {
        let sandbox = warm(fake, 2, Warm::default());
        fake.end_machines();
        let ended = fake.made();
        assert_eq!(says(&sandbox, "echo ran", wall), "ran\n");
        assert_eq!((fake.programs(), fake.ran_in().len()), (nth + 1, nth + 1));
        assert!(fake.made() > ended);
        drop(sandbox);
        fake.is_empty();
    }
}

fn what_cannot_be_replaced_is_an_error(fake: &Fake) {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    for wall in [50, 3_600] {
        let sandbox = warm(fake, 1, Warm::default());
        fake.end_machines();
        fake.fault(CREATE, 100, Fault::Answer(400, "", "full"));
        let limits = Limits { wall: Some(Duration::from_secs(wall)), ..Limits::default() };
        let outcome = sandbox.run(&marking(&mark), &Confinement { limits, ..Confinement::default() });
        assert!(is_unavailable(&outcome), "{outcome:?}");
        assert!(!mark.exists(), "it ran on this machine");
        fake.heal();
        drop(sandbox);
    }
    assert_eq!(fake.programs(), 0);
    fake.is_empty();
}

fn a_machine_that_waits_is_kept_alive(fake: &Fake) {
    // The control: a machine that nobody keeps alive ends.
    let alone = fake.client().create("base", Duration::from_secs(2)).unwrap();
    assert!(until(|| !fake.machines().contains(&alone.id().to_owned())));
    let sandbox = warm(fake, 1, Warm { lifetime: Duration::from_secs(4), ..Warm::default() });
    assert!(until(|| fake.calls("/timeout").len() >= 3), "it would have ended");
    assert_eq!((fake.made(), fake.calls("/timeout")[0]["timeout"].as_u64()), (2, Some(4)));
    drop(sandbox);
    fake.is_empty();
}

fn a_machine_that_waits_too_long_is_replaced(fake: &Fake) {
    let sandbox = warm(fake, 1, Warm { oldest: Duration::from_secs(1), ..Warm::default() });
    let first = fake.machines();
    assert!(until(|| fake.made() >= 3));
    assert!(!fake.machines().contains(&first[0]), "the old one is left");
    assert_eq!(says(&sandbox, "echo ran", 50), "ran\n");
    drop(sandbox);
    fake.is_empty();
}

fn a_program_gets_the_time_that_it_needs(fake: &Fake) {
    let sandbox = warm(fake, 1, Warm::default());
    assert_eq!(says(&sandbox, "echo ran", 50), "ran\n");
    assert!(fake.calls("/timeout").is_empty(), "five minutes are enough, and no call is made for it");
    assert!(until(|| sandbox.waiting() == 1));
    assert_eq!(says(&sandbox, "echo ran", 3_600), "ran\n");
    assert_eq!(fake.calls("/timeout")[0]["timeout"], 3_660);
}

fn most_of_a_day_needs_a_fresh_machine(fake: &Fake) {
    let sandbox = warm(fake, 1, Warm::default());
    let waiting = fake.machines();
    // The service ends a machine after 24 hours, and this one has lived for a while.
    assert_eq!(says(&sandbox, "echo ran", 24 * 3_600 - 60), "ran\n");
    assert!(fake.ran_in() != waiting && fake.machines() == waiting);
    let outcome = run(&sandbox, "true", 24 * 3_600);
    assert!(is_unavailable(&outcome), "{outcome:?}");
}

fn what_cannot_be_kept_is_replaced(fake: &Fake) {
    // Nobody knows until when it lives.
    let faults = [
        Fault::Answer(500, "", "not now"),
        Fault::Answer(429, "retry-after: 3600\r\n", ""),
        Fault::Answer(401, "", "wrong key"),
        Fault::Unanswered,
    ];
    for fault in faults {
        let sandbox = warm(fake, 1, Warm::default());
        let (waiting, made) = (fake.machines(), fake.made());
        // As often as the call is made again.
        fake.fault("/timeout", 4, fault);
        assert_eq!(says(&sandbox, "echo ran", 3_600), "ran\n");
        fake.heal();
        assert!(fake.made() > made && !fake.machines().contains(&waiting[0]), "{fault:?}: it is left");
        assert_ne!(fake.ran_in().last(), waiting.first(), "{fault:?}");
        drop(sandbox);
        fake.is_empty();
    }
    // The same while it waits.
    let programs = fake.programs();
    let sandbox = warm(fake, 1, Warm { lifetime: Duration::from_secs(4), ..Warm::default() });
    let waiting = fake.machines();
    fake.fault("/timeout", 1, Fault::Answer(500, "", "not now"));
    assert!(until(|| fake.machines().first().is_some_and(|machine| *machine != waiting[0])));
    drop(sandbox);
    fake.is_empty();
    assert_eq!(fake.programs(), programs);
}

fn it_recovers_when_the_service_does(fake: &Fake) {
    for (fault, made) in [
        (Fault::Answer(500, "", "not now"), 1),
        (Fault::Answer(201, "", "no machine"), 1),
        // Made, and ended at once: nothing guards it.
        (Fault::Token(None), 2),
    ] {
        let (calls, before) = (fake.calls(CREATE).len(), fake.made());
        fake.fault(CREATE, 1, fault);
        let sandbox = fake.sandbox().kept_warm(Warm::default()).unwrap();
        assert!(until(|| sandbox.waiting() == 1));
        let now = (fake.calls(CREATE).len() - calls, fake.made() - before, fake.living());
        assert_eq!(now, (2, made, 1), "{fault:?}");
        assert_eq!(says(&sandbox, "echo ran", 50), "ran\n");
        drop(sandbox);
        fake.is_empty();
    }
}

fn settings_without_a_key_make_nothing(fake: &Fake) {
    let sandbox = E2bSandbox::new(fake.settings(None)).kept_warm(Warm::default()).unwrap();
    let outcome = run(&sandbox, "true", 9);
    assert!(is_unavailable(&outcome), "{outcome:?}");
    assert_eq!((sandbox.shut_down(Duration::ZERO), fake.made()), (vec![], 0));
}
