//! An expected refusal: for the caller, made so that a model can correct itself.

use std::{fmt, time::Duration};

use crate::{
    code::{Code, Layer},
    json::write_string,
};

/// Most hints that a rejection carries; a model corrects a handful at a time.
pub const MAX_FIX_HINTS: usize = 8;

/// A refused call. Names schema properties and codes, never argument or output values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    code: Code,
    tool: String,
    message: String,
    fix_hints: Vec<String>,
    ghost_arguments: Vec<String>,
    retry_after: Option<Duration>,
}

impl Rejection {
    /// A rejection with the catalogue's own sentence as its message.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            tool: String::new(),
            message: code.description().to_owned(),
            fix_hints: Vec::new(),
            ghost_arguments: Vec::new(),
            retry_after: None,
        }
    }

    /// Replaces the message. It must not hold values from the call or the output.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Says which tool was called.
    #[must_use]
    pub fn for_tool(mut self, tool: &str) -> Self {
        tool.clone_into(&mut self.tool);
        self
    }

    /// Adds a hint; beyond [`MAX_FIX_HINTS`] it is dropped.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        if self.fix_hints.len() < MAX_FIX_HINTS {
            self.fix_hints.push(hint.into());
        }
        self
    }

    /// Says which ghost arguments were found, as printable names.
    #[must_use]
    pub fn with_ghosts(mut self, names: Vec<String>) -> Self {
        self.ghost_arguments = names;
        self
    }

    /// Says how long to wait: exact to the millisecond, rounded up.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Why the call was refused.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Which layer refused.
    pub fn layer(&self) -> Layer {
        self.code.layer()
    }

    /// The safe message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to change, one hint per violation.
    pub fn fix_hints(&self) -> &[String] {
        &self.fix_hints
    }

    /// Names of the ghost arguments.
    pub fn ghost_arguments(&self) -> &[String] {
        &self.ghost_arguments
    }

    /// How long to wait before calling again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What the agent sees: one JSON object, without a line break.
    pub fn to_agent_json(&self) -> String {
        let mut out = String::with_capacity(256);
        out.push_str(r#"{"success":false,"status":"blocked","block_reason":""#);
        out.push_str(self.code.name());
        out.push_str(r#"","error":"#);
        write_string(&mut out, &format!("AIRLOCK_BLOCK: {}", self.message));
        out.push_str(r#","fix_hints":"#);
        write_list(&mut out, &self.fix_hints);
        out.push_str(r#","metadata":{"layer":""#);
        out.push_str(self.layer().name());
        out.push('"');
        if !self.tool.is_empty() {
            out.push_str(r#","tool":"#);
            write_string(&mut out, &self.tool);
        }
        if !self.ghost_arguments.is_empty() {
            out.push_str(r#","ghost_arguments":"#);
            write_list(&mut out, &self.ghost_arguments);
        }
        if let Some(wait) = self.retry_after {
            out.push_str(r#","retry_after_ms":"#);
            out.push_str(&wait.as_nanos().div_ceil(1_000_000).to_string());
        }
        out.push_str(r#","advice":"#);
        write_string(&mut out, self.code.advice());
        out.push_str("}}");
        out
    }
}

fn write_list(out: &mut String, items: &[String]) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, item);
    }
    out.push(']');
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Rejection {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Code, MAX_FIX_HINTS, Rejection};

    #[test]
    fn the_agent_sees_the_documented_json() {
        let rejection = Rejection::new(Code::RateLimited)
            .for_tool("query_db")
            .with_hint("wait \"a bit\"")
            .with_retry_after(Duration::from_micros(1_500));
        let json: serde_json::Value = serde_json::from_str(&rejection.to_agent_json()).unwrap();
        assert_eq!(json["success"], false);
        assert_eq!(json["status"], "blocked");
        assert_eq!(json["block_reason"], "rate_limited");
        assert!(json["error"].as_str().unwrap().starts_with("AIRLOCK_BLOCK: "));
        assert_eq!(json["fix_hints"][0], "wait \"a bit\"");
        assert_eq!(json["metadata"]["tool"], "query_db");
        assert_eq!(json["metadata"]["layer"], "authorize");
        assert_eq!(json["metadata"]["retry_after_ms"], 2);
    }

    #[test]
    fn hints_are_bounded() {
        let rejection =
            (0..100).fold(Rejection::new(Code::ValidationError), |r, n| r.with_hint(n.to_string()));
        assert_eq!(rejection.fix_hints().len(), MAX_FIX_HINTS);
    }
}
