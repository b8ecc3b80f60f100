//! Machines that may live on, although they were to be ended.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A machine that may live on, and is paid for, although it was to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Left {
    /// Its name in the service; `None` for one that the service was making, and has not named yet.
    pub machine: Option<String>,
    /// For how long at most: then the service ends it.
    pub at_most: Duration,
}

impl Left {
    pub(crate) fn new(machine: Option<String>, until: Instant) -> Self {
        Self { machine, at_most: until.saturating_duration_since(Instant::now()) }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.machine {
            Some(machine) => write!(f, "the machine `{machine}` could not be ended")?,
            None => f.write_str("a machine that was being made may have been made")?,
        }
        write!(f, ", and may live for {} s more", self.at_most.as_secs())
    }
}

/// Those that could not be ended, by their names, and until when they live. A clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<BTreeMap<String, Instant>>>);

impl Ledger {
    pub(crate) fn note(&self, machine: &str, until: Instant) {
        self.living().insert(machine.to_owned(), until);
    }

    pub(crate) fn strike(&self, machine: &str) {
        self.living().remove(machine);
    }

    /// All whose time is not over.
    pub(crate) fn list(&self) -> Vec<(String, Instant)> {
        self.living().iter().map(|(machine, until)| (machine.clone(), *until)).collect()
    }

    fn living(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        let mut machines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        machines.retain(|_, until| *until > now);
        machines
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Ledger, Left};

    #[test]
    fn what_is_noted_is_listed_until_it_is_struck_or_over() {
        let (ledger, until) = (Ledger::default(), Instant::now() + Duration::from_secs(60));
        for machine in ["a", "b"] {
            ledger.note(machine, until);
        }
        ledger.note("c", Instant::now());
        ledger.clone().strike("a");
        assert_eq!(ledger.list(), [("b".to_owned(), until)]);
    }

    #[test]
    fn it_is_said_in_words() {
        let at_most = Duration::from_millis(119_900);
        let left = |machine: Option<&str>| Left { machine: machine.map(str::to_owned), at_most }.to_string();
        assert_eq!(left(Some("i1")), "the machine `i1` could not be ended, and may live for 119 s more");
        assert!(left(None).starts_with("a machine that was being made"));
    }
}
