//! Instructions to a model, hidden in data. Patterns see wording, never intent.

mod forged;
mod hidden;
mod orders;
mod overrides;

use crate::{
    Confidence, Kind, Rule,
    rule::Matcher,
    verify::phrase::{Phrase, Step},
};

/// The tables, by topic.
pub(super) const TABLES: [&[Rule]; 13] = [
    overrides::english::RULES,
    overrides::european::RULES,
    overrides::asian::RULES,
    orders::conceal::RULES,
    orders::prompt::RULES,
    orders::persona::RULES,
    orders::authority::RULES,
    orders::tools::RULES,
    orders::exfiltrate::RULES,
    orders::address::RULES,
    orders::answer::RULES,
    forged::FORGED,
    hidden::HIDDEN,
];

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

/// A rule whose literals the filter finds by rare parts of them, each `key => [literals with it]`: fewer and
/// rarer anchors. The literals fold ASCII case.
macro_rules! keyed {
    (
        $rule:literal, { $($key:literal => [$($literal:literal),* $(,)?]),* $(,)? },
        $description:expr, $examples:expr, $counterexamples:expr, $kind:ident $($what:tt)+
    ) => {
        crate::rules::injection::rule(
            $rule,
            &[$($key),*],
            $description,
            $examples,
            $counterexamples,
            crate::rule::Matcher::Folded(|text, key, sink| {
                static KEYS: &[crate::verify::phrase::Key] = &[$(crate::verify::phrase::Key {
                    text: $key,
                    literals: &[$(crate::verify::phrase::Literal::new($literal, $key)),*],
                }),*];
                for anchor in crate::verify::phrase::around(text, key, KEYS) {
                    crate::rules::injection::judge!($kind $($what)+, $rule, text, anchor, sink);
                }
            }),
        )
    };
}

/// What a keyed rule does with a literal: tries phrases in order, reports it with a confidence, or calls.
macro_rules! judge {
    (phrases [$($phrase:expr),* $(,)?], $rule:literal, $text:ident, $anchor:ident, $sink:ident) => {
        static PHRASES: &[crate::verify::phrase::Phrase] = &[$($phrase),*];
        crate::verify::phrase::verify($text, $anchor, $rule, PHRASES, $sink);
    };
    (literal $confidence:ident, $rule:literal, $text:ident, $anchor:ident, $sink:ident) => {
        crate::verify::phrase::verify_literal($text, $anchor, ($rule, $confidence), $sink);
    };
    (with $verify:path, $rule:literal, $text:ident, $anchor:ident, $sink:ident) => {
        $verify($text, $anchor, $sink);
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

use {judge, keyed, literal, near};
