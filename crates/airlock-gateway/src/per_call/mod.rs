//! A server for each call of a tool, below the guard: what the guard sees is one server.
//!
//! ```text
//!                        ┌─► the primary server: handshake, lists, resources, prompts
//! guard ◄──► Multiplexer ┼─► a server for call 1 ─┐
//!                        └─► a server for call 2 ─┴ started for the call, or just before; ended after its answer
//! ```
//!
//! A server for a call gets the client's own `initialize` and `notifications/initialized`, then the call as it came, and
//! nothing else of the client but answers to its own questions and the cancellation of its call. What it says passes as
//! it is, but for the ids of its questions, which are the multiplexer's, so that those of two servers cannot be mixed up.
//! It can answer its own call and no other; the primary server can answer none. A call that no server can be started for
//! is refused; it never comes to the primary server.

mod calls;
mod questions;
mod route;
mod serve;

use std::{
    collections::HashSet,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ChildStdin,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use airlock_engine::{
    Rejection,
    json::{Bounds, Document},
};
use airlock_host::stream::write_line;
use airlock_mcp::{Id, Report};

use crate::{line::Line, server::Started};
use calls::{Phase, State};

/// Most servers for calls at once; further calls wait for one of them to end.
const AT_ONCE: usize = 8;
/// Most bytes of calls that wait.
const MAX_WAITING: usize = 32 << 20;
/// How long the handshake of a server may take.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// How long a server may take to end by itself after its answer, unless its place is needed.
const LINGER: Duration = Duration::from_millis(250);
/// How long the servers of calls are waited for when a session ends.
const END: Duration = Duration::from_secs(5);

/// Starts the servers of calls: all alike, each for one call.
pub trait FreshServers: Send + Sync + 'static {
    /// Starts one more. It may take its time, and is called on several threads at once.
    ///
    /// # Errors
    ///
    /// None can be had, and nothing was run instead: how the call is refused.
    fn start(&self) -> Result<Started, Rejection>;
}

/// Calls of tools, each for a server of its own.
pub(crate) struct PerCall {
    pub(crate) servers: Arc<dyn FreshServers>,
    /// Bounds on one message.
    pub(crate) bounds: Bounds,
    /// How long a server has to answer after its call was cancelled.
    pub(crate) grace: Duration,
    /// How long a server may take for its call, from when it is started for it.
    pub(crate) limit: Option<Duration>,
    /// How many servers are started ahead of their calls.
    pub(crate) ahead: usize,
    pub(crate) max_line: usize,
}

impl std::fmt::Debug for PerCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PerCall").field("max_line", &self.max_line).finish_non_exhaustive()
    }
}

/// The session, as the servers see it.
pub(crate) trait Downstream: Send + Sync {
    /// A message of the one server that the guard sees. Blocks while the client does not read.
    fn deliver(&self, line: Line<'_>) -> Result<(), Stop>;
    /// No server got this call.
    fn not_run(&self, call: &Id, rejection: Rejection);
    /// The server of this call will not answer it.
    fn lost(&self, call: &Id, rejection: Rejection);
    fn report(&self, report: Report);
    /// The session cannot go on.
    fn failed(&self, error: io::Error);
}

/// The session cannot go on, and has been told so.
#[derive(Debug)]
pub(crate) struct Stop;

/// Stands for one server.
pub(crate) struct Multiplexer {
    options: PerCall,
    primary: Mutex<Option<ChildStdin>>,
    state: Mutex<State>,
    changed: Condvar,
    downstream: OnceLock<Weak<dyn Downstream>>,
    /// Reports that would be said again and again, and were said.
    said: Mutex<HashSet<&'static str>>,
}

impl std::fmt::Debug for Multiplexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multiplexer").finish_non_exhaustive()
    }
}

/// Where the guard writes what its one server is to read. Dropping it closes that server's input.
#[derive(Debug)]
pub(crate) struct Input(Arc<Multiplexer>);

impl Input {
    pub(crate) fn take(&mut self, line: &[u8]) -> io::Result<()> {
        self.0.guard_says(line)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.0.client_closed();
    }
}

impl Multiplexer {
    pub(crate) fn new(options: PerCall, primary: ChildStdin) -> (Arc<Self>, Input) {
        let new = Arc::new(Self {
            options,
            primary: Mutex::new(Some(primary)),
            state: Mutex::default(),
            changed: Condvar::new(),
            downstream: OnceLock::new(),
            said: Mutex::default(),
        });
        (Arc::clone(&new), Input(new))
    }

    /// Where messages go from now on, and the clock of calls that were cancelled.
    pub(crate) fn begin(self: &Arc<Self>, downstream: Weak<dyn Downstream>) -> io::Result<()> {
        // It is set once, by the session that made it.
        let _ = self.downstream.set(downstream);
        let this = Arc::clone(self);
        thread::Builder::new().name("calls' clock".to_owned()).spawn(move || {
            this.watched("calls' clock", || this.watch_the_clock());
        })?;
        Ok(())
    }

    /// Ends all servers of calls. What they would have said nobody hears.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.phase = Phase::Over;
        state.waiting.clear();
        let servers: Vec<_> = state.servers.values().filter_map(|fresh| fresh.server.clone()).collect();
        self.changed.notify_all();
        drop(state);
        servers.iter().for_each(serve::kill);
    }

    /// Ends all servers of calls and waits until nothing is left of them.
    pub(crate) fn end(&self) {
        self.stop();
        let until = Instant::now() + END;
        let mut state = self.state();
        while !state.servers.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The client sends nothing more: the primary server hears of it when the last server of a call is gone.
    fn client_closed(self: &Arc<Self>) {
        let mut state = self.state();
        state.phase = state.phase.max(Phase::Closed);
        let spares = std::mem::take(&mut state.spares);
        let spares: Vec<_> = spares.iter().filter_map(|key| state.servers.get(key)?.server.clone()).collect();
        drop(state);
        spares.iter().for_each(serve::kill);
        // Calls may have waited for more of the handshake.
        self.settle();
    }

    fn close_primary(&self) {
        drop(lock(&self.primary).take());
    }

    fn to_primary(&self, line: &[u8]) -> io::Result<()> {
        let mut primary = lock(&self.primary);
        let primary = primary.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        write_line(primary, line)?;
        primary.flush()
    }

    /// Ends servers whose time is over.
    fn watch_the_clock(&self) {
        let mut state = self.state();
        while state.phase < Phase::Over {
            let now = Instant::now();
            let mut next: Option<Duration> = None;
            let mut late = Vec::new();
            for fresh in state.servers.values_mut() {
                let Some(until) = fresh.ends() else { continue };
                let left = until.saturating_duration_since(now);
                if left.is_zero() {
                    // One that is not there yet is ended when it comes.
                    fresh.late = true;
                    late.extend(fresh.server.clone());
                } else {
                    next = Some(next.map_or(left, |next| next.min(left)));
                }
            }
            if !late.is_empty() {
                drop(state);
                late.iter().for_each(serve::kill);
                state = self.state();
                continue;
            }
            state = match next {
                Some(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn parse<'t>(&self, line: &'t [u8]) -> Option<Document<'t>> {
        Document::parse(line, &self.options.bounds).ok()
    }

    fn downstream(&self) -> Option<Arc<dyn Downstream>> {
        self.downstream.get()?.upgrade()
    }

    /// Does the work of a thread. A panic in it ends the session: some call would have no answer.
    fn watched(&self, thread: &str, work: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            self.failed(thread);
        }
    }

    fn failed(&self, thread: &str) {
        if let Some(downstream) = self.downstream() {
            downstream.failed(io::Error::other(format!("internal error: the {thread} thread panicked")));
        }
    }

    fn warn(&self, text: impl Into<String>) {
        if let Some(downstream) = self.downstream() {
            downstream.report(Report::warning(text));
        }
    }

    /// The same, once for the session: every server of a call would be the reason again.
    fn warn_once(&self, text: &'static str) {
        if lock(&self.said).insert(text) {
            self.warn(text);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests;
