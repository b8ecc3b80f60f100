//! The first process inside gVisor, which is this program: says what holds the program, has it started when that was
//! accepted outside, and says how it ended.
//!
//! It is user 0 of gVisor's own users, with no more rights than to become another one. So no program can touch it, or write
//! where it writes. What is about to become the program tells it by a pipe, which closes with that; from then on it says no
//! more than how the program ended.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write},
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    process::ExitCode,
    thread,
    time::Duration,
};

use rustix::{
    process::{
        DumpableBehavior, Pid, Resource, Rlimit, WaitOptions, getegid, geteuid, getgid, getuid,
        set_dumpable_behavior, setrlimit, wait,
    },
    system::uname,
    thread::{
        CapabilitySet, CapabilitySets, Gid, Uid, no_new_privs, set_capabilities, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    },
};
use serde::{Deserialize, Serialize};

use super::super::{
    helper::as_report,
    init::{NOT_FOUND, NOT_RUNNABLE, NOT_STARTED, execute},
    plan::{Plan, Report},
    seccomp::{self, Beside},
    sys::{self, Forked},
};
use crate::{Level, SandboxError, Step};

/// The argument of this process.
pub(crate) const INSIDE: &str = "__inside";
/// This program, what it is to start, and where it writes, as it sees them.
pub(super) const PROGRAM: &str = "/.airlock/airlock";
pub(super) const TASK: &str = "/.airlock/task";
pub(super) const WORDS: &str = "/.airlock/words";
/// Where it is told to start the program: by anything that stands there.
pub(super) const GO: &str = "/.airlock/go";
/// How often it looks there; gVisor tells of no change that is made outside.
const LOOK: Duration = Duration::from_micros(300);

/// The sets that gVisor has.
const CAPABILITIES: &[&str] = &["CapInh", "CapPrm", "CapEff", "CapBnd"];

/// What there is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) plan: Plan,
    /// The user that the program is.
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The kernel that must not be this one.
    pub(super) host: Kernel,
}

/// One line of what is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// What holds the process that is about to become the program, and waits to be told so.
    Held(Status),
    /// The program runs.
    Begun,
    /// What became of the program.
    Then(Report),
}

/// What the kernel inside says of this process, and of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    users: [u32; 2],
    groups: [u32; 2],
    pub(super) no_capabilities: bool,
    no_new_privileges: bool,
    filtered: bool,
    kernel: Kernel,
}

impl Status {
    /// Whether each point holds that has to.
    pub(super) fn points(&self, task: &Task) -> [(bool, &'static str); 6] {
        [
            (self.kernel.is_not(&task.host), "the kernel is the host's"),
            (self.users == [task.uid; 2] && self.groups == [task.gid; 2], "it is another user"),
            (task.uid != 0, "it is root"),
            (self.no_capabilities, "capabilities are left"),
            (self.no_new_privileges, "programs may give privileges"),
            (self.filtered, "system calls are not filtered"),
        ]
    }
}

/// Fails unless all hold.
pub(super) fn accept(points: &[(bool, &str)]) -> Result<(), SandboxError> {
    let missing: Vec<_> = points.iter().filter(|(held, _)| !held).map(|(_, text)| *text).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (required, given) = (Level::Kernel, Level::None);
    Err(SandboxError::TooWeak { required, given, missing: missing.join(", ") })
}

/// What tells one kernel from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kernel {
    release: String,
    version: String,
    /// Made anew at each start of it.
    boot: Option<String>,
}

impl Kernel {
    /// The one that this process has.
    pub(super) fn current() -> Self {
        let name = uname();
        let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Self { release: text(name.release()), version: text(name.version()), boot }
    }

    /// Whether it is certainly another one.
    pub(super) fn is_not(&self, other: &Self) -> bool {
        let same_boot = self.boot.is_some() && self.boot == other.boot;
        !same_boot && (&self.release, &self.version) != (&other.release, &other.version)
    }
}

fn say(mut to: impl Write, word: &Word) -> io::Result<()> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// The whole life of this process.
pub(crate) fn run() -> ExitCode {
    let Ok(words) = OpenOptions::new().append(true).open(WORDS) else {
        return ExitCode::from(u8::MAX);
    };
    let code = begin(&words).unwrap_or_else(|error| {
        // Without a word nothing is held to have run.
        let _ = say(&words, &Word::Then(as_report(&error)));
        NOT_STARTED
    });
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

fn begin(words: &File) -> Result<i32, SandboxError> {
    let read = SandboxError::at(Step::ReadPlan);
    let task: Task = fs::read(TASK).and_then(|task| Ok(serde_json::from_slice(&task)?)).map_err(read)?;
    // No program inside reads what this process has.
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    undumpable.map_err(|error| SandboxError::at(Step::Undumpable)(error.into()))?;
    let starting = || SandboxError::at(Step::StartProgram);
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let nothing = nothing.map_err(starting())?;
    let (told, tell) = io::pipe().map_err(starting())?;
    let (accepted, accept) = io::pipe().map_err(starting())?;
    match sys::fork().map_err(starting())? {
        Forked::Child => {
            drop((told, accept));
            let error = become_program(&task, &tell, accepted);
            let missing = matches!(&error, SandboxError::Failed { step: Step::StartProgram, source }
                if source.kind() == io::ErrorKind::NotFound);
            let _ = say(&tell, &Word::Then(as_report(&error)));
            sys::exit_now(if missing { NOT_FOUND } else { NOT_RUNNABLE })
        }
        Forked::Parent(program) => {
            drop((tell, accepted));
            sys::let_go_of_standard_streams(&nothing).map_err(starting())?;
            if start(BufReader::new(told), accept, words)? {
                tell_end(program, words);
            }
            Ok(0)
        }
    }
}

/// Passes on what the process says that becomes the program, and the word to do so. Whether it did.
fn start(
    mut told: BufReader<PipeReader>,
    mut accept: PipeWriter,
    mut words: &File,
) -> Result<bool, SandboxError> {
    let read_back = || SandboxError::at(Step::ReadBack);
    let mut first = Vec::new();
    told.read_until(b'\n', &mut first).map_err(read_back())?;
    if first.is_empty() {
        return Err(read_back()(io::Error::other("it ended before it said what holds it")));
    }
    words.write_all(&first).map_err(read_back())?;
    if !matches!(serde_json::from_slice(&first), Ok(Word::Held(_))) {
        return Ok(false);
    }
    let starting = || SandboxError::at(Step::StartProgram);
    let go = File::open(GO).map_err(starting())?;
    while go.read_at(&mut [0], 0).map_err(starting())? == 0 {
        thread::sleep(LOOK);
    }
    accept.write_all(b"!").map_err(starting())?;
    drop(accept);
    // Closed by the program's start, and by nothing else but an end.
    let mut rest = Vec::new();
    told.read_to_end(&mut rest).map_err(starting())?;
    if rest.is_empty() {
        // Where this cannot be said, nor can an end, and so nothing is believed.
        let _ = say(words, &Word::Begun);
        return Ok(true);
    }
    words.write_all(&rest).map_err(starting())?;
    Ok(false)
}

/// Waits for the program, and says how it ended. Without that nobody knows the end.
fn tell_end(program: Pid, words: &File) {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended == program => {
                let end = status.exit_status().map_or_else(
                    || Report::Signalled(status.terminating_signal().unwrap_or(0)),
                    Report::Exited,
                );
                let _ = say(words, &Word::Then(end));
                return;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Leaves every right, says what is left, and becomes the program when that was accepted. Returns only what went wrong.
fn become_program(task: &Task, tell: &PipeWriter, mut accepted: PipeReader) -> SandboxError {
    let leave = || -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(task.uid), Gid::from_raw(task.gid));
        sys::drop_bounding_set()?;
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        let none = CapabilitySet::empty();
        Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
    };
    if let Err(error) = leave() {
        return SandboxError::at(Step::DropCapabilities)(error);
    }
    if let Err(error) = bound_processor_time(&task.plan) {
        return SandboxError::at(Step::ResourceLimits)(error);
    }
    // That of the box, kept by gVisor: the less can be asked of it, the less of it can be attacked; and what no other bound
    // counts, such as memory without a process or a file, is not to be had.
    if let Err(error) = seccomp::compile(Beside::Namespaces).and_then(|filters| filters.apply()) {
        return SandboxError::at(Step::Seccomp)(error);
    }
    let held = match status() {
        Ok(held) => held,
        Err(error) => return SandboxError::at(Step::ReadBack)(error),
    };
    if let Err(weak) = accept(&held.points(task)) {
        return weak;
    }
    if let Err(error) = say(tell, &Word::Held(held)) {
        return SandboxError::at(Step::ReadBack)(error);
    }
    // Fails where the first process has ended, and with it everything here.
    if let Err(error) = accepted.read_exact(&mut [0]) {
        return SandboxError::at(Step::StartProgram)(error);
    }
    SandboxError::at(Step::StartProgram)(execute(&task.plan))
}

/// What the bundle says of it gVisor keeps, and does not look at.
fn bound_processor_time(plan: &Plan) -> io::Result<()> {
    let Some(cpu) = plan.cpu.map(|cpu| cpu.as_secs().max(1)) else { return Ok(()) };
    Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(cpu), maximum: Some(cpu + 1) })?)
}

fn status() -> io::Result<Status> {
    let text = fs::read_to_string("/proc/self/status")?;
    let none = |name: &&str| {
        let line = text.lines().find_map(|line| line.strip_prefix(*name)?.strip_prefix(':'));
        line.is_some_and(|set| set.trim().bytes().all(|digit| digit == b'0'))
    };
    Ok(Status {
        users: [getuid(), geteuid()].map(Uid::as_raw),
        groups: [getgid(), getegid()].map(Gid::as_raw),
        no_capabilities: CAPABILITIES.iter().all(none),
        no_new_privileges: no_new_privs()?,
        filtered: text
            .lines()
            .any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2")),
        kernel: Kernel::current(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::super::plan::Plan, Kernel, Status, Task, accept};
    use crate::{Confinement, Level, Limits, SandboxError};

    #[test]
    fn whatever_is_missing_is_too_weak() {
        let host = Kernel { release: "6.1".into(), version: "#1".into(), boot: None };
        let inside = Kernel { release: "4.4.0".into(), version: "#1".into(), boot: None };
        let limits = Limits { wall: Some(Duration::from_secs(1)), ..Limits::default() };
        let confinement = Confinement { limits, ..Confinement::default() };
        let plan = Plan::new(&confinement, Level::Kernel, &["true".into()], None);
        let task = Task { plan, uid: 7, gid: 8, host: host.clone() };
        let whole = || Status {
            users: [7, 7],
            groups: [8, 8],
            no_capabilities: true,
            no_new_privileges: true,
            filtered: true,
            kernel: inside.clone(),
        };
        assert!(accept(&whole().points(&task)).is_ok(), "the control");
        let weaker = [
            Status { users: [7, 0], ..whole() },
            Status { groups: [0, 8], ..whole() },
            Status { no_capabilities: false, ..whole() },
            Status { no_new_privileges: false, ..whole() },
            Status { filtered: false, ..whole() },
            Status { kernel: host, ..whole() },
        ];
        for status in weaker {
            let judged = accept(&status.points(&task));
            assert!(
                matches!(judged, Err(SandboxError::TooWeak { given: Level::None, .. })),
                "{status:?}: {judged:?}"
            );
        }
        let root = Task { uid: 0, gid: 0, ..task };
        let status = Status { users: [0, 0], groups: [0, 0], ..whole() };
        assert!(accept(&status.points(&root)).is_err());
    }

    #[test]
    fn a_kernel_is_another_one_only_if_all_says_so() {
        let host = Kernel { release: "6.1".into(), version: "#1".into(), boot: Some("a".into()) };
        let other = Kernel { release: "4.4.0".into(), version: "#1".into(), boot: None };
        assert!(other.is_not(&host) && host.is_not(&other));
        assert!(!host.is_not(&host));
        assert!(!Kernel { boot: None, ..host.clone() }.is_not(&host));
        assert!(
            !Kernel { boot: Some("b".into()), ..host.clone() }.is_not(&host),
            "another one of the same build"
        );
        assert!(!Kernel { boot: Some("a".into()), ..other }.is_not(&host), "the same one under another name");
        assert!(Kernel::current() == Kernel::current());
    }
}
