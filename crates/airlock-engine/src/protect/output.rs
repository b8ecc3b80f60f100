//! What a tool returned, and what may be sent on.

use std::{borrow::Cow, fmt};

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
    /// A member of an object: the object, the key and the value. Like [`Part::Json`], and the key tells what
    /// the value is. The other members of the object are parts of their own, or none.
    Member(Value<'d>, Value<'d>, Value<'d>),
    /// A string of base64. The text that it encodes, or that stands between other bytes, is protected.
    Blob(Value<'d>),
    /// A string of base64 that encodes an image or a sound: left alone if it is base64, else a
    /// [`Part::Blob`].
    Media(Value<'d>),
}

/// What a tool returned, still untrusted.
#[derive(Clone)]
pub enum RawOutput<'d> {
    /// Plain text.
    Text(Cow<'d, str>),
    /// Places in a JSON document, whose text is the first field.
    Parts(&'d str, Vec<Part<'d>>),
    /// The tool failed with this text.
    Failed(Cow<'d, str>),
    /// The tool failed and answered with these places in a JSON document.
    FailedParts(&'d str, Vec<Part<'d>>),
    /// Places in a message of the protocol itself: a list, an error, a notification. Never cut, because
    /// half a list is another list.
    Protocol {
        /// The JSON document.
        document: &'d str,
        /// The places in it.
        parts: Vec<Part<'d>>,
        /// Whether it says that the tool failed.
        failed: bool,
    },
}

impl<'d> RawOutput<'d> {
    /// Plain text.
    pub fn text(text: impl Into<Cow<'d, str>>) -> Self {
        Self::Text(text.into())
    }

    /// Places in an answer of the protocol that is no tool's output: masked, never cut.
    pub fn protocol(document: &'d str, parts: Vec<Part<'d>>) -> Self {
        Self::Protocol { document, parts, failed: false }
    }

    /// Places in an error answer: masked, never cut.
    pub fn protocol_error(document: &'d str, parts: Vec<Part<'d>>) -> Self {
        Self::Protocol { document, parts, failed: true }
    }

    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::FailedParts(..) | Self::Protocol { failed: true, .. })
    }
}

// What a tool returned is not printed: it may hold secrets.
impl fmt::Debug for RawOutput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes, parts) = match self {
            Self::Text(text) => ("Text", text.len(), 0),
            Self::Failed(text) => ("Failed", text.len(), 0),
            Self::Parts(document, parts) => ("Parts", document.len(), parts.len()),
            Self::FailedParts(document, parts) => ("FailedParts", document.len(), parts.len()),
            Self::Protocol { document, parts, .. } => ("Protocol", document.len(), parts.len()),
        };
        f.debug_struct(name).field("bytes", &bytes).field("parts", &parts).finish_non_exhaustive()
    }
}

/// Output that went through layer 4: the only thing a host may send on.
#[derive(Clone)]
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

    /// The protected text of a plain-text output, owned.
    pub fn into_text(self) -> String {
        self.text.unwrap_or_default()
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

// Protected is not public: names and counts only.
impl fmt::Debug for ProtectedOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedOutput")
            .field("bytes", &self.text.as_ref().map(String::len))
            .field("edits", &self.edits)
            .field("report", &self.report)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, ProtectedOutput, RawOutput};
    use crate::json::{Bounds, Decoded, Document, Splices};

    #[test]
    fn debug_tells_no_content() {
        let text = r#"{"a":"hunter2","b":["hunter2"]}"#;
        let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
        let mut edits = Splices::default();
        edits.replace(0..1, "hunter2");
        let protected =
            ProtectedOutput { text: Some(text.into()), edits: edits.clone(), ..ProtectedOutput::unchanged() };
        let parts = || vec![Part::Json(doc.root())];
        for printed in [
            format!("{doc:?}"),
            format!("{:?}", doc.root().members()),
            format!("{:?}", doc.root().elements()),
            format!("{:?}", Decoded::new(r"\u0068unter2 hunter2")),
            format!("{edits:?}"),
            format!("{protected:?}"),
            format!("{:?}", RawOutput::text("hunter2")),
            format!("{:?}", RawOutput::Failed("hunter2".into())),
            format!("{:?}", RawOutput::Parts(text, parts())),
            format!("{:?}", RawOutput::FailedParts(text, parts())),
            format!("{:?}", RawOutput::protocol(text, parts())),
        ] {
            assert!(!printed.contains("hunter2") && !printed.is_empty(), "{printed}");
        }
    }
}
