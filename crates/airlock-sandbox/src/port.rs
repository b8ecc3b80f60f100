//! The port: who provides isolation, and which of them is taken.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Confinement, Job, Level, Outcome, SandboxError};

/// Runs untrusted programs where they can do no harm.
pub trait Sandbox: fmt::Debug + Send + Sync {
    /// Which one it is.
    fn backend(&self) -> Backend;

    /// What it really gives on this machine, found out by trying; it may take as long as a short program.
    fn probe(&self) -> Probe;

    /// Runs a program to its end, within the limits, or until its [`Stop`](crate::Stop) is requested.
    ///
    /// # Errors
    /// The program did not run: no sandbox, or a weaker one than is required; or it was lost while the program ran
    /// ([`SandboxError::Lost`], [`SandboxError::Broken`]), and nobody knows what became of it; or it was given up
    /// ([`SandboxError::GivenUp`]). It was never run outside of the sandbox.
    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError>;
}

/// Who provides isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Landlock and seccomp on a process of this machine, where namespaces are denied.
    Lite,
    /// A process of this machine with namespaces and a root of its own.
    Box,
    /// gVisor's `runsc`: a second kernel.
    Gvisor,
    /// A virtual machine on this machine.
    Microvm,
    /// The service of E2B, or one that speaks its protocol: code and data leave this machine.
    E2b,
}

impl Backend {
    /// All, in the order of [`Self::level`].
    pub const ALL: [Self; 5] = [Self::Lite, Self::Box, Self::Gvisor, Self::Microvm, Self::E2b];

    /// The name in configuration, messages and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lite => "lite",
            Self::Box => "box",
            Self::Gvisor => "gvisor",
            Self::Microvm => "microvm",
            Self::E2b => "e2b",
        }
    }

    /// Whether a program in it can be shown files of this machine.
    pub const fn shows_files(self) -> bool {
        match self {
            Self::Lite | Self::Box | Self::Gvisor => true,
            Self::Microvm | Self::E2b => false,
        }
    }

    /// The most that it can give.
    pub const fn level(self) -> Level {
        match self {
            Self::Lite => Level::Lite,
            Self::Box => Level::Box,
            Self::Gvisor => Level::Kernel,
            Self::Microvm | Self::E2b => Level::Machine,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|backend| backend.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("no such backend; there are {names}")
        })
    }
}

/// What a backend really gives on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whose.
    pub backend: Backend,
    /// What it amounts to; [`Level::None`] if it cannot be used.
    pub level: Level,
    /// Why it is no more than that, a sentence each.
    pub reasons: Vec<String>,
}

impl Probe {
    /// It gives all that it can give.
    pub fn full(backend: Backend) -> Self {
        Self { backend, level: backend.level(), reasons: Vec::new() }
    }

    /// It cannot be used.
    pub fn unusable(backend: Backend, reason: impl Into<String>) -> Self {
        Self { backend, level: Level::None, reasons: vec![reason.into()] }
    }
}

/// The strongest of `candidates` that gives `required` on this machine. Those that can never be stronger than what was
/// found are not tried.
///
/// # Errors
/// None gives it: [`SandboxError::NoneStrongEnough`] says what each is short of.
pub fn strongest(candidates: &[Arc<dyn Sandbox>], required: Level) -> Result<Arc<dyn Sandbox>, SandboxError> {
    let mut candidates: Vec<_> = candidates.iter().collect();
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.backend().level()));
    let mut found: Option<(&Arc<dyn Sandbox>, Level)> = None;
    let mut probes = Vec::new();
    for candidate in candidates {
        if found.is_some_and(|(_, level)| level >= candidate.backend().level()) {
            break;
        }
        let probe = candidate.probe();
        if probe.level >= required && probe.level > found.map_or(Level::None, |(_, level)| level) {
            found = Some((candidate, probe.level));
        }
        probes.push(probe);
    }
    found.map(|(sandbox, _)| Arc::clone(sandbox)).ok_or(SandboxError::NoneStrongEnough { required, probes })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::{Backend, Probe, Sandbox, strongest};
    use crate::{Confinement, Job, Level, Outcome, SandboxError};

    #[derive(Debug)]
    struct Fake {
        backend: Backend,
        level: Level,
        tried: AtomicBool,
    }

    impl Sandbox for Fake {
        fn backend(&self) -> Backend {
            self.backend
        }

        fn probe(&self) -> Probe {
            self.tried.store(true, Ordering::Relaxed);
            Probe { level: self.level, ..Probe::unusable(self.backend, "it is a fake") }
        }

        fn run(&self, _: &Job, _: &Confinement) -> Result<Outcome, SandboxError> {
            Err(SandboxError::Lost)
        }
    }

    fn fake(backend: Backend, level: Level) -> Arc<Fake> {
        Arc::new(Fake { backend, level, tried: AtomicBool::new(false) })
    }

    fn choose(fakes: &[&Arc<Fake>], required: Level) -> Result<Backend, SandboxError> {
        let candidates: Vec<_> = fakes.iter().map(|fake| Arc::clone(fake) as Arc<dyn Sandbox>).collect();
        strongest(&candidates, required).map(|sandbox| sandbox.backend())
    }

    #[test]
    fn the_strongest_that_works_is_taken() {
        let (lite, boxed) = (fake(Backend::Lite, Level::Lite), fake(Backend::Box, Level::Box));
        let kernel = fake(Backend::Gvisor, Level::None);
        assert_eq!(choose(&[&lite, &boxed, &kernel], Level::Lite).unwrap(), Backend::Box);
        assert!(kernel.tried.load(Ordering::Relaxed));
        assert!(!lite.tried.load(Ordering::Relaxed), "it could not have been stronger");
    }

    #[test]
    fn one_that_gives_less_here_than_it_can_yields_to_the_next() {
        let (lite, boxed) = (fake(Backend::Lite, Level::Lite), fake(Backend::Box, Level::None));
        assert_eq!(choose(&[&boxed, &lite], Level::Lite).unwrap(), Backend::Lite);
    }

    #[test]
    fn none_is_taken_that_is_weaker_than_required() {
        let (lite, boxed) = (fake(Backend::Lite, Level::Lite), fake(Backend::Box, Level::None));
        match choose(&[&lite, &boxed], Level::Box) {
            Err(SandboxError::NoneStrongEnough { required: Level::Box, probes }) => {
                let shown: Vec<_> = probes.iter().map(|probe| (probe.backend, probe.level)).collect();
                assert_eq!(shown, [(Backend::Box, Level::None), (Backend::Lite, Level::Lite)]);
            }
            other => panic!("{other:?}"),
        }
        assert!(choose(&[], Level::Lite).is_err(), "without a candidate there is none");
    }

    #[test]
    fn without_a_requirement_what_does_not_work_is_still_not_taken() {
        assert!(choose(&[&fake(Backend::Box, Level::None)], Level::None).is_err());
    }

    #[test]
    fn names_lead_back() {
        for backend in Backend::ALL {
            assert_eq!(backend.as_str().parse(), Ok(backend));
        }
        assert!("docker".parse::<Backend>().unwrap_err().contains("gvisor"));
    }
}
