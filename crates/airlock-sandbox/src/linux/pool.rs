//! Interpreters that are started before there is code for them.

use std::{
    collections::VecDeque,
    ffi::OsString,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};

use super::{
    drain::{self, Gone},
    host::ProcessBox,
    plan::Clock,
    running::Running,
};
use crate::{Confinement, Job, Outcome, SandboxError};

/// Boxes in which an interpreter waits for its program.
///
/// Each is used once, so nothing is left for the next one, and it starts nobody's code before it is needed. A new one is
/// made in the background for each that was used; when none is ready, one is made at once. What a box was made of is taken
/// down in the background, too.
///
/// # Example
///
/// ```no_run
/// # fn example(launcher: airlock_sandbox::Launcher) -> Result<(), airlock_sandbox::SandboxError> {
/// use airlock_sandbox::{Confinement, Pool, ProcessBox};
///
/// let python = ["python3", "-I", "-"].map(Into::into);
/// let pool = Pool::new(ProcessBox::new(launcher), &python, Confinement::default(), 2)?;
/// let outcome = pool.run(b"print(6 * 7)".to_vec())?;
/// assert_eq!(outcome.stdout, b"42\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    filler: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    sandbox: ProcessBox,
    command: Vec<OsString>,
    confinement: Confinement,
    size: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Running>,
    /// Boxes in which no process is left, and which are to be taken down.
    used: Vec<Running>,
    /// Nobody will want any more.
    closed: bool,
    /// The last attempt to make one failed: the next one is made when it is wanted, and then says why.
    failed: bool,
}

impl Pool {
    /// A pool of `size` boxes, in each of which `command` waits for its program on its standard input.
    ///
    /// # Errors
    /// The first box could not be made; the pool would have none.
    pub fn new(
        sandbox: ProcessBox,
        command: &[OsString],
        confinement: Confinement,
        size: usize,
    ) -> Result<Self, SandboxError> {
        let shared = Arc::new(Shared {
            sandbox,
            command: command.to_vec(),
            confinement,
            size: size.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let first = shared.start()?;
        shared.lock().ready.push_back(first);
        let filled = Arc::clone(&shared);
        // Without the thread each box is made when it is wanted.
        let filler = thread::Builder::new().name("box-pool".to_owned()).spawn(move || filled.fill()).ok();
        Ok(Self { shared, filler })
    }

    /// How many are ready now.
    pub fn ready(&self) -> usize {
        self.shared.lock().ready.len()
    }

    /// Gives `program` to an interpreter that waits for one, and runs it to its end, within the limits. When it returns, no
    /// process of that box is left.
    ///
    /// # Errors
    /// As [`Sandbox::run`](crate::Sandbox::run).
    pub fn run(&self, program: Vec<u8>) -> Result<Outcome, SandboxError> {
        let begin = Instant::now();
        let mut running = match self.shared.take() {
            Some(running) => running,
            None => self.shared.start()?,
        };
        let job = Job { command: self.shared.command.clone(), input: program, ..Job::default() };
        let outcome = drain::run(&mut running, &job, &self.shared.confinement, begin, Gone::Processes);
        if outcome.is_err() {
            // Whatever came before: nothing of it runs on.
            running.end();
        }
        drop(self.put_away(running));
        // Not before, or making the next one would take the processor from this one.
        self.shared.changed.notify_all();
        outcome
    }

    /// Leaves a used box to the thread; returned where that has none, or too many already.
    fn put_away(&self, used: Running) -> Option<Running> {
        let mut state = self.shared.lock();
        if self.filler.as_ref().is_none_or(JoinHandle::is_finished) || state.used.len() >= self.shared.size {
            return Some(used);
        }
        state.used.push(used);
        None
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let left = {
            let mut state = self.shared.lock();
            state.closed = true;
            (mem::take(&mut state.ready), mem::take(&mut state.used))
        };
        self.shared.changed.notify_all();
        drop(left);
        if let Some(filler) = self.filler.take() {
            // It ends with what it is making; a panic in it has been reported by itself.
            drop(filler.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<Running, SandboxError> {
        self.sandbox.start_timed(&self.command, &self.confinement, Clock::FromHandOver)
    }

    /// One that is ready and still waits.
    fn take(&self) -> Option<Running> {
        // Ended outside of the lock, which is let go of first.
        let mut dead = Vec::new();
        let mut state = self.lock();
        state.failed = false;
        while state.ready.front_mut().is_some_and(Running::has_ended) {
            dead.extend(state.ready.pop_front());
        }
        state.ready.pop_front()
    }

    /// Takes down what was used and keeps the pool full, until it is closed.
    fn fill(&self) {
        loop {
            let mut state = self.lock();
            let is_full = |state: &State| state.failed || state.ready.len() >= self.size;
            while !state.closed && state.used.is_empty() && is_full(&state) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            let used = mem::take(&mut state.used);
            let is_full = is_full(&state);
            // Ended outside of the lock.
            drop(state);
            drop(used);
            if is_full {
                continue;
            }
            let started = self.start();
            let mut state = self.lock();
            match started {
                Ok(running) if !state.closed => state.ready.push_back(running),
                // Ended outside of the lock.
                Ok(running) => {
                    drop(state);
                    drop(running);
                }
                Err(_) => state.failed = true,
            }
        }
    }
}
