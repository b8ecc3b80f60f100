//! What a guard remembers between messages. All of it is bounded.

use std::collections::{HashMap, HashSet, VecDeque};

use agent_airlock::Permit;

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

/// A client's request that the server has.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The id as it was written, for answers of our own.
    pub(crate) raw_id: String,
    pub(crate) answer: Answer,
    pub(crate) era: Era,
    /// The refusal of a `tools/call` is a tool result.
    pub(crate) is_tool_call: bool,
    /// The proof of admission, for what was judged.
    pub(crate) permit: Option<Permit>,
    /// Which list it asks for, and from which cursor.
    pub(crate) listing: Option<(Listed, Option<String>)>,
}

/// A call that waits for the guard's own listing.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: Id,
    pub(crate) line: Vec<u8>,
}

/// The guard's own question to the server.
#[derive(Debug)]
pub(crate) struct OwnListing {
    pub(crate) id: Id,
    pub(crate) listing: u64,
    pub(crate) pages: usize,
    /// Metadata that a modern server requires in every request, taken from the call that waits.
    pub(crate) meta: Option<String>,
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

    /// Whether a request of this id is under way anywhere, so that another one would be ambiguous.
    pub(crate) fn knows(&self, id: &Id) -> bool {
        let mirrors = [&self.tools, &self.prompts];
        self.in_flight.contains_key(id)
            || mirrors.iter().any(|mirror| {
                mirror.own.as_ref().is_some_and(|own| own.id == *id)
                    || mirror.held.iter().any(|held| held.id == *id)
            })
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

    /// The client no longer waits for an answer. A late one is still protected and goes on, but the oldest
    /// of too many is forgotten: its permit is dropped, and the record says `abandoned`.
    pub(crate) fn cancel(&mut self, id: &Id) {
        if !self.in_flight.contains_key(id) || self.cancelled.contains(id) {
            return;
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
        for cancelled in std::mem::take(&mut self.cancelled) {
            self.in_flight.remove(&cancelled);
        }
        self.in_flight.drain().map(|(_, request)| request).collect()
    }

    /// The request that an answer belongs to.
    pub(crate) fn answered(&mut self, id: &Id) -> Option<InFlight> {
        let found = self.in_flight.remove(id)?;
        if !self.cancelled.is_empty() {
            self.cancelled.retain(|cancelled| cancelled != id);
        }
        Some(found)
    }
}
