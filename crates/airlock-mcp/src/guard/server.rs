//! From the server to the client: protect everything that the model may read.

use std::borrow::Cow;

use airlock_engine::{
    Code, OutputReport, ProtectedOutput, RawOutput, Rejection,
    json::{Document, Splices, Value, write_string},
};

use super::{Guard, fail};
use crate::{
    catalog::{Listed, Lister},
    envelope::{Envelope, Id, Malformed},
    method::ServerNotification,
    outcome::{Outcome, Report},
    places::{self, Answer},
    refusal,
    skim::Skimmed,
    state::{InFlight, MAX_SERVER_REQUESTS},
};

/// The values of `resultType` that this guard can read; another one must be treated as invalid.
const RESULT_TYPES: &[&str] = &["complete", "input_required", "task"];

impl Guard {
    pub(super) async fn server_message<'m>(&self, doc: &Document<'m>, line: &'m [u8]) -> Outcome<'m> {
        match Envelope::classify(doc) {
            Ok(envelope @ (Envelope::Result { id, .. } | Envelope::Error { id, .. })) => {
                self.server_answer(id, &envelope, doc, line).await
            }
            Ok(Envelope::Request { id, params, .. }) => self.server_request(id, params, doc, line),
            Ok(Envelope::Notification { method, params }) => {
                let name = method.as_str().unwrap_or_default();
                if name == "notifications/cancelled" {
                    self.server_cancels(params);
                }
                match ServerNotification::of(&name) {
                    ServerNotification::ToolsChanged => self.state().tools.catalog.invalidate(),
                    ServerNotification::PromptsChanged => self.state().prompts.catalog.invalidate(),
                    ServerNotification::Other => {}
                }
                self.protected_params(params, doc, line)
            }
            Err(malformed) => self.server_malformed(malformed, doc),
        }
    }

    /// The server no longer waits for an answer of the client.
    fn server_cancels(&self, params: Option<Value<'_>>) {
        let id = params.and_then(|params| params.get("requestId")).and_then(Id::read);
        if let Some(id) = id {
            self.state().server_requests.remove(&id);
        }
    }

    async fn server_answer<'m>(
        &self,
        id: Value<'_>,
        envelope: &Envelope<'_>,
        doc: &Document<'m>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let Some(id) = Id::read(id) else {
            // An error that answers no request in particular; its text is protected like any other.
            let Envelope::Error { error, .. } = *envelope else { return Outcome::stop() };
            let protected =
                self.engine.protect(&RawOutput::protocol_error(doc.text(), places::of_error(error)));
            return deliver(protected.edits(), protected.report(), doc, line);
        };
        if let Some(outcome) = self.own_answer(&id, envelope).await {
            return outcome;
        }
        let answered = self.state().answered(&id);
        let Some(request) = answered else {
            let report =
                "an answer from the server to a request that nobody made, or a second answer, was dropped";
            return Outcome { reports: vec![Report::warning(report)], ..Outcome::stop() };
        };
        self.release(request, envelope, doc, line).await
    }

    /// Releases the answer to a client's request.
    async fn release<'m>(
        &self,
        mut request: InFlight,
        envelope: &Envelope<'_>,
        doc: &Document<'m>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let mut reports = Vec::new();
        let (result, output) = match *envelope {
            Envelope::Result { result, .. } => {
                if let Some(problem) = unreadable(result) {
                    reports
                        .push(Report::warning(format!("an answer from the server was refused: {problem}")));
                    let rejection = Rejection::new(Code::InternalUpstream).with_message(problem);
                    return Outcome { to_client: vec![fail(request, rejection)], reports, ..Outcome::stop() };
                }
                let mut parts = places::of_result(request.answer, result);
                parts.extend(places::of_root(doc.root()));
                let failed = result.get("isError").and_then(|failed| failed.as_bool()) == Some(true);
                let output = match (request.answer, failed) {
                    (Answer::Other, _) => RawOutput::protocol(doc.text(), parts),
                    (_, true) => RawOutput::FailedParts(doc.text(), parts),
                    (_, false) => RawOutput::Parts(doc.text(), parts),
                };
                (Some(result), output)
            }
            Envelope::Error { error, .. } => {
                let mut parts = places::of_error(error);
                parts.extend(places::of_root(doc.root()));
                (None, RawOutput::protocol_error(doc.text(), parts))
            }
            Envelope::Request { .. } | Envelope::Notification { .. } => return Outcome::stop(),
        };
        let protected = self.release_permits(&mut request, &output).await;
        let protected = protected.and_then(|protected| {
            if protected.report().blocked { Err(Rejection::new(Code::OutputBlocked)) } else { Ok(protected) }
        });
        let mut edits = Splices::default();
        if let (Some(asked), Some(result)) = (&request.asked, result) {
            // A definition that the client is not shown is not known to it.
            let shown = protected.is_ok() && !request.cancelled;
            let lister = if shown { Lister::Client } else { Lister::Guard };
            let hidden = self.learn_page(asked, result, lister, &mut reports);
            self.hide(asked.listed, result, &hidden, &mut edits);
        }
        let protected = match protected {
            Ok(protected) => protected,
            Err(rejection) => return withheld(request, rejection, reports),
        };
        if let Some(result) = result.filter(|_| protected.report().cut_structure) {
            say_that_it_was_cut(request.answer, result, protected.report().cut_chars, &mut edits);
        }
        edits.append(protected.edits());
        let mut outcome = deliver(&edits, protected.report(), doc, line);
        reports.append(&mut outcome.reports);
        outcome.reports = reports;
        outcome
    }

    /// Layer 4 with the proofs of admission: the first releases the output, the others close their records.
    async fn release_permits(
        &self,
        request: &mut InFlight,
        output: &RawOutput<'_>,
    ) -> Result<ProtectedOutput, Rejection> {
        let mut permits = std::mem::take(&mut request.permits).into_iter();
        let Some(first) = permits.next() else { return Ok(self.engine.protect(output)) };
        let protected = first.release(output.clone()).await?;
        for permit in permits {
            permit.release(RawOutput::text("")).await?;
        }
        Ok(protected)
    }

    /// A server's own request: its texts reach the model, its answer must find its way back.
    fn server_request<'m>(
        &self,
        id: Value<'_>,
        params: Option<Value<'_>>,
        doc: &Document<'m>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let refusal = {
            let mut state = self.state();
            if state.server_requests.len() >= MAX_SERVER_REQUESTS {
                Some(
                    Rejection::new(Code::LimitExceeded)
                        .with_message("too many requests of the server are unanswered"),
                )
            } else if Id::read(id).is_some_and(|id| !state.server_requests.insert(id)) {
                Some(
                    Rejection::new(Code::MalformedMessage)
                        .with_message("a request with this id is still under way"),
                )
            } else {
                None
            }
        };
        if let Some(rejection) = refusal {
            let report =
                Report::warning(format!("a request from the server was refused: {}", rejection.message()));
            let answer = refusal::as_error(id.raw(), &rejection);
            return Outcome { to_server: vec![answer], reports: vec![report], ..Outcome::stop() };
        }
        let outcome = self.protected_params(params, doc, line);
        if outcome.forward.is_none() {
            if let Some(id) = Id::read(id) {
                self.state().server_requests.remove(&id);
            }
            let answer = refusal::as_error(id.raw(), &Rejection::new(Code::OutputBlocked));
            return Outcome { to_server: vec![answer], ..outcome };
        }
        outcome
    }

    fn protected_params<'m>(
        &self,
        params: Option<Value<'_>>,
        doc: &Document<'m>,
        line: &'m [u8],
    ) -> Outcome<'m> {
        let mut parts = params.map(places::of_params).unwrap_or_default();
        parts.extend(places::of_root(doc.root()));
        let protected = self.engine.protect(&RawOutput::protocol(doc.text(), parts));
        deliver(protected.edits(), protected.report(), doc, line)
    }

    fn server_malformed(&self, malformed: Malformed, doc: &Document<'_>) -> Outcome<'static> {
        let mut outcome = Outcome::stop();
        outcome
            .reports
            .push(Report::warning(format!("a message from the server was not forwarded: {malformed}")));
        let root = doc.root();
        let members: Vec<Value<'_>> =
            if malformed == Malformed::Batch { root.elements().collect() } else { vec![root] };
        for id in members
            .into_iter()
            .filter(|member| member.get("method").is_none())
            .filter_map(|member| member.get("id"))
        {
            self.fail_in_flight(Id::read(id), &malformed.to_string(), &mut outcome);
        }
        outcome
    }

    /// A line from the server that is no JSON, or too much of it.
    pub(super) fn server_garbage(&self, problem: &str, seen: &Skimmed) -> Outcome<'static> {
        let mut outcome = Outcome::stop();
        outcome.reports.push(Report::warning(format!("a line from the server was not forwarded: {problem}")));
        if seen.method.is_none()
            && let Some(token) = &seen.id
        {
            let doc = Document::parse(token.as_bytes(), &self.settings.bounds).ok();
            self.fail_in_flight(doc.and_then(|doc| Id::read(doc.root())), problem, &mut outcome);
        }
        outcome
    }

    /// Whoever waits for an answer that cannot be read is told so.
    fn fail_in_flight(&self, id: Option<Id>, problem: &str, outcome: &mut Outcome<'_>) {
        let Some(id) = id else { return };
        for listed in [Listed::Tools, Listed::Prompts] {
            let asked = self.state().mirror(listed).own.as_ref().is_some_and(|own| own.id == id);
            if asked {
                self.listing_failed(listed, problem, outcome);
            }
        }
        let answered = self.state().answered(&id);
        if let Some(request) = answered {
            let rejection = Rejection::new(Code::InternalUpstream)
                .with_message(format!("the server's answer cannot be read: {problem}"));
            outcome.to_client.push(fail(request, rejection));
        }
    }
}

/// The answer that says that an output is withheld.
fn withheld(request: InFlight, rejection: Rejection, mut reports: Vec<Report>) -> Outcome<'static> {
    reports.push(Report::warning(format!("an answer from the server was withheld: {}", rejection.code())));
    Outcome { to_client: vec![fail(request, rejection)], reports, ..Outcome::stop() }
}

/// The message with its edits; byte for byte the same where there are none.
fn deliver<'m>(edits: &Splices, report: &OutputReport, doc: &Document<'m>, line: &'m [u8]) -> Outcome<'m> {
    let mut outcome = Outcome::stop();
    if report.injections > 0 {
        let text = format!(
            "{} passages in a message from the server look like instructions to the model",
            report.injections
        );
        outcome.reports.push(Report::warning(text));
    }
    if report.blocked {
        outcome.reports.push(Report::warning("a message from the server was withheld"));
        return outcome;
    }
    outcome.forward = Some(if edits.is_empty() {
        Cow::Borrowed(line)
    } else {
        Cow::Owned(edits.apply(doc.text()).into_bytes())
    });
    outcome
}

/// Why a result is invalid by itself.
fn unreadable(result: Value<'_>) -> Option<&'static str> {
    let kind = result.get("resultType")?;
    let known = RESULT_TYPES.iter().any(|known| kind.is_text(known));
    (!known).then_some("the server's answer has an unknown `resultType`")
}

/// What was shortened where there is no room for a notice gets one beside it: another block, item or message.
fn say_that_it_was_cut(answer: Answer, result: Value<'_>, lost: usize, edits: &mut Splices) {
    let mut text = String::new();
    write_string(&mut text, &format!("[airlock: the output was shortened by {lost} characters]"));
    let (list, item) = match answer {
        Answer::Tool => ("content", format!(r#"{{"type":"text","text":{text}}}"#)),
        Answer::Resource => {
            ("contents", format!(r#"{{"uri":"airlock:notice","mimeType":"text/plain","text":{text}}}"#))
        }
        Answer::Prompt => {
            ("messages", format!(r#"{{"role":"user","content":{{"type":"text","text":{text}}}}}"#))
        }
        Answer::Other => return,
    };
    let (place, insert) = match result.get(list) {
        Some(items) if items.is_array() => (items, item),
        None if result.is_object() => (result, format!("\"{list}\":[{item}]")),
        _ => return,
    };
    let end = place.span().end - 1;
    let comma = if place.is_empty() { "" } else { "," };
    edits.replace(end..end, format!("{comma}{insert}"));
}
