//! The guard: one decision per message, in both directions.
//!
//! The guard reads each message once, in place, and answers with bytes: the same bytes where nothing
//! changed, edited bytes where something did, answers of its own where something is refused. Both
//! directions share it; no lock is held while anything is awaited.

mod client;
mod held;
mod listing;
mod reservation;
mod server;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airlock_engine::{
    Airlock, Caller, Code, Permit, RawCall, Rejection, TargetKind,
    json::{Bounds, Document, JsonError, Tape},
};

use crate::{
    envelope::Id,
    order::Order,
    outcome::{Outcome, Pending, Report},
    refusal,
    skim::{Skimmed, Skimmer},
    state::{InFlight, State},
};

/// What a guard needs to know besides the engine.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// Who sends the client's messages, as the host vouches for it.
    pub caller: Arc<Caller>,
    /// Whether tools that the policy denies disappear from `tools/list`.
    pub hide_denied: bool,
    /// Bounds on one message.
    pub bounds: Bounds,
    /// The sandbox that the server runs in, by its name. Without one, calls of tools that require it are refused.
    pub sandbox: Option<Arc<str>>,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            caller: Arc::new(Caller::anonymous()),
            hide_denied: true,
            bounds: Bounds::DEFAULT,
            sandbox: None,
        }
    }
}

/// Whether a server may still answer a request that the client cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateAnswers {
    /// It may: the answer is protected and goes on, and until then the call is not over.
    Come,
    /// The transport drops them: a cancelled call is over at once, and its record says `abandoned`.
    Never,
}

/// Stands between one MCP client and one MCP server.
#[derive(Debug)]
pub struct Guard {
    engine: Airlock,
    settings: GuardSettings,
    late_answers: LateAnswers,
    state: Mutex<State>,
    order: Arc<Order>,
    client_tape: Mutex<Tape>,
    server_tape: Mutex<Tape>,
}

impl Guard {
    /// A guard for one session.
    pub fn new(engine: Airlock, settings: GuardSettings) -> Self {
        Self {
            engine,
            settings,
            late_answers: LateAnswers::Come,
            state: Mutex::new(State::new()),
            order: Arc::default(),
            client_tape: Mutex::new(Tape::default()),
            server_tape: Mutex::new(Tape::default()),
        }
    }

    /// A guard that knows how its transport treats late answers; [`LateAnswers::Come`] where nobody says.
    #[must_use]
    pub fn with_late_answers(self, late_answers: LateAnswers) -> Self {
        Self { late_answers, ..self }
    }

    /// Judges a call of something that the server, wherever it runs, would carry out.
    async fn admit(&self, call: RawCall) -> Result<Permit, Rejection> {
        let call = match &self.settings.sandbox {
            Some(name) => call.with_sandbox(Arc::clone(name)),
            None => call,
        };
        self.engine.admit(call).await
    }

    /// Decides about one message from the client: a line without its line break.
    pub async fn on_client<'m>(&self, line: &'m [u8]) -> Outcome<'m> {
        self.on_client_as(line, &self.settings.caller).await
    }

    /// As [`on_client`](Self::on_client), from a caller whom the host knows message by message.
    pub async fn on_client_as<'m>(&self, line: &'m [u8], caller: &Arc<Caller>) -> Outcome<'m> {
        self.order.released().await;
        if is_several_lines(line) {
            let rejection = Rejection::new(Code::MalformedMessage).with_message(SEVERAL_LINES);
            return self.refuse_unread(rejection, &skim(line), caller);
        }
        let tape = std::mem::take(&mut *lock(&self.client_tape));
        match Document::parse_into(line, &self.settings.bounds, tape) {
            Ok(doc) => {
                let outcome = self.client_message(&doc, line, caller).await;
                *lock(&self.client_tape) = doc.into_tape();
                outcome
            }
            Err(error) => self.client_garbage(&error, &skim(line), caller),
        }
    }

    /// Refuses a message of the client for a reason of the host's, with a record and, where it is a request, an
    /// answer. Its text is not looked at beyond that.
    pub fn refuse_client(&self, line: &[u8], rejection: Rejection, caller: &Arc<Caller>) -> Outcome<'static> {
        let seen = skim(line);
        let mut outcome = self.refuse_unread(rejection, &seen, caller);
        if seen.id.is_none() {
            // A notification has no answer.
            outcome.to_client.clear();
        }
        outcome
    }

    /// Decides about one message from the server: a line without its line break.
    pub async fn on_server<'m>(&self, line: &'m [u8]) -> Outcome<'m> {
        if is_several_lines(line) {
            return self.server_garbage(SEVERAL_LINES, &skim(line));
        }
        let tape = std::mem::take(&mut *lock(&self.server_tape));
        match Document::parse_into(line, &self.settings.bounds, tape) {
            Ok(doc) => {
                let outcome = self.server_message(&doc, line).await;
                *lock(&self.server_tape) = doc.into_tape();
                outcome
            }
            Err(error) => self.server_garbage(&error.to_string(), &skim(line)),
        }
    }

    /// A line from the client was too long to be kept; it was skipped.
    #[expect(clippy::unused_async, reason = "a transport need not know which decisions wait for a store")]
    pub async fn on_client_oversize(&self, seen: Skimmed) -> Outcome<'static> {
        self.refuse_unread(self.too_long(), &seen, &self.settings.caller)
    }

    /// A line from the server was too long to be kept; it was skipped.
    #[expect(clippy::unused_async, reason = "a transport need not know which decisions wait for a store")]
    pub async fn on_server_oversize(&self, seen: Skimmed) -> Outcome<'static> {
        let text = format!("a message is longer than {} bytes", self.settings.bounds.max_bytes);
        self.server_garbage(&text, &seen)
    }

    /// The server is gone: everything under way is answered.
    #[expect(clippy::unused_async, reason = "a transport need not know which decisions wait for a store")]
    pub async fn on_server_closed(&self) -> Outcome<'static> {
        let (in_flight, held) = {
            let mut state = self.state();
            state.server_gone = true;
            let in_flight = state.take_unanswered();
            let mut held = std::mem::take(&mut state.tools.held);
            held.append(&mut state.prompts.held);
            state.held_bytes = 0;
            (in_flight, held)
        };
        let mut outcome = Outcome::stop();
        let gone = || {
            Rejection::new(Code::InternalUpstream).with_message("the tool server ended before it answered")
        };
        for request in in_flight {
            outcome.to_client.push(fail(request, gone()));
        }
        for held in held {
            outcome.to_client.extend(self.refuse_held(&held, gone()));
        }
        outcome
    }

    /// The server never got this call, for a reason of the host's: it is refused. A call that the client cancelled meanwhile
    /// gets no answer.
    pub fn on_call_not_run(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        self.call_over(id, |permits| {
            permits.into_iter().fold(rejection, |rejection, permit| permit.refuse(rejection))
        })
    }

    /// The server got this call and will not answer it, while others go on. A call that the client cancelled meanwhile
    /// gets no answer.
    pub fn on_call_lost(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        self.call_over(id, |permits| {
            permits.into_iter().fold(rejection, |rejection, permit| permit.fail(rejection))
        })
    }

    fn call_over(&self, id: &Id, close: impl FnOnce(Vec<Permit>) -> Rejection) -> Outcome<'static> {
        let answered = self.state().answered(id);
        let Some(mut request) = answered.filter(|request| !request.cancelled) else { return Outcome::stop() };
        let rejection = close(std::mem::take(&mut request.permits));
        Outcome { to_client: vec![refuse(&request, &rejection)], ..Outcome::stop() }
    }

    /// The client is gone: what is under way is closed, and the records say `abandoned`.
    #[expect(clippy::unused_async, reason = "a transport need not know which decisions wait for a store")]
    pub async fn on_client_closed(&self) {
        let (in_flight, held) = {
            let mut state = self.state();
            let in_flight: Vec<InFlight> = state.in_flight.drain().map(|(_, request)| request).collect();
            let mut held = std::mem::take(&mut state.tools.held);
            held.append(&mut state.prompts.held);
            state.held_bytes = 0;
            (in_flight, held)
        };
        drop(in_flight);
        for held in held {
            self.abandon_held(&held.line, &held.caller);
        }
    }

    /// What is under way.
    pub fn pending(&self) -> Pending {
        let state = self.state();
        Pending { held: state.held(), in_flight: state.in_flight.len() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn too_long(&self) -> Rejection {
        Rejection::new(Code::LimitExceeded)
            .with_hint(format!("at most {} bytes in one message", self.settings.bounds.max_bytes))
    }

    /// A line from the client that is no JSON, or too much of it.
    fn client_garbage(&self, error: &JsonError, seen: &Skimmed, caller: &Arc<Caller>) -> Outcome<'static> {
        let rejection = if error.kind.is_bound() {
            Rejection::new(Code::LimitExceeded).with_message(format!("the message cannot be read: {error}"))
        } else {
            Rejection::new(Code::MalformedMessage)
                .with_message(format!("the message cannot be read: {error}"))
        };
        self.refuse_unread(rejection, seen, caller)
    }

    /// Refuses a message of which only the outermost members could be told.
    fn refuse_unread(&self, rejection: Rejection, seen: &Skimmed, caller: &Arc<Caller>) -> Outcome<'static> {
        let mut outcome = Outcome::stop();
        outcome
            .reports
            .push(Report::warning(format!("a message from the client was refused: {}", rejection.code())));
        let is_call = seen.method.as_deref() == Some("tools/call");
        let rejection = self.record_refusal("?", rejection, caller);
        let answerable = seen.id.as_deref().filter(|id| is_free_id(id, &self.state()));
        outcome.to_client.push(match answerable {
            Some(id) if is_call => refusal::as_tool_result(id, &rejection, refusal::Era::Legacy),
            Some(id) => refusal::as_error(id, &rejection),
            None => refusal::as_error("null", &rejection),
        });
        outcome
    }

    /// Writes the record of something that never became a call.
    fn record_refusal(&self, name: &str, rejection: Rejection, caller: &Arc<Caller>) -> Rejection {
        let tool = self.engine.tool(TargetKind::Tool, name, None);
        self.engine.refuse(RawCall::without_arguments(tool, Arc::clone(caller)), rejection)
    }
}

/// Whether an id token may be answered: a well-formed one that no request under way has.
fn is_free_id(token: &str, state: &State) -> bool {
    let doc = Document::parse(token.as_bytes(), &Bounds::DEFAULT).ok();
    doc.and_then(|doc| Id::read(doc.root())).is_some_and(|id| !state.knows(&id))
}

/// The answer to a request that the server will not answer any more.
fn fail(mut request: InFlight, rejection: Rejection) -> Vec<u8> {
    let permits = std::mem::take(&mut request.permits);
    let rejection = permits.into_iter().fold(rejection, |rejection, permit| permit.fail(rejection));
    refuse(&request, &rejection)
}

/// The answer to a request that was refused.
fn refuse(request: &InFlight, rejection: &Rejection) -> Vec<u8> {
    if request.is_tool_call {
        refusal::as_tool_result(&request.raw_id, rejection, request.era)
    } else {
        refusal::as_error(&request.raw_id, rejection)
    }
}

const SEVERAL_LINES: &str = "a line break stands inside the message";

/// Whether a peer that ends lines at a carriage return too would read several messages where we read one.
/// One at the end belongs to the line break; elsewhere in JSON both are white space that nobody needs.
fn is_several_lines(line: &[u8]) -> bool {
    let message = line.strip_suffix(b"\r").unwrap_or(line);
    message.contains(&b'\r') || message.contains(&b'\n')
}

fn skim(line: &[u8]) -> Skimmed {
    let mut skimmer = Skimmer::new();
    skimmer.push(line);
    skimmer.finish()
}

/// A panic while a lock was held leaves bounded bookkeeping behind, nothing that decides.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
