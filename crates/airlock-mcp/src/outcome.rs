//! What the guard decides about one message: the bytes that go on, the bytes it sends itself, and what the
//! operator should hear.

use std::{borrow::Cow, fmt};

use crate::order::Release;

/// The decision about one message.
///
/// A transport delivers, towards each side, [`forward`](Self::forward) first and then the guard's own
/// messages in their order. No message contains a line break.
#[derive(Default)]
#[must_use = "a decision that is not delivered leaves its sender without an answer"]
pub struct Outcome<'m> {
    /// What goes on in the direction of travel, without a line break; borrowed when it is the received
    /// message byte for byte. `None`: the message stops here.
    pub forward: Option<Cow<'m, [u8]>>,
    /// The guard's own messages to the client.
    pub to_client: Vec<Vec<u8>>,
    /// The guard's own messages to the server.
    pub to_server: Vec<Vec<u8>>,
    /// What the operator should hear.
    pub reports: Vec<Report>,
    /// Dropped when `to_server` is on its way: see [`Release`].
    pub release: Release,
}

impl<'m> Outcome<'m> {
    /// The message goes on untouched.
    pub fn pass(line: &'m [u8]) -> Self {
        Self { forward: Some(Cow::Borrowed(line)), ..Self::default() }
    }

    /// The message goes no further.
    pub fn stop() -> Self {
        Self::default()
    }
}

/// Shows sizes only: messages carry arguments and output.
impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("forward_bytes", &self.forward.as_ref().map(|message| message.len()))
            .field("to_client", &self.to_client.len())
            .field("to_server", &self.to_server.len())
            .field("reports", &self.reports)
            .finish()
    }
}

/// A line for the operator. Its text names tools, schema properties and codes, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How much it matters.
    pub severity: Severity,
    /// Lower case, no final period.
    pub text: String,
}

impl Report {
    /// Something worth knowing.
    pub fn info(text: impl Into<String>) -> Self {
        Self { severity: Severity::Info, text: text.into() }
    }

    /// Something to act on.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into() }
    }
}

/// How much a [`Report`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// To act on: protection is weaker, or the peer misbehaves.
    Warning,
}

/// What is under way in a guard, so that a transport that ends knows what is worth waiting for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Client messages that the guard keeps back until the server has answered a question of the guard's
    /// own. While there are any, the server's input has to stay open.
    pub held: usize,
    /// Client requests that the server has and has not answered.
    pub in_flight: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_message() {
        let outcome = Outcome { to_client: vec![b"secret".to_vec()], ..Outcome::pass(b"secret") };
        let shown = format!("{outcome:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("forward_bytes: Some(6)"), "{shown}");
    }
}
