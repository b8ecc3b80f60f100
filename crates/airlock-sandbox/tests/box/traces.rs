//! What is left on the host when a box has ended, however it ended.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use airlock_sandbox::{Backend, Confinement, End, Limits, ProcessBox, Sandbox as _};

use crate::{Test, run, run_with};

pub(crate) const TESTS: &[Test] = &[
    ("many_boxes_leave_nothing", many_boxes_leave_nothing),
    ("a_daemon_is_gone_with_the_program", a_daemon_is_gone_with_the_program),
    ("a_killed_host_leaves_nothing", a_killed_host_leaves_nothing),
];

const SEQUENTIAL: usize = 1_000;
const AT_ONCE: usize = 8;
const EACH: usize = 25;

/// Our child processes, mounts, control groups, open files, and folders for programs.
fn traces() -> [usize; 5] {
    let own = std::process::id().to_string();
    let children = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let status = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // `pid (name) state parent …`; the name may hold anything.
        let parent = status.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        parent == Some(own.as_str())
    });
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap().lines().count();
    let groups =
        ["memory", "pids", ""].iter().map(|controller| groups(&Path::new("/sys/fs/cgroup").join(controller)));
    let files = fs::read_dir("/proc/self/fd").unwrap();
    [children.count(), mounts, groups.sum(), files.count(), folders()]
}

fn folders() -> usize {
    let all = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    // `airlock-` and a number of 16 digits.
    let names = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.strip_prefix("airlock-").is_some_and(|rest| rest.len() == 16)).count()
}

fn groups(folder: &Path) -> usize {
    let prefix = format!("airlock-{}-", std::process::id());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    entries
        .map(|entry| {
            let ours = entry.file_name().to_string_lossy().starts_with(&prefix);
            usize::from(ours) + groups(&entry.path())
        })
        .sum()
}

fn many_boxes_leave_nothing(sandbox: &ProcessBox) {
    let before = traces();
    for turn in 0..SEQUENTIAL {
        let outcome = run(sandbox, "exit 3");
        assert_eq!(outcome.end, End::Exited(3), "turn {turn}");
    }
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                for _ in 0..EACH {
                    assert_eq!(run(sandbox, "sleep 0.01 & exit 4").end, End::Exited(4));
                }
            });
        }
    });
    assert_eq!(traces(), before, "children, mounts, control groups, open files, folders");
}

fn a_daemon_is_gone_with_the_program(sandbox: &ProcessBox) {
    // Told apart by its argument from everything else on this machine.
    let seconds = format!("{}", 100_000 + std::process::id());
    let running = || sleeping(&seconds);
    let daemon = format!(
        "setsid sh -c 'trap \"\" HUP TERM; exec sleep {seconds}' >/dev/null 2>&1 </dev/null & sleep 0.3"
    );
    let limits = Limits { wall: Some(Duration::from_secs(30)), ..Limits::default() };
    let confinement = Confinement { limits, ..Confinement::default() };
    let seen = thread::scope(|scope| {
        let program = scope.spawn(|| run_with(sandbox, &daemon, &confinement).unwrap());
        let mut seen = 0;
        while !program.is_finished() {
            seen = seen.max(running());
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(program.join().unwrap().end, End::Exited(0));
        seen
    });
    assert!(seen > 0, "the daemon was never there");
    assert_eq!(running(), 0);
}

/// How many processes sleep for so many seconds.
fn sleeping(seconds: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.split('\0').any(|argument| argument == seconds)).count()
}

/// The life of a host that is killed: it waits for a program that lets go of everything and fills its folder.
pub(crate) fn be_killed(sandbox: &ProcessBox) -> ! {
    let seconds = std::env::var(SECONDS).unwrap();
    let script = format!(
        "trap '' HUP TERM; mkdir -m 0 $HOME/closed; setsid sleep {seconds} & (setsid sleep {seconds} &) ; echo $HOME >&2; exec sleep {seconds}"
    );
    let outcome = run_with(sandbox, &script, &Confinement::default());
    panic!("it was not killed: {outcome:?}")
}

const SECONDS: &str = "AIRLOCK_TEST_SECONDS";

fn a_killed_host_leaves_nothing(sandbox: &ProcessBox) {
    let seconds = format!("{}", 200_000 + std::process::id());
    let before = folders();
    let mut host = Command::new(std::env::current_exe().unwrap());
    host.env(crate::KILLED, sandbox.backend().as_str()).env(SECONDS, &seconds);
    let mut host = host.stdout(Stdio::null()).spawn().unwrap();
    let wait = |until: &dyn Fn() -> bool| {
        for _ in 0..1_000 {
            if until() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("{} processes, {} folders, {before} before", sleeping(&seconds), folders());
    };
    // The control: it runs, in three processes.
    wait(&|| sleeping(&seconds) >= 3);
    if sandbox.backend() == Backend::Lite {
        assert_eq!(folders(), before + 1);
    }
    host.kill().unwrap();
    host.wait().unwrap();
    wait(&|| sleeping(&seconds) == 0 && folders() == before);
}
