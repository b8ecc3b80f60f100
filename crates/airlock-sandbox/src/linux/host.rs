//! The backends `box` and `lite`: processes of this machine.

use std::{sync::Arc, time::Instant};

use super::{
    cgroup::Group,
    drain::{self, Gone},
    paths::{check, check_links},
    plan::{Clock, Plan},
    running::Running,
    scratch::{self, Scratch},
};
use crate::{
    Backend, Confinement, Job, Level, Outcome, Probe, Sandbox, SandboxError, Step, Stop,
    proxy::{Dialer, Outside, Watch},
};

/// The proof that this program can be started as the helper: its `main` calls [`enter`](crate::enter) before anything
/// else. Without that, it would start itself for ever.
#[derive(Clone, Debug)]
pub struct Launcher(());

impl Launcher {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Runs programs in boxes: processes of this machine with namespaces and a root of their own.
///
/// # Example
///
/// ```no_run
/// use airlock_sandbox::{Confinement, Job, Level, ProcessBox, Sandbox as _, enter};
///
/// fn main() -> std::process::ExitCode {
///     let launcher = match enter(std::env::args_os()) {
///         Ok(launcher) => launcher,
///         Err(code) => return code,
///     };
///     let sandbox = ProcessBox::new(launcher).at_least(Level::Box);
///     let job = Job { command: vec!["/bin/id".into()], ..Job::default() };
///     match sandbox.run(&job, &Confinement::default()) {
///         Ok(outcome) => println!("{:?}: {}", outcome.end, String::from_utf8_lossy(&outcome.stdout)),
///         Err(refusal) => eprintln!("{refusal}"),
///     }
///     std::process::ExitCode::SUCCESS
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ProcessBox {
    _launcher: Launcher,
    backend: Backend,
    min_level: Level,
    outside: Outside,
}

impl ProcessBox {
    /// A sandbox that gives a box or nothing.
    pub fn new(launcher: Launcher) -> Self {
        let (backend, min_level) = (Backend::Box, Level::Box);
        Self { _launcher: launcher, backend, min_level, outside: Outside::default() }
    }

    /// The backend `lite`, for machines that deny namespaces: Landlock and seccomp alone.
    ///
    /// The program sees that the host's files and processes are there, and their names where it knows them, and can open
    /// none that was not named. `/tmp` and `/work` are not its own: `HOME`, `TMPDIR` and its folder lie in one that is
    /// made for it and removed afterwards, and that is bounded by the host's disk alone. It can make no sockets but
    /// pairs, change no modes or times of files, and has no links but those of the host. It cannot have a network: it
    /// would be the host's.
    pub fn lite(launcher: Launcher) -> Self {
        let (backend, min_level) = (Backend::Lite, Level::Lite);
        Self { _launcher: launcher, backend, min_level, outside: Outside::default() }
    }

    /// The box; or where namespaces are denied and `required` is no more than that, the backend `lite`. A box that cannot be
    /// made for another reason, which may pass, is no reason for less: it says so when it is used.
    pub fn box_or_lite(launcher: Launcher, required: Level) -> Self {
        let boxed = Self::new(launcher.clone()).at_least(required.max(Level::Box));
        if required >= Level::Box {
            return boxed;
        }
        let denied = match boxed.try_out() {
            Ok(_) => false,
            Err(SandboxError::Failed { step, .. }) => step.is_about_namespaces(),
            Err(error) => matches!(error, SandboxError::TooWeak { .. }),
        };
        if denied { Self::lite(launcher).at_least(required) } else { boxed }
    }

    /// Runs a program that does nothing.
    fn try_out(&self) -> Result<Outcome, SandboxError> {
        self.run(&Job { command: vec!["/bin/true".into()], ..Job::default() }, &Confinement::default())
    }

    /// Refuses whatever turns out to be weaker than `level`; what is weaker than [`Level::Lite`] always.
    #[must_use]
    pub fn at_least(self, level: Level) -> Self {
        Self { min_level: level.max(Level::Lite), ..self }
    }

    /// Has the proxies of its boxes connect by `dialer`.
    #[must_use]
    pub fn with_dialer(self, dialer: Arc<dyn Dialer>) -> Self {
        Self { outside: Outside { dialer, ..self.outside }, ..self }
    }

    /// Tells `watch` which hosts the proxies of its boxes refused.
    #[must_use]
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        Self { outside: Outside { watch, ..self.outside }, ..self }
    }

    /// Starts a program in a box of its own. Its streams are pipes: with a file or a terminal of the host it could do more
    /// than write to it.
    ///
    /// # Errors
    /// No box could be made, or less would have held the program than is required; it did not run then.
    pub fn start(
        &self,
        command: &[std::ffi::OsString],
        confinement: &Confinement,
    ) -> Result<Running, SandboxError> {
        self.start_timed(command, confinement, Clock::FromStart)
    }

    /// The same, with the time that the helper keeps counted from there.
    pub(super) fn start_timed(
        &self,
        command: &[std::ffi::OsString],
        confinement: &Confinement,
        clock: Clock,
    ) -> Result<Running, SandboxError> {
        if self.backend == Backend::Lite && !confinement.network.hosts().is_empty() {
            let reason = "it has the network of the host, and nothing that holds it to some hosts".to_owned();
            return Err(SandboxError::Unavailable { backend: self.backend, reason });
        }
        check(confinement)?;
        let scratch = match self.backend {
            Backend::Lite => {
                check_links(confinement).map_err(SandboxError::at(Step::OpenPaths))?;
                Some(scratch::choose().map_err(SandboxError::at(Step::MakeScratch))?)
            }
            _ => None,
        };
        let mut plan = Plan::new(confinement, self.min_level, command, scratch.clone());
        plan.clock = clock;
        let group = Group::make(&confinement.limits);
        let scratch = scratch.map(Scratch::of);
        Running::start(plan, confinement.network.hosts(), &self.outside, group, scratch, &Stop::default())
    }
}

impl Sandbox for ProcessBox {
    fn backend(&self) -> Backend {
        self.backend
    }

    fn probe(&self) -> Probe {
        match self.try_out() {
            Ok(outcome) => Probe { level: outcome.enforcement.level, ..Probe::full(self.backend) },
            Err(SandboxError::TooWeak { given, missing, .. }) => {
                Probe { level: given, ..Probe::unusable(self.backend, missing) }
            }
            Err(error) => Probe::unusable(self.backend, error.to_string()),
        }
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        let begin = Instant::now();
        if job.stop.is_requested() {
            return Err(SandboxError::GivenUp);
        }
        let mut running = self.start(&job.command, confinement)?;
        drain::run(&mut running, job, confinement, begin, Gone::All)
    }
}
