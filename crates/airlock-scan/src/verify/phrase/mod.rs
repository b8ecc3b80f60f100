//! Wording that addresses a model: phrases as tables of words around an anchor.

mod hidden;
mod html;
mod image;
mod keys;
mod passage;
mod words;

pub(crate) use self::{
    hidden::{
        verify_bidi, verify_forged, verify_tags, verify_terminal_link, verify_turn, verify_variations,
        verify_zero_width,
    },
    html::{verify_comment, verify_hidden_element},
    image::{verify_html_image, verify_image, verify_link, verify_reference},
    keys::{Key, Literal, around},
    passage::settle,
};

use std::ops::Range;

use self::words::{Words, is_boundary};
use crate::{Confidence, Kind, rule::Sink, text::Text};

/// Among the next `skip + 1` words one of `any`. Words are folded; a `*` at the end stands for any ending.
#[derive(Clone, Copy)]
pub(crate) struct Step(pub(crate) usize, pub(crate) &'static [&'static str]);

/// What must stand around an anchor; `before` is read backwards.
pub(crate) struct Phrase {
    pub(crate) confidence: Confidence,
    pub(crate) before: &'static [Step],
    pub(crate) after: &'static [Step],
    /// Whether colons, brackets and dots inside words are passed over.
    pub(crate) across: bool,
}

/// Reports the first phrase that the anchor is part of.
pub(crate) fn verify(
    text: &Text<'_>,
    anchor: Range<usize>,
    rule: &'static str,
    phrases: &[Phrase],
    sink: &mut Sink<'_>,
) {
    if !is_boundary(text, &anchor) {
        return;
    }
    for across in [false, true] {
        if !phrases.iter().any(|phrase| phrase.across == across) {
            continue;
        }
        let needed = |steps: fn(&Phrase) -> &'static [Step]| {
            let words = |phrase| steps(phrase).iter().map(|step| step.0 + 1).sum::<usize>();
            phrases.iter().map(words).max().unwrap_or(0)
        };
        let ahead = Words::after(text, anchor.end, across, needed(|phrase| phrase.after));
        let behind = Words::before(text, anchor.start, across, needed(|phrase| phrase.before));
        for phrase in phrases.iter().filter(|phrase| phrase.across == across) {
            let head = behind.follow(&anchor, phrase.before);
            if let Some((head, tail)) = head.zip(ahead.follow(&anchor, phrase.after)) {
                let (start, end) = (head.start, tail.end);
                return sink.report(Kind::Injection, start..end, phrase.confidence, rule);
            }
        }
    }
}

/// For scripts without blanks, or with endings that tables cannot list: one of each set within reach.
pub(crate) struct Near {
    pub(crate) confidence: Confidence,
    /// Bytes before and behind the anchor.
    pub(crate) reach: (usize, usize),
    pub(crate) sets: &'static [&'static [&'static str]],
}

impl Near {
    /// Reports the anchor together with the words around it.
    pub(crate) fn verify(
        &self,
        text: &Text<'_>,
        anchor: Range<usize>,
        rule: &'static str,
        sink: &mut Sink<'_>,
    ) {
        let from = text.floor(anchor.start.saturating_sub(self.reach.0));
        let head = text.str.get(from..anchor.start).unwrap_or_default();
        let tail = text.str.get(anchor.end..text.floor(anchor.end + self.reach.1)).unwrap_or_default();
        // A sentence ends a thought.
        let stop = |at: char| matches!(at, '。' | '！' | '？' | '\n');
        let skipped = head.rfind(stop).map_or(0, |at| at + head.get(at..).map_or(1, first_len));
        let (head, from) = (head.get(skipped..).unwrap_or_default(), from + skipped);
        let tail = tail.get(..tail.find(stop).unwrap_or(tail.len())).unwrap_or_default();
        let (mut start, mut end) = (anchor.start, anchor.end);
        for set in self.sets {
            let behind = set.iter().filter_map(|word| tail.find(word).map(|at| at + word.len())).min();
            if let Some(behind) = behind {
                end = end.max(anchor.end + behind);
            } else if let Some(before) = set.iter().filter_map(|word| head.rfind(word)).max() {
                start = start.min(from + before);
            } else {
                return;
            }
        }
        sink.report(Kind::Injection, start..end, self.confidence, rule);
    }
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

/// Reports the anchor itself, and nothing more.
pub(crate) fn verify_literal(
    text: &Text<'_>,
    anchor: Range<usize>,
    (rule, confidence): (&'static str, Confidence),
    sink: &mut Sink<'_>,
) {
    if is_boundary(text, &anchor) {
        sink.report(Kind::Injection, anchor, confidence, rule);
    }
}
