//! A rule: what is looked for, where that is documented, and texts that prove it.

use std::ops::Range;

use crate::{Confidence, Finding, Kind, KindSet, text::Text, verify::token::Format};

/// Ids of the rules that judge a value by the name beside it rather than by its own form.
pub(crate) const GENERIC: [&str; 4] = ["keyed-text", "keyed-value", "bearer", "phone-context"];

/// One entry of the rule table. Its examples run as tests.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable identifier, unique in the table.
    pub id: &'static str,
    /// The kind of its findings. A rule that judges by names may report another kind of the same class.
    pub kind: Kind,
    /// Literals one of which every match contains; empty for rules that start at digit runs.
    pub anchors: &'static [&'static str],
    /// What it matches, in one sentence.
    pub description: &'static str,
    /// Where the format is documented.
    pub source: &'static str,
    /// Texts in which the rule must find something of its kind.
    pub examples: &'static [&'static str],
    /// Texts in which nothing of its kind may be found.
    pub counterexamples: &'static [&'static str],
    pub(crate) matcher: Matcher,
}

/// How a rule proceeds from an anchor.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Matcher {
    /// A vendor's token around the anchor.
    Shape(&'static Format),
    /// A hand-written verifier, called with the anchor's place.
    Verify(Verify),
    /// The same for anchors that stand in any ASCII case.
    Folded(Verify),
    /// Started by digit runs, not by anchors.
    Digits,
}

pub(crate) type Verify = fn(&Text<'_>, Range<usize>, &mut Sink<'_>);

/// Where verifiers report to.
pub(crate) struct Sink<'o> {
    pub(crate) out: &'o mut Vec<Finding>,
    pub(crate) kinds: KindSet,
    /// Start of the first candidate that the end of the text left undecided though more than
    /// [`LOOKAHEAD`] bytes follow its anchor. Only streams care.
    pub(crate) open: Option<usize>,
}

/// No verifier reads further than this many bytes behind its anchor, those that set [`Sink::open`] excepted.
pub(crate) const LOOKAHEAD: usize = 3 * 1024;

/// No verifier reads, and no finding starts, further than this many bytes before its anchor.
pub(crate) const LOOKBEHIND: usize = 768;

impl<'o> Sink<'o> {
    pub(crate) fn new(out: &'o mut Vec<Finding>, kinds: KindSet) -> Self {
        Self { out, kinds, open: None }
    }

    pub(crate) fn wants(&self, kind: Kind) -> bool {
        self.kinds.contains(kind)
    }

    pub(crate) fn report(
        &mut self,
        kind: Kind,
        span: Range<usize>,
        confidence: Confidence,
        rule: &'static str,
    ) {
        if self.wants(kind) && !span.is_empty() {
            self.out.push(Finding { kind, span, confidence, rule });
        }
    }

    /// Says that the candidate starting at `start` can only be decided with more text.
    pub(crate) fn leave_open(&mut self, start: usize) {
        self.open = Some(self.open.map_or(start, |open| open.min(start)));
    }
}
