//! Interpreters that wait for their program.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use airlock_sandbox::{
    Confinement, End, Job, Level, Limits, Pool, ProcessBox, Sandbox as _, SandboxError, waiting_python,
};

use crate::{
    Test, text,
    traces::{sleeping, traces},
};

pub(crate) const TESTS: &[Test] = &[
    ("a_pool_runs_each_program_in_a_fresh_box", a_pool_runs_each_program_in_a_fresh_box),
    ("a_pool_bears_many_at_once", a_pool_bears_many_at_once),
    ("a_pool_replaces_what_died_while_it_waited", a_pool_replaces_what_died_while_it_waited),
    ("no_process_is_left_when_a_pool_answers", no_process_is_left_when_a_pool_answers),
    ("a_pool_leaves_nothing", a_pool_leaves_nothing),
    ("a_pool_keeps_the_deadline", a_pool_keeps_the_deadline),
    ("a_waiting_python_does_what_python_does", a_waiting_python_does_what_python_does),
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

/// What it answers before is that the box is taken down, not that it is empty.
fn no_process_is_left_when_a_pool_answers(sandbox: &ProcessBox) {
    let pool = pool(sandbox, 1);
    // Told apart by its argument from everything else on this machine.
    let seconds = format!("{}", 900_000 + std::process::id());
    let daemons = format!(
        "for i in 1 2 3 4 5 6 7 8; do \
         setsid sh -c 'trap \"\" HUP TERM; echo up >> $TMPDIR/up; exec sleep {seconds}' </dev/null >/dev/null 2>&1 & \
         done; until [ \"$(grep -c up $TMPDIR/up)\" = 8 ]; do sleep 0.02; done; echo 8"
    );
    for _ in 0..20 {
        let outcome = pool.run(daemons.clone().into_bytes()).unwrap();
        assert_eq!(sleeping(&seconds), 0);
        // The control: they were there, and held nothing up.
        assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(0), "8\n"));
    }
}

fn a_pool_leaves_nothing(sandbox: &ProcessBox) {
    let before = traces();
    let pool = pool(sandbox, 3);
    for turn in 0..50 {
        assert_eq!(pool.run(format!("exit {turn}").into_bytes()).unwrap().end, End::Exited(turn));
    }
    // The control: something is there.
    fill(&pool, 3);
    assert_ne!(traces(), before);
    drop(pool);
    assert_eq!(traces(), before, "children, mounts, control groups, open files, folders");
}

/// One that does not end by itself is ended, and the next one runs.
fn a_pool_keeps_the_deadline(sandbox: &ProcessBox) {
    let limits = Limits { wall: Some(Duration::from_secs(1)), ..Limits::default() };
    let confinement = Confinement { limits, ..Confinement::default() };
    let shell = ["/bin/sh", "-s"].map(Into::into);
    let pool = Pool::new(sandbox.clone(), &shell, confinement, 1).unwrap();
    let begin = Instant::now();
    let outcome = pool.run(b"echo begun; trap '' TERM; sleep 100".to_vec()).unwrap();
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::DeadlineExceeded, "begun\n"));
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert_eq!(pool.run(b"kill -KILL $$".to_vec()).unwrap().end, End::Signalled(9));
    assert_eq!(pool.run(b"echo next".to_vec()).unwrap().stdout, b"next\n");
}

fn a_pool_that_can_have_no_box_says_so(sandbox: &ProcessBox) {
    let stronger = sandbox.clone().at_least(Level::Machine);
    let refusal = Pool::new(stronger, &["/bin/sh".into()], Confinement::default(), 1).unwrap_err();
    assert!(matches!(refusal, SandboxError::TooWeak { .. }), "{refusal}");
}

/// Whatever a program does, it ends with the same code and says the same as where Python read it by itself.
fn a_waiting_python_does_what_python_does(sandbox: &ProcessBox) {
    let cold = ["python3", "-I", "-"].map(Into::into).to_vec();
    let pool = match Pool::new(sandbox.clone(), &waiting_python(), Confinement::default(), 1) {
        Ok(pool) if Path::new("/usr/bin/python3").exists() => pool,
        other => {
            println!("skipped: no Python below /usr: {other:?}");
            return;
        }
    };
    for program in [
        "print(1)",
        "",
        "1/0",
        "def f(:",
        "def f(x): return g(x)\ndef g(x): raise KeyError(x)\nf('a')",
        "raise SystemExit",
        "raise SystemExit('no')",
        "raise SystemExit(300)",
        "import os; os._exit(9)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "print('é', end=''); import sys; sys.stderr.write('w')",
        "import sys; print(__name__, sys.argv, sys.stdin.read(), sys.flags.isolated)",
        "try: input()\nexcept EOFError as e: print(repr(e))",
        "import threading, time, atexit\natexit.register(print, 'bye')\n\
         threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\nprint('main')",
        "import os\nif os.fork() == 0: print('child')\nelse: os.wait(); print('parent')",
        "import os, tempfile\np = tempfile.gettempdir() + '/f'\n\
         if os.fork() == 0: f = open(p, 'w'); f.write('kept')\nelse: os.wait(); print(open(p).read())",
        "import json, dataclasses, decimal, asyncio\nasync def f(): return json.dumps({'a': str(decimal.Decimal('1.10'))})\nprint(asyncio.run(f()))",
        "class A:\n  def __del__(self): print('gone')\na = A()",
        "import sys; sys.excepthook = lambda *a: print('hooked', a[0].__name__); 1/0",
        "import sys; sys.stdout.close()",
        "import pickle\nclass T: x = 1\nprint(pickle.loads(pickle.dumps(T())).x)",
    ] {
        let job = Job { command: cold.clone(), input: program.into(), ..Job::default() };
        let cold = sandbox.run(&job, &Confinement::default()).unwrap();
        let warm = pool.run(program.into()).unwrap();
        let said = |outcome: &airlock_sandbox::Outcome| {
            let [out, err] =
                [&outcome.stdout, &outcome.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
            (outcome.end, out, err)
        };
        assert_eq!(said(&warm), said(&cold), "{program}");
    }
}
