//! What a guarded call gives back.

use std::fmt;

use airlock_engine::OutputReport;
use serde::de::DeserializeOwned;

/// The output of a tool, masked, screened and cut: what the model may read.
#[derive(Clone)]
pub struct Output {
    pub(crate) text: String,
    pub(crate) json: bool,
    pub(crate) failed: bool,
    pub(crate) report: OutputReport,
}

impl Output {
    /// The text for the model: what the tool said, or its value as JSON.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text for the model, owned.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Whether the tool returned an error, whose text this is.
    pub fn is_error(&self) -> bool {
        self.failed
    }

    /// The value that the tool returned, protected; `None` if it returned a text or an error.
    pub fn json(&self) -> Option<serde_json::Value> {
        if self.json { serde_json::from_str(&self.text).ok() } else { None }
    }

    /// The value as a type. A number that was masked is a string now, so this may fail where the tool did not.
    ///
    /// # Errors
    ///
    /// It is a text or an error, or the protected value does not fit the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        if self.json {
            serde_json::from_str(&self.text)
        } else {
            serde_json::from_value(serde_json::Value::String(self.text.clone()))
        }
    }

    /// What was masked, found and cut.
    pub fn report(&self) -> &OutputReport {
        &self.report
    }
}

// Protected is not public.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("bytes", &self.text.len())
            .field("json", &self.json)
            .field("failed", &self.failed)
            .field("report", &self.report)
            .finish()
    }
}
