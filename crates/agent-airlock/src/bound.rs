//! A tool and the engine that judges its calls.

use std::{fmt, sync::Arc};

use airlock_engine::{
    Airlock, Caller, Code, Part, Permit, RawCall, RawOutput, Rejection, SandboxNeed, TargetKind,
    json::{Bounds, Document},
};
use serde_json::Value;

use crate::{
    Output, Tool,
    current::{Guarded, entered},
    isolation::{Answer, Isolated, Isolation},
    outcome::Returned,
    stream::ProtectedChunks,
};

/// A tool of a [`Toolbox`](crate::Toolbox), with everything that its engine says about it looked up.
#[derive(Clone)]
pub struct Bound {
    tool: Tool,
    binding: Binding,
}

/// What an engine says about a tool. Apart from the tool, so that the tool can keep one of its own.
#[derive(Clone)]
pub(crate) struct Binding {
    target: Arc<airlock_engine::Tool>,
    airlock: Airlock,
    place: Place,
}

/// Where a tool runs.
#[derive(Clone)]
enum Place {
    /// In this process, as it asks for nothing else.
    Here,
    /// In a process of its own, in a sandbox.
    Apart(Isolation),
    /// It asks for a sandbox, and no worker would find it, for this reason.
    Nowhere(&'static str),
}

impl Binding {
    pub(crate) fn new(tool: &Tool, airlock: &Airlock, isolation: Option<&Isolation>) -> Self {
        let schema = Some(tool.schema_text());
        let target = airlock.tool_with(TargetKind::Tool, tool.name(), schema, tool.settings());
        let place = match isolation {
            _ if target.sandbox() == SandboxNeed::None => Place::Here,
            None => Place::Nowhere("`main` does not begin with `agent_airlock::enter`"),
            Some(isolation) => match isolation.problem_with(tool) {
                Some(problem) => Place::Nowhere(problem),
                None => Place::Apart(isolation.clone()),
            },
        };
        Self { target, airlock: airlock.clone(), place }
    }
}

impl Bound {
    /// Binds a tool to an engine.
    pub(crate) fn new(tool: Tool, airlock: &Airlock, isolation: Option<&Isolation>) -> Self {
        let binding = Binding::new(&tool, airlock, isolation);
        Self::of(tool, binding)
    }

    pub(crate) fn of(tool: Tool, binding: Binding) -> Self {
        Self { tool, binding }
    }

    /// The tool.
    pub fn tool(&self) -> &Tool {
        &self.tool
    }

    /// Why its schema cannot be used, if it cannot.
    pub(crate) fn contract_error(&self) -> Option<&airlock_engine::ContractError> {
        self.binding.target.contract_error()
    }

    /// Why it does not get the sandbox that it asks for, as a sentence for the operator.
    pub(crate) fn missing_sandbox(&self) -> Option<String> {
        let reason = match &self.binding.place {
            Place::Here => return None,
            Place::Nowhere(reason) => (*reason).to_owned(),
            Place::Apart(isolation) => isolation.shortcoming()?,
        };
        let consequence = match self.binding.target.sandbox() {
            SandboxNeed::Required => "its calls are refused",
            SandboxNeed::Wanted | SandboxNeed::None => "it runs in this process",
        };
        Some(format!("it asks for a sandbox, and there is none: {consequence} ({reason})"))
    }

    /// Whether the policies let this caller know that it exists.
    pub fn is_visible_to(&self, caller: &Caller) -> bool {
        self.binding.airlock.may_see(&self.binding.target, caller)
    }

    /// Calls it through the four layers.
    ///
    /// # Errors
    ///
    /// The rejection to show to the agent; its record is written.
    pub async fn call(&self, arguments: Value, caller: &Caller) -> Result<Output, Rejection> {
        self.call_json(arguments.to_string(), caller).await
    }

    /// Like [`call`](Self::call), waiting on this thread.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call).
    pub fn call_blocking(&self, arguments: Value, caller: &Caller) -> Result<Output, Rejection> {
        pollster::block_on(self.call(arguments, caller))
    }

    /// Like [`call`](Self::call), with the text of the arguments exactly as the model sent it.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call).
    pub async fn call_json(
        &self,
        arguments: impl Into<Arc<str>>,
        caller: &Caller,
    ) -> Result<Output, Rejection> {
        self.stream(arguments, caller).await?.collect().await
    }

    /// Like [`call_json`](Self::call_json), and gives the output in chunks, as soon as they may be shown. A tool that
    /// does not return a [`TextStream`](crate::TextStream) has one chunk.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call). A chunk may be an error too, and is the last then.
    pub async fn stream(
        &self,
        arguments: impl Into<Arc<str>>,
        caller: &Caller,
    ) -> Result<ProtectedChunks, Rejection> {
        let caller = Arc::new(caller.clone());
        let call = RawCall::new(Arc::clone(&self.binding.target), arguments, Arc::clone(&caller));
        if !self.tool.problems().is_empty() {
            let rejection = Rejection::new(Code::InternalPolicy)
                .with_message("the tool asks for something that cannot be understood");
            return Err(self.binding.airlock.refuse(call, rejection));
        }
        let call = match &self.binding.place {
            Place::Apart(isolation) => call.with_sandbox(isolation.name()),
            Place::Here | Place::Nowhere(_) => call,
        };
        let admitted = self.binding.airlock.admit(call).await;
        let mut permit = admitted.map_err(|rejection| self.explained(rejection))?;
        if let Place::Apart(isolation) = &self.binding.place {
            match isolation.run(&self.tool, permit.arguments().to_owned(), &caller).await {
                Isolated::Answered(answer) => {
                    return release_answer(permit, answer).await.map(ProtectedChunks::whole);
                }
                Isolated::Lost(rejection) => return Err(permit.fail(rejection)),
                Isolated::NotRun(reason)
                    if self.binding.target.sandbox() == SandboxNeed::Required || isolation.is_there() =>
                {
                    return Err(permit.refuse(Rejection::new(Code::SandboxUnavailable).with_hint(reason)));
                }
                // Nothing has run yet, and it may run here.
                Isolated::NotRun(_) => permit = permit.without_sandbox()?,
            }
        }
        let running = match entered(&caller, || self.tool.start(permit.arguments(), &caller)) {
            Ok(Some(running)) => running,
            Ok(None) => return Err(permit.fail(misfit())),
            Err(_panicked) => return Err(permit.fail(Rejection::new(Code::ToolPanicked))),
        };
        let Ok(outcome) = (Guarded { running, caller: Arc::clone(&caller) }).await else {
            return Err(permit.fail(Rejection::new(Code::ToolPanicked)));
        };
        let output = match outcome.0 {
            Returned::Stream(chunks) => {
                return Ok(ProtectedChunks::open(chunks, permit.release_stream(), caller));
            }
            Returned::Json(json) => release_json(permit, &json).await?,
            Returned::Text(text) => release_text(permit, RawOutput::text(text), false).await?,
            Returned::Failed(text) => release_text(permit, RawOutput::Failed(text.into()), true).await?,
        };
        Ok(ProtectedChunks::whole(output))
    }

    /// With what the program lacks, where that is why there is no sandbox.
    fn explained(&self, rejection: Rejection) -> Rejection {
        let Place::Nowhere(reason) = self.binding.place else { return rejection };
        if rejection.code() != Code::SandboxUnavailable {
            return rejection;
        }
        let name = self.tool.name();
        rejection.with_hint(format!(
            "{reason}: the program's `main` must begin with `if let Err(code) = agent_airlock::enter(&[{name}]) \
             {{ return code; }}`"
        ))
    }
}

/// The schema let them pass, and the type does not take them. The reason may quote a value.
fn misfit() -> Rejection {
    Rejection::new(Code::ValidationError)
        .with_message("the arguments do not fit the types of the tool's parameters")
}

/// Layer 4 for what came out of a sandbox: it is believed no more than any other output.
async fn release_answer(permit: Permit, answer: Answer) -> Result<Output, Rejection> {
    match answer {
        Answer::Text(text) => release_text(permit, RawOutput::text(text), false).await,
        Answer::Json(json) => release_json(permit, &json).await,
        Answer::Failed(text) => release_text(permit, RawOutput::Failed(text.into()), true).await,
        Answer::Panicked => Err(permit.fail(Rejection::new(Code::ToolPanicked))),
        Answer::Misfit => Err(permit.fail(misfit())),
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("tool", &self.tool).finish_non_exhaustive()
    }
}

/// Layer 4 for a text.
async fn release_text(permit: Permit, raw: RawOutput<'_>, failed: bool) -> Result<Output, Rejection> {
    let protected = permit.release(raw).await?;
    let report = protected.report().clone();
    Ok(Output { text: protected.into_text(), json: false, failed, report })
}

/// Layer 4 for a JSON document.
async fn release_json(permit: Permit, json: &str) -> Result<Output, Rejection> {
    let Ok(document) = Document::parse(json.as_bytes(), &Bounds::DEFAULT) else {
        let rejection = Rejection::new(Code::LimitExceeded)
            .with_message("the tool's result is larger or deeper than can be protected");
        return Err(permit.fail(rejection));
    };
    let parts = vec![Part::Json(document.root())];
    let protected = permit.release(RawOutput::Parts(json, parts)).await?;
    let text = if protected.edits().is_empty() { json.to_owned() } else { protected.edits().apply(json) };
    Ok(Output { text, json: true, failed: false, report: protected.report().clone() })
}
