//! The audit record: one JSON object per call, always, also on refusal, crash or cancel.

mod record;
mod scope;

pub(crate) use record::Record;
pub(crate) use scope::{AuditScope, Outcome};
