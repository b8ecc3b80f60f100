//! Giving up a run from another thread.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

type Action = Box<dyn FnOnce() + Send>;

/// Ends a run early: whoever has a clone of it can say that nobody waits for the outcome any more, and the program is
/// ended with all that it started, as at its deadline.
///
/// The default can never be requested, and costs nothing.
///
/// # Example
///
/// ```
/// use airlock_sandbox::{Job, Stop};
///
/// let stop = Stop::new();
/// let job = Job { command: vec!["/bin/sleep".into(), "60".into()], stop: stop.clone(), ..Job::default() };
/// // Elsewhere, while `job` runs:
/// stop.request();
/// assert!(job.stop.is_requested());
/// ```
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<Mutex<State>>>);

enum State {
    /// What is to be done, by when it was said.
    Waiting {
        actions: BTreeMap<u64, Action>,
        next: u64,
    },
    Requested,
}

impl Stop {
    /// One that can be requested.
    pub fn new() -> Self {
        Self(Some(Arc::new(Mutex::new(State::Waiting { actions: BTreeMap::new(), next: 0 }))))
    }

    /// Says that nobody waits any more. It returns at once, before the program has ended; to say it twice changes
    /// nothing.
    pub fn request(&self) {
        let Some(state) = &self.0 else { return };
        let before = mem::replace(&mut *lock(state), State::Requested);
        // Outside of the lock: an action may ask whether it was requested.
        if let State::Waiting { actions, .. } = before {
            for action in actions.into_values() {
                action();
            }
        }
    }

    /// Whether it was requested.
    pub fn is_requested(&self) -> bool {
        self.0.as_ref().is_some_and(|state| matches!(*lock(state), State::Requested))
    }

    /// For backends: does `action` when it is requested, in the thread that does so, or at once if it was. It must not
    /// block. When the returned value is dropped, it is not done any more.
    pub fn when_requested(&self, action: impl FnOnce() + Send + 'static) -> Awaited {
        let Some(shared) = &self.0 else { return Awaited(None) };
        let mut state = lock(shared);
        if let State::Waiting { actions, next } = &mut *state {
            let number = *next;
            *next += 1;
            actions.insert(number, Box::new(action));
            return Awaited(Some((Arc::clone(shared), number)));
        }
        drop(state);
        action();
        Awaited(None)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PartialEq for Stop {
    /// Whether requesting one requests the other.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for Stop {}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            None => "never",
            Some(_) if self.is_requested() => "requested",
            Some(_) => "not requested",
        })
    }
}

/// An action that waits for a [`Stop`] to be requested, as long as this lives.
#[must_use = "dropping it forgets the action"]
pub struct Awaited(Option<(Arc<Mutex<State>>, u64)>);

impl Drop for Awaited {
    fn drop(&mut self) {
        let Some((state, number)) = &self.0 else { return };
        let forgotten = match &mut *lock(state) {
            State::Waiting { actions, .. } => actions.remove(number),
            State::Requested => None,
        };
        // Outside of the lock: what it holds may do anything when it is dropped.
        drop(forgotten);
    }
}

impl fmt::Debug for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Awaited").field(&self.0.as_ref().map(|(_, number)| number)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::Stop;

    fn counted() -> (Arc<AtomicU32>, impl Fn() -> Box<dyn FnOnce() + Send>) {
        let count = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&count);
        let action = move || {
            let count = Arc::clone(&counting);
            Box::new(move || _ = count.fetch_add(1, Ordering::SeqCst)) as Box<dyn FnOnce() + Send>
        };
        (count, action)
    }

    #[test]
    fn each_action_is_done_once() {
        let (count, action) = counted();
        let stop = Stop::new();
        let _one = stop.when_requested(action());
        let _two = stop.clone().when_requested(action());
        assert_eq!(count.load(Ordering::SeqCst), 0);
        assert!(!stop.is_requested());
        stop.request();
        stop.request();
        assert_eq!(count.load(Ordering::SeqCst), 2);
        assert!(stop.is_requested());
        let _late = stop.when_requested(action());
        assert_eq!(count.load(Ordering::SeqCst), 3, "it was requested before");
    }

    #[test]
    fn what_was_dropped_is_not_done() {
        let (count, action) = counted();
        let stop = Stop::new();
        drop(stop.when_requested(action()));
        stop.request();
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn the_default_is_never_requested() {
        let (count, action) = counted();
        let stop = Stop::default();
        let _awaited = stop.when_requested(action());
        stop.request();
        assert!(!stop.is_requested());
        assert_eq!(count.load(Ordering::SeqCst), 0);
        assert_ne!(stop, Stop::new());
        assert_eq!(stop, Stop::default());
    }
}
