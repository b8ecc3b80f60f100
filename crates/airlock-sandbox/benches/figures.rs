//! What a box costs: the same program started plainly, in a box, by bubblewrap, and on gVisor, in turns.
//!
//! Prints a figure per line: `box/true 7.13 ms`, medians of wall time. Programs that are not on this machine are left out
//! and said so.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark stops where something is wrong, and prints"
)]

use std::{
    ffi::OsString,
    fs::File,
    io::{Seek as _, Write as _},
    os::{fd::AsRawFd as _, unix::process::CommandExt as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use airlock_sandbox::{
    Confinement, End, Gvisor, Job, Level, Pool, ProcessBox, Sandbox, enter, system_call_filter,
    waiting_python,
};

/// Turns of each program, and how many come before and are not counted.
const TURNS: usize = 61;
const WARM: usize = 5;

/// What is started, by the name of its figure.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("true", &["/bin/true"]),
    ("python", &["/usr/bin/python3", "-I", "-S", "-c", "print(1)"]),
    ("node", &["/usr/bin/node", "-e", "console.log(1)"]),
];

/// The user that it is started as, when the benchmark runs as root: the one of the box.
const NOBODY: u32 = 65_534;

/// As much of what the box gives as bubblewrap gives by itself: no seccomp, no limits, no Landlock.
const BUBBLEWRAP: &[&str] = &[
    "--unshare-all",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
    "--clearenv",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
];

/// What more bubblewrap needs to hold a program as the box does, as far as it can: the same filter of system calls, a user
/// namespace of its own without others in it, folders of a size, a root that cannot be written to. Limits of processes are
/// `prlimit`'s to set. It is started as a user without rights, as the box leaves root. Landlock, the control group and the
/// reading back of what holds have no counterpart.
const EQUAL: &[&str] = &[
    "--unshare-user",
    "--disable-userns",
    "--hostname",
    "box",
    "--size",
    "67108864",
    "--tmpfs",
    "/work",
    "--chdir",
    "/work",
    "--remount-ro",
    "/",
];
const LIMITS: &[&str] = &[
    "--cpu=60",
    "--nproc=66",
    "--nofile=256",
    "--as=4294967296",
    "--fsize=67108864",
    "--core=0",
    "--memlock=65536",
];

fn main() -> ExitCode {
    let launcher = match enter(std::env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    let sandbox = ProcessBox::new(launcher.clone());
    let bubblewrap =
        ["/usr/bin/bwrap", "/usr/local/bin/bwrap"].into_iter().find(|path| Path::new(path).exists());
    if bubblewrap.is_none() {
        eprintln!("skipped: no bubblewrap on this machine (apt-get install bubblewrap)");
    }
    let gvisor = Gvisor::new(launcher.clone());
    let lite = ProcessBox::lite(launcher);
    let filter = filter();
    let probe = gvisor.probe();
    let has_gvisor = probe.level == Level::Kernel;
    match gvisor.describe() {
        Ok(description) if has_gvisor => eprintln!("gvisor: {description}"),
        _ => eprintln!("skipped: no gVisor: {}", probe.reasons.join(", ")),
    }
    for (name, command) in PROGRAMS {
        if !Path::new(command[0]).exists() {
            eprintln!("skipped: no {}", command[0]);
            continue;
        }
        let mut plain = Vec::new();
        let mut boxed = Vec::new();
        let mut wrapped = Vec::new();
        let mut light = Vec::new();
        let mut equal = Vec::new();
        let mut second = Vec::new();
        for turn in 0..WARM + TURNS {
            let times = [
                time(|| plainly(command)),
                time(|| in_a_box(&sandbox, command)),
                time(|| in_a_box(&lite, command)),
                bubblewrap.map_or(Duration::ZERO, |bubblewrap| time(|| wrap(bubblewrap, command))),
                bubblewrap
                    .map_or(Duration::ZERO, |bubblewrap| time(|| wrap_equally(bubblewrap, &filter, command))),
                if has_gvisor { time(|| in_a_box(&gvisor, command)) } else { Duration::ZERO },
            ];
            if turn >= WARM {
                plain.push(times[0]);
                boxed.push(times[1]);
                light.push(times[2]);
                wrapped.push(times[3]);
                equal.push(times[4]);
                second.push(times[5]);
            }
        }
        say("plain", name, plain);
        say("box", name, boxed);
        say("lite", name, light);
        if bubblewrap.is_some() {
            say("bubblewrap", name, wrapped);
            say("bubblewrap_equal", name, equal);
        }
        if has_gvisor {
            say("gvisor", name, second);
        }
    }
    warm(&sandbox);
    ExitCode::SUCCESS
}

/// A program for an interpreter that waits for one; its pool is full again before each turn.
fn warm(sandbox: &ProcessBox) {
    if !Path::new("/usr/bin/python3").exists() {
        return;
    }
    // One that only waits, and one that has all but its program.
    let plain = ["/usr/bin/python3", "-I", "-"].map(OsString::from).to_vec();
    let commands = [("python_stdin", plain), ("python", waiting_python())];
    let pools = commands.map(|(name, command)| {
        let before = memory_of_descendants();
        let pool = Pool::new(sandbox.clone(), &command, Confinement::default(), 2).unwrap();
        await_full(&pool);
        println!("warm/{name}_member {:.1} MiB", (memory_of_descendants() - before) / 2.0);
        (name, pool)
    });
    let mut times = [Vec::new(), Vec::new()];
    // In turns, so that what else the machine does falls on both.
    for turn in 0..WARM + TURNS {
        for ((_, pool), times) in pools.iter().zip(&mut times) {
            await_full(pool);
            let took = time(|| {
                let outcome = pool.run(b"print(1)".to_vec()).unwrap();
                assert_eq!((outcome.end, &*outcome.stdout), (End::Exited(0), &b"1\n"[..]));
            });
            if turn >= WARM {
                times.push(took);
            }
        }
    }
    for ((name, _), mut times) in pools.iter().zip(times) {
        times.sort_unstable();
        println!("warm/{name} {:.3} ms", times[times.len() / 2].as_secs_f64() * 1e3);
        println!("warm/{name}_p95 {:.3} ms", times[times.len() * 95 / 100].as_secs_f64() * 1e3);
        println!("warm/{name}_least {:.3} ms", times[0].as_secs_f64() * 1e3);
    }
}

/// Waits until all are there, not only started but waiting for their programs.
fn await_full(pool: &Pool) {
    while pool.ready() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(150));
}

fn time(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

fn plainly(command: &[&str]) {
    check(Command::new(command[0]).args(&command[1..]));
}

fn wrap(bubblewrap: &str, command: &[&str]) {
    check(Command::new(bubblewrap).args(BUBBLEWRAP).arg("--").args(command));
}

/// The filter in a file that programs inherit.
fn filter() -> File {
    let mut filter = tempfile::tempfile().unwrap();
    filter.write_all(&system_call_filter().unwrap()).unwrap();
    rustix::io::fcntl_setfd(&filter, rustix::io::FdFlags::empty()).unwrap();
    filter
}

fn wrap_equally(bubblewrap: &str, mut filter: &File, command: &[&str]) {
    filter.rewind().unwrap();
    let mut limited = Command::new("prlimit");
    limited.args(LIMITS).arg(bubblewrap).arg("--seccomp").arg(filter.as_raw_fd().to_string());
    limited.args(BUBBLEWRAP).args(EQUAL).arg("--").args(command);
    if rustix::process::geteuid().is_root() {
        limited.uid(NOBODY).gid(NOBODY);
    }
    check(&mut limited);
}

/// Output is read, as it is from the box.
fn check(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn in_a_box(sandbox: &dyn Sandbox, command: &[&str]) {
    let job = Job { command: command.iter().map(OsString::from).collect(), ..Job::default() };
    let outcome = sandbox.run(&job, &Confinement::default()).unwrap();
    assert_eq!(outcome.end, End::Exited(0), "{}", String::from_utf8_lossy(&outcome.stderr));
}

fn say(how: &str, name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!("{how}/{name} {:.3} ms", times[times.len() / 2].as_secs_f64() * 1e3);
}

/// Memory of all processes that came of this one, in MiB; what several share is counted in parts.
fn memory_of_descendants() -> f64 {
    let all = || std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let parent = |path: &Path| {
        let status = std::fs::read_to_string(path.join("stat")).ok()?;
        status.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let mut family = vec![std::process::id()];
    let mut kilobytes = 0.0;
    while let Some(member) = family.pop() {
        for path in all().filter(|path| parent(path) == Some(member)) {
            family.extend(path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
            let memory = std::fs::read_to_string(path.join("smaps_rollup")).unwrap_or_default();
            let line = memory.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0");
            kilobytes += line.split_whitespace().next().unwrap_or("0").parse::<f64>().unwrap();
        }
    }
    kilobytes / 1024.0
}
