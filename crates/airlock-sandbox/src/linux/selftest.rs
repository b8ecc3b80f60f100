//! The escape suite, run in a box on this machine.

use std::{env, io, process::ExitCode, time::Duration};

use crate::{
    Backend, Confinement, End, Enforcement, Job, Level, Limits, Sandbox, SandboxError, Step,
    attempts::{
        ALL, Answer, Attempt, Ground, Outcome, Place, SECRET_VARIABLE, prepare, read_answers, run_child,
    },
    proxy::Network,
};

/// The argument of the process that tries.
pub(super) const TRY: &str = "__try";
/// Some attempts wait in vain, each for seconds.
const WALL: Duration = Duration::from_secs(300);

/// What can be done, where, and why.
struct Declared {
    attempts: &'static [&'static str],
    applies: fn(&Enforcement) -> bool,
    why: &'static str,
}

/// All that is declared; everything else that works is a hole.
const DECLARED: &[Declared] = &[
    Declared {
        attempts: &["memory-processes"],
        applies: |held| !held.cgroup.iter().any(|controller| controller == "memory"),
        why: "without a control group each process is bounded, and their number, but not the memory of all together",
    },
    Declared {
        attempts: &["stat-key", "see-processes"],
        applies: without_namespaces,
        why: "without namespaces the host's files and processes can be asked for by name, and not opened: Landlock has no \
              rule about asking",
    },
    Declared {
        attempts: &["fill-folder", "fill-files"],
        applies: without_namespaces,
        why: "without a file system of its own, a folder is looked at from time to time, and what fills it is ended then",
    },
    Declared {
        attempts: &["bounding-set"],
        applies: |held| without_namespaces(held) && held.no_new_privileges,
        why: "it takes a capability to empty the set; that no program gives any is held by ruling out new privileges",
    },
    Declared {
        attempts: &["list-sys", "open-tun", "open-fuse", "new-terminal", "raise-priority", "write-oom-score"],
        applies: on_its_own_kernel,
        why: "it is gVisor's own folder, device, terminal or setting, which it makes up for this program alone, and which \
              ends with it",
    },
    Declared {
        attempts: &["init-environment", "init-descriptors"],
        applies: on_its_own_kernel,
        why: "gVisor shows the environment and the names of the open files of all its processes; the first one has nothing \
              of the host in them, and they cannot be opened",
    },
    Declared {
        attempts: &["fill-files"],
        applies: on_its_own_kernel,
        why: "gVisor bounds the bytes of a folder in memory, and not its entries, which take memory of gVisor's own: that \
              is bounded by the control group, or else by a limit of gVisor's processes, and ends the whole sandbox",
    },
];

fn on_its_own_kernel(held: &Enforcement) -> bool {
    held.level == Level::Kernel
}

fn without_namespaces(held: &Enforcement) -> bool {
    held.level == Level::Lite
}

/// What the escape suite found.
#[derive(Debug)]
pub struct Selftest {
    /// Every attempt and what became of it.
    pub tried: Vec<(&'static Attempt, Answer)>,
    /// What was changed on the host that must not change, and that the sandbox broke where no attempt did it alone; nothing,
    /// if all is well.
    pub harm: Vec<String>,
    /// What held the attempts.
    pub enforcement: Enforcement,
}

impl Selftest {
    /// The attempts that worked and should not have, each a hole; and those that broke what isolates them, each perhaps one.
    pub fn open(&self) -> impl Iterator<Item = &(&'static Attempt, Answer)> {
        self.worked().filter(|(attempt, _)| !self.is_declared(attempt))
    }

    /// The attempts that worked, as the documentation says they do on a machine like this.
    pub fn declared(&self) -> impl Iterator<Item = &(&'static Attempt, Answer)> {
        self.worked().filter(|(attempt, _)| self.is_declared(attempt))
    }

    fn worked(&self) -> impl Iterator<Item = &(&'static Attempt, Answer)> {
        self.tried.iter().filter(|(_, answer)| matches!(answer.verdict, Outcome::Open | Outcome::Broke))
    }

    fn is_declared(&self, attempt: &Attempt) -> bool {
        self.why_declared(attempt).is_some()
    }

    /// Why it can be done where these things hold it, as the documentation says.
    pub fn why_declared(&self, attempt: &Attempt) -> Option<&'static str> {
        let mut declared = DECLARED.iter().filter(|declared| (declared.applies)(&self.enforcement));
        declared.find(|declared| declared.attempts.contains(&attempt.name)).map(|declared| declared.why)
    }

    /// Whether nothing worked and nothing was harmed.
    pub fn held(&self) -> bool {
        self.open().next().is_none() && self.harm.is_empty()
    }
}

/// Tries to get out of a sandbox in every way the suite knows. Harmless where one works.
///
/// The environment should have [`SECRET_VARIABLE`], so that there is something to be found in it.
///
/// # Errors
/// The suite could not be prepared, or there was no sandbox.
pub fn selftest(sandbox: &dyn Sandbox) -> Result<Selftest, SandboxError> {
    selftest_reaching(sandbox, Network::None)
}

/// The same in a sandbox that has a network. That a program can make TCP sockets there counts as open, since the suite does
/// not know that they lead to the proxy alone.
///
/// # Errors
/// As [`selftest`].
pub fn selftest_reaching(sandbox: &dyn Sandbox, network: Network) -> Result<Selftest, SandboxError> {
    let failed = SandboxError::at(Step::StartHelper);
    if env::var_os(SECRET_VARIABLE).is_none() {
        return Err(failed(io::Error::other(format!(
            "{SECRET_VARIABLE} has to be set, or some attempts prove nothing"
        ))));
    }
    let program = env::current_exe().map_err(failed)?;
    let mut prepared = prepare().map_err(SandboxError::at(Step::OpenPaths))?;
    let limits = Limits { wall: Some(WALL), ..Limits::default() };
    let ground = prepared.ground(Place::Inside, limits);
    let confinement = Confinement {
        read_only: vec![program.clone(), ground.visible.clone()],
        writable: if shows_writable(sandbox) { vec![ground.writable.clone()] } else { Vec::new() },
        network,
        limits,
        ..Confinement::default()
    };
    let input =
        serde_json::to_vec(&ground).map_err(|error| SandboxError::at(Step::ReadPlan)(error.into()))?;
    let job = Job { command: vec![program.into(), TRY.into()], input, ..Job::default() };
    let shares = !confinement.writable.is_empty();
    let names = ALL.iter().map(|attempt| attempt.name).filter(|name| shares || !ON_SHARED.contains(name));
    let names: Vec<_> = names.map(str::to_owned).collect();
    let mut tried =
        Tried { sandbox, job, confinement, answers: Vec::new(), enforcement: None, broke: Vec::new() };
    tried.try_all(&names)?;
    let Tried { answers, enforcement, broke, .. } = tried;
    let answer = |attempt: &'static Attempt| {
        let made = answers.iter().find(|answer| answer.name == attempt.name).cloned();
        (attempt, made.unwrap_or_else(|| not_made(attempt, shares)))
    };
    let mut harm = prepared.harm().map_err(SandboxError::at(Step::ReadBack))?;
    harm.extend(broke);
    Ok(Selftest {
        tried: ALL.iter().map(answer).collect(),
        harm,
        enforcement: enforcement.unwrap_or_default(),
    })
}

/// gVisor shows none to whoever is not root.
fn shows_writable(sandbox: &dyn Sandbox) -> bool {
    sandbox.backend() != Backend::Gvisor || rustix::process::geteuid().is_root()
}

/// Attempts on a folder of the host, which prove nothing on one that is not.
const ON_SHARED: &[&str] = &["make-suid-file-shared"];

fn not_made(attempt: &Attempt, shares: bool) -> Answer {
    // Nobody knows what one did that was to be made and has no answer.
    let (verdict, detail) = if shares || !ON_SHARED.contains(&attempt.name) {
        (Outcome::Open, "no answer")
    } else {
        (Outcome::NotHere, "no folder of the host can be shown to be written to")
    };
    Answer { name: attempt.name.to_owned(), verdict, detail: detail.to_owned() }
}

/// Attempts that are made.
struct Tried<'a> {
    sandbox: &'a dyn Sandbox,
    job: Job,
    confinement: Confinement,
    /// In the order of the attempts.
    answers: Vec<Answer>,
    enforcement: Option<Enforcement>,
    /// That it broke, and nobody knows by what.
    broke: Vec<String>,
}

/// How a sandbox with attempts in it ended.
enum Ended {
    AfterAll(Vec<Answer>),
    /// While the one after these was made.
    Early(Vec<Answer>, String),
    /// By a failure of its own, while one of them was made; nobody knows which.
    Broke(String),
}

impl Tried<'_> {
    /// Tries all of them in one sandbox. Where an attempt ends the whole sandbox by a limit, which is no way out of it, or
    /// breaks it, which may be one, the others are made in another one.
    fn try_all(&mut self, names: &[String]) -> Result<(), SandboxError> {
        let mut left = names;
        loop {
            match self.run(left)? {
                Ended::AfterAll(answers) => {
                    self.answers.extend(answers);
                    return Ok(());
                }
                Ended::Early(answers, how) => {
                    let rest = left.get(answers.len()..).unwrap_or_default();
                    self.answers.extend(answers);
                    let Some((ended_it, rest)) = rest.split_first() else { return Ok(()) };
                    self.answers.push(Answer {
                        name: ended_it.clone(),
                        verdict: Outcome::Held,
                        detail: format!("its sandbox was ended: {how}"),
                    });
                    if rest.is_empty() {
                        return Ok(());
                    }
                    left = rest;
                }
                Ended::Broke(how) => {
                    let (some, others) = left.split_at(left.len() / 2);
                    if let ([], [broke_it]) = (some, others) {
                        self.answers.push(Answer {
                            name: broke_it.clone(),
                            verdict: Outcome::Broke,
                            detail: format!("its sandbox broke: {how}"),
                        });
                        return Ok(());
                    }
                    let (before, known) = (self.answers.len(), self.broke.len());
                    self.try_all(some)?;
                    self.try_all(others)?;
                    let answers = self.answers.get(before..).unwrap_or_default();
                    let again = answers.iter().any(|answer| answer.verdict == Outcome::Broke);
                    if !again && self.broke.len() == known {
                        self.broke
                            .push(format!("the sandbox broke, and not again with fewer attempts: {how}"));
                    }
                    return Ok(());
                }
            }
        }
    }

    fn run(&mut self, names: &[String]) -> Result<Ended, SandboxError> {
        let mut job = self.job.clone();
        job.command.extend(names.iter().map(Into::into));
        // That of the host ends a process where gVisor's is ended as a whole.
        let may_end = self.sandbox.backend() == Backend::Gvisor;
        let outcome = match self.sandbox.run(&job, &self.confinement) {
            Err(SandboxError::Broken { reason, .. }) if may_end => return Ok(Ended::Broke(reason)),
            outcome => outcome?,
        };
        let held = self.enforcement.get_or_insert_with(|| outcome.enforcement.clone());
        // Each has a user of its own.
        if *held != (Enforcement { uid: held.uid, ..outcome.enforcement }) {
            let text = "the attempts were not all held by the same";
            return Err(SandboxError::at(Step::ReadBack)(io::Error::other(text)));
        }
        let mut answers = read_answers(names, &outcome.stdout);
        match outcome.end {
            End::Exited(0) => Ok(Ended::AfterAll(answers)),
            End::MemoryExceeded | End::DeadlineExceeded if may_end => {
                // One line for each.
                answers.truncate(outcome.stdout.split(|byte| *byte == b'\n').count() - 1);
                Ok(Ended::Early(answers, format!("{:?}", outcome.end)))
            }
            // What it answered until then counts; what is missing counts as open.
            end => {
                let text = String::from_utf8_lossy(&outcome.stderr);
                let reason = format!("the attempts ended early ({end:?}): {text}");
                Err(SandboxError::at(Step::StartProgram)(io::Error::other(reason)))
            }
        }
    }
}

/// What the host says of the ground, with the folder that the sandbox gives; and with another one of that kind where none of
/// the host's can be shown.
fn own_ground() -> io::Result<String> {
    let ground: Ground = serde_json::from_str(&io::read_to_string(io::stdin())?)?;
    let writable = if ground.writable.exists() { ground.writable } else { env::current_dir()? };
    Ok(serde_json::to_string(&Ground { own: env::temp_dir(), writable, ..ground })?)
}

/// The process that tries `names`, inside.
pub(super) fn attempt(names: &[String]) -> ExitCode {
    match own_ground().and_then(|ground| run_child(names, &ground, &mut io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The host shows it.
            let _ = io::Write::write_all(&mut io::stderr(), error.to_string().as_bytes());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Answer, Selftest, Tried};
    use crate::{
        Backend, Confinement, End, Enforcement, Job, Level, Outcome as Ran, Probe, Sandbox, SandboxError,
        attempts::{ALL, Outcome},
    };

    /// Whose attempts are all held, but that one of them breaks it, and another one has it run out of memory.
    #[derive(Debug)]
    struct Gvisor {
        broken_by: &'static str,
        /// Breaks as often.
        times: AtomicU32,
    }

    const TOO_MUCH: &str = "memory-processes";

    impl Sandbox for Gvisor {
        fn backend(&self) -> Backend {
            Backend::Gvisor
        }

        fn probe(&self) -> Probe {
            Probe::full(self.backend())
        }

        fn run(&self, job: &Job, _: &Confinement) -> Result<Ran, SandboxError> {
            let names: Vec<_> = job.command.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            let again = |left: u32| left.checked_sub(1);
            if names.iter().any(|name| name == self.broken_by)
                && self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, again).is_ok()
            {
                let reason = "`runsc` ended with code 2".to_owned();
                return Err(SandboxError::Broken { backend: self.backend(), reason });
            }
            let until = names.iter().position(|name| name == TOO_MUCH);
            let end = if until.is_some() { End::MemoryExceeded } else { End::Exited(0) };
            let mut stdout = Vec::new();
            for name in names.into_iter().take(until.unwrap_or(usize::MAX)) {
                let answer = Answer { name, verdict: Outcome::Held, detail: "EPERM".to_owned() };
                serde_json::to_writer(&mut stdout, &answer).unwrap();
                stdout.push(b'\n');
            }
            let enforcement = Enforcement { level: Level::Kernel, ..Enforcement::default() };
            Ok(Ran { end, stdout, stderr: Vec::new(), enforcement })
        }
    }

    fn tried(broken_by: &'static str, times: u32) -> Selftest {
        let sandbox = Gvisor { broken_by, times: times.into() };
        let names: Vec<_> = ALL.iter().map(|attempt| attempt.name.to_owned()).collect();
        let (job, confinement) = (Job::default(), Confinement::default());
        let mut tried = Tried {
            sandbox: &sandbox,
            job,
            confinement,
            answers: Vec::new(),
            enforcement: None,
            broke: Vec::new(),
        };
        tried.try_all(&names).unwrap();
        let answers = tried.answers;
        assert!(answers.iter().map(|answer| &answer.name).eq(&names), "each once, in their order");
        Selftest {
            tried: ALL.iter().zip(answers).collect(),
            harm: tried.broke,
            enforcement: tried.enforcement.unwrap_or_default(),
        }
    }

    #[test]
    fn an_attempt_that_breaks_its_sandbox_is_not_held() {
        let broken = tried("read-key", u32::MAX);
        let open: Vec<_> =
            broken.open().map(|(attempt, answer)| (attempt.name, answer.verdict, &*answer.detail)).collect();
        let expected = "its sandbox broke: `runsc` ended with code 2";
        assert_eq!(open, [("read-key", Outcome::Broke, expected)]);
        assert!(!broken.held());
        let whole = tried("", 0);
        assert!(whole.held(), "the control: one that is ended by a limit");
        let ended = whole.tried.iter().find(|(attempt, _)| attempt.name == TOO_MUCH).unwrap();
        assert_eq!(ended.1.detail, "its sandbox was ended: MemoryExceeded");
        let once = tried("read-key", 1);
        assert!(once.open().next().is_none() && !once.held(), "{:?}", once.harm);
    }
}
