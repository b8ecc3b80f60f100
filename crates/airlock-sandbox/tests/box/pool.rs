//! Interpreters that wait for their program.

use std::{thread, time::Duration};

use airlock_sandbox::{Confinement, End, Level, Pool, ProcessBox, Sandbox as _, SandboxError};

use crate::{Test, text};

pub(crate) const TESTS: &[Test] = &[
    ("a_pool_runs_each_program_in_a_fresh_box", a_pool_runs_each_program_in_a_fresh_box),
    ("a_pool_bears_many_at_once", a_pool_bears_many_at_once),
    ("a_pool_replaces_what_died_while_it_waited", a_pool_replaces_what_died_while_it_waited),
    ("a_pool_that_can_have_no_box_says_so", a_pool_that_can_have_no_box_says_so),
];

fn pool(sandbox: &ProcessBox, size: usize) -> Pool {
    let shell = ["/bin/sh", "-s"].map(Into::into);
    Pool::new(sandbox.clone(), &shell, Confinement::default(), size).unwrap()
}

/// Waits until `count` are ready.
fn fill(pool: &Pool, count: usize) {
    for _ in 0..1_000 {
        if pool.ready() == count {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{} are ready, not {count}", pool.ready());
}

fn a_pool_runs_each_program_in_a_fresh_box(sandbox: &ProcessBox) {
    let pool = pool(sandbox, 2);
    for turn in 0..5 {
        fill(&pool, 2);
        let program = format!(
            "ls -A $TMPDIR; ls -A $HOME; echo {turn} > $TMPDIR/left; echo {turn} > $HOME/left; cat $TMPDIR/left; exit {turn}"
        );
        let outcome = pool.run(program.into_bytes()).unwrap();
        assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(turn), &*format!("{turn}\n")));
        assert_eq!(outcome.enforcement.level, sandbox.backend().level());
    }
}

fn a_pool_bears_many_at_once(sandbox: &ProcessBox) {
    let pool = pool(sandbox, 2);
    thread::scope(|scope| {
        for number in 0..16 {
            let pool = &pool;
            scope.spawn(move || {
                let outcome = pool.run(format!("echo {number}").into_bytes()).unwrap();
                assert_eq!(text(&outcome.stdout), format!("{number}\n"));
            });
        }
    });
    fill(&pool, 2);
}

fn a_pool_replaces_what_died_while_it_waited(sandbox: &ProcessBox) {
    // Waits half a second for its program, and no longer.
    let command = ["/usr/bin/timeout", "0.5", "/bin/sh", "-s"].map(Into::into);
    let pool = Pool::new(sandbox.clone(), &command, Confinement::default(), 1).unwrap();
    fill(&pool, 1);
    thread::sleep(Duration::from_secs(1));
    let outcome = pool.run(b"echo ran".to_vec()).unwrap();
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(0), "ran\n"));
}

fn a_pool_that_can_have_no_box_says_so(sandbox: &ProcessBox) {
    let stronger = sandbox.clone().at_least(Level::Machine);
    let refusal = Pool::new(stronger, &["/bin/sh".into()], Confinement::default(), 1).unwrap_err();
    assert!(matches!(refusal, SandboxError::TooWeak { .. }), "{refusal}");
}
