//! Giving up: one run, or all of them. Nothing that costs money stays.

use std::{thread, time::Duration};

use airlock_e2b::{Code, E2bSandbox, Warm};
use airlock_sandbox::{Confinement, Job, Limits, Sandbox as _, SandboxError, Stop};

use crate::{
    Test,
    fake::{Fake, Fault, KEY, until},
    faults::{CREATE, START, is_broken, is_unavailable, ran},
    shell,
};

pub(crate) const TESTS: &[Test] = &[
    ("stops::a_run_that_is_given_up_ends_its_machine", a_run_that_is_given_up_ends_its_machine),
    ("stops::nobody_waits_for_a_machine_after_that", nobody_waits_for_a_machine_after_that),
    ("stops::a_machine_that_comes_after_that_is_ended", a_machine_that_comes_after_that_is_ended),
    ("stops::a_silent_service_is_not_waited_for", a_silent_service_is_not_waited_for),
    ("stops::shutting_down_ends_all_machines", shutting_down_ends_all_machines),
    ("stops::shutting_down_waits_for_nobody", shutting_down_waits_for_nobody),
    ("stops::shutting_down_stops_the_keeper_at_any_time", shutting_down_stops_the_keeper_at_any_time),
];

fn is_given_up<T>(outcome: &Result<T, SandboxError>) -> bool {
    matches!(outcome, Err(SandboxError::GivenUp))
}

/// Runs `script`, and gives it up as soon as `when`.
fn given_up(fake: &Fake, script: &str, when: impl Fn() -> bool + Sync) -> bool {
    let (sandbox, stop) = (fake.sandbox(), Stop::new());
    let job = Job { stop: stop.clone(), ..shell(script) };
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(until(&when));
            stop.request();
        });
        is_given_up(&sandbox.run(&job, &Confinement::default()))
    })
}

fn a_run_that_is_given_up_ends_its_machine(fake: &Fake) {
    ran(fake.sandbox().run(&Job { stop: Stop::new(), ..shell("echo ran") }, &Confinement::default()));
    assert!(given_up(fake, "sleep 50", || fake.programs() == 2), "while it runs");
    assert_eq!((fake.living(), fake.programs()), (0, 2));
    fake.fault(START, 1, Fault::Hang);
    assert!(given_up(fake, "sleep 50", || fake.programs() == 3), "while the service is silent");
    assert_eq!(fake.living(), 0);
    let made = fake.made();
    assert!(given_up(fake, "true", || true) || fake.programs() > 3, "at any time");
    assert_eq!(fake.living(), 0);
    let job = Job { stop: Stop::new(), ..shell("true") };
    job.stop.request();
    let before = fake.made();
    assert!(is_given_up(&fake.sandbox().run(&job, &Confinement::default())));
    assert!(before >= made && fake.made() == before, "no machine is made for nobody");
}

fn nobody_waits_for_a_machine_after_that(fake: &Fake) {
    fake.fault(CREATE, 9, Fault::Answer(429, "retry-after: 50\r\n", ""));
    assert!(given_up(fake, "true", || fake.calls(CREATE).len() == 1));
    assert_eq!((fake.calls(CREATE).len(), fake.made()), (1, 0));
}

fn a_machine_that_comes_after_that_is_ended(fake: &Fake) {
    fake.fault(CREATE, 1, Fault::Held);
    let held = || {
        let held = fake.hanging() == 1;
        if held {
            fake.release();
        }
        held
    };
    assert!(given_up(fake, "true", held) || fake.programs() == 1);
    assert_eq!((fake.made(), fake.living()), (1, 0));
}

/// It ends the machine, and leaves the connection as it is.
fn a_silent_service_is_not_waited_for(fake: &Fake) {
    let sandbox = E2bSandbox::code_interpreter(fake.settings(Some(KEY)));
    let limits = Limits { wall: Some(Duration::from_secs(3_600)), ..Limits::default() };
    for (nth, route) in [START, "POST /execute"].into_iter().enumerate() {
        fake.fault(route, 1, Fault::Deaf);
        let stop = Stop::new();
        let (sandbox, given) = (sandbox.clone(), stop.clone());
        // Nothing waits for this one if it fails.
        let running = thread::spawn(move || {
            if nth == 0 {
                let job = Job { stop: given, ..shell("true") };
                return is_given_up(&sandbox.run(&job, &Confinement { limits, ..Confinement::default() }));
            }
            is_given_up(&sandbox.interpret(&Code::default(), limits, &given))
        });
        assert!(until(|| fake.hanging() == nth + 1));
        assert!(!running.is_finished(), "the control: it would wait");
        stop.request();
        assert!(until(|| running.is_finished()), "{route}: it waits");
        assert!(running.join().unwrap());
        assert_eq!((fake.hanging(), fake.living()), (nth + 1, 0), "the service is silent still");
    }
}

fn shutting_down_ends_all_machines(fake: &Fake) {
    let sandbox = fake.sandbox().kept_warm(Warm::default()).unwrap();
    ran(sandbox.run(&shell("echo ran"), &Confinement::default()));
    thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.run(&shell("sleep 50"), &Confinement::default()));
        assert!(until(|| fake.programs() == 2 && sandbox.waiting() == 1), "one is in use, and one waits");
        assert_eq!(sandbox.shut_down(Duration::from_secs(30)), []);
        assert_eq!(fake.living(), 0);
        let outcome = running.join().unwrap();
        assert!(is_broken(&outcome), "{outcome:?}");
    });
    let made = fake.made();
    let outcome = sandbox.run(&shell("true"), &Confinement::default());
    assert!(is_unavailable(&outcome), "{outcome:?}");
    assert_eq!((sandbox.shut_down(Duration::from_secs(30)), fake.made()), (vec![], made));
}

fn shutting_down_waits_for_nobody(fake: &Fake) {
    let sandbox = fake.sandbox().kept_warm(Warm::default()).unwrap();
    assert!(until(|| sandbox.waiting() == 1));
    fake.fault("DELETE", 1, Fault::Silent);
    let machines = fake.machines();
    let left = sandbox.shut_down(Duration::from_millis(200));
    assert!(left.len() == 1 && left[0].machine == machines.first().cloned(), "{left:?}");
    assert_eq!((fake.hanging(), fake.living()), (1, 1), "the service has not answered yet");
}

fn shutting_down_stops_the_keeper_at_any_time(fake: &Fake) {
    // While it waits to be let in again.
    fake.fault(CREATE, 1, Fault::Answer(429, "retry-after: 50\r\n", ""));
    let sandbox = fake.sandbox().kept_warm(Warm::default()).unwrap();
    assert!(until(|| fake.calls(CREATE).len() == 1));
    assert_eq!((sandbox.shut_down(Duration::from_secs(30)), fake.made()), (vec![], 0));
    // While a machine is made, which comes too late.
    fake.fault(CREATE, 1, Fault::Held);
    let sandbox = fake.sandbox().kept_warm(Warm::default()).unwrap();
    assert!(until(|| fake.hanging() == 1));
    let left = sandbox.shut_down(Duration::from_millis(200));
    assert!(left.len() == 1 && left[0].machine.is_none(), "it says that one may be left: {left:?}");
    assert!(left[0].at_most <= Warm::default().lifetime && !left[0].at_most.is_zero(), "{left:?}");
    fake.release();
    assert!(until(|| fake.made() == 1 && fake.living() == 0));
}
