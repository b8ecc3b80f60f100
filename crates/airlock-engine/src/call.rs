//! The chain that cannot be skipped: `RawCall` → `ValidatedCall` → `Permit` → release.
//!
//! Each step consumes the value before it and only the engine can make the next one.

use std::{fmt, sync::Arc};

use crate::{
    audit::{AuditScope, Outcome},
    caller::Caller,
    code::Code,
    core::Core,
    protect::{ProtectedOutput, RawOutput},
    rejection::Rejection,
    tool::Tool,
    validate::NO_ARGUMENTS,
};

/// A call as it arrived: nothing about it has been checked.
pub struct RawCall {
    pub(crate) tool: Arc<Tool>,
    pub(crate) arguments: Arc<str>,
    pub(crate) caller: Arc<Caller>,
}

impl RawCall {
    /// A call of `tool` with the JSON text of its arguments, exactly as received.
    pub fn new(tool: Arc<Tool>, arguments: impl Into<Arc<str>>, caller: Arc<Caller>) -> Self {
        Self { tool, arguments: arguments.into(), caller }
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
            let rejection = Rejection::new(Code::OutputBlocked)
                .with_message("the output holds instructions to the model and is withheld")
                .for_tool(&self.call.tool.name);
            return Err(self.call.scope.refuse(rejection));
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

// Arguments may hold secrets.
impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("tool", &self.call.tool.name).finish_non_exhaustive()
    }
}
