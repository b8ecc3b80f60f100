//! What a guard remembers between messages. All of it is bounded.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::Arc,
};

use airlock_engine::{Caller, Permit};

use crate::{
    catalog::{Catalog, Listed},
    envelope::Id,
    places::Answer,
    refusal::Era,
};

/// Most client requests in flight; a client that sends more is refused.
pub(crate) const MAX_IN_FLIGHT: usize = 4096;
/// Most server requests that the client has not answered.
pub(crate) const MAX_SERVER_REQUESTS: usize = 1024;
/// Most cancelled requests whose late answers are still expected.
const MAX_CANCELLED: usize = 1024;
/// Most calls that wait for a listing, and their bytes together.
pub(crate) const MAX_HELD: usize = 256;
pub(crate) const MAX_HELD_BYTES: usize = 32 << 20;

/// A page of a list that the client asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) listed: Listed,
    pub(crate) cursor: Option<String>,
    /// What the catalog's epoch was then; a change since makes the answer old.
    pub(crate) epoch: u64,
    /// Who asked, and is shown what this caller may see.
    pub(crate) caller: Arc<Caller>,
}

/// A client's request that the server has.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The id as it was written, for answers of our own.
    pub(crate) raw_id: String,
    pub(crate) answer: Answer,
    pub(crate) era: Era,
    /// The refusal of a `tools/call` is a tool result.
    pub(crate) is_tool_call: bool,
    /// The proofs of admission, for what was judged: one per target, mostly one.
    pub(crate) permits: Vec<Permit>,
    pub(crate) asked: Option<Asked>,
    /// The client no longer waits, and does not look at an answer.
    pub(crate) cancelled: bool,
}

/// A call that waits for the guard's own listing.
pub(crate) struct Held {
    pub(crate) id: Id,
    pub(crate) line: Vec<u8>,
    pub(crate) caller: Arc<Caller>,
}

// The line carries arguments.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("bytes", &self.line.len()).finish_non_exhaustive()
    }
}

/// The guard's own question to the server.
pub(crate) struct OwnListing {
    pub(crate) id: Id,
    pub(crate) listing: u64,
    pub(crate) epoch: u64,
    pub(crate) pages: usize,
    /// How often the list changed while it was being read.
    pub(crate) restarts: usize,
    /// Metadata that a modern server requires in every request, taken from the call that waits.
    pub(crate) meta: Option<String>,
}

impl fmt::Debug for OwnListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnListing").field("pages", &self.pages).finish_non_exhaustive()
    }
}

/// One mirrored list with the calls that wait for it.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) catalog: Catalog,
    pub(crate) own: Option<OwnListing>,
    pub(crate) held: Vec<Held>,
}

impl Mirror {
    fn new(listed: Listed) -> Self {
        Self { catalog: Catalog::new(listed), own: None, held: Vec::new() }
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) in_flight: HashMap<Id, InFlight>,
    /// Requests that are being judged: neither held nor sent, and whether they were cancelled meanwhile.
    pub(crate) judging: HashMap<Id, bool>,
    cancelled: VecDeque<Id>,
    pub(crate) server_requests: HashSet<Id>,
    pub(crate) tools: Mirror,
    pub(crate) prompts: Mirror,
    pub(crate) held_bytes: usize,
    own_ids: u64,
    pub(crate) server_gone: bool,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            in_flight: HashMap::new(),
            judging: HashMap::new(),
            cancelled: VecDeque::new(),
            server_requests: HashSet::new(),
            tools: Mirror::new(Listed::Tools),
            prompts: Mirror::new(Listed::Prompts),
            held_bytes: 0,
            own_ids: 0,
            server_gone: false,
        }
    }

    pub(crate) fn mirror(&mut self, listed: Listed) -> &mut Mirror {
        match listed {
            Listed::Tools => &mut self.tools,
            Listed::Prompts => &mut self.prompts,
        }
    }

    /// Whether the id is that of a question of the guard's own.
    pub(crate) fn is_own(&self, id: &Id) -> bool {
        [&self.tools, &self.prompts].iter().any(|mirror| mirror.own.as_ref().is_some_and(|own| own.id == *id))
    }

    /// Whether a request of this id is under way anywhere, so that another one would be ambiguous.
    pub(crate) fn knows(&self, id: &Id) -> bool {
        let held = |mirror: &Mirror| mirror.held.iter().any(|held| held.id == *id);
        self.in_flight.contains_key(id)
            || self.judging.contains_key(id)
            || self.is_own(id)
            || held(&self.tools)
            || held(&self.prompts)
    }

    /// Calls that the server does not have yet.
    pub(crate) fn held(&self) -> usize {
        self.tools.held.len() + self.prompts.held.len() + self.judging.len()
    }

    /// An id of the guard's own that no request under way has.
    pub(crate) fn own_id(&mut self) -> String {
        loop {
            self.own_ids += 1;
            let id = format!("airlock-{}", self.own_ids);
            if !self.knows(&Id::Text(id.as_str().into())) {
                return id;
            }
        }
    }

    /// Takes back a call that waits.
    pub(crate) fn take_held(&mut self, id: &Id) -> Option<Held> {
        for listed in [Listed::Tools, Listed::Prompts] {
            let held = &mut self.mirror(listed).held;
            if let Some(at) = held.iter().position(|held| held.id == *id) {
                let taken = held.remove(at);
                self.held_bytes = self.held_bytes.saturating_sub(taken.line.len());
                return Some(taken);
            }
        }
        None
    }

    /// Takes all calls that wait for one list; they are being judged from now on.
    pub(crate) fn take_all_held(&mut self, listed: Listed) -> Vec<Held> {
        let held = std::mem::take(&mut self.mirror(listed).held);
        let bytes: usize = held.iter().map(|held| held.line.len()).sum();
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        self.judging.extend(held.iter().map(|held| (held.id.clone(), false)));
        held
    }

    /// The client no longer waits for an answer. A late one is still protected and goes on, but the oldest
    /// of too many is forgotten: its permit is dropped, and the record says `abandoned`.
    pub(crate) fn cancel(&mut self, id: &Id) {
        match self.in_flight.get_mut(id) {
            Some(request) if !request.cancelled => request.cancelled = true,
            _ => return,
        }
        self.cancelled.push_back(id.clone());
        if self.cancelled.len() > MAX_CANCELLED
            && let Some(oldest) = self.cancelled.pop_front()
        {
            self.in_flight.remove(&oldest);
        }
    }

    /// The server will answer nothing any more: everything under way that the client still waits for. What it
    /// cancelled is dropped, and the records say `abandoned`.
    pub(crate) fn take_unanswered(&mut self) -> Vec<InFlight> {
        self.cancelled.clear();
        let taken = std::mem::take(&mut self.in_flight);
        taken.into_values().filter(|request| !request.cancelled).collect()
    }

    /// The request that an answer belongs to.
    pub(crate) fn answered(&mut self, id: &Id) -> Option<InFlight> {
        let found = self.in_flight.remove(id)?;
        if found.cancelled {
            self.cancelled.retain(|cancelled| cancelled != id);
        }
        Some(found)
    }
}
