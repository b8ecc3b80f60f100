//! The first process of the namespaces in which gVisor runs: builds their root, starts `runsc`, passes on what is said
//! inside, and judges it.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Child, Command},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::inotify,
    io::Errno,
    process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid},
    system::sethostname,
};

use super::{
    super::{
        control::report,
        helper::as_report,
        init::{
            HOST_NAME, NAMESPACES, NOT_STARTED, die_with_the_helper, enforcement, own_namespaces, own_root,
        },
        limits,
        plan::{Plan, Report},
        privileges,
        seccomp::Filters,
        sys,
    },
    identity::Program,
    inside::{Kernel, Status, Task, Word, accept},
    spec,
    tree::{LOG, RUNSC, STATE, Taken, WORDS},
};
use crate::{Enforcement, Level, SandboxError, Step};

/// All that is said inside, at most; the file system on which it lies holds no more.
const LONGEST: u64 = 64 << 10;
/// How much of what `runsc` says is shown, in characters.
const SHOWN: usize = 600;

/// All that the helper prepared.
pub(super) struct Start {
    pub(super) plan: Plan,
    pub(super) platform: String,
    pub(super) taken: Taken,
    pub(super) program: Program,
    /// Processes and threads of the same user that have no part in this.
    pub(super) others: u64,
    pub(super) filters: Filters,
    /// The host's.
    pub(super) kernel: Kernel,
    pub(super) namespaces_outside: Vec<PathBuf>,
    /// `/dev/null`.
    pub(super) nothing: OwnedFd,
    /// Hung up when the helper is gone.
    pub(super) helper_lives: OwnedFd,
}

/// The whole life of this process. Returns the code to exit with; with it everything here ends.
pub(super) fn run(start: Start, control: &UnixStream) -> i32 {
    match begin(start).and_then(|(child, words, judge)| follow(&child, words, &judge, control)) {
        Ok(()) => 0,
        Err(error) => {
            report(control, &as_report(&error));
            NOT_STARTED
        }
    }
}

fn begin(start: Start) -> Result<(Child, Words, Judge), SandboxError> {
    let Start {
        plan,
        platform,
        taken,
        program,
        others,
        filters,
        kernel,
        namespaces_outside,
        nothing,
        helper_lives,
    } = start;
    die_with_the_helper(&helper_lives).map_err(SandboxError::at(Step::StartInit))?;
    drop(helper_lives);
    let namespaces = own_namespaces(&namespaces_outside).map_err(SandboxError::at(Step::ReadBack))?;
    let victim = fs::OpenOptions::new().write(true).open("/proc/self/oom_score_adj");
    let mut victim = victim.map_err(SandboxError::at(Step::StartInit))?;
    let Program { uid, gid } = program;
    let task = Task { plan: plan.for_inside(), uid, gid, host: kernel };
    spec::config(&plan)
        .and_then(|config| {
            sethostname(HOST_NAME)?;
            taken.enter(&plan, &task, &config)
        })
        .map_err(SandboxError::at(Step::BuildRoot))?;
    let most = u64::from(super::tasks(plan.processes, &platform));
    limits::set_processes(most, others).map_err(SandboxError::at(Step::ResourceLimits))?;
    privileges::no_new_privileges().map_err(SandboxError::at(Step::NoNewPrivileges))?;
    filters.apply().map_err(SandboxError::at(Step::Seccomp))?;
    let around = around(namespaces).map_err(SandboxError::at(Step::ReadBack))?;
    let around = Enforcement { cgroup: plan.controllers.clone(), ..around };
    let judge = Judge { around, task };
    judge.accept_around()?;
    let starting = || SandboxError::at(Step::StartRunsc);
    let words = Words::open().map_err(starting())?;
    // When memory runs out, what runs the program ends first, and this process lives to tell.
    victim.write_all(b"1000").map_err(starting())?;
    let child = Command::new(RUNSC)
        .args([&format!("--root={STATE}/runsc"), "--rootless", "--network=none", "--ignore-cgroups"])
        .args([&format!("--platform={platform}"), "--overlay2=none", "--host-uds=none"])
        .args([&format!("--log={LOG}"), "run", &format!("--bundle={STATE}/bundle")])
        // Whoever looks at the processes of the machine sees whose they are.
        .arg(format!("airlock-{}", plan.host))
        .env_clear()
        .current_dir("/")
        .spawn()
        .map_err(starting())?;
    victim.write_all(b"0").map_err(starting())?;
    sys::let_go_of_standard_streams(&nothing).map_err(starting())?;
    Ok((child, words, judge))
}

/// What is said inside.
struct Words {
    file: File,
    /// Tells when there is more.
    changes: OwnedFd,
    begun: Vec<u8>,
}

impl Words {
    fn open() -> io::Result<Self> {
        let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&changes, WORDS, inotify::WatchFlags::MODIFY)?;
        Ok(Self { file: File::open(WORDS)?, changes, begun: Vec::new() })
    }

    /// The whole lines that came since.
    fn more(&mut self) -> io::Result<Vec<Word>> {
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 4_096];
        let mut told = inotify::Reader::new(&self.changes, &mut buffer);
        while told.next().is_ok() {}
        (&self.file).take(LONGEST).read_to_end(&mut self.begun)?;
        let mut words = Vec::new();
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            words.push(serde_json::from_slice(&line)?);
        }
        Ok(words)
    }
}

/// Passes on what is said, until the program has ended or `runsc` has.
fn follow(child: &Child, mut words: Words, judge: &Judge, control: &UnixStream) -> Result<(), SandboxError> {
    let starting = || SandboxError::at(Step::StartRunsc);
    let runsc = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let runsc = runsc.ok_or(SandboxError::Lost)?;
    let ends = pidfd_open(runsc, PidfdFlags::empty()).map_err(|error| starting()(error.into()))?;
    let mut held = false;
    let mut ended = None;
    loop {
        // In this order, so that what was said before the end is heard.
        let over = ended.is_some();
        let said = match words.more() {
            Ok(said) => said,
            Err(error) => return broken(held, &format!("what is said inside is nonsense: {error}"), control),
        };
        for word in said {
            match (word, held) {
                (Word::Held(status), false) => {
                    report(control, &Report::Ready(judge.accept(&status)?));
                    held = true;
                }
                (Word::Then(end @ (Report::Exited(_) | Report::Signalled(_))), true) => {
                    report(control, &end);
                    return Ok(());
                }
                (Word::Then(Report::TooWeak { given, missing }), false) => {
                    return Err(SandboxError::TooWeak { required: Level::Kernel, given, missing });
                }
                // One that is not there is found out when it is to be started, and everything else before that.
                (Word::Then(failed @ Report::Failed { .. }), _) => {
                    report(control, &failed);
                    return Ok(());
                }
                (Word::Held(_) | Word::Then(_), _) => {
                    return broken(held, "what is said inside is nonsense", control);
                }
            }
        }
        if over {
            return broken(held, &format!("`runsc` ended {}", how(ended.flatten())), control);
        }
        let mut watched = [PollFd::new(&words.changes, PollFlags::IN), PollFd::new(&ends, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(starting()(error.into())),
        }
        // Whoever else ends here is of no matter.
        while let Ok(Some((id, status))) = waitpid(None, WaitOptions::NOHANG) {
            if id == runsc {
                ended = Some(Some(status));
            }
        }
    }
}

/// `runsc` failed, or is not what it seems to be.
fn broken(held: bool, reason: &str, control: &UnixStream) -> Result<(), SandboxError> {
    if held {
        report(control, &Report::Broken(reason.to_owned()));
        return Ok(());
    }
    Err(SandboxError::at(Step::StartRunsc)(io::Error::other(reason.to_owned())))
}

/// How it ended, and what it has to say about that.
fn how(status: Option<rustix::process::WaitStatus>) -> String {
    let how = match status.map(|status| (status.exit_status(), status.terminating_signal())) {
        Some((Some(code), _)) => format!("with code {code}"),
        Some((_, Some(signal))) => format!("by signal {signal}"),
        _ => "somehow".to_owned(),
    };
    let log = fs::read(LOG).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let line = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let text: String = line.chars().filter(|character| !character.is_control()).take(SHOWN).collect();
    if text.is_empty() { how } else { format!("{how}: {text}") }
}

/// What the kernel says of this process, and so of `runsc`.
fn around(namespaces: Vec<String>) -> io::Result<Enforcement> {
    let status = fs::read_to_string("/proc/self/status")?;
    Ok(Enforcement { namespaces, own_root: own_root()?, ..enforcement(&status, &[])? })
}

/// Whether what holds the program is what it should be.
struct Judge {
    /// What holds `runsc`.
    around: Enforcement,
    task: Task,
}

impl Judge {
    /// Before anything is started.
    fn accept_around(&self) -> Result<(), SandboxError> {
        let Enforcement { namespaces, own_root, seccomp_filters, no_new_privileges, .. } = &self.around;
        accept(&[
            (namespaces.len() == NAMESPACES.len(), "namespaces are shared with the host"),
            (*own_root, "the root is not its own"),
            (*seccomp_filters >= Filters::COUNT, "files that lend rights can be made"),
            (*no_new_privileges, "`runsc` may gain privileges"),
        ])
    }

    /// What was said inside; there it was judged before the program was started.
    fn accept(&self, status: &Status) -> Result<Enforcement, SandboxError> {
        accept(&status.points(&self.task))?;
        Ok(Enforcement {
            level: Level::Kernel,
            uid: self.task.uid,
            no_capabilities: status.no_capabilities,
            ..self.around.clone()
        })
    }
}
