//! From the client to the server: judge every call before the server sees it.

use std::{borrow::Cow, sync::Arc};

use agent_airlock::{
    Code, Permit, RawCall, Rejection, TargetKind, Tool,
    json::{Document, Splices, Value, write_string},
};

use super::Guard;
use crate::{
    catalog::{Listed, Lookup},
    envelope::{Envelope, Id, Malformed},
    method::ClientMethod,
    outcome::{Outcome, Report},
    places::Answer,
    refusal::{self, Era},
    state::{InFlight, MAX_IN_FLIGHT},
};

/// Most members of a refused batch that get an answer of their own.
const MAX_BATCH_ANSWERS: usize = 100;

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
}

impl<'d> Request<'d> {
    fn param(&self, name: &str) -> Option<Value<'d>> {
        self.params.and_then(|params| params.get(name))
    }

    fn text_param(&self, name: &str) -> Option<Cow<'d, str>> {
        self.param(name).and_then(|value| value.as_str())
    }

    fn is_tool_call(&self) -> bool {
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

    fn in_flight(&self, permit: Option<Permit>) -> InFlight {
        let listing = match self.method {
            ClientMethod::ListTools => Some(Listed::Tools),
            ClientMethod::ListPrompts => Some(Listed::Prompts),
            _ => None,
        };
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
            permit,
            listing: listing.map(|listed| (listed, self.text_param("cursor").map(Cow::into_owned))),
        }
    }
}

/// What is to be judged: the target and its arguments as they stand in the message.
struct Judged<'d> {
    tool: Arc<Tool>,
    arguments: Option<Value<'d>>,
}

impl Guard {
    pub(super) async fn client_message<'m>(&self, doc: &Document<'m>, line: &'m [u8]) -> Outcome<'m> {
        match Envelope::classify(doc) {
            Ok(Envelope::Request { id, method, params }) => {
                let method = ClientMethod::of(&method.as_str().unwrap_or_default());
                self.client_request(Request { id, method, params }, line).await
            }
            Ok(Envelope::Notification { method, params }) => {
                self.client_notification(&method.as_str().unwrap_or_default(), params, line)
            }
            Ok(Envelope::Result { id, .. } | Envelope::Error { id, .. }) => self.client_answer(id, line),
            Err(malformed) => self.client_malformed(malformed, doc),
        }
    }

    async fn client_request<'m>(&self, request: Request<'_>, line: &'m [u8]) -> Outcome<'m> {
        if let Err(rejection) = self.accept_id(&request) {
            return self.refused(&request, "?", rejection);
        }
        match request.method {
            ClientMethod::CallTool => self.call_listed(&request, Listed::Tools, line).await,
            ClientMethod::GetPrompt => self.call_listed(&request, Listed::Prompts, line).await,
            ClientMethod::Resource => {
                let uri = request.text_param("uri").unwrap_or_default();
                let tool = self.engine.tool(TargetKind::Resource, &uri, Some(RESOURCE_SCHEMA));
                let mut arguments = String::from("{");
                if let Some(uri) = request.param("uri") {
                    arguments.push_str("\"uri\":");
                    arguments.push_str(uri.raw());
                }
                arguments.push('}');
                let admitted = self.engine.admit(RawCall::new(tool, arguments, self.caller())).await;
                self.send(&request, admitted, None, line)
            }
            ClientMethod::Complete => {
                let target = request.param("ref");
                let name = target.and_then(|target| target.get("name").or_else(|| target.get("uri")));
                let name = name.and_then(|name| name.as_str()).unwrap_or_default();
                let tool = self.engine.tool(TargetKind::Completion, &name, Some(COMPLETION_SCHEMA));
                let arguments = request.param("argument").map_or("{}", |argument| argument.raw());
                let admitted = self.engine.admit(RawCall::new(tool, arguments, self.caller())).await;
                self.send(&request, admitted, None, line)
            }
            ClientMethod::ListTools
            | ClientMethod::ListPrompts
            | ClientMethod::TaskResult
            | ClientMethod::Other => {
                self.register(&request, None);
                Outcome::pass(line)
            }
        }
    }

    /// An id must be new, and there is a bound on how much may be under way.
    fn accept_id(&self, request: &Request<'_>) -> Result<(), Rejection> {
        let state = self.state();
        let id = Id::read(request.id);
        if state.server_gone {
            return Err(Rejection::new(Code::InternalUpstream).with_message("the tool server ended"));
        }
        if id.is_none_or(|id| state.knows(&id)) {
            return Err(Rejection::new(Code::MalformedMessage)
                .with_message("a request with this id is still under way")
                .with_hint("give every request an id of its own"));
        }
        if state.in_flight.len() >= MAX_IN_FLIGHT {
            return Err(Rejection::new(Code::LimitExceeded)
                .with_hint(format!("at most {MAX_IN_FLIGHT} requests under way")));
        }
        Ok(())
    }

    /// Judges a call of something that the server lists; waits for the list where it is not known.
    pub(super) async fn call_listed<'m>(
        &self,
        request: &Request<'_>,
        listed: Listed,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let Some(name) = request.text_param("name") else {
            let rejection = Rejection::new(Code::ValidationError)
                .with_message("`params.name` is not a string")
                .with_hint("`params.name`: expected string");
            return self.refused(request, "?", rejection);
        };
        let looked_up = {
            let now = self.engine.now().map(|now| now.monotonic);
            self.state().mirror(listed).catalog.look_up(&name, now)
        };
        match looked_up {
            Lookup::Stale => self.hold(request, listed, line),
            Lookup::Found(tool) => {
                let judged = Judged { tool, arguments: request.param("arguments") };
                self.judge(request, judged, line).await
            }
            Lookup::Unknown => {
                let rejection = Rejection::new(Code::ToolUnknown)
                    .with_hint(format!("call `{}` for the names", listed.method()));
                self.refuse_call(request, listed, &name, rejection)
            }
            Lookup::Quarantined => {
                self.refuse_call(request, listed, &name, Rejection::new(Code::ToolChanged))
            }
        }
    }

    async fn judge<'m>(&self, request: &Request<'_>, judged: Judged<'_>, line: &'m [u8]) -> Outcome<'m> {
        let call = match judged.arguments {
            Some(arguments) => RawCall::new(judged.tool, arguments.raw(), self.caller()),
            None => RawCall::without_arguments(judged.tool, self.caller()),
        };
        let admitted = self.engine.admit(call).await;
        self.send(request, admitted, judged.arguments, line)
    }

    /// Forwards what was admitted, with the very arguments that were admitted.
    fn send<'m>(
        &self,
        request: &Request<'_>,
        admitted: Result<Permit, Rejection>,
        arguments: Option<Value<'_>>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let permit = match admitted {
            Ok(permit) => permit,
            Err(rejection) => {
                return Outcome { to_client: vec![request.refusal(&rejection)], ..Outcome::stop() };
            }
        };
        let edited = match arguments {
            Some(arguments) if permit.was_stripped() => {
                let mut edits = Splices::default();
                edits.replace(arguments.span(), permit.arguments());
                // The line was parsed, so it is text.
                Some(edits.apply(std::str::from_utf8(line).unwrap_or_default()).into_bytes())
            }
            _ => None,
        };
        self.register(request, Some(permit));
        match edited {
            Some(edited) => Outcome { forward: Some(Cow::Owned(edited)), ..Outcome::stop() },
            None => Outcome::pass(line),
        }
    }

    fn register(&self, request: &Request<'_>, permit: Option<Permit>) {
        if let Some(id) = Id::read(request.id) {
            let in_flight = request.in_flight(permit);
            self.state().in_flight.insert(id, in_flight);
        }
    }

    /// Refuses a call of a known name: the record has its arguments.
    fn refuse_call(
        &self,
        request: &Request<'_>,
        listed: Listed,
        name: &str,
        rejection: Rejection,
    ) -> Outcome<'static> {
        let tool = self.engine.tool(listed.kind(), name, None);
        let call = match request.param("arguments") {
            Some(arguments) => RawCall::new(tool, arguments.raw(), self.caller()),
            None => RawCall::without_arguments(tool, self.caller()),
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
        let rejection = self.record_refusal(name, rejection);
        Outcome { to_client: vec![request.refusal(&rejection)], ..Outcome::stop() }
    }

    fn client_notification<'m>(
        &self,
        method: &str,
        params: Option<Value<'_>>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        if ClientMethod::of(method).needs_id() {
            // A server might carry it out all the same, and nobody would see the answer.
            let rejection = Rejection::new(Code::MalformedMessage).with_message("a request without an id");
            let rejection = self.record_refusal("?", rejection);
            let report = format!("a request without an id was not forwarded: {}", rejection.code());
            return Outcome { reports: vec![Report::warning(report)], ..Outcome::stop() };
        }
        if method == "notifications/cancelled" {
            let id = params.and_then(|params| params.get("requestId")).and_then(Id::read);
            if let Some(id) = id {
                let held = self.state().take_held(&id);
                if let Some(held) = held {
                    // The server never saw the request, so there is nothing to cancel there.
                    self.abandon_held(&held.line);
                    return Outcome::stop();
                }
                self.state().cancel(&id);
            }
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

    fn client_malformed(&self, malformed: Malformed, doc: &Document<'_>) -> Outcome<'static> {
        let mut outcome = Outcome::stop();
        outcome.reports.push(Report::warning(format!("a message from the client was refused: {malformed}")));
        let rejection = Rejection::new(Code::MalformedMessage).with_message(malformed.to_string());
        let root = doc.root();
        if malformed == Malformed::Batch {
            let rejection = self.record_refusal("?", rejection);
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
        let rejection = self.record_refusal(name.as_deref().unwrap_or("?"), rejection);
        let id = root.get("id").filter(|id| Id::read(*id).is_some_and(|id| !self.state().knows(&id)));
        outcome.to_client.push(match id {
            // With two ids or two methods nobody can say what the answer should look like.
            Some(id) if !root.has_duplicate_key() => {
                Request { id, method, params: root.get("params") }.refusal(&rejection)
            }
            _ => refusal::as_error("null", &rejection),
        });
        outcome
    }

    /// Refuses a call that waited for the list.
    pub(super) fn refuse_held(&self, line: &[u8], rejection: Rejection) -> Option<Vec<u8>> {
        let doc = Document::parse(line, &self.settings.bounds).ok()?;
        let (request, name) = read_held(&doc)?;
        let kind = if request.is_tool_call() { Listed::Tools } else { Listed::Prompts };
        self.refuse_call(&request, kind, &name, rejection).to_client.pop()
    }

    /// Records a call that waited for the list and is no longer wanted.
    pub(super) fn abandon_held(&self, line: &[u8]) {
        let Ok(doc) = Document::parse(line, &self.settings.bounds) else { return };
        let Some((request, name)) = read_held(&doc) else { return };
        let kind = if request.is_tool_call() { TargetKind::Tool } else { TargetKind::Prompt };
        let tool = self.engine.tool(kind, &name, None);
        self.engine.abandon(match request.param("arguments") {
            Some(arguments) => RawCall::new(tool, arguments.raw(), self.caller()),
            None => RawCall::without_arguments(tool, self.caller()),
        });
    }

    /// Judges a call that waited, now that the list is known. `to_server` gets what is admitted.
    pub(super) async fn judge_held(&self, line: &[u8], outcome: &mut Outcome<'_>) {
        let Ok(doc) = Document::parse(line, &self.settings.bounds) else { return };
        let Some((request, _)) = read_held(&doc) else { return };
        let listed = if request.is_tool_call() { Listed::Tools } else { Listed::Prompts };
        let judged = Box::pin(self.call_listed(&request, listed, line)).await;
        outcome.to_server.extend(judged.forward.map(Cow::into_owned));
        outcome.to_server.extend(judged.to_server);
        outcome.to_client.extend(judged.to_client);
        outcome.reports.extend(judged.reports);
    }

    pub(super) fn caller(&self) -> Arc<agent_airlock::Caller> {
        Arc::clone(&self.settings.caller)
    }
}

fn read_held<'d>(doc: &'d Document<'_>) -> Option<(Request<'d>, Cow<'d, str>)> {
    let Ok(Envelope::Request { id, method, params }) = Envelope::classify(doc) else { return None };
    let request = Request { id, method: ClientMethod::of(&method.as_str()?), params };
    let name = request.text_param("name")?;
    Some((request, name))
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
