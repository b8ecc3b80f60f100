//! What a program may use, and that the host sees the end of it.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    thread,
    time::{Duration, Instant},
};

use airlock_sandbox::{Confinement, End, Job, Limits, ProcessBox, Sandbox as _, SandboxError, Stop};

use crate::{Test, run_with, shell, text};

pub(crate) const TESTS: &[Test] = &[
    ("a_loop_ends_at_the_deadline", a_loop_ends_at_the_deadline),
    ("ignoring_signals_and_sleeping_does_not_help", ignoring_signals_and_sleeping_does_not_help),
    ("processor_time_is_bounded", processor_time_is_bounded),
    ("a_flood_of_output_ends", a_flood_of_output_ends),
    ("an_endless_line_ends", an_endless_line_ends),
    ("processes_are_bounded", processes_are_bounded),
    ("memory_is_bounded", memory_is_bounded),
    ("folders_are_bounded_in_bytes_and_entries", folders_are_bounded_in_bytes_and_entries),
    ("open_files_are_bounded", open_files_are_bounded),
    ("no_core_is_dumped", no_core_is_dumped),
    ("a_stream_that_left_the_box_is_not_waited_for", a_stream_that_left_the_box_is_not_waited_for),
    ("a_run_that_is_given_up_ends", a_run_that_is_given_up_ends),
];

/// Long before this, a limit must have worked; far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

fn limited(limits: Limits) -> Confinement {
    Confinement { limits, ..Confinement::default() }
}

/// One second of wall time.
fn short() -> Limits {
    Limits { wall: Some(Duration::from_secs(1)), ..Limits::default() }
}

fn a_loop_ends_at_the_deadline(sandbox: &ProcessBox) {
    let begin = Instant::now();
    let outcome = run_with(sandbox, "echo begun; while :; do :; done", &limited(short())).unwrap();
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::DeadlineExceeded, "begun\n"));
    assert!(begin.elapsed() >= Duration::from_secs(1) && begin.elapsed() < PATIENCE);
}

fn ignoring_signals_and_sleeping_does_not_help(sandbox: &ProcessBox) {
    // A daemon in a session of its own, all signals ignored, holding the streams open.
    let script = "trap '' HUP INT QUIT TERM; setsid sh -c \"trap '' HUP INT TERM; sleep 100\" & kill -STOP 1; sleep 100";
    let outcome = run_with(sandbox, script, &limited(short())).unwrap();
    assert_eq!(outcome.end, End::DeadlineExceeded);
}

fn processor_time_is_bounded(sandbox: &ProcessBox) {
    let limits = Limits { cpu: Some(Duration::from_secs(1)), ..Limits::default() };
    let outcome = run_with(sandbox, "while :; do :; done", &limited(limits)).unwrap();
    assert_eq!(outcome.end, End::CpuExceeded);
    // Who does not listen is killed a second later.
    let outcome = run_with(sandbox, "trap '' XCPU; while :; do :; done", &limited(limits)).unwrap();
    assert_eq!(outcome.end, End::Signalled(9));
}

fn a_flood_of_output_ends(sandbox: &ProcessBox) {
    let limits = Limits { output: 10_000, ..Limits::default() };
    for (script, begin) in [("yes", "y\ny\n"), ("yes >&2", "")] {
        let outcome = run_with(sandbox, script, &limited(limits)).unwrap();
        assert_eq!(outcome.end, End::OutputExceeded, "{script}");
        assert!(text(&outcome.stdout).starts_with(begin));
        assert_eq!(outcome.stdout.len().max(outcome.stderr.len()), 10_000);
    }
    // Exactly as much as is allowed is no flood.
    let outcome = run_with(sandbox, "head -c 10000 /dev/zero", &limited(limits)).unwrap();
    assert_eq!((outcome.end, outcome.stdout.len()), (End::Exited(0), 10_000));
}

fn an_endless_line_ends(sandbox: &ProcessBox) {
    let outcome = run_with(sandbox, "cat /dev/zero", &limited(Limits::default())).unwrap();
    assert_eq!((outcome.end, outcome.stdout.len()), (End::OutputExceeded, 1 << 20));
}

fn processes_are_bounded(sandbox: &ProcessBox) {
    let limits = Limits { processes: 16, wall: Some(PATIENCE), ..Limits::default() };
    let count = |limits| {
        let script = "for i in $(seq 40); do sleep 60 & echo $i; done 2>/dev/null";
        let outcome = run_with(sandbox, script, &limited(limits)).unwrap();
        text(&outcome.stdout).lines().count()
    };
    let bounded = count(limits);
    assert!((8..=16).contains(&bounded), "{bounded} processes");
    assert!(
        count(Limits { wall: Some(PATIENCE), ..Limits::default() }) >= 40,
        "the shell could not start its programs at all"
    );
    // A fork bomb ends with the box, at the latest at the deadline.
    let outcome =
        run_with(sandbox, "f() { f | f & }; f; sleep 100", &limited(Limits { processes: 16, ..short() }))
            .unwrap();
    assert!(!matches!(outcome.end, End::Exited(0)), "{:?}", outcome.end);
}

fn memory_is_bounded(sandbox: &ProcessBox) {
    let limits = Limits { memory: 64 << 20, tmpfs: 512 << 20, ..Limits::default() };
    let fill = |megabytes| {
        let script = format!("head -c {megabytes}M /dev/zero > /tmp/fill && echo filled");
        run_with(sandbox, &script, &limited(limits)).unwrap()
    };
    let little = fill(8);
    assert_eq!(text(&little.stdout), "filled\n");
    if little.enforcement.cgroup.iter().any(|controller| controller == "memory") {
        let much = fill(200);
        assert_ne!(text(&much.stdout), "filled\n", "{:?}", much.end);
        assert!(matches!(much.end, End::MemoryExceeded | End::Exited(_)), "{:?}", much.end);
    } else {
        eprintln!("skipped: no control group for memory can be had here; only each process is bounded");
    }
    // One process by itself, wherever it runs.
    let script = "dd if=/dev/zero of=/dev/null bs=6G count=1 2>&1 | grep -c -i 'memory exhausted'";
    let outcome =
        run_with(sandbox, script, &limited(Limits { memory: 256 << 20, ..Limits::default() })).unwrap();
    assert_eq!(text(&outcome.stdout), "1\n", "{}", text(&outcome.stderr));
}

fn folders_are_bounded_in_bytes_and_entries(sandbox: &ProcessBox) {
    let limits = Limits { tmpfs: 1 << 20, files: 100, ..Limits::default() };
    let script = "head -c 5M /dev/zero > /tmp/big; stat -c %s /tmp/big; \
                  for i in $(seq 200); do touch /work/$i; done 2>/dev/null; ls /work | wc -l";
    let outcome = run_with(sandbox, script, &limited(limits)).unwrap();
    let sizes: Vec<u64> = text(&outcome.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    let [bytes, entries] = sizes[..] else { panic!("{:?}", text(&outcome.stdout)) };
    assert!((1..=1 << 20).contains(&bytes), "{bytes} bytes");
    assert!((90..=100).contains(&entries), "{entries} entries");
}

fn open_files_are_bounded(sandbox: &ProcessBox) {
    let script = "ulimit -n; ulimit -Hn; ulimit -n 1000 2>/dev/null && echo raised";
    let outcome =
        run_with(sandbox, script, &limited(Limits { open_files: 32, ..Limits::default() })).unwrap();
    assert_eq!(text(&outcome.stdout), "32\n32\n");
}

fn no_core_is_dumped(sandbox: &ProcessBox) {
    let script = "while read line; do case \"$line\" in *core*) echo $line;; esac; done </proc/self/limits; kill -SEGV $$";
    let outcome = run_with(sandbox, script, &Confinement::default()).unwrap();
    // 0 would still have the kernel start a program of the host where cores are piped to one; only a host that allows
    // none at all leaves it at that.
    let host = fs::read_to_string("/proc/self/limits").unwrap();
    let host = host.lines().find(|line| line.starts_with("Max core")).unwrap();
    let most = if host.split_whitespace().nth(5) == Some("0") { "0" } else { "1" };
    let words: Vec<_> = text(&outcome.stdout).split_whitespace().collect();
    assert_eq!((words.get(4..6), outcome.end), (Some(&[most, most][..]), End::Signalled(11)), "{words:?}");
    let script = "import resource\nfor n in (0, 1):\n  try: resource.setrlimit(resource.RLIMIT_CORE, (n, n)); print('set')\n  \
                  except (OSError, ValueError) as refusal: print(type(refusal).__name__)";
    let job =
        Job { command: ["/usr/bin/python3", "-I", "-c", script].map(Into::into).to_vec(), ..Job::default() };
    match sandbox.run(&job, &Confinement::default()) {
        Ok(outcome) => assert!(!text(&outcome.stdout).contains("set"), "{outcome:?}"),
        Err(refusal) => println!("skipped: no Python below /usr: {refusal}"),
    }
}

/// A socket in a folder that is shown can be connected to: the program gives its output stream to somebody outside, who
/// keeps it open.
fn a_stream_that_left_the_box_is_not_waited_for(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let confinement = Confinement { read_only: vec![folder.path().into()], ..Confinement::default() };
    let script = format!(
        "import socket, array\ns = socket.socket(socket.AF_UNIX); s.connect({path:?})\n\
         s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1]))])\nprint('given')",
        path = path.display().to_string(),
    );
    let command = ["/usr/bin/python3", "-I", "-c", &script].map(Into::into).to_vec();
    let begin = Instant::now();
    let outcome = match sandbox.run(&Job { command, ..Job::default() }, &confinement) {
        Ok(outcome) => outcome,
        Err(refusal) => {
            println!("skipped: no Python below /usr: {refusal}");
            return;
        }
    };
    // What was sent lies in the queue of the listener, the open stream with it.
    drop(listener);
    assert_eq!(
        (outcome.end, text(&outcome.stdout)),
        (End::Exited(0), "given\n"),
        "{}",
        text(&outcome.stderr)
    );
    assert!(begin.elapsed() < PATIENCE);
}

fn a_run_that_is_given_up_ends(sandbox: &ProcessBox) {
    // Its own deadline is a minute.
    let confinement = Confinement::default();
    let job = || Job { stop: Stop::new(), ..shell("setsid sleep 50 & sleep 50") };
    let given_up = |job: &Job| {
        let begin = Instant::now();
        let error = sandbox.run(job, &confinement).unwrap_err();
        assert!(matches!(error, SandboxError::GivenUp), "{error}");
        assert!(begin.elapsed() < PATIENCE);
    };
    // While it runs, or while its box is made: either way it does not run on.
    for moment in [0, 1, 3, 300] {
        let job = job();
        let stop = job.stop.clone();
        let requested = thread::spawn(move || {
            thread::sleep(Duration::from_millis(moment));
            stop.request();
        });
        given_up(&job);
        requested.join().unwrap();
    }
    // Before it began.
    let job = job();
    job.stop.request();
    given_up(&job);
    let kept = Job { stop: Stop::new(), ..shell("exit 3") };
    assert_eq!(sandbox.run(&kept, &confinement).unwrap().end, End::Exited(3), "positive control");
}
