//! The backend `gvisor`: `runsc` runs the program on a kernel of its own.
//!
//! ```text
//! host ── helper ── first process ── runsc ── gofer            opens the files
//!                   builds the root,      └── sentry           the second kernel
//!                   watches, reaps             ├── first inside   this program; reads back, reaps
//!                                              └── the program    untrusted
//! ```
//!
//! All of it lives in namespaces of its own, with a root that holds what the program may see, and `runsc`: as in the
//! box, when the helper goes the kernel kills the first process, and when that goes, everything else, mounts and the state
//! of `runsc` included. What `runsc` says of itself is never taken for what the program did: the first process inside
//! writes down what holds it, and how the program ended, and without these lines there is no outcome.

mod find;
pub(super) mod helper;
mod identity;
pub(super) mod inside;
mod outside;
mod spec;
mod tree;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use rustix::process::geteuid;

use super::{
    cgroup::Group,
    drain::{self, Gone},
    host::Launcher,
    paths::check,
    plan::{Plan, Runsc},
    running::{LATE, Running},
};
use crate::{
    Backend, Confinement, Job, Level, Limits, Outcome, Probe, Sandbox, SandboxError, proxy::Outside,
};

/// What gVisor itself needs beside the program, in its control group: some 20 MiB.
const OWN_MEMORY: u64 = 32 << 20;
/// Its threads, those of the gofer and of `runsc`: some 50.
const OWN_TASKS: u32 = 128;
/// How many of the host's processes and threads there may be. gVisor bounds those of the program itself; this is for
/// when it does not.
fn tasks(processes: u32, platform: &str) -> u32 {
    // By ptrace each process of the program has a thread for each of gVisor's that ever ran it.
    let of_each = if platform == find::PTRACE { processes.saturating_add(OWN_TASKS) } else { 4 };
    processes.saturating_mul(of_each).saturating_add(OWN_TASKS)
}

/// Runs programs on gVisor, a kernel in user space between them and the host's, by the `runsc` of this machine.
///
/// It is slower to start than a box by far, and needs what a box needs: user namespaces.
///
/// # Example
///
/// ```no_run
/// use airlock_sandbox::{Confinement, Gvisor, Job, Sandbox as _, enter};
///
/// fn main() -> std::process::ExitCode {
///     let launcher = match enter(std::env::args_os()) {
///         Ok(launcher) => launcher,
///         Err(code) => return code,
///     };
///     let job = Job { command: vec!["/bin/uname".into(), "-r".into()], ..Job::default() };
///     match Gvisor::new(launcher).run(&job, &Confinement::default()) {
///         Ok(outcome) => println!("{:?}: {}", outcome.end, String::from_utf8_lossy(&outcome.stdout)),
///         Err(refusal) => eprintln!("{refusal}"),
///     }
///     std::process::ExitCode::SUCCESS
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Gvisor {
    _launcher: Launcher,
    program: Option<PathBuf>,
    min_level: Level,
    /// What was found, since it takes a start of `runsc` to find out what it can.
    found: Arc<OnceLock<Runsc>>,
}

impl Gvisor {
    /// The first `runsc` on `PATH`.
    pub fn new(launcher: Launcher) -> Self {
        Self { _launcher: launcher, program: None, min_level: Level::Kernel, found: Arc::default() }
    }

    /// This one.
    #[must_use]
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self { program: Some(program.into()), found: Arc::default(), ..self }
    }

    /// Refuses whatever turns out to be weaker than `level`, and in any case what is no kernel of its own.
    #[must_use]
    pub fn at_least(self, level: Level) -> Self {
        Self { min_level: level.max(Level::Kernel), ..self }
    }

    /// What it runs, and how: its version and its platform.
    ///
    /// # Errors
    /// There is none, or it does not say what it can.
    pub fn describe(&self) -> Result<String, SandboxError> {
        let found = self.find(find::PATIENCE)?;
        let version = find::version(&found.program).map_err(unavailable)?;
        Ok(format!("{} {version}, platform {}", found.program.display(), found.platform))
    }

    fn find(&self, patience: Duration) -> Result<Runsc, SandboxError> {
        if let Some(found) = self.found.get() {
            return Ok(found.clone());
        }
        let found = find::runsc(self.program.as_deref(), patience).map_err(unavailable)?;
        Ok(self.found.get_or_init(|| found).clone())
    }

    fn start(&self, job: &Job, confinement: &Confinement) -> Result<Running, SandboxError> {
        if self.min_level > Level::Kernel {
            let (required, given) = (self.min_level, Level::Kernel);
            return Err(SandboxError::TooWeak { required, given, missing: "it is no machine".to_owned() });
        }
        if !confinement.network.hosts().is_empty() {
            let reason = "it has no way to single hosts: its programs have no network, or need the box";
            return Err(unavailable(reason.to_owned()));
        }
        if !confinement.writable.is_empty() && !geteuid().is_root() {
            let reason = "it needs a second user to own what is written, which only root can have: start it as root, or \
                          show no folder to write to";
            return Err(unavailable(reason.to_owned()));
        }
        check(confinement)?;
        let mut plan = Plan::new(confinement, self.min_level, &job.command, None);
        let Limits { memory, processes, wall, .. } = confinement.limits;
        // Nor does this go on for longer than what it is for.
        let patience = wall.map_or(find::PATIENCE, |wall| find::PATIENCE.min(wall.saturating_add(LATE)));
        let runsc = self.find(patience)?;
        let group = Group::make(&Limits {
            memory: memory.saturating_add(OWN_MEMORY),
            processes: tasks(processes, &runsc.platform),
            ..confinement.limits
        });
        plan.runsc = Some(runsc);
        Running::start(plan, &[], &Outside::default(), group, None, &job.stop)
    }
}

fn unavailable(reason: String) -> SandboxError {
    SandboxError::Unavailable { backend: Backend::Gvisor, reason }
}

impl Sandbox for Gvisor {
    fn backend(&self) -> Backend {
        Backend::Gvisor
    }

    fn probe(&self) -> Probe {
        let job = Job { command: vec!["/bin/true".into()], ..Job::default() };
        match self.run(&job, &Confinement::default()) {
            Ok(outcome) => Probe { level: outcome.enforcement.level, ..Probe::full(self.backend()) },
            Err(SandboxError::TooWeak { given, missing, .. }) => {
                Probe { level: given, ..Probe::unusable(self.backend(), missing) }
            }
            Err(SandboxError::Unavailable { reason, .. }) => Probe::unusable(self.backend(), reason),
            Err(error) => Probe::unusable(self.backend(), error.to_string()),
        }
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        let begin = Instant::now();
        if job.stop.is_requested() {
            return Err(SandboxError::GivenUp);
        }
        let mut running = self.start(job, confinement)?;
        drain::run(&mut running, job, confinement, begin, Gone::All)
    }
}
