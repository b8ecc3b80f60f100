//! From the client to the server: judge every call before the server sees it.

use std::{borrow::Cow, sync::Arc};

use airlock_engine::{
    Caller, Code, Permit, RawCall, Rejection, TargetKind, Tool,
    json::{Document, Splices, Value, write_string},
};

use super::{
    Guard, LateAnswers, fail,
    reservation::{Reservation, Unsent},
};
use crate::{
    catalog::{Listed, Lookup},
    envelope::{Envelope, Id, Malformed},
    method::ClientMethod,
    outcome::{Outcome, Report},
    places::Answer,
    refusal::{self, Era},
    state::{Asked, InFlight, MAX_IN_FLIGHT},
};

/// Most members of a refused batch that get an answer of their own.
const MAX_BATCH_ANSWERS: usize = 100;

/// Most resources that one request may name.
const MAX_RESOURCES: usize = 256;

/// The schema of what `resources/read` and its relatives take.
const RESOURCE_SCHEMA: &str =
    r#"{"type":"object","properties":{"uri":{"type":"string","minLength":1}},"required":["uri"]}"#;
/// The schema of the `argument` of `completion/complete`.
const COMPLETION_SCHEMA: &str = r#"{"type":"object","properties":{"name":{"type":"string"},"value":{"type":"string"}},"required":["name","value"]}"#;

/// A client's request, read.
#[derive(Clone, Copy)]
pub(super) struct Request<'d> {
    pub(super) id: Value<'d>,
    pub(super) method: ClientMethod,
    pub(super) params: Option<Value<'d>>,
    /// Who sends it, as the host vouches for it.
    pub(super) caller: &'d Arc<Caller>,
}

impl<'d> Request<'d> {
    pub(super) fn param(&self, name: &str) -> Option<Value<'d>> {
        self.params.and_then(|params| params.get(name))
    }

    pub(super) fn text_param(&self, name: &str) -> Option<Cow<'d, str>> {
        self.param(name).and_then(|value| value.as_str())
    }

    pub(super) fn is_tool_call(&self) -> bool {
        self.method == ClientMethod::CallTool
    }

    fn era(&self) -> Era {
        Era::of(self.params)
    }

    fn refusal(&self, rejection: &Rejection) -> Vec<u8> {
        if self.is_tool_call() {
            refusal::as_tool_result(self.id.raw(), rejection, self.era())
        } else {
            refusal::as_error(self.id.raw(), rejection)
        }
    }

    fn in_flight(&self, permits: Vec<Permit>, asked: Option<Asked>) -> InFlight {
        InFlight {
            raw_id: self.id.raw().to_owned(),
            answer: match self.method {
                ClientMethod::CallTool | ClientMethod::TaskResult => Answer::Tool,
                ClientMethod::GetPrompt => Answer::Prompt,
                ClientMethod::Resource => Answer::Resource,
                _ => Answer::Other,
            },
            era: self.era(),
            is_tool_call: self.is_tool_call(),
            permits,
            asked,
            cancelled: false,
        }
    }
}

/// Whether a call just came or was held before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Fresh,
    Held,
}

/// What is to be judged: the target and its arguments as they stand in the message.
struct Judged<'d> {
    tool: Arc<Tool>,
    arguments: Option<Value<'d>>,
}

impl Guard {
    pub(super) async fn client_message<'m>(
        &self,
        doc: &Document<'m>,
        line: &'m [u8],
        caller: &Arc<Caller>,
    ) -> Outcome<'m> {
        match Envelope::classify(doc) {
            Ok(Envelope::Request { id, method, params }) => {
                let method = ClientMethod::of(&method.as_str().unwrap_or_default());
                self.client_request(Request { id, method, params, caller }, line).await
            }
            Ok(Envelope::Notification { method, params }) => {
                self.client_notification(&method.as_str().unwrap_or_default(), params, line, caller)
            }
            Ok(Envelope::Result { id, .. } | Envelope::Error { id, .. }) => self.client_answer(id, line),
            Err(malformed) => self.client_malformed(malformed, doc, caller),
        }
    }

    async fn client_request<'m>(&self, request: Request<'_>, line: &'m [u8]) -> Outcome<'m> {
        let reservation = match self.reserve(&request) {
            Ok(reservation) => reservation,
            Err(rejection) => return self.refused(&request, "?", rejection),
        };
        match request.method {
            ClientMethod::CallTool => {
                self.call_listed(&request, reservation, Listed::Tools, Turn::Fresh, line).await
            }
            ClientMethod::GetPrompt => {
                self.call_listed(&request, reservation, Listed::Prompts, Turn::Fresh, line).await
            }
            ClientMethod::Resource | ClientMethod::Described => {
                let uris = request.param("uri").into_iter();
                let admitted =
                    self.admit_resources(uris, request.text_param("uri").is_some(), request.caller).await;
                self.send(&request, reservation, admitted, None, line)
            }
            ClientMethod::Subscribe => {
                let wanted = request.param("notifications");
                let uris = wanted.and_then(|wanted| wanted.get("resourceSubscriptions"));
                let is_list = uris.is_none_or(|uris| uris.is_array());
                let uris = uris.into_iter().flat_map(|uris| uris.elements());
                let admitted = self.admit_resources(uris, is_list, request.caller).await;
                self.send(&request, reservation, admitted, None, line)
            }
            ClientMethod::Complete => {
                let tool = self.completed(&request);
                let argument = request.param("argument");
                let arguments = argument.map_or("{}", |argument| argument.raw());
                let call = RawCall::new(tool, arguments, Arc::clone(request.caller));
                let admitted = self.admit(call).await.map(|permit| vec![permit]);
                self.send(&request, reservation, admitted, argument, line)
            }
            ClientMethod::ListTools
            | ClientMethod::ListPrompts
            | ClientMethod::TaskResult
            | ClientMethod::Other => self.send(&request, reservation, Ok(Vec::new()), None, line),
        }
    }

    /// Each resource is judged by its URI; all must be admitted. Without any, `well_formed` tells whether that
    /// is right.
    async fn admit_resources<'d>(
        &self,
        uris: impl Iterator<Item = Value<'d>>,
        well_formed: bool,
        caller: &Arc<Caller>,
    ) -> Result<Vec<Permit>, Rejection> {
        let mut permits = Vec::new();
        for uri in uris {
            if permits.len() >= MAX_RESOURCES {
                let rejection = Rejection::new(Code::LimitExceeded)
                    .with_hint(format!("at most {MAX_RESOURCES} resources in one request"));
                return Err(self.record_refusal("?", rejection, caller));
            }
            let name = uri.as_str().unwrap_or_default();
            let tool = self.engine.tool(TargetKind::Resource, &name, Some(RESOURCE_SCHEMA));
            let arguments = format!("{{\"uri\":{}}}", uri.raw());
            permits.push(self.admit(RawCall::new(tool, arguments, Arc::clone(caller))).await?);
        }
        if permits.is_empty() && !well_formed {
            let tool = self.engine.tool(TargetKind::Resource, "", Some(RESOURCE_SCHEMA));
            permits.push(self.admit(RawCall::without_arguments(tool, Arc::clone(caller))).await?);
        }
        Ok(permits)
    }

    /// What a completion completes: it is judged as that, so that no list is walked around.
    fn completed(&self, request: &Request<'_>) -> Arc<Tool> {
        let target = request.param("ref");
        let text = |name: &str| target.and_then(|target| target.get(name)).and_then(|value| value.as_str());
        let is = |kind: &str| text("type").is_some_and(|own| own == kind);
        let (kind, name) = if is("ref/prompt") {
            (TargetKind::Prompt, text("name"))
        } else if is("ref/resource") {
            (TargetKind::Resource, text("uri"))
        } else {
            (TargetKind::Completion, text("name"))
        };
        self.engine.tool(kind, &name.unwrap_or_default(), Some(COMPLETION_SCHEMA))
    }

    /// An id must be new, and there is a bound on how much may be under way.
    fn reserve(&self, request: &Request<'_>) -> Result<Reservation<'_>, Rejection> {
        let mut state = self.state();
        if state.server_gone {
            return Err(Rejection::new(Code::InternalUpstream).with_message("the tool server ended"));
        }
        let Some(id) = Id::read(request.id).filter(|id| !state.knows(id)) else {
            return Err(Rejection::new(Code::MalformedMessage)
                .with_message("a request with this id is still under way")
                .with_hint("give every request an id of its own"));
        };
        if state.in_flight.len() >= MAX_IN_FLIGHT {
            return Err(Rejection::new(Code::LimitExceeded)
                .with_hint(format!("at most {MAX_IN_FLIGHT} requests under way")));
        }
        Ok(Reservation::new(self, &mut state, id))
    }

    /// What the catalog says of a name, in the turn of the call: not before calls that came earlier and are
    /// still held or on their way.
    async fn look_up(&self, listed: Listed, name: &str, turn: Turn) -> Lookup {
        let now = self.engine.now().map(|now| now.monotonic);
        loop {
            {
                let mut state = self.state();
                if turn == Turn::Held || !self.order.is_releasing() {
                    let mirror = state.mirror(listed);
                    let queue = turn == Turn::Fresh && !mirror.held.is_empty();
                    return if queue { Lookup::Stale } else { mirror.catalog.look_up(name, now) };
                }
            }
            self.order.released().await;
        }
    }

    /// Judges a call of something that the server lists; waits for the list where it is not known.
    pub(super) async fn call_listed<'m>(
        &self,
        request: &Request<'_>,
        reservation: Reservation<'_>,
        listed: Listed,
        turn: Turn,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let Some(name) = request.text_param("name") else {
            let rejection = Rejection::new(Code::ValidationError)
                .with_message("`params.name` is not a string")
                .with_hint("`params.name`: expected string");
            return self.refused(request, "?", rejection);
        };
        match self.look_up(listed, &name, turn).await {
            Lookup::Stale => self.hold(request, reservation, listed, line),
            Lookup::Found(tool) => {
                let judged = Judged { tool, arguments: request.param("arguments") };
                self.judge(request, reservation, judged, line).await
            }
            Lookup::Unknown => {
                let rejection = Rejection::new(Code::ToolUnknown)
                    .with_hint(format!("call `{}` for the names", listed.method()));
                self.refuse_call(request, listed, &name, rejection)
            }
            Lookup::Quarantined => {
                self.refuse_call(request, listed, &name, Rejection::new(Code::ToolChanged))
            }
            Lookup::Conflicting => {
                let rejection = Rejection::new(Code::InternalContract)
                    .with_message("the server lists this name twice with different definitions");
                self.refuse_call(request, listed, &name, rejection)
            }
        }
    }

    async fn judge<'m>(
        &self,
        request: &Request<'_>,
        reservation: Reservation<'_>,
        judged: Judged<'_>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let caller = Arc::clone(request.caller);
        let call = match judged.arguments {
            Some(arguments) => RawCall::new(judged.tool, arguments.raw(), caller),
            None => RawCall::without_arguments(judged.tool, caller),
        };
        let admitted = self.admit(call).await.map(|permit| vec![permit]);
        self.send(request, reservation, admitted, judged.arguments, line)
    }

    /// Forwards what was admitted, with the very arguments that were admitted.
    fn send<'m>(
        &self,
        request: &Request<'_>,
        reservation: Reservation<'_>,
        admitted: Result<Vec<Permit>, Rejection>,
        arguments: Option<Value<'_>>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let permits = match admitted {
            Ok(permits) => permits,
            Err(rejection) => {
                return Outcome { to_client: vec![request.refusal(&rejection)], ..Outcome::stop() };
            }
        };
        let stripped = permits.first().filter(|permit| permit.was_stripped());
        let forward = match (stripped, arguments) {
            (None, _) => Cow::Borrowed(line),
            (Some(permit), Some(arguments)) => {
                let mut edits = Splices::default();
                edits.replace(arguments.span(), permit.arguments());
                // The line was parsed, so it is text.
                Cow::Owned(edits.apply(std::str::from_utf8(line).unwrap_or_default()).into_bytes())
            }
            // What was admitted cannot be put in the place of what was sent.
            (Some(_), None) => {
                let in_flight = request.in_flight(permits, None);
                return Outcome {
                    to_client: vec![fail(in_flight, Rejection::new(Code::InternalPolicy))],
                    ..Outcome::stop()
                };
            }
        };
        let in_flight = request.in_flight(permits, self.asked(request));
        match reservation.send(in_flight) {
            Ok(()) => Outcome { forward: Some(forward), ..Outcome::stop() },
            Err(Unsent::Cancelled) => Outcome::stop(),
            Err(Unsent::ServerGone(in_flight)) => {
                let rejection = Rejection::new(Code::InternalUpstream).with_message("the tool server ended");
                Outcome { to_client: vec![fail(in_flight, rejection)], ..Outcome::stop() }
            }
        }
    }

    /// Which page of which list the request asks for, if it does.
    fn asked(&self, request: &Request<'_>) -> Option<Asked> {
        let listed = match request.method {
            ClientMethod::ListTools => Listed::Tools,
            ClientMethod::ListPrompts => Listed::Prompts,
            _ => return None,
        };
        let epoch = self.state().mirror(listed).catalog.epoch();
        let cursor = request.text_param("cursor").map(Cow::into_owned);
        Some(Asked { listed, cursor, epoch, caller: Arc::clone(request.caller) })
    }

    /// Refuses a call of a known name: the record has its arguments.
    pub(super) fn refuse_call(
        &self,
        request: &Request<'_>,
        listed: Listed,
        name: &str,
        rejection: Rejection,
    ) -> Outcome<'static> {
        let tool = self.engine.tool(listed.kind(), name, None);
        let caller = Arc::clone(request.caller);
        let call = match request.param("arguments") {
            Some(arguments) => RawCall::new(tool, arguments.raw(), caller),
            None => RawCall::without_arguments(tool, caller),
        };
        let rejection = self.engine.refuse(call, rejection);
        Outcome { to_client: vec![request.refusal(&rejection)], ..Outcome::stop() }
    }

    /// Refuses a request that is no call of anything known.
    pub(super) fn refused(
        &self,
        request: &Request<'_>,
        name: &str,
        rejection: Rejection,
    ) -> Outcome<'static> {
        let rejection = self.record_refusal(name, rejection, request.caller);
        Outcome { to_client: vec![request.refusal(&rejection)], ..Outcome::stop() }
    }

    fn client_notification<'m>(
        &self,
        method: &str,
        params: Option<Value<'_>>,
        line: &'m [u8],
        caller: &Arc<Caller>,
    ) -> Outcome<'m> {
        if ClientMethod::of(method).needs_id() {
            // A server might carry it out all the same, and nobody would see the answer.
            let rejection = Rejection::new(Code::MalformedMessage).with_message("a request without an id");
            let rejection = self.record_refusal("?", rejection, caller);
            let report = format!("a request without an id was not forwarded: {}", rejection.code());
            return Outcome { reports: vec![Report::warning(report)], ..Outcome::stop() };
        }
        let cancelled = params.filter(|_| method == "notifications/cancelled");
        if let Some(id) = cancelled.and_then(|params| params.get("requestId")).and_then(Id::read) {
            return self.client_cancels(&id, line);
        }
        Outcome::pass(line)
    }

    /// The server hears of a cancellation only if it has the request.
    fn client_cancels<'m>(&self, id: &Id, line: &'m [u8]) -> Outcome<'m> {
        let mut state = self.state();
        if let Some(held) = state.take_held(id) {
            drop(state);
            self.abandon_held(&held.line, &held.caller);
            return Outcome::stop();
        }
        if let Some(cancelled) = state.judging.get_mut(id) {
            *cancelled = true;
            return Outcome::stop();
        }
        if state.is_own(id) {
            return Outcome::stop();
        }
        match self.late_answers {
            LateAnswers::Come => state.cancel(id),
            LateAnswers::Never => drop(state.answered(id)),
        }
        Outcome::pass(line)
    }

    /// An answer to a server's request; one that nobody asked for goes nowhere.
    fn client_answer<'m>(&self, id: Value<'_>, line: &'m [u8]) -> Outcome<'m> {
        let known = Id::read(id).is_some_and(|id| self.state().server_requests.remove(&id));
        if known {
            return Outcome::pass(line);
        }
        let report = Report::warning(
            "an answer from the client to a request that the server did not make was dropped",
        );
        Outcome { reports: vec![report], ..Outcome::stop() }
    }

    fn client_malformed(
        &self,
        malformed: Malformed,
        doc: &Document<'_>,
        caller: &Arc<Caller>,
    ) -> Outcome<'static> {
        let mut outcome = Outcome::stop();
        outcome.reports.push(Report::warning(format!("a message from the client was refused: {malformed}")));
        let rejection = Rejection::new(Code::MalformedMessage).with_message(malformed.to_string());
        let root = doc.root();
        if malformed == Malformed::Batch {
            let rejection = self.record_refusal("?", rejection, caller);
            let ids = root
                .elements()
                .filter(|member| member.get("method").is_some())
                .filter_map(|member| member.get("id"));
            let answerable = ids.filter(|id| Id::read(*id).is_some_and(|id| !self.state().knows(&id)));
            outcome.to_client = answerable
                .take(MAX_BATCH_ANSWERS)
                .map(|id| refusal::as_error(id.raw(), &rejection))
                .collect();
            if outcome.to_client.is_empty() {
                outcome.to_client.push(refusal::as_error("null", &rejection));
            }
            return outcome;
        }
        let method = root.get("method").and_then(|method| method.as_str());
        let method = ClientMethod::of(&method.unwrap_or_default());
        let name = root.get("params").and_then(|params| params.get("name")).and_then(|name| name.as_str());
        let rejection = self.record_refusal(name.as_deref().unwrap_or("?"), rejection, caller);
        let id = root.get("id").filter(|id| Id::read(*id).is_some_and(|id| !self.state().knows(&id)));
        outcome.to_client.push(match id {
            // With two ids or two methods nobody can say what the answer should look like.
            Some(id) if !root.has_duplicate_key() => {
                Request { id, method, params: root.get("params"), caller }.refusal(&rejection)
            }
            _ => refusal::as_error("null", &rejection),
        });
        outcome
    }
}

/// Metadata that the guard's own question needs where the era is modern: the protocol's own members of the
/// waiting call's metadata, and nothing of the client's (a progress token would bring it progress).
pub(super) fn protocol_meta(params: Option<Value<'_>>) -> Option<String> {
    let meta = params?.get("_meta")?;
    let mut out = String::new();
    for (key, value) in meta.members() {
        let name = key.as_str()?;
        if name.starts_with("io.modelcontextprotocol/") {
            out.push(if out.is_empty() { '{' } else { ',' });
            write_string(&mut out, &name);
            out.push(':');
            out.push_str(value.raw());
        }
    }
    (!out.is_empty()).then(|| out + "}")
}
