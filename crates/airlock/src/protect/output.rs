//! What a tool returned, and what may be sent on.

use std::borrow::Cow;

use super::OutputReport;
use crate::json::{Splices, Value};

/// A place in a JSON document where the model can read something.
#[derive(Clone, Copy, Debug)]
pub enum Part<'d> {
    /// A string of running text. Neighbouring texts are also searched as one, so that a secret split over
    /// two of them is found.
    Text(Value<'d>),
    /// Any JSON value: every leaf, every key, and keys tell what their values are.
    Json(Value<'d>),
    /// A member of an object, key and value: like [`Part::Json`], and the key tells what the value is.
    Member(Value<'d>, Value<'d>),
    /// A string of base64. Where it encodes text, the text is protected.
    Blob(Value<'d>),
}

/// What a tool returned, still untrusted.
#[derive(Clone, Debug)]
pub enum RawOutput<'d> {
    /// Plain text.
    Text(Cow<'d, str>),
    /// Places in a JSON document, whose text is the first field.
    Parts(&'d str, Vec<Part<'d>>),
    /// The tool failed with this text.
    Failed(Cow<'d, str>),
    /// The tool failed and answered with these places in a JSON document.
    FailedParts(&'d str, Vec<Part<'d>>),
}

impl<'d> RawOutput<'d> {
    /// Plain text.
    pub fn text(text: impl Into<Cow<'d, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::FailedParts(..))
    }
}

/// Output that went through layer 4: the only thing a host may send on.
#[derive(Clone, Debug)]
pub struct ProtectedOutput {
    pub(crate) text: Option<String>,
    pub(crate) edits: Splices,
    pub(crate) report: OutputReport,
}

impl ProtectedOutput {
    /// An output in which nothing has to change so far. Not `Default`: only the engine makes one.
    pub(crate) fn unchanged() -> Self {
        Self { text: None, edits: Splices::default(), report: OutputReport::default() }
    }

    /// The protected text of a plain-text output; empty for one made of parts.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// The edits to make in the document of an output made of parts; nothing else in it needs to change.
    pub fn edits(&self) -> &Splices {
        &self.edits
    }

    /// What was done.
    pub fn report(&self) -> &OutputReport {
        &self.report
    }
}
