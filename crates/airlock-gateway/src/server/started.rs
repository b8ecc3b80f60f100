//! A server that somebody else started.

use std::{
    fmt,
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// A server that was not started by this crate, because more has to be done than to start a command: it runs in a
/// sandbox, say.
///
/// Its process stands for the whole server. It has pipes as its standard input and output, ends when the server has
/// ended, and exits with the server's code. On Unix it is asked to end by SIGTERM.
///
/// What is not handed to a session is killed when it is dropped.
#[derive(Debug)]
pub struct Started(Option<(Child, Kill)>);

impl Started {
    /// `process` stands for the server; `kill` ends the server and all that it started, at once, so that `process`
    /// ends, too. What `kill` owns lives as long as the server; it is called at most once.
    pub fn new(process: Child, kill: impl FnOnce() + Send + 'static) -> Self {
        Self(Some((process, Kill { now: Some(Box::new(kill)), kept: None })))
    }

    /// `kept` lives until the process has been waited for: what is to be put away when nothing of the server is left.
    #[must_use]
    pub fn keeping(mut self, kept: impl Send + 'static) -> Self {
        if let Some((_, kill)) = &mut self.0 {
            kill.kept = Some(Box::new(kept));
        }
        self
    }

    /// The process, and how it ends at once.
    pub(super) fn into_parts(mut self) -> (Child, Kill) {
        self.0.take().unwrap_or_else(|| unreachable!("it is only taken where `self` is consumed"))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some((process, kill)) = &mut self.0 {
            kill.now();
            end_or_kill(process);
            kill.server_ended();
        }
    }
}

/// How long a process that was told to end may take to end what it looks after, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(2);

/// Waits for a process that was told to end. It is killed only when it does not: it may be the only one that knows what
/// else there is to end.
pub(super) fn end_or_kill(process: &mut Child) {
    let deadline = Instant::now() + PATIENCE;
    while matches!(process.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            // It can only fail because it has ended.
            drop(process.kill());
            drop(process.wait());
            return;
        }
        thread::sleep(LOOK);
    }
}

/// Ends a server at once.
pub(super) struct Kill {
    now: Option<Box<dyn FnOnce() + Send>>,
    /// For as long as the server is there.
    kept: Option<Box<dyn Send>>,
}

impl Kill {
    pub(super) fn now(&mut self) {
        if let Some(kill) = self.now.take() {
            kill();
        }
    }

    /// Lets go of what was kept until the server had ended.
    pub(super) fn server_ended(&mut self) {
        drop(self.kept.take());
    }
}

impl fmt::Debug for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kill").finish_non_exhaustive()
    }
}
