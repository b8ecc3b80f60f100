//! The chain that cannot be skipped: `RawCall` → `ValidatedCall` → `Permit` → release.
//!
//! Each step consumes the value before it and only the engine can make the next one.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    audit::{AuditScope, Outcome},
    caller::Caller,
    code::Code,
    core::Core,
    protect::{OutputReport, ProtectedOutput, ProtectedStream, RawOutput},
    rejection::Rejection,
    settings::SandboxNeed,
    tool::Tool,
    validate::NO_ARGUMENTS,
};

/// A call as it arrived: nothing about it has been checked.
pub struct RawCall {
    pub(crate) tool: Arc<Tool>,
    pub(crate) arguments: Arc<str>,
    pub(crate) caller: Arc<Caller>,
    pub(crate) sandbox: Option<Arc<str>>,
}

impl RawCall {
    /// A call of `tool` with the JSON text of its arguments, exactly as received.
    pub fn new(tool: Arc<Tool>, arguments: impl Into<Arc<str>>, caller: Arc<Caller>) -> Self {
        Self { tool, arguments: arguments.into(), caller, sandbox: None }
    }

    /// The host has a sandbox of this name, and will run this call in it. Without this word a tool that requires one is
    /// refused. The record of what is admitted has the name, also when its result is lost or nobody waits for it;
    /// [`Permit::without_sandbox`] and [`Permit::refuse`] take it back.
    #[must_use]
    pub fn with_sandbox(self, name: impl Into<Arc<str>>) -> Self {
        Self { sandbox: Some(name.into()), ..self }
    }

    /// A call without arguments.
    pub fn without_arguments(tool: Arc<Tool>, caller: Arc<Caller>) -> Self {
        Self::new(tool, NO_ARGUMENTS, caller)
    }
}

// Arguments may hold secrets.
impl fmt::Debug for RawCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawCall").field("tool", &self.tool.name).finish_non_exhaustive()
    }
}

/// A call whose arguments conform to the tool's contract.
pub(crate) struct ValidatedCall {
    pub(crate) tool: Arc<Tool>,
    pub(crate) arguments: Arc<str>,
    pub(crate) caller: Arc<Caller>,
    /// The sandbox in which the host will run it.
    pub(crate) sandbox: Option<Arc<str>>,
    pub(crate) scope: AuditScope,
}

/// The proof that a call was validated and authorized. Needed to execute it, good for one output.
///
/// Dropping it leaves an audit record with the result `abandoned`.
#[must_use = "a dropped permit is an abandoned call"]
pub struct Permit {
    pub(crate) call: ValidatedCall,
    pub(crate) core: Arc<Core>,
}

impl Permit {
    /// The tool to run.
    pub fn tool(&self) -> &Tool {
        &self.call.tool
    }

    /// The JSON text of the arguments to run it with: what was authorized, byte for byte.
    pub fn arguments(&self) -> &str {
        &self.call.arguments
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.call.caller
    }

    /// Whether ghost arguments were stripped, so that the arguments differ from what was received.
    pub fn was_stripped(&self) -> bool {
        self.call.scope.was_stripped()
    }

    /// The sandbox that was promised cannot be had: may the tool run in this process? The record says so then.
    ///
    /// # Errors
    ///
    /// `sandbox_unavailable` where it is required: the call is over, and its record is written.
    pub fn without_sandbox(mut self) -> Result<Self, Rejection> {
        if self.call.tool.sandbox == SandboxNeed::Required {
            return Err(self.refuse(Rejection::new(Code::SandboxUnavailable)));
        }
        let record = self.call.scope.record();
        record.sandbox = None;
        record.unsandboxed = self.call.tool.sandbox == SandboxNeed::Wanted;
        Ok(self)
    }

    /// The host refuses the call before the tool ran: there is no sandbox for it, say. Writes the record and gives the
    /// rejection back for the caller.
    pub fn refuse(mut self, rejection: Rejection) -> Rejection {
        self.call.scope.record().sandbox = None;
        let rejection = rejection.for_tool(&self.call.tool.name);
        self.call.scope.refuse(rejection)
    }

    /// Layer 4 and the audit record. Consumes the permit.
    ///
    /// # Errors
    ///
    /// `output_blocked` when the output may not be shown, `internal_audit` when the record cannot be
    /// written: the tool ran, and its output is withheld.
    #[expect(
        clippy::unused_async,
        reason = "an audit destination or scanner may have to be awaited in a later release"
    )]
    pub async fn release(mut self, output: RawOutput<'_>) -> Result<ProtectedOutput, Rejection> {
        let failed = output.is_failure();
        let protected = self.core.protect(&self.call.tool, &output);
        let report = protected.report.clone();
        let blocked = report.blocked;
        self.call.scope.note_output(report);
        if blocked {
            return Err(self.call.scope.refuse(blocked_output().for_tool(&self.call.tool.name)));
        }
        let outcome = if failed { Outcome::Failed(None) } else { Outcome::Allowed };
        match self.call.scope.close(outcome) {
            Ok(()) => Ok(protected),
            Err(_) => Err(Rejection::new(Code::InternalAudit).for_tool(&self.call.tool.name)),
        }
    }

    /// The call failed without an output that could be shown: the server ended, a timeout, a broken answer.
    /// Writes the record and gives the rejection back for the caller.
    pub fn fail(mut self, rejection: Rejection) -> Rejection {
        let rejection = rejection.for_tool(&self.call.tool.name);
        match self.call.scope.close(Outcome::Failed(Some(rejection.code()))) {
            Ok(()) => rejection,
            Err(_) => Rejection::new(Code::InternalAudit).for_tool(&self.call.tool.name),
        }
    }
}

impl Permit {
    /// Layer 4 for an output that comes in chunks of text. Consumes the permit.
    pub fn release_stream(self) -> OutputStream {
        let stream = ProtectedStream::new(Arc::clone(&self.core), &self.call.tool.output);
        OutputStream { permit: self, stream, broken: false }
    }
}

/// An output that comes in chunks: text in, what may be shown out, and one audit record at the end.
///
/// A secret that lies over two chunks is found, because the last 4 KiB (up to 64 KiB of an open private key) are held
/// back until more comes. The length is bounded over all chunks, in characters. Where injected instructions are
/// blocked, nothing is given out before the end. Dropping it leaves an audit record with the result `abandoned`.
#[must_use = "a dropped stream is an abandoned call"]
pub struct OutputStream {
    permit: Permit,
    stream: ProtectedStream,
    /// A stage failed: nothing more is given out.
    broken: bool,
}

impl OutputStream {
    /// Takes the next chunk, and gives back what may be shown now, which is often nothing.
    pub fn push(&mut self, chunk: &str) -> String {
        if self.broken {
            return String::new();
        }
        catch_unwind(AssertUnwindSafe(|| self.stream.push(chunk))).unwrap_or_else(|_| {
            self.broken = true;
            String::new()
        })
    }

    /// The end of the output: gives back the rest, and what was done to all of it.
    ///
    /// # Errors
    ///
    /// Like [`Permit::release`].
    pub fn finish(self) -> Result<(String, OutputReport), Rejection> {
        self.end(Outcome::Allowed)
    }

    /// The end of the output of a tool that failed, and said why in the last chunks.
    ///
    /// # Errors
    ///
    /// Like [`Permit::release`].
    pub fn finish_failed(self) -> Result<(String, OutputReport), Rejection> {
        self.end(Outcome::Failed(None))
    }

    fn end(mut self, outcome: Outcome) -> Result<(String, OutputReport), Rejection> {
        let rest = catch_unwind(AssertUnwindSafe(|| self.stream.finish()));
        let Some(rest) = rest.ok().filter(|_| !self.broken) else {
            return Err(self.permit.fail(Rejection::new(Code::InternalPanic)));
        };
        let (scope, tool) = (&mut self.permit.call.scope, &self.permit.call.tool);
        scope.note_output(self.stream.report.clone());
        let Some(rest) = rest else {
            return Err(scope.refuse(blocked_output().for_tool(&tool.name)));
        };
        match scope.close(outcome) {
            Ok(()) => Ok((rest, self.stream.report)),
            Err(_) => Err(Rejection::new(Code::InternalAudit).for_tool(&tool.name)),
        }
    }

    /// The tool failed in the middle, without a word. Writes the record and gives the rejection back for the caller.
    pub fn fail(self, rejection: Rejection) -> Rejection {
        self.permit.fail(rejection)
    }
}

// What a tool returned is not printed: it may hold secrets.
impl fmt::Debug for OutputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputStream").field("permit", &self.permit).finish_non_exhaustive()
    }
}

fn blocked_output() -> Rejection {
    Rejection::new(Code::OutputBlocked)
        .with_message("the output holds instructions to the model and is withheld")
}

// Arguments may hold secrets.
impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("tool", &self.call.tool.name).finish_non_exhaustive()
    }
}
