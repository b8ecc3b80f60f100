//! Which call is where.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    process::ChildStdin,
    sync::{Arc, Mutex},
    time::Instant,
};

use airlock_mcp::Id;

use super::questions::Questions;
use crate::{server::Server, stdio::sink::ServerSink};

/// Cancelled requests of the primary server whose late answers may still come.
const MAX_CANCELLED: usize = 1024;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

impl Key {
    pub(super) const PRIMARY: Self = Self(0);
}

/// A call of a tool.
pub(super) struct Call {
    pub(super) id: Id,
    pub(super) line: Vec<u8>,
    /// Under which the client hears of its progress.
    pub(super) token: Option<Id>,
    /// When its server is ended, whether it has the call by then or not. Known when the call first gets a server.
    pub(super) until: Option<Instant>,
}

/// How far a server is with its one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Being started, or in its handshake.
    Starting,
    /// Waits for its call.
    Ready,
    /// Has it.
    Calling,
    /// Has it, and the client does not want an answer any more.
    Cancelled,
    /// Has answered, or is to end.
    Over,
}

/// A server for one call.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Fresh {
    pub(super) stage: Stage,
    /// It was started before there was a call for it.
    pub(super) ahead: bool,
    /// Kept until the server has ended.
    pub(super) call: Option<Call>,
    /// The answer that ends its handshake.
    pub(super) awaited: Option<Id>,
    /// It was told the level of its log, and has not answered that; the client may use the same id.
    pub(super) level_awaited: bool,
    pub(super) input: Option<Arc<ServerSink<ChildStdin>>>,
    pub(super) server: Option<Arc<Mutex<Server>>>,
    /// When it is ended whatever its call may take: in its handshake, and when its call was cancelled.
    pub(super) until: Option<Instant>,
    /// It has answered, and may still put away what it has open.
    pub(super) lingers: bool,
    /// It was ended because it took too long.
    pub(super) late: bool,
}

impl Fresh {
    /// When it is ended.
    pub(super) fn ends(&self) -> Option<Instant> {
        let of_its_call = self.call.as_ref().and_then(|call| call.until);
        self.until.into_iter().chain(of_its_call).min().filter(|_| !self.late)
    }
}

/// What every server of a call is told before its call, as the client wrote it.
#[derive(Default)]
pub(super) struct Greeting {
    pub(super) initialize: Option<(Id, Vec<u8>)>,
    pub(super) initialized: Option<Vec<u8>>,
    /// The primary server has answered `initialize`, or failed to.
    pub(super) answered: bool,
    /// The revision that the primary server gave, if it gave one.
    pub(super) version: Option<String>,
    /// The last `logging/setLevel`, under an id of its own.
    pub(super) level: Option<Vec<u8>>,
}

/// How far the session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    #[default]
    Open,
    /// The client sends nothing more.
    Closed,
    /// Everything is to end.
    Over,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) greeting: Greeting,
    pub(super) servers: HashMap<Key, Fresh>,
    /// The servers that have no call yet, the oldest first.
    pub(super) spares: VecDeque<Key>,
    /// The last server came to nothing: the next one is started for a call, and says why.
    pub(super) spare_failed: bool,
    /// Whether a server may be started ahead: before the client's handshake is over it could not be told how.
    pub(super) started: bool,
    pub(super) waiting: VecDeque<Call>,
    pub(super) waiting_bytes: usize,
    /// Every call that is not over, and the server that it was given to.
    pub(super) calls: HashMap<Id, Option<Key>>,
    pub(super) questions: Questions,
    /// What the primary server may answer.
    asked: HashSet<Id>,
    cancelled: VecDeque<Id>,
    pub(super) phase: Phase,
    keys: u64,
}

impl State {
    /// A server that is about to be started.
    pub(super) fn add(&mut self, call: Option<Call>) -> Key {
        self.keys += 1;
        let key = Key(self.keys);
        match &call {
            Some(call) => drop(self.calls.insert(call.id.clone(), Some(key))),
            None => self.spares.push_back(key),
        }
        let fresh = Fresh {
            stage: Stage::Starting,
            ahead: call.is_none(),
            call,
            awaited: None,
            level_awaited: false,
            input: None,
            server: None,
            until: None,
            lingers: false,
            late: false,
        };
        self.servers.insert(key, fresh);
        key
    }

    /// Whether no call will come, and none is under way. A server may still be delivering its answer.
    pub(super) fn is_done(&self) -> bool {
        self.phase > Phase::Open && self.calls.is_empty()
    }

    /// Whether nothing more will come from any server of a call.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_done() && self.servers.is_empty()
    }

    /// Whether calls get servers: what the handshake comes to these have to be told. A client that says nothing more
    /// has left it at that.
    pub(super) fn is_begun(&self) -> bool {
        self.greeting.initialize.is_none()
            || (self.started && self.greeting.answered)
            || self.phase > Phase::Open
    }

    /// A call gets its turn again.
    pub(super) fn wait_again(&mut self, call: Call) {
        self.calls.insert(call.id.clone(), None);
        self.waiting_bytes += call.line.len();
        self.waiting.push_front(call);
    }

    /// The oldest server that waits and can take a call.
    pub(super) fn take_spare(&mut self) -> Option<Key> {
        let servers = &self.servers;
        let is_ready = |key: &Key| {
            servers.get(key).is_some_and(|fresh| matches!(fresh.stage, Stage::Starting | Stage::Ready))
        };
        // Those before it are over, or about to be.
        let place = self.spares.iter().position(is_ready).unwrap_or(self.spares.len());
        self.spares.drain(..place);
        self.spares.pop_front()
    }

    /// The next call that waits.
    pub(super) fn next_call(&mut self) -> Option<Call> {
        let call = self.waiting.pop_front()?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(call.line.len());
        Some(call)
    }

    /// The client asks the primary server.
    pub(super) fn ask_primary(&mut self, id: Id) {
        self.asked.insert(id);
    }

    /// Whether the primary server may answer this, which it can do once.
    pub(super) fn primary_answers(&mut self, id: &Id) -> bool {
        let asked = self.asked.remove(id);
        if asked {
            self.greeting.answered |= self.greeting.initialize.as_ref().is_some_and(|(own, _)| own == id);
            // The id may be used for another request now, which is not cancelled.
            self.cancelled.retain(|cancelled| cancelled != id);
        }
        asked
    }

    /// A late answer may still come; the oldest of too many is forgotten.
    pub(super) fn primary_cancelled(&mut self, id: Id) {
        if !self.asked.contains(&id) {
            return;
        }
        self.cancelled.push_back(id);
        if self.cancelled.len() > MAX_CANCELLED
            && let Some(oldest) = self.cancelled.pop_front()
        {
            self.asked.remove(&oldest);
        }
    }
}
