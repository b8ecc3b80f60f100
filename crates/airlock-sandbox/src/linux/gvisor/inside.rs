//! The first process inside gVisor, which is this program: says what holds it, starts the program, and says how that
//! ended.
//!
//! It has the rights of the program, no more, and what it writes the program could write as well: that is as untrusted as
//! all that a program does, and says nothing that the program could not bring about by ending so. What holds it is said
//! before the program exists.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::fd::OwnedFd,
    process::ExitCode,
};

use rustix::{
    process::{
        DumpableBehavior, Resource, Rlimit, WaitOptions, getegid, geteuid, getgid, getuid,
        set_dumpable_behavior, setrlimit, wait,
    },
    system::uname,
    thread::{Gid, Uid, no_new_privs},
};
use serde::{Deserialize, Serialize};

use super::super::{
    helper::as_report,
    init::{NOT_FOUND, NOT_RUNNABLE, NOT_STARTED, execute},
    plan::{Plan, Report},
    sys::{self, Forked},
};
use crate::{SandboxError, Step};

/// The argument of this process.
pub(crate) const INSIDE: &str = "__inside";
/// This program, what it is to start, and where it writes, as it sees them.
pub(super) const PROGRAM: &str = "/.airlock/airlock";
pub(super) const PLAN: &str = "/.airlock/plan";
pub(super) const WORDS: &str = "/.airlock/words";

/// The sets that gVisor has.
const CAPABILITIES: &[&str] = &["CapInh", "CapPrm", "CapEff", "CapBnd"];

/// One line of what is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// What holds this process, and the program then.
    Held(Status),
    /// What became of the program.
    Then(Report),
}

/// What the kernel inside says of this process, and of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    pub(super) users: [u32; 2],
    pub(super) groups: [u32; 2],
    pub(super) no_capabilities: bool,
    pub(super) no_new_privileges: bool,
    pub(super) kernel: Kernel,
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

fn say(mut words: &File, word: &Word) -> io::Result<()> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    words.write_all(&line)
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
    let plan: Plan = fs::read(PLAN).and_then(|plan| Ok(serde_json::from_slice(&plan)?)).map_err(read)?;
    // No program inside reads what this process has.
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    undumpable.map_err(|error| SandboxError::at(Step::Undumpable)(error.into()))?;
    let held = status().map_err(SandboxError::at(Step::ReadBack))?;
    let starting = || SandboxError::at(Step::StartProgram);
    say(words, &Word::Held(held)).map_err(starting())?;
    match sys::fork().map_err(starting())? {
        Forked::Child => {
            let error = bound_processor_time(&plan).map_or_else(|error| error, |()| execute(&plan));
            let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
            let _ = say(words, &Word::Then(as_report(&starting()(error))));
            sys::exit_now(code)
        }
        Forked::Parent(program) => {
            let nothing = OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
            nothing.and_then(|nothing| sys::let_go_of_standard_streams(&nothing)).map_err(starting())?;
            loop {
                match wait(WaitOptions::empty()) {
                    Ok(Some((ended, status))) if ended == program => {
                        let end = status.exit_status().map_or_else(
                            || Report::Signalled(status.terminating_signal().unwrap_or(0)),
                            Report::Exited,
                        );
                        say(words, &Word::Then(end)).map_err(starting())?;
                        return Ok(0);
                    }
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(starting()(error.into())),
                }
            }
        }
    }
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
        kernel: Kernel::current(),
    })
}

#[cfg(test)]
mod tests {
    use super::Kernel;

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
