//! What the server offers: contracts by definition, pins against silent redefinition.

use std::{collections::HashMap, sync::Arc, time::Duration};

use airlock_engine::{
    Airlock, TargetKind, Tool,
    json::{Value, write_string},
};

use crate::{definition::Digest, outcome::Report};

/// Most names a catalog holds; a server that lists more cannot be used.
const MAX_ENTRIES: usize = 20_000;
/// Shortest time for which a listing counts, whatever `ttlMs` says: a listing per call would double the load.
const SHORTEST_LIFE: Duration = Duration::from_secs(10);

/// Which list a catalog mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Listed {
    Tools,
    Prompts,
}

impl Listed {
    /// The method that lists them.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
        }
    }

    /// The member of the answer that holds them.
    pub(crate) fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
        }
    }

    pub(crate) fn kind(self) -> TargetKind {
        match self {
            Self::Tools => TargetKind::Tool,
            Self::Prompts => TargetKind::Prompt,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Tools => "tool",
            Self::Prompts => "prompt",
        }
    }

    /// The input schema of a definition: a tool's own, or the one that a prompt's declared arguments mean.
    fn schema(self, definition: Value<'_>) -> Option<String> {
        match self {
            Self::Tools => definition.get("inputSchema").map(|schema| schema.raw().to_owned()),
            Self::Prompts => Some(prompt_schema(definition)),
        }
    }
}

/// Prompt arguments are strings by the protocol; each is declared by name and may be required.
fn prompt_schema(definition: Value<'_>) -> String {
    let (mut properties, mut required) = (String::new(), String::new());
    let arguments = definition.get("arguments");
    for argument in arguments.into_iter().flat_map(|arguments| arguments.elements()) {
        let Some(name) = argument.get("name").and_then(|name| name.as_str()) else { continue };
        if !properties.is_empty() {
            properties.push(',');
        }
        write_string(&mut properties, &name);
        properties.push_str(r#":{"type":"string"}"#);
        if argument.get("required").and_then(|required| required.as_bool()) == Some(true) {
            if !required.is_empty() {
                required.push(',');
            }
            write_string(&mut required, &name);
        }
    }
    format!(r#"{{"type":"object","properties":{{{properties}}},"required":[{required}]}}"#)
}

/// Who asked for a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lister {
    /// The client, who therefore sees the definitions.
    Client,
    /// The guard itself.
    Guard,
}

#[derive(Debug)]
struct Entry {
    digest: Digest,
    tool: Arc<Tool>,
    /// The listing in which it was last seen.
    listing: u64,
    /// It changed and the client has not been shown the change.
    quarantined: bool,
    /// It was listed twice in one listing with different definitions: which one is meant?
    conflicting: bool,
    /// It is no longer listed; kept as a pin, so that it cannot come back as something else unnoticed.
    gone: bool,
}

/// A listing by the client that spans several pages.
#[derive(Debug)]
struct Chain {
    listing: u64,
    epoch: u64,
    next_cursor: String,
}

/// What a lookup says.
#[derive(Debug)]
pub(crate) enum Lookup {
    Found(Arc<Tool>),
    Quarantined,
    /// Listed twice with different definitions.
    Conflicting,
    Unknown,
    /// The list has to be fetched first.
    Stale,
}

/// When a listing was read and how long it counts, from `ttlMs` of its last page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) now: Option<Duration>,
    pub(crate) ttl: Option<Duration>,
}

/// The mirror of one list of the server.
#[derive(Debug)]
pub(crate) struct Catalog {
    listed: Listed,
    entries: HashMap<Box<str>, Entry>,
    /// Whether the mirror is whole and nothing says that it is old.
    fresh: bool,
    expires: Option<Duration>,
    listings: u64,
    /// How often the server said that the list changed.
    epoch: u64,
    chain: Option<Chain>,
    overflow: bool,
}

impl Catalog {
    pub(crate) fn new(listed: Listed) -> Self {
        Self {
            listed,
            entries: HashMap::new(),
            fresh: false,
            expires: None,
            listings: 0,
            epoch: 0,
            chain: None,
            overflow: false,
        }
    }

    /// The server said that its list changed.
    pub(crate) fn invalidate(&mut self) {
        self.fresh = false;
        self.chain = None;
        self.epoch += 1;
    }

    /// Tells whether the list changed between two moments.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A new listing begins; its number tells its entries.
    pub(crate) fn begin(&mut self) -> u64 {
        self.listings += 1;
        self.listings
    }

    /// The listing that the client's page belongs to, by the cursor it asked with: its number, and the epoch
    /// at its first page.
    pub(crate) fn client_listing(&mut self, cursor: Option<&str>, epoch: u64) -> (u64, u64) {
        match (cursor, self.chain.take()) {
            (Some(cursor), Some(chain)) if chain.next_cursor == cursor => (chain.listing, chain.epoch),
            // A page from the middle: what it says counts, but it makes nothing whole.
            (Some(_), _) => (0, epoch),
            (None, _) => (self.begin(), epoch),
        }
    }

    /// After a page of the client's listing: either more follows, or the mirror is whole.
    pub(crate) fn client_page_done(&mut self, listing: u64, epoch: u64, next: Option<String>, life: Life) {
        match next {
            _ if listing == 0 => {}
            Some(next_cursor) => self.chain = Some(Chain { listing, epoch, next_cursor }),
            None => self.finish(listing, epoch, life),
        }
    }

    /// A listing reached its end. If the list changed since it began, the mirror stays old.
    pub(crate) fn finish(&mut self, listing: u64, epoch: u64, life: Life) {
        for entry in self.entries.values_mut() {
            // Another listing that began later may have seen more.
            entry.gone = entry.listing < listing;
        }
        self.fresh = epoch == self.epoch;
        self.expires = match (life.now, life.ttl) {
            (Some(now), Some(ttl)) => Some(now.saturating_add(ttl.max(SHORTEST_LIFE))),
            _ => None,
        };
    }

    /// Whether the catalog is larger than it may be.
    pub(crate) fn overflows(&self) -> bool {
        self.overflow
    }

    pub(crate) fn look_up(&self, name: &str, now: Option<Duration>) -> Lookup {
        let expired = matches!((self.expires, now), (Some(expires), Some(now)) if now >= expires);
        if !self.fresh || expired {
            return Lookup::Stale;
        }
        match self.entries.get(name) {
            Some(entry) if entry.gone => Lookup::Unknown,
            Some(entry) if entry.conflicting => Lookup::Conflicting,
            Some(entry) if entry.quarantined => Lookup::Quarantined,
            Some(entry) => Lookup::Found(Arc::clone(&entry.tool)),
            None => Lookup::Unknown,
        }
    }

    /// Learns one definition of a listing.
    pub(crate) fn learn(
        &mut self,
        engine: &Airlock,
        definition: Value<'_>,
        listing: u64,
        lister: Lister,
        reports: &mut Vec<Report>,
    ) -> Option<Arc<Tool>> {
        let name = definition.get("name").and_then(|name| name.as_str())?;
        let digest = Digest::of(definition);
        let noun = self.listed.noun();
        let shown =
            engine.mask_for_record(&name).chars().take(80).collect::<String>().escape_debug().to_string();
        if let Some(entry) = self.entries.get_mut(&*name) {
            let twice = entry.listing == listing && listing != 0 && !entry.gone;
            let changed = entry.digest != digest;
            if changed && twice {
                reports.push(Report::warning(format!(
                    "the server lists the {noun} `{shown}` twice with different definitions; it cannot be called"
                )));
                entry.conflicting = true;
            } else if changed || (entry.conflicting && !twice) {
                let seen = match lister {
                    Lister::Client => "the client was shown the new definition",
                    Lister::Guard => "calls are refused until it is listed again",
                };
                reports.push(Report::warning(format!(
                    "the server changed the definition of the {noun} `{shown}` during the session; {seen}"
                )));
                entry.tool =
                    engine.tool(self.listed.kind(), &name, self.listed.schema(definition).as_deref());
                entry.conflicting = false;
            }
            entry.quarantined = match lister {
                Lister::Client => false,
                Lister::Guard => entry.quarantined || (changed && !twice),
            };
            entry.digest = digest;
            entry.listing = entry.listing.max(listing);
            entry.gone = false;
            return Some(Arc::clone(&entry.tool));
        }
        if self.entries.len() >= MAX_ENTRIES {
            self.overflow = true;
            return None;
        }
        let tool = engine.tool(self.listed.kind(), &name, self.listed.schema(definition).as_deref());
        if let Some(error) = tool.contract_error() {
            reports.push(Report::warning(format!("the {noun} `{shown}` cannot be called: {error}")));
        }
        let entry = Entry {
            digest,
            tool: Arc::clone(&tool),
            listing,
            quarantined: false,
            conflicting: false,
            gone: false,
        };
        self.entries.insert((*name).into(), entry);
        Some(tool)
    }
}
