//! Exactly one record per call: the scope opens at the door and closes once, by a word or by a drop.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::record::{Record, Result as RecordResult};
use crate::{code::Code, core::Core, ports::AuditError, protect::OutputReport, rejection::Rejection};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The tool ran and its output was released.
    Allowed,
    /// The call was refused.
    Blocked(Code),
    /// The tool ran, or was to run, and failed; with a code when Airlock says why.
    Failed(Option<Code>),
    /// The host dropped the call.
    Abandoned,
}

impl Outcome {
    fn in_record(self) -> RecordResult {
        match self {
            Self::Allowed => RecordResult { word: "allowed", reason: None },
            Self::Blocked(code) => RecordResult { word: "blocked", reason: Some(code) },
            Self::Failed(reason) => RecordResult { word: "failed", reason },
            Self::Abandoned => RecordResult { word: "abandoned", reason: None },
        }
    }
}

/// The record of a call that is under way.
pub(crate) struct AuditScope {
    core: Arc<Core>,
    record: Record,
    open: bool,
}

impl AuditScope {
    pub(crate) fn open(core: Arc<Core>, record: Record) -> Self {
        Self { core, record, open: true }
    }

    pub(crate) fn record(&mut self) -> &mut Record {
        &mut self.record
    }

    /// No record will be written: the call is only looked at.
    pub(crate) fn silence(&mut self) {
        self.open = false;
    }

    /// What validation did to the call, in words.
    pub(crate) fn remark(&self) -> Option<String> {
        let stripped =
            (!self.record.ghosts.is_empty()).then(|| format!("stripped {}", self.record.ghosts.join(", ")));
        let open = self.record.free_form.then(|| "a nested object is a free-form map".to_owned());
        let unchecked =
            self.record.unchecked_schema.then(|| "the schema does not compile and was not used".to_owned());
        let remarks: Vec<String> = [stripped, open, unchecked].into_iter().flatten().collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }

    pub(crate) fn was_stripped(&self) -> bool {
        self.record.stripped
    }

    pub(crate) fn note_output(&mut self, report: OutputReport) {
        self.record.output = report;
    }

    /// Writes the record. A second call writes nothing.
    pub(crate) fn close(&mut self, outcome: Outcome) -> Result<(), AuditError> {
        if !std::mem::replace(&mut self.open, false) {
            return Ok(());
        }
        let result = outcome.in_record();
        let write = || self.record.to_json(result, &self.core.protector);
        // A scanner that fails on the arguments must not take the record with it.
        let line = catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|_| self.record.to_bare_json(result));
        catch_unwind(AssertUnwindSafe(|| self.core.providers.audit.write(&line)))
            .unwrap_or_else(|_| Err(AuditError("the audit destination crashed".to_owned())))
    }

    /// Records a refusal and gives it back; without a record, what is refused is the missing record.
    pub(crate) fn refuse(&mut self, rejection: Rejection) -> Rejection {
        match self.close(Outcome::Blocked(rejection.code())) {
            Ok(()) => rejection,
            Err(_) => Rejection::new(Code::InternalAudit).for_tool(&self.record.tool.name),
        }
    }
}

impl Drop for AuditScope {
    fn drop(&mut self) {
        // Nobody is left to be told of a failure; the sink remembers it and refuses the next call.
        let _ = self.close(Outcome::Abandoned);
    }
}
