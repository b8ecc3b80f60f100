//! Finding: anchors in one pass, expressions around them.
//!
//! A match belongs to the place where it begins. For each such place within reach of an anchor there is at
//! most one, which depends on nothing but the bytes from a few before it to `max_length` behind it. So it is
//! the same whatever else is looked at, and no place is looked at twice.

use std::ops::Range;

use regex_automata::{Anchored, Input, meta::Regex};

use super::{ANCHOR_BYTES, DetectorSet, MAX_LENGTH, Validator};
use crate::{
    Confidence, Finding, Kind, KindSet,
    placeholder::is_masked,
    rule::{LOOKAHEAD, LOOKBEHIND},
    text::{Text, is_word},
};

/// An anchor begins at most this many bytes behind the start of its match.
pub(super) const REACH: usize = 384;
/// What is reported begins at most this many bytes behind the start of the anchor.
const SECRET_REACH: usize = 256;
/// Keywords and masks are looked for this many bytes before and behind the match.
const CONTEXT: usize = 64;
/// So many anchors wait at most until they are looked at.
const PENDING: usize = 4096;

/// What streams rely on: a finding depends on little text before its start and behind its anchor.
const _: () = assert!(REACH + SECRET_REACH + CONTEXT + 8 < LOOKBEHIND);
const _: () = assert!(MAX_LENGTH + ANCHOR_BYTES.1 + CONTEXT + 8 < LOOKAHEAD);

/// One compiled detector.
pub(super) struct Detector {
    pub(super) id: &'static str,
    pub(super) kind: Kind,
    pub(super) confidence: Confidence,
    pub(super) regex: Regex,
    /// The group that is reported.
    pub(super) secret: Option<usize>,
    pub(super) keywords: Vec<String>,
    pub(super) validator: Option<Validator>,
    pub(super) max_length: usize,
    /// [`REACH`], or 0 if every match begins with an anchor.
    pub(super) reach: usize,
}

/// Anchors of one detector that nobody has looked at, and the first place that is not decided.
#[derive(Default)]
struct Pending {
    anchors: Vec<Range<usize>>,
    from: usize,
}

impl DetectorSet {
    /// Appends what the detectors find, unsorted; findings may overlap. Takes linear time: one pass, and for
    /// each place near an anchor at most twice `max_length` bytes. Allocates nothing while there is no anchor.
    pub fn collect(&self, text: &str, out: &mut Vec<Finding>) {
        self.collect_kinds(text, KindSet::all(), out);
    }

    /// Like [`collect`](Self::collect), for these kinds only.
    pub(crate) fn collect_kinds(&self, text: &str, kinds: KindSet, out: &mut Vec<Finding>) {
        if self.detectors.is_empty() {
            return;
        }
        let view = Text::new(text);
        let mut pending: Vec<Pending> = Vec::new();
        for anchor in self.anchors.find_overlapping_iter(text) {
            if pending.is_empty() {
                pending.resize_with(self.detectors.len(), Pending::default);
            }
            for owner in self.owners.get(anchor.pattern().as_usize()).into_iter().flatten() {
                let (Some(detector), Some(pending)) = (self.detectors.get(*owner), pending.get_mut(*owner))
                else {
                    continue;
                };
                if !kinds.contains(detector.kind) {
                    continue;
                }
                pending.anchors.push(anchor.range());
                if pending.anchors.len() >= PENDING {
                    // Of matches that begin before this place, all anchors are known.
                    let known = anchor.end().saturating_sub(ANCHOR_BYTES.1 + REACH);
                    detector.decide(&view, pending, known, out);
                }
            }
        }
        for (detector, pending) in self.detectors.iter().zip(&mut pending) {
            detector.decide(&view, pending, text.len(), out);
        }
    }
}

impl Detector {
    /// Looks at every place before `limit` that is within reach of an anchor.
    fn decide(&self, text: &Text<'_>, pending: &mut Pending, limit: usize, out: &mut Vec<Finding>) {
        pending.anchors.sort_unstable_by_key(|anchor| anchor.start);
        let mut from = pending.from;
        while let Some(places) = self.places(&pending.anchors, from, limit) {
            let Some(found) = self.leftmost(text, &places) else {
                from = places.end;
                continue;
            };
            from = found.start + 1;
            if let Some(span) = self.judge(text, &found, &pending.anchors) {
                self.report(span, out);
            }
        }
        pending.from = from.max(limit);
        pending.anchors.retain(|anchor| anchor.start >= limit);
    }

    /// The next places at which a match may begin, no more than a match is long.
    fn places(&self, anchors: &[Range<usize>], from: usize, limit: usize) -> Option<Range<usize>> {
        let rest = anchors.get(anchors.partition_point(|anchor| anchor.start < from)..)?;
        let first = rest.first()?;
        let start = from.max(first.start.saturating_sub(self.reach));
        let most = start + self.max_length.max(REACH);
        let mut end = first.start + 1;
        for anchor in rest.iter().skip(1) {
            if end >= most || anchor.start.saturating_sub(self.reach) > end {
                break;
            }
            end = anchor.start + 1;
        }
        let end = end.min(most).min(limit);
        (start < end).then_some(start..end)
    }

    /// The first match that begins in `places`; empty where it would be too long.
    fn leftmost(&self, text: &Text<'_>, places: &Range<usize>) -> Option<Range<usize>> {
        let start = (places.start..places.start + 4).find(|at| text.str.is_char_boundary(*at))?;
        let end = text.floor(places.end + self.max_length);
        if start >= end {
            return None;
        }
        let found = self.regex.search(&Input::new(text.str).range(start..end))?;
        if found.start() >= places.end {
            return None;
        }
        let most = text.floor(found.start() + self.max_length);
        if found.end() <= most {
            return Some(found.range());
        }
        let input = Input::new(text.str).range(found.start()..most).anchored(Anchored::Yes);
        Some(self.regex.search(&input).map_or(found.start()..found.start(), |found| found.range()))
    }

    /// What is to be reported of a match.
    fn judge(&self, text: &Text<'_>, found: &Range<usize>, anchors: &[Range<usize>]) -> Option<Range<usize>> {
        let near = anchors.get(anchors.partition_point(|anchor| anchor.start < found.start)..)?.iter();
        let anchor = near
            .take_while(|anchor| anchor.start <= found.start + self.reach)
            .filter(|anchor| anchor.end <= found.end)
            .last()?;
        let span = self.reported(text, found);
        let value = text.str.get(span.clone())?;
        let holds = !value.is_empty()
            && span.start <= anchor.start + SECRET_REACH
            && self.is_named(text, found)
            && self.validator.is_none_or(|validator| validator.accepts(value))
            && !is_masked(value.as_bytes())
            && !is_mask(text, found);
        holds.then_some(span)
    }

    /// The group `secret` where it takes part in the match, else the match.
    fn reported(&self, text: &Text<'_>, found: &Range<usize>) -> Range<usize> {
        let Some(group) = self.secret else { return found.clone() };
        let mut captures = self.regex.create_captures();
        let input = Input::new(text.str).range(found.clone()).anchored(Anchored::Yes);
        self.regex.search_captures(&input, &mut captures);
        captures.get_group(group).map_or_else(|| found.clone(), |span| span.range())
    }

    /// Whether one of the keywords stands near the match.
    fn is_named(&self, text: &Text<'_>, found: &Range<usize>) -> bool {
        let holds = |from: usize, to: usize, word: &str| {
            let part = text.slice(from, to);
            part.windows(word.len()).enumerate().any(|(at, window)| {
                window.eq_ignore_ascii_case(word.as_bytes())
                    && !is_word(text.before(from + at, 1))
                    && !is_word(text.at(from + at + word.len()))
            })
        };
        self.keywords.is_empty()
            || self.keywords.iter().any(|word| {
                holds(found.start.saturating_sub(CONTEXT), found.start, word)
                    || holds(found.end, found.end + CONTEXT, word)
            })
    }

    /// Matches of one place after the other, as `a+` makes them, are one finding.
    fn report(&self, span: Range<usize>, out: &mut Vec<Finding>) {
        match out.last_mut() {
            Some(last)
                if last.rule == self.id && last.span.start <= span.start && span.start < last.span.end =>
            {
                last.span.end = last.span.end.max(span.end);
            }
            _ => {
                let (kind, confidence, rule) = (self.kind, self.confidence, self.id);
                out.push(Finding { kind, span, confidence, rule });
            }
        }
    }
}

/// Whether a match is, or is part of, what masking left: `b***@example.com`, `[SSN REDACTED]`, `203.0.*.*`.
fn is_mask(text: &Text<'_>, found: &Range<usize>) -> bool {
    let joined = |byte: u8| byte.is_ascii_alphanumeric() || b"*.@-_".contains(&byte) || !byte.is_ascii();
    let start = text.run_back(found.start, CONTEXT, joined);
    let end = text.run(found.end, CONTEXT, joined);
    let around = text.slice(start, end);
    let open = text.run_back(found.start, CONTEXT, |byte| !matches!(byte, b'[' | b']'));
    let in_brackets = text.before(open, 1) == b'[' && is_masked(text.slice(open - 1, found.end));
    let label_inside = memchr::memchr(b'[', text.slice(found.start, found.end)).is_some()
        && is_masked(text.slice(found.start, text.run(found.end, CONTEXT, |byte| byte != b']')));
    in_brackets
        || label_inside
        || memchr::memmem::find(around, b"***").is_some()
        || memchr::memmem::find(around, b".*.*").is_some()
}

#[cfg(test)]
mod tests {
    use super::super::{DetectorSet, DetectorSpec};
    use crate::Kind;

    /// Every place is tried: the definition, without windows and without memory.
    fn naive(spec: &DetectorSpec, text: &str) -> Vec<std::ops::Range<usize>> {
        let set = DetectorSet::compile(std::slice::from_ref(spec)).unwrap();
        let detector = &set.detectors[0];
        let mut hits: Vec<_> = set.anchors.find_overlapping_iter(text).map(|hit| hit.range()).collect();
        hits.sort_unstable_by_key(|hit| hit.start);
        let mut out = Vec::new();
        let view = crate::text::Text::new(text);
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            if let Some(found) = detector.leftmost(&view, &(at..at + 1))
                && let Some(span) = detector.judge(&view, &found, &hits)
            {
                detector.report(span, &mut out);
            }
        }
        out.into_iter().map(|finding| finding.span).collect()
    }

    #[test]
    fn windows_find_what_trying_every_place_finds() {
        let texts = [
            "x ACME-12345678 y ACME-1 acme-87654321".to_owned(),
            "acmeacmeacme".repeat(900),
            format!("{}acme{}", "a".repeat(600), "b".repeat(600)),
            "é acme é ".repeat(700),
            "a".repeat(3000) + "acme",
        ];
        let expressions = [
            r"ACME-[0-9]{8}",
            r"(?i)[a-z]{0,40}acme[a-z]*",
            r"(?i)\w* ?acme",
            r"(?i)a(?:cme)+",
            r"(?i)[^x]acme.",
        ];
        for regex in expressions {
            for max_length in [16, 256] {
                let spec = DetectorSpec {
                    anchors: vec!["acme".to_owned()],
                    max_length,
                    ..DetectorSpec::new("naive-test", Kind::CustomPii, regex)
                };
                for text in &texts {
                    let mut out = Vec::new();
                    DetectorSet::compile(std::slice::from_ref(&spec)).unwrap().collect(text, &mut out);
                    let found: Vec<_> = out.into_iter().map(|finding| finding.span).collect();
                    assert_eq!(found, naive(&spec, text), "{regex} {max_length} {}", &text[..12]);
                }
            }
        }
    }
}
