//! What was refused, and who is told.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::host::Target;

/// How many hosts are told of; a program that makes names up is to fill neither memory nor a log.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not on the list.
    NotAllowed,
    /// It is an address that no sandbox reaches, or leads to nothing else.
    NotPublic,
    /// It was asked for by TLS in a connection to another host.
    Fronted,
}

/// The host, and why; without capitals or a full stop, in ASCII.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, reason } = self;
        let usual = [443, 80].contains(port);
        let shown = if usual { host.to_string() } else { format!("{host}:{port}") };
        match reason {
            Reason::NotAllowed => write!(f, "{shown}: not allowed (--net {shown})"),
            Reason::NotPublic => {
                write!(f, "{shown}: an address of this machine or of a private network, never allowed")
            }
            Reason::Fronted => write!(f, "{shown}: not allowed in a connection to another host"),
        }
    }
}

/// Is told what was refused: each host once, and of no more than some. Called by the threads of the proxy.
pub trait Watch: fmt::Debug + Send + Sync {
    /// A host was refused for the first time.
    fn refused(&self, refusal: &Refusal);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn refused(&self, _refusal: &Refusal) {}
}

/// All refusals of one sandbox.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: AtomicU64,
    told: Mutex<BTreeSet<(Target, u16)>>,
}

impl Refusals {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, refusal: &Refusal, watch: &dyn Watch) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST_TOLD && told.insert((refusal.host.clone(), refusal.port)) {
            drop(told);
            watch.refused(refusal);
        }
    }
}
