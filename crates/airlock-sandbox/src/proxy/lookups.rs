//! How many names one sandbox may have looked up: at once, and in a minute. Each look-up is a connection's, and may hold a
//! thread for as long as the resolver likes; with `*.example.com` on the list, names can be made up without end.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_secs(60);

/// All look-ups of one proxy.
#[derive(Debug)]
pub(super) struct Lookups {
    at_once: usize,
    per_minute: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    running: usize,
    /// When those of the last minute began.
    begun: VecDeque<Instant>,
}

impl Lookups {
    pub(super) fn new(at_once: usize, per_minute: usize) -> Self {
        Self { at_once, per_minute, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Leave to look one name up, given back when it is dropped. Waits until fewer run, for so long at most; `None` if
    /// there is no room then, were too many in the last minute, or the proxy has ended.
    pub(super) fn begin(&self, patience: Duration) -> Option<Lookup<'_>> {
        let full = |state: &mut State| !state.closed && state.running >= self.at_once;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, full);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() || state.closed || !state.admit(Instant::now(), self.per_minute) {
            return None;
        }
        state.running += 1;
        Some(Lookup(self))
    }

    /// Nobody waits or begins any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts one more, if it is not one too many.
    fn admit(&mut self, now: Instant, per_minute: usize) -> bool {
        while self.begun.front().is_some_and(|begun| now.duration_since(*begun) >= MINUTE) {
            self.begun.pop_front();
        }
        let admitted = self.begun.len() < per_minute;
        if admitted {
            self.begun.push_back(now);
        }
        admitted
    }
}

/// One that runs.
pub(super) struct Lookup<'a>(&'a Lookups);

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::{Lookups, MINUTE, State};

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn some_run_at_once() {
        let lookups = Lookups::new(2, 100);
        let first = lookups.begin(Duration::ZERO).unwrap();
        let _second = lookups.begin(Duration::ZERO).unwrap();
        assert!(lookups.begin(Duration::ZERO).is_none());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lookups.begin(LONG).is_some());
            drop(first);
            assert!(waiting.join().unwrap(), "the control: who waits gets the place");
        });
    }

    #[test]
    fn some_begin_in_a_minute() {
        let (mut state, start) = (State::default(), Instant::now());
        let mut admit = |after: Duration| state.admit(start + after, 2);
        assert!(admit(Duration::ZERO) && admit(Duration::from_secs(30)));
        assert!(!admit(Duration::from_secs(31)) && !admit(Duration::from_millis(59_999)));
        assert!(admit(MINUTE), "the control: the first one is a minute ago");
        assert!(!admit(MINUTE + Duration::from_secs(29)) && admit(MINUTE + Duration::from_secs(30)));
    }

    #[test]
    fn the_end_ends_waiting() {
        let lookups = Lookups::new(0, 100);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lookups.begin(LONG).is_none());
            lookups.close();
            assert!(waiting.join().unwrap());
        });
    }
}
