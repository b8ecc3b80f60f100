//! Instructions to a model, hidden in data. Patterns see wording, never intent.

mod forged;
mod hidden;
mod orders;
mod overrides;

pub(super) use self::{forged::FORGED, hidden::HIDDEN, orders::ORDERS, overrides::OVERRIDES};

use crate::{
    Confidence, Kind, Rule,
    rule::Matcher,
    verify::phrase::{Phrase, Step},
};

const OWASP: &str = "https://genai.owasp.org/llmrisk/llm01-prompt-injection/";

const fn rule(
    id: &'static str,
    anchors: &'static [&'static str],
    description: &'static str,
    examples: &'static [&'static str],
    counterexamples: &'static [&'static str],
    matcher: Matcher,
) -> Rule {
    Rule {
        id,
        kind: Kind::Injection,
        anchors,
        description,
        source: OWASP,
        examples,
        counterexamples,
        matcher,
    }
}

/// Words of one sentence around the anchor.
const fn phrase(confidence: Confidence, before: &'static [Step], after: &'static [Step]) -> Phrase {
    Phrase { confidence, before, after, across: false }
}

/// The same over colons, brackets and dots inside words.
const fn across(confidence: Confidence, before: &'static [Step], after: &'static [Step]) -> Phrase {
    Phrase { confidence, before, after, across: true }
}

/// A matcher that tries phrases in order.
macro_rules! phrases {
    ($rule:literal, [$($phrase:expr),* $(,)?]) => {
        crate::rule::Matcher::Folded(|text, anchor, sink| {
            static PHRASES: &[crate::verify::phrase::Phrase] = &[$($phrase),*];
            crate::verify::phrase::verify(text, anchor, $rule, PHRASES, sink);
        })
    };
}

/// A matcher that reports the anchor itself.
macro_rules! literal {
    ($matcher:ident, $rule:literal, $confidence:expr) => {
        crate::rule::Matcher::$matcher(|text, anchor, sink| {
            crate::verify::phrase::verify_literal(text, anchor, ($rule, $confidence), sink);
        })
    };
}

/// A matcher that wants one word of each set near the anchor.
macro_rules! near {
    ($rule:literal, $confidence:expr, $reach:expr, $sets:expr) => {
        crate::rule::Matcher::Verify(|text, anchor, sink| {
            static NEAR: crate::verify::phrase::Near =
                crate::verify::phrase::Near { confidence: $confidence, reach: $reach, sets: $sets };
            NEAR.verify(text, anchor, $rule, sink);
        })
    };
}

use {literal, near, phrases};
