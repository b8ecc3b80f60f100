//! Which message goes where.

use std::{io, sync::Arc, time::Instant};

use airlock_engine::{
    Code, Rejection,
    json::{Document, Splices, Value},
};
use airlock_mcp::{
    Id,
    skim::{Skimmed, Skimmer},
};

use super::{
    MAX_WAITING, Multiplexer, Stop,
    calls::{Call, Key, Phase, Stage},
    questions::{Asked, member},
    serve,
};
use crate::line::Line;

/// Notifications about lists, which are the primary server's: that of a call is gone before anybody could ask it.
const ABOUT_LISTS: &[&str] = &[
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
];

/// Longest name of a revision that is compared.
const MAX_VERSION_BYTES: usize = 64;

/// The id of the `logging/setLevel` that servers of calls get.
const LEVEL_ID: &str = "\"airlock-level\"";

/// What becomes of a message of a call's server.
pub(super) enum Said {
    /// It goes on as it is.
    Pass,
    /// It goes on like this.
    Edited(Vec<u8>),
    /// It answers the call; the server has nothing more to do.
    Answer,
    /// It goes nowhere.
    Nothing,
    /// It goes nowhere, and its server is told this.
    ToItself(Vec<u8>),
    /// It goes nowhere, and the call has no answer.
    Unreadable(String),
    /// It goes nowhere, and the server gets no call.
    Unfit(&'static str),
}

impl Multiplexer {
    /// A message for the one server that the guard sees.
    pub(super) fn guard_says(self: &Arc<Self>, line: &[u8]) -> io::Result<()> {
        // The guard has read it with the same bounds. Who else might read it in another way does not get it.
        let Some(doc) = self.parse(line) else {
            self.warn("a message that cannot be read was dropped");
            return Ok(());
        };
        let root = doc.root();
        let method = root.get("method").and_then(|method| method.as_str());
        let id = root.get("id");
        match (method.as_deref(), id) {
            (Some("tools/call"), id) => {
                self.call(id.and_then(Id::read), root, line);
                Ok(())
            }
            (Some(method), Some(id)) => self.ask_primary(method, id, &doc, line),
            (Some(method), None) => self.notify(method, &doc, line),
            (None, Some(id)) => {
                let belongs = self.state().questions.answered(id, &doc);
                // Nobody waits for it any more: its server is gone.
                let Some((key, answer)) = belongs else { return Ok(()) };
                self.tell(key, answer)
            }
            (None, None) => Ok(()),
        }
    }

    fn ask_primary(
        self: &Arc<Self>,
        method: &str,
        id: Value<'_>,
        doc: &Document<'_>,
        line: &[u8],
    ) -> io::Result<()> {
        {
            let mut state = self.state();
            let read = Id::read(id);
            match method {
                "initialize" => {
                    state.greeting.initialize = read.clone().map(|id| (id, line.to_vec()));
                    state.greeting.answered = false;
                    state.greeting.version = None;
                }
                "logging/setLevel" => {
                    let mut edits = Splices::default();
                    edits.replace(id.span(), LEVEL_ID);
                    state.greeting.level = Some(edits.apply(doc.text()).into_bytes());
                }
                _ => {}
            }
            if let Some(id) = read {
                state.ask_primary(id);
            }
        }
        self.to_primary(line)
    }

    fn notify(self: &Arc<Self>, method: &str, doc: &Document<'_>, line: &[u8]) -> io::Result<()> {
        let root = doc.root();
        match method {
            "notifications/initialized" => {
                let mut state = self.state();
                state.greeting.initialized = Some(line.to_vec());
                state.started = true;
                drop(state);
                self.to_primary(line)?;
                self.settle();
                Ok(())
            }
            "notifications/cancelled" => {
                let id = member(root, &["params", "requestId"]).and_then(Id::read);
                match id {
                    Some(id) if self.cancel(&id, line) => Ok(()),
                    id => {
                        if let Some(id) = id {
                            self.state().primary_cancelled(id);
                        }
                        self.to_primary(line)
                    }
                }
            }
            "notifications/progress" => {
                let token = member(root, &["params", "progressToken"]);
                let belongs = token.and_then(|token| self.state().questions.progress(token, doc));
                match belongs {
                    Some((key, line)) => self.tell(key, line),
                    None => self.to_primary(line),
                }
            }
            "notifications/roots/list_changed" => {
                let inputs: Vec<_> = {
                    let state = self.state();
                    let told = state.servers.values().filter(|fresh| fresh.stage != Stage::Starting);
                    told.filter_map(|fresh| fresh.input.clone()).collect()
                };
                for input in inputs {
                    // One that does not read has lost its call already.
                    drop(input.queue(vec![line.to_vec()]));
                }
                self.to_primary(line)
            }
            _ => self.to_primary(line),
        }
    }

    /// A message of the client for one server.
    pub(super) fn tell(&self, key: Key, line: Vec<u8>) -> io::Result<()> {
        if key == Key::PRIMARY {
            return self.to_primary(&line);
        }
        let (input, server) = {
            let state = self.state();
            let Some(fresh) = state.servers.get(&key) else { return Ok(()) };
            (fresh.input.clone(), fresh.server.clone())
        };
        if input.is_some_and(|input| input.queue(vec![line]).is_err()) {
            // It does not read; its call is lost, and nobody else's.
            server.iter().for_each(serve::kill);
        }
        Ok(())
    }

    fn call(self: &Arc<Self>, id: Option<Id>, root: Value<'_>, line: &[u8]) {
        let (Some(id), Some(downstream)) = (id, self.downstream()) else { return };
        if member(root, &["params", "task"]).is_some() {
            let rejection = Rejection::new(Code::ValidationError)
                .with_message("a task needs a server that stays, and each call has one of its own")
                .with_hint("call again without `task`");
            return downstream.not_run(&id, rejection);
        }
        let token = member(root, &["params", "_meta", "progressToken"]).and_then(Id::read);
        let call = Call { id, line: line.to_vec(), token, until: None };
        let mut state = self.state();
        // Whatever had this id before: its answer would be taken for that of the call.
        state.primary_answers(&call.id);
        if state.phase == Phase::Over {
            return;
        }
        if state.waiting_bytes.saturating_add(line.len()) > MAX_WAITING {
            drop(state);
            let rejection =
                Rejection::new(Code::LimitExceeded).with_hint("wait for the answers of earlier calls");
            return downstream.not_run(&call.id, rejection);
        }
        state.calls.insert(call.id.clone(), None);
        state.waiting_bytes += call.line.len();
        state.waiting.push_back(call);
        // The era without a handshake has nothing to wait for.
        state.started |= state.greeting.initialize.is_none();
        drop(state);
        self.start_waiting();
    }

    /// Whether it was a call that was cancelled.
    fn cancel(self: &Arc<Self>, id: &Id, line: &[u8]) -> bool {
        let mut state = self.state();
        let Some(place) = state.calls.get(id).copied() else { return false };
        let Some(key) = place else {
            state.calls.remove(id);
            if let Some(at) = state.waiting.iter().position(|call| call.id == *id)
                && let Some(call) = state.waiting.remove(at)
            {
                state.waiting_bytes = state.waiting_bytes.saturating_sub(call.line.len());
            }
            drop(state);
            self.lost(id);
            self.settle();
            return true;
        };
        let Some(fresh) = state.servers.get_mut(&key) else { return true };
        let server = match fresh.stage {
            Stage::Calling => {
                fresh.stage = Stage::Cancelled;
                let grace = Instant::now() + self.options.grace;
                fresh.until = Some(fresh.until.map_or(grace, |until| until.min(grace)));
                // One that does not read is ended when its time is over.
                fresh.input.iter().for_each(|input| drop(input.queue(vec![line.to_vec()])));
                None
            }
            Stage::Starting | Stage::Ready => {
                // It never heard of the call.
                fresh.stage = Stage::Over;
                fresh.server.clone()
            }
            Stage::Cancelled | Stage::Over => None,
        };
        self.changed.notify_all();
        drop(state);
        server.iter().for_each(serve::kill);
        true
    }

    /// A cancelled call that nobody will answer.
    fn lost(&self, id: &Id) {
        if let Some(downstream) = self.downstream() {
            downstream.lost(id, Rejection::new(Code::InternalUpstream));
        }
    }

    /// A message of the primary server.
    pub(crate) fn primary_says(self: &Arc<Self>, line: Line<'_>) -> Result<(), Stop> {
        let was_begun = self.state().is_begun();
        self.primary_says_one(line)?;
        // It has answered the handshake: servers of calls can be told what it came to.
        if !was_begun && self.state().is_begun() {
            self.settle();
        }
        Ok(())
    }

    fn primary_says_one(&self, line: Line<'_>) -> Result<(), Stop> {
        let Some(downstream) = self.downstream() else { return Err(Stop) };
        let Line::Whole(bytes) = line else {
            let Line::Oversize(seen) = &line else { return Ok(()) };
            if !self.primary_may_fail(seen) {
                self.dropped();
                return Ok(());
            }
            return downstream.deliver(line);
        };
        let Some(doc) = self.parse(bytes) else {
            let mut skimmer = Skimmer::new();
            skimmer.push(bytes);
            let seen = skimmer.finish();
            if !self.primary_may_fail(&seen) {
                self.dropped();
                return Ok(());
            }
            return downstream.deliver(line);
        };
        let root = doc.root();
        let method = root.get("method").map(|method| method.as_str().unwrap_or_default());
        let edited = match (method.as_deref(), root.get("id")) {
            (Some(_), Some(_)) => match self.state().questions.ask(Key::PRIMARY, &doc) {
                Asked::Renamed(line) => Some(line),
                Asked::AsItIs => None,
                Asked::Refused | Asked::Answered(_) => return Ok(()),
            },
            (Some("notifications/cancelled"), None) => {
                let id = member(root, &["params", "requestId"]);
                let line = id.and_then(|id| self.state().questions.withdrawn(Key::PRIMARY, id, &doc));
                let Some(line) = line else {
                    // It may be the question of a call's server.
                    self.dropped();
                    return Ok(());
                };
                Some(line)
            }
            (Some("notifications/progress"), None) => {
                let token = member(root, &["params", "progressToken"]).and_then(Id::read);
                if token.is_some_and(|token| self.is_a_calls_token(&token)) {
                    self.dropped();
                    return Ok(());
                }
                None
            }
            (None, Some(id)) => {
                // An error without an id answers nothing.
                if let Some(id) = Id::read(id) {
                    let mut state = self.state();
                    let was_answered = state.greeting.answered;
                    if !state.primary_answers(&id) {
                        drop(state);
                        self.dropped();
                        return Ok(());
                    }
                    if !was_answered && state.greeting.answered {
                        let version = member(root, &["result", "protocolVersion"]);
                        let version = version.filter(|version| version.raw().len() <= MAX_VERSION_BYTES);
                        state.greeting.version =
                            version.and_then(|version| Some(version.as_str()?.into_owned()));
                    }
                }
                None
            }
            (Some(_), None) => None,
            (None, None) => {
                // A batch, which the guard does not forward: it tells who waits for an answer in it.
                let answers = root.elements().filter(|member| member.get("method").is_none());
                let answered: Vec<_> =
                    answers.filter_map(|member| member.get("id")).filter_map(Id::read).collect();
                let mut state = self.state();
                let names_a_call = answered.iter().any(|id| state.calls.contains_key(id));
                if !names_a_call {
                    // They are failed now, and there are no answers to them any more.
                    for id in &answered {
                        state.primary_answers(id);
                    }
                }
                drop(state);
                if names_a_call {
                    self.dropped();
                    return Ok(());
                }
                None
            }
        };
        downstream.deliver(edited.as_deref().map_or(line, Line::Whole))
    }

    fn dropped(&self) {
        self.warn_once("a message of a server about a call that it does not have was dropped");
    }

    /// Whether a line of the primary server that cannot be read is about no call. What it is about is failed by the
    /// guard, and there is no answer to it any more.
    fn primary_may_fail(&self, seen: &Skimmed) -> bool {
        let doc = seen.id.as_deref().and_then(|raw| self.parse(raw.as_bytes()));
        let Some(id) = doc.and_then(|doc| Id::read(doc.root())) else { return true };
        let mut state = self.state();
        if state.calls.contains_key(&id) {
            return false;
        }
        if seen.method.is_none() {
            state.primary_answers(&id);
        }
        true
    }

    fn is_a_calls_token(&self, token: &Id) -> bool {
        let state = self.state();
        let own = state.servers.values().filter_map(|fresh| fresh.call.as_ref()?.token.as_ref());
        let waiting = state.waiting.iter().filter_map(|call| call.token.as_ref());
        own.chain(waiting).any(|own| own == token)
    }

    /// What becomes of a message of a call's server.
    pub(super) fn judge(self: &Arc<Self>, key: Key, line: &Line<'_>) -> Said {
        let bytes = match line {
            Line::Whole(bytes) => *bytes,
            Line::Oversize(seen) => {
                let own =
                    seen.method.is_none() && seen.id.as_deref().is_some_and(|id| self.is_its_call(key, id));
                return if own { Said::Unreadable("it is too long".to_owned()) } else { self.noise() };
            }
        };
        // The guard takes a line break inside of a message for several messages.
        let is_one = !bytes.strip_suffix(b"\r").unwrap_or(bytes).contains(&b'\r');
        let Some(doc) = self.parse(bytes).filter(|_| is_one) else {
            let mut skimmer = Skimmer::new();
            skimmer.push(bytes);
            let seen = skimmer.finish();
            let own = seen.method.is_none() && seen.id.as_deref().is_some_and(|id| self.is_its_call(key, id));
            return if own { Said::Unreadable("it is no message".to_owned()) } else { self.noise() };
        };
        let root = doc.root();
        // What stands there and is no text makes the message no answer.
        let method = root.get("method").map(|method| method.as_str().unwrap_or_default());
        match (method.as_deref(), root.get("id")) {
            (Some(_), Some(_)) => match self.state().questions.ask(key, &doc) {
                Asked::Renamed(line) => Said::Edited(line),
                Asked::Answered(line) => Said::ToItself(line),
                Asked::AsItIs | Asked::Refused => Said::Nothing,
            },
            (Some(method), None) => self.judge_notification(key, method, &doc),
            (None, Some(id)) => self.judge_answer(key, Id::read(id).as_ref(), root),
            (None, None) if root.is_array() => Said::Unreadable("it is a batch".to_owned()),
            (None, None) => self.noise(),
        }
    }

    fn judge_notification(&self, key: Key, method: &str, doc: &Document<'_>) -> Said {
        let mut state = self.state();
        let Some(fresh) = state.servers.get(&key) else { return Said::Nothing };
        // What it says before its call every server says, and the primary server has said it.
        if !matches!(fresh.stage, Stage::Calling | Stage::Cancelled) || ABOUT_LISTS.contains(&method) {
            return Said::Nothing;
        }
        let root = doc.root();
        match method {
            "notifications/progress" => {
                let token = member(root, &["params", "progressToken"]).and_then(Id::read);
                let own = fresh.call.as_ref().and_then(|call| call.token.as_ref());
                if token.is_some() && token.as_ref() == own {
                    return Said::Pass;
                }
                drop(state);
                self.dropped();
                Said::Nothing
            }
            "notifications/cancelled" => {
                let id = member(root, &["params", "requestId"]);
                let line = id.and_then(|id| state.questions.withdrawn(key, id, doc));
                line.map_or(Said::Nothing, Said::Edited)
            }
            _ => Said::Pass,
        }
    }

    fn judge_answer(self: &Arc<Self>, key: Key, id: Option<&Id>, root: Value<'_>) -> Said {
        let mut state = self.state();
        let Some(fresh) = state.servers.get_mut(&key) else { return Said::Nothing };
        if fresh.awaited.is_some() && fresh.awaited.as_ref() == id {
            fresh.awaited = None;
            if root.get("result").is_none() || root.get("error").is_some() {
                return Said::Unfit("it refuses the handshake");
            }
            let version = member(root, &["result", "protocolVersion"]).and_then(|version| version.as_str());
            let is_another = |first: &str| version.as_deref() != Some(first);
            if state.greeting.version.as_deref().is_some_and(is_another) {
                return Said::Unfit("it speaks another revision than the first one");
            }
            state.greeted(key);
            self.changed.notify_all();
            return Said::Nothing;
        }
        if fresh.level_awaited && matches!(id, Some(Id::Text(id)) if **id == *LEVEL_ID.trim_matches('"')) {
            // The level was told before the call, and is answered before it.
            fresh.level_awaited = false;
            return Said::Nothing;
        }
        let given = matches!(fresh.stage, Stage::Calling | Stage::Cancelled);
        let is_own = fresh.call.as_ref().is_some_and(|call| given && Some(&call.id) == id);
        if is_own && member(root, &["result", "resultType"]).is_some_and(|kind| kind.is_text("task")) {
            return Said::Unreadable("it is a task, and its server does not stay".to_owned());
        }
        let own = fresh.call.take_if(|call| given && Some(&call.id) == id);
        if let Some(call) = own {
            fresh.stage = Stage::Over;
            // The client may use the id again as soon as it has the answer.
            state.calls.remove(&call.id);
            return Said::Answer;
        }
        drop(state);
        self.dropped();
        Said::Nothing
    }

    fn noise(&self) -> Said {
        self.warn_once("a line of a call's server was not forwarded: it is no message");
        Said::Nothing
    }

    fn is_its_call(&self, key: Key, raw: &str) -> bool {
        let id = self.parse(raw.as_bytes()).and_then(|doc| Id::read(doc.root()));
        let state = self.state();
        let call = state.servers.get(&key).and_then(|fresh| fresh.call.as_ref());
        id.is_some() && call.map(|call| &call.id) == id.as_ref()
    }
}
