//! What is left on the host when a box has ended, however it ended.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use airlock_sandbox::{Backend, Confinement, End, Limits, ProcessBox, Sandbox as _};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Test, run, run_with, text};

pub(crate) const TESTS: &[Test] = &[
    ("many_boxes_leave_nothing", many_boxes_leave_nothing),
    ("a_daemon_is_gone_with_the_program", a_daemon_is_gone_with_the_program),
    ("a_killed_host_leaves_nothing", a_killed_host_leaves_nothing),
    ("a_killed_host_that_forked_leaves_nothing", a_killed_host_that_forked_leaves_nothing),
    ("a_stopped_host_does_not_stop_the_deadline", a_stopped_host_does_not_stop_the_deadline),
];

const SEQUENTIAL: usize = 1_000;
const AT_ONCE: usize = 8;
const EACH: usize = 25;

/// Our child processes, mounts, control groups, open files, and folders for programs.
pub(crate) fn traces() -> [usize; 5] {
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
    [children.count(), mounts, groups.sum(), files.count(), folders_of(std::process::id())]
}

/// Folders for programs of this host.
fn folders_of(host: u32) -> usize {
    let all = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    // Ours, not those of the tests beside this one.
    let prefix = format!("airlock-{host}-");
    all.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)).count()
}

fn groups(folder: &Path) -> usize {
    // Behind the number of the namespace that this process has its number in.
    let ours = format!("-{}-", std::process::id());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    entries
        .map(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            usize::from(name.starts_with("airlock.") && name.contains(&ours)) + groups(&entry.path())
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
pub(crate) fn sleeping(seconds: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.split('\0').any(|argument| argument == seconds)).count()
}

/// The life of a host that comes to grief: it waits for a program that lets go of everything and fills its folder.
pub(crate) fn come_to_grief(sandbox: &ProcessBox) {
    let seconds = std::env::var(SECONDS).unwrap();
    let script = format!(
        "trap '' HUP TERM; mkdir -m 0 $HOME/closed; setsid sleep {seconds} & (setsid sleep {seconds} &) ; exec sleep {seconds}"
    );
    if std::env::var_os(FORKS).is_some() {
        let command = ["/bin/sh", "-c", &script].map(Into::into);
        let _running = sandbox.start(&command, &Confinement::default()).unwrap();
        let child = fork_and_sleep();
        println!("{child}");
        thread::sleep(Duration::from_secs(600));
    }
    let limits = Limits { wall: Some(Duration::from_secs(1)), ..Limits::default() };
    let stopped = std::env::var_os(STOPPED).is_some();
    let limits = if stopped { limits } else { Limits::default() };
    let outcome = run_with(sandbox, &script, &Confinement { limits, ..Confinement::default() });
    println!("{:?}", outcome.map(|outcome| outcome.end));
}

/// A process with all that this one has open, which ends by itself only after minutes.
#[allow(unsafe_code, reason = "a fork without a program of its own")]
fn fork_and_sleep() -> i32 {
    // SAFETY: this process has one thread, and the new one only sleeps.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            thread::sleep(Duration::from_secs(600));
        }
    }
    child
}

/// Set where the host is stopped, and where it forks.
const STOPPED: &str = "AIRLOCK_TEST_STOPPED";
const FORKS: &str = "AIRLOCK_TEST_FORKS";
const SECONDS: &str = "AIRLOCK_TEST_SECONDS";

/// A host whose program sleeps, in three processes and for so many seconds each.
struct Host {
    process: Child,
    seconds: String,
}

impl Host {
    fn start(sandbox: &ProcessBox, nth: u32, how: Option<&str>) -> Self {
        let seconds = format!("{}", nth * 100_000 + std::process::id());
        let mut host = Command::new(std::env::current_exe().unwrap());
        host.env(crate::GRIEF, sandbox.backend().as_str()).env(SECONDS, &seconds);
        host.envs(how.map(|how| (how, "1")));
        let process = host.stdout(Stdio::piped()).spawn().unwrap();
        let host = Self { process, seconds };
        // The control: it runs.
        host.wait(|| sleeping(&host.seconds) >= 3);
        host
    }

    fn wait(&self, until: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if until() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("{} processes, {} folders", sleeping(&self.seconds), self.folders());
    }

    fn wait_for_nothing(&self) {
        self.wait(|| sleeping(&self.seconds) == 0 && self.folders() == 0);
    }

    fn folders(&self) -> usize {
        folders_of(self.process.id())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.process.id().cast_signed()).unwrap(), signal).unwrap();
    }
}

fn a_killed_host_leaves_nothing(sandbox: &ProcessBox) {
    let mut host = Host::start(sandbox, 2, None);
    if sandbox.backend() == Backend::Lite {
        assert_eq!(host.folders(), 1);
    }
    host.process.kill().unwrap();
    host.process.wait().unwrap();
    host.wait_for_nothing();
}

/// Its end of the socket stays open with what it forked.
fn a_killed_host_that_forked_leaves_nothing(sandbox: &ProcessBox) {
    let mut host = Host::start(sandbox, 3, Some(FORKS));
    let mut line = String::new();
    BufReader::new(host.process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    host.process.kill().unwrap();
    host.process.wait().unwrap();
    host.wait_for_nothing();
    // The control: it was there all the time.
    kill_process(Pid::from_raw(line.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// A host that hangs cannot keep the deadline.
fn a_stopped_host_does_not_stop_the_deadline(sandbox: &ProcessBox) {
    let host = Host::start(sandbox, 4, Some(STOPPED));
    host.signal(Signal::STOP);
    host.wait_for_nothing();
    host.signal(Signal::CONT);
    let said = host.process.wait_with_output().unwrap();
    assert_eq!(text(&said.stdout), "Ok(DeadlineExceeded)\n");
}
