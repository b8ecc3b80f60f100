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
        plan::{Plan, Report, Runsc},
        privileges,
        seccomp::Filters,
        sys,
    },
    identity::Program,
    inside::{Kernel, Status, Task, Word, accept},
    spec,
    tree::{GO, LOG, RUNSC, STATE, Taken, WORDS},
};
use crate::{Enforcement, Level, SandboxError, Step};

/// All that is said inside, at most; the file system on which it lies holds no more.
const LONGEST: u64 = 64 << 10;
/// What each process of gVisor has for itself, where no control group bounds all of it: some 60 MiB, and more for each
/// processor and thread. Entries of folders and all else that a program has gVisor remember is in it.
const OWN_DATA: u64 = 256 << 20;
/// How much of what `runsc` says is shown, in characters.
const SHOWN: usize = 600;

/// All that the helper prepared.
pub(super) struct Start {
    pub(super) plan: Plan,
    pub(super) runsc: Runsc,
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
        runsc,
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
    limits::set_core().map_err(SandboxError::at(Step::ResourceLimits))?;
    let most = u64::from(super::tasks(plan.processes, &runsc.platform));
    limits::set_processes(most, others).map_err(SandboxError::at(Step::ResourceLimits))?;
    if !plan.controllers.iter().any(|controller| controller == limits::MEMORY) {
        let most = plan.memory.saturating_add(OWN_DATA);
        limits::set_data(most).map_err(SandboxError::at(Step::ResourceLimits))?;
    }
    privileges::no_new_privileges().map_err(SandboxError::at(Step::NoNewPrivileges))?;
    filters.apply().map_err(SandboxError::at(Step::Seccomp))?;
    let around = around(namespaces).map_err(SandboxError::at(Step::ReadBack))?;
    let around = Enforcement { cgroup: plan.controllers.clone(), ..around };
    let judge = Judge { around, task };
    judge.accept_around()?;
    let starting = || SandboxError::at(Step::StartRunsc);
    let words = Words::open(WORDS).map_err(starting())?;
    // When memory runs out, what runs the program ends first, and this process lives to tell.
    victim.write_all(b"1000").map_err(starting())?;
    let child = Command::new(RUNSC)
        .args([&format!("--root={STATE}/runsc"), "--rootless", "--network=none", "--ignore-cgroups"])
        .args([&format!("--platform={}", runsc.platform), "--overlay2=none", "--host-uds=none"])
        .args(&runsc.without)
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
    /// How much was said.
    length: u64,
}

impl Words {
    fn open(path: &str) -> io::Result<Self> {
        let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&changes, path, inotify::WatchFlags::MODIFY)?;
        Ok(Self { file: File::open(path)?, changes, begun: Vec::new(), length: 0 })
    }

    /// The whole lines that came since.
    fn more(&mut self) -> io::Result<Vec<Word>> {
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 4_096];
        let mut told = inotify::Reader::new(&self.changes, &mut buffer);
        while told.next().is_ok() {}
        // A hole in the file takes no room, and is as long as it says.
        let left = LONGEST.saturating_sub(self.length).saturating_add(1);
        let read = (&self.file).take(left).read_to_end(&mut self.begun)?;
        self.length = self.length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if self.length > LONGEST {
            return Err(io::Error::other("it is too long"));
        }
        let mut words = Vec::new();
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            words.push(serde_json::from_slice(&line)?);
        }
        Ok(words)
    }
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// The program waits, so that nothing has run.
    Waits,
    /// It was told to start, and may have.
    MayRun,
    /// It runs, or did.
    Begun,
}

/// Passes on what is said, until the program has ended or `runsc` has.
fn follow(child: &Child, words: Words, judge: &Judge, control: &UnixStream) -> Result<(), SandboxError> {
    let mut stage = Stage::Waits;
    match listen(child, words, judge, control, &mut stage) {
        // Whatever went wrong: from there on nobody can say that it did not run.
        Err(error) if stage > Stage::Waits => {
            let reason = match error {
                SandboxError::Failed { source, .. } => source.to_string(),
                error => error.to_string(),
            };
            report(control, &Report::Broken(reason));
            Ok(())
        }
        heard => heard,
    }
}

fn listen(
    child: &Child,
    mut words: Words,
    judge: &Judge,
    control: &UnixStream,
    stage: &mut Stage,
) -> Result<(), SandboxError> {
    let starting = || SandboxError::at(Step::StartRunsc);
    let broken = |reason: String| starting()(io::Error::other(reason));
    let runsc = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let runsc = runsc.ok_or(SandboxError::Lost)?;
    let ends = pidfd_open(runsc, PidfdFlags::empty()).map_err(|error| starting()(error.into()))?;
    let mut ended = None;
    loop {
        // In this order, so that what was said before the end is heard.
        let over = ended.is_some();
        let said = words.more();
        for word in said.map_err(|error| broken(format!("what is said inside is nonsense: {error}")))? {
            match (*stage, word) {
                (Stage::Waits, Word::Held(status)) => {
                    report(control, &Report::Ready(judge.accept(&status)?));
                    *stage = Stage::MayRun;
                    fs::write(GO, "!").map_err(starting())?;
                }
                (Stage::Waits, Word::Then(Report::TooWeak { given, missing })) => {
                    return Err(SandboxError::TooWeak { required: Level::Kernel, given, missing });
                }
                // That it is not there is found out when it is to be started, and everything else before that.
                (Stage::Waits, Word::Then(failed @ Report::Failed { .. }))
                | (Stage::MayRun, Word::Then(failed @ Report::Failed { step: Step::StartProgram, .. })) => {
                    report(control, &failed);
                    return Ok(());
                }
                (Stage::MayRun, Word::Begun) => *stage = Stage::Begun,
                (Stage::Begun, Word::Then(end @ (Report::Exited(_) | Report::Signalled(_)))) => {
                    report(control, &end);
                    return Ok(());
                }
                (_, Word::Held(_) | Word::Begun | Word::Then(_)) => {
                    return Err(broken("what is said inside is nonsense".to_owned()));
                }
            }
        }
        if over {
            return Err(broken(format!("`runsc` ended {}", how(ended.flatten()))));
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

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::Write as _,
    };

    use super::{super::super::plan::Report, LONGEST, Word, Words};

    #[test]
    fn what_is_said_inside_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        let mut file = File::create(&path).unwrap();
        let mut words = Words::open(path.to_str().unwrap()).unwrap();
        assert_eq!(words.more().unwrap(), []);
        file.write_all(b"\"begun\"\n{\"then\":{\"exi").unwrap();
        assert_eq!(words.more().unwrap(), [Word::Begun], "the control");
        file.write_all(b"ted\":3}}\n").unwrap();
        assert_eq!(words.more().unwrap(), [Word::Then(Report::Exited(3))]);
        // Many lines are no way around it, nor is a hole, which takes no room.
        let line = b"\"begun\"\n";
        let (mut read, mut written) = (0, fs::metadata(&path).unwrap().len());
        while let Ok(more) = words.more() {
            read += more.len();
            assert!(written <= LONGEST, "{written} bytes");
            file.write_all(line).unwrap();
            written += line.len() as u64;
        }
        assert!(written > LONGEST && read > 1_000, "{written} bytes, {read} words");
        let mut words = Words::open(path.to_str().unwrap()).unwrap();
        file.set_len(0).unwrap();
        file.set_len(1 << 40).unwrap();
        assert!(words.more().is_err());
        assert!(words.begun.len() as u64 <= LONGEST + 1, "{}", words.begun.len());
    }
}
