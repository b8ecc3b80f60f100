//! What was refused, and who is told.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
};

use super::host::Target;

/// How many hosts are told of for each reason; a program that makes names up is to fill neither memory nor a log, and is
/// not to hide one kind of refusal behind another.
const MOST_TOLD: usize = 32;

/// A host that was asked for in vain. Nothing of the request but its host and port is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The host.
    pub host: Target,
    /// The port.
    pub port: u16,
    /// Why.
    pub reason: Reason,
}

/// Why a host was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is not on the list.
    NotAllowed,
    /// It is an address that no sandbox reaches, or leads to nothing else.
    NotPublic,
    /// It was asked for by TLS in a connection to another host.
    Fronted,
}

/// The host, and why; without capitals or a full stop, in ASCII. It does not say how the host could be allowed: the program
/// chose its name, and reads this.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, reason } = self;
        let usual = [443, 80].contains(port);
        let shown = if usual { host.to_string() } else { format!("{host}:{port}") };
        match reason {
            Reason::NotAllowed => write!(f, "{shown}: not on the list of hosts"),
            Reason::NotPublic => {
                write!(f, "{shown}: an address of this machine or of a private network, never allowed")
            }
            Reason::Fronted => write!(f, "{shown}: not allowed in a connection to another host"),
        }
    }
}

/// Is told what was refused: each host once for a port and a reason, and of no more than some for each reason. Called by
/// the threads of the proxy.
pub trait Watch: fmt::Debug + Send + Sync {
    /// A host was refused for the first time.
    fn refused(&self, refusal: &Refusal);

    /// So many hosts were refused for this reason that no more of them are told. Once for each reason.
    fn untold(&self, _reason: Reason) {}

    /// The sandbox has ended, and so many requests were refused whose hosts were not told. Not called if there were none.
    fn ended(&self, _untold: u64) {}
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn refused(&self, _refusal: &Refusal) {}
}

/// All refusals of one sandbox.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    hosts: BTreeSet<(Reason, Target, u16)>,
    /// The reasons of which not all were told.
    cut: BTreeSet<Reason>,
    untold: u64,
}

impl Refusals {
    pub(super) fn add(&self, refusal: &Refusal, watch: &dyn Watch) {
        let Refusal { host, port, reason } = refusal;
        let key = (*reason, host.clone(), *port);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.hosts.contains(&key) {
            return;
        }
        if told.hosts.iter().filter(|(other, ..)| other == reason).count() < MOST_TOLD {
            told.hosts.insert(key);
            drop(told);
            return watch.refused(refusal);
        }
        told.untold = told.untold.saturating_add(1);
        let first = told.cut.insert(*reason);
        drop(told);
        if first {
            watch.untold(*reason);
        }
    }

    /// Tells what is left to be told.
    pub(super) fn end(&self, watch: &dyn Watch) {
        let untold = self.0.lock().unwrap_or_else(PoisonError::into_inner).untold;
        if untold > 0 {
            watch.ended(untold);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::{MOST_TOLD, Reason, Refusal, Refusals, Target, Watch};

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Watch for Heard {
        fn refused(&self, refusal: &Refusal) {
            self.0.lock().unwrap().push(format!("{refusal}"));
        }

        fn untold(&self, reason: Reason) {
            self.0.lock().unwrap().push(format!("more: {reason:?}"));
        }

        fn ended(&self, untold: u64) {
            self.0.lock().unwrap().push(format!("{untold} in all"));
        }
    }

    #[test]
    fn names_that_are_made_up_hide_nothing() {
        let (refusals, heard) = (Refusals::default(), Heard::default());
        let refuse = |host: &str, port, reason| {
            refusals.add(&Refusal { host: Target::Name(host.into()), port, reason }, &heard);
        };
        let said = || std::mem::take(&mut *heard.0.lock().unwrap());
        for nth in 0..MOST_TOLD {
            refuse(&format!("junk{nth}.test"), 443, Reason::NotAllowed);
        }
        assert_eq!(said().len(), MOST_TOLD, "the control: all of these");
        refuse("junk0.test", 443, Reason::NotAllowed);
        assert!(said().is_empty(), "each once");
        refuse("junk0.test", 443, Reason::NotPublic);
        refuse("junk0.test", 443, Reason::Fronted);
        assert_eq!(said().len(), 2, "and once more for another reason");
        refuse("evil.test", 443, Reason::NotAllowed);
        refuse("evil.test", 443, Reason::NotAllowed);
        refuse("worse.test", 22, Reason::NotAllowed);
        assert_eq!(said(), ["more: NotAllowed"]);
        for nth in 0..MOST_TOLD + 5 {
            refuse(&format!("inside{nth}.test"), 443, Reason::NotPublic);
        }
        assert_eq!(said().len(), MOST_TOLD - 1 + 1);
        refuse("fronted.test", 443, Reason::Fronted);
        assert_eq!(said(), ["fronted.test: not allowed in a connection to another host"]);
        refusals.end(&heard);
        assert_eq!(said(), ["9 in all"]);
    }

    #[test]
    fn nothing_is_said_at_the_end_if_all_was_told() {
        let (refusals, heard) = (Refusals::default(), Heard::default());
        refusals.add(
            &Refusal { host: Target::Name("a.test".into()), port: 80, reason: Reason::NotAllowed },
            &heard,
        );
        refusals.end(&heard);
        assert_eq!(*heard.0.lock().unwrap(), ["a.test: not on the list of hosts"]);
    }
}
