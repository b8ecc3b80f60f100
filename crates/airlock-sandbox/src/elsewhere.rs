//! Systems without a sandbox of ours: the same words, and every one of them refuses.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitCode},
    sync::Arc,
};

use crate::{
    Backend, Confinement, Enforcement, Job, Level, Outcome, Probe, Sandbox, SandboxError,
    proxy::{Dialer, Watch},
};

/// The proof that `main` calls [`enter`].
#[derive(Clone, Debug)]
pub struct Launcher(());

/// Returns at once: nothing is started as a helper here.
pub fn enter(_arguments: impl IntoIterator<Item = OsString>) -> Result<Launcher, ExitCode> {
    Ok(Launcher(()))
}

/// Refuses to run anything.
#[derive(Clone, Debug)]
pub struct ProcessBox(Backend);

impl ProcessBox {
    /// A sandbox that has no backend.
    pub fn new(_launcher: Launcher) -> Self {
        Self(Backend::Box)
    }

    /// The same.
    pub fn lite(_launcher: Launcher) -> Self {
        Self(Backend::Lite)
    }

    /// The same.
    pub fn box_or_lite(launcher: Launcher, _required: Level) -> Self {
        Self::new(launcher)
    }

    /// Nothing is strong enough.
    #[must_use]
    pub fn at_least(self, _level: Level) -> Self {
        self
    }

    /// Nobody connects.
    #[must_use]
    pub fn with_dialer(self, _dialer: Arc<dyn Dialer>) -> Self {
        self
    }

    /// Nothing is refused.
    #[must_use]
    pub fn watched_by(self, _watch: Arc<dyn Watch>) -> Self {
        self
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always [`SandboxError::Unsupported`].
    pub fn start(&self, _command: &[OsString], _confinement: &Confinement) -> Result<Running, SandboxError> {
        Err(SandboxError::Unsupported)
    }
}

/// Refuses to run anything.
#[derive(Clone, Debug)]
pub struct Gvisor(());

impl Gvisor {
    /// A sandbox that has no backend.
    pub fn new(_launcher: Launcher) -> Self {
        Self(())
    }

    /// It is not used.
    #[must_use]
    pub fn with_program(self, _program: impl Into<PathBuf>) -> Self {
        self
    }

    /// Nothing is strong enough.
    #[must_use]
    pub fn at_least(self, _level: Level) -> Self {
        self
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always [`SandboxError::Unsupported`].
    pub fn describe(&self) -> Result<String, SandboxError> {
        Err(SandboxError::Unsupported)
    }
}

impl Sandbox for Gvisor {
    fn backend(&self) -> Backend {
        Backend::Gvisor
    }

    fn probe(&self) -> Probe {
        Probe::unusable(self.backend(), SandboxError::Unsupported.to_string())
    }

    fn run(&self, _job: &Job, _confinement: &Confinement) -> Result<Outcome, SandboxError> {
        Err(SandboxError::Unsupported)
    }
}

impl Sandbox for ProcessBox {
    fn backend(&self) -> Backend {
        self.0
    }

    fn probe(&self) -> Probe {
        Probe::unusable(self.0, "it needs Linux")
    }

    fn run(&self, _job: &Job, _confinement: &Confinement) -> Result<Outcome, SandboxError> {
        Err(SandboxError::Unsupported)
    }
}

/// A program in a sandbox; there is none.
#[derive(Debug)]
pub enum Running {}

impl Running {
    /// What holds it.
    pub fn enforcement(&self) -> &Enforcement {
        match *self {}
    }

    /// Takes the streams that were asked to be pipes.
    pub fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        match *self {}
    }

    /// Hands it over.
    pub fn into_parts(self) -> (Child, Hold, Aftermath) {
        match self {}
    }

    /// Ends it.
    pub fn end(&mut self) {
        match *self {}
    }
}

/// Keeps a program in a sandbox alive; there is none.
#[derive(Debug)]
pub enum Hold {}

/// What is left of a program in a sandbox; there is none.
#[derive(Debug)]
pub enum Aftermath {}

impl Aftermath {
    /// Why it was not started.
    pub fn refusal(&mut self) -> Option<SandboxError> {
        match *self {}
    }

    /// Whether there was too little memory.
    pub fn ran_out_of_memory(&self) -> bool {
        match *self {}
    }
}
