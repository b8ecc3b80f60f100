//! A reading: a stretch of text as a reader sees it, and how its places map back.

use std::ops::Range;

use crate::{
    disguise::{
        unit::{self, Weight},
        wrap,
    },
    text::Text,
};

/// A stretch of text without its disguises. Reused from one stretch to the next.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    text: String,
    pieces: Vec<Piece>,
    marks: Vec<Mark>,
    /// The stretch that was read.
    raw: Range<usize>,
}

/// Text taken over, or the replacement of a unit; it reaches to the next piece.
#[derive(Debug, Clone, Copy)]
struct Piece {
    read: usize,
    raw: usize,
    unit: bool,
}

/// A trigger in the stretch, with its place in the original.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) raw: Range<usize>,
    pub(crate) weight: Weight,
}

/// How line ends inside tokens are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wraps {
    Kept,
    /// Left out; the marks are then those of wraps only.
    Joined,
}

impl Reading {
    /// Reads the stretch `raw` of `text`, both ends on character boundaries.
    pub(crate) fn read(&mut self, text: &Text<'_>, raw: Range<usize>, wraps: Wraps) {
        self.text.clear();
        self.pieces.clear();
        self.marks.clear();
        self.raw = raw.clone();
        let mut taken = raw.start;
        let mut at = raw.start;
        while at < raw.end {
            if !unit::is_candidate(text.at(at)) {
                at = unit::candidate(text, at, raw.end);
            }
            let (start, end, char, weight) = if text.at(at) == b'\n' {
                let joined = if wraps == Wraps::Joined { wrap::at(text, at) } else { None };
                let Some(end) = joined else {
                    at += 1;
                    continue;
                };
                (wrap::before(text, at), end, None, Weight::Inside)
            } else if let Some(unit) = unit::of(text, at) {
                let weight = if wraps == Wraps::Joined { Weight::None } else { unit.weight };
                (at, unit.end, unit.char, weight)
            } else {
                at += 1;
                continue;
            };
            if end > raw.end {
                break;
            }
            self.take(text, taken..start);
            self.pieces.push(Piece { read: self.text.len(), raw: start, unit: true });
            self.text.extend(char);
            if weight != Weight::None {
                self.marks.push(Mark { raw: start..end, weight });
            }
            (taken, at) = (end, end);
        }
        self.take(text, taken..raw.end);
    }

    fn take(&mut self, text: &Text<'_>, raw: Range<usize>) {
        if raw.is_empty() {
            return;
        }
        if let Some(part) = text.str.get(raw.clone()) {
            self.pieces.push(Piece { read: self.text.len(), raw: raw.start, unit: false });
            self.text.push_str(part);
        }
    }

    /// What a reader sees.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The triggers in the stretch, in order.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The place in the original of a non-empty span of the reading: whole units, without what is left out
    /// at its ends.
    pub(crate) fn raw(&self, span: &Range<usize>) -> Range<usize> {
        let place = |read: usize| {
            let next = self.pieces.partition_point(|piece| piece.read <= read);
            let piece = next.checked_sub(1).and_then(|index| self.pieces.get(index)).copied();
            let end = self.pieces.get(next).map_or(self.raw.end, |piece| piece.raw);
            (piece.unwrap_or(Piece { read: 0, raw: self.raw.start, unit: false }), end)
        };
        let (first, _) = place(span.start);
        let start = first.raw + if first.unit { 0 } else { span.start - first.read };
        let (last, last_end) = place(span.end.saturating_sub(1));
        let end = if last.unit { last_end } else { last.raw + (span.end - last.read) };
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units and what they stand for.
    const UNITS: [(&str, &str); 12] = [
        ("\\u0040", "@"),
        ("%20", " "),
        ("%C3%A9", "é"),
        ("&commat;", "@"),
        ("\\/", "/"),
        ("４", "4"),
        ("\u{200b}", ""),
        ("\\ud835\\udfd2", "4"),
        ("x", "x"),
        ("名前", "名前"),
        (" ", " "),
        ("=3Dx", "=x"),
    ];

    #[test]
    fn every_span_maps_to_what_it_was_read_from() {
        let mut state = 7_usize;
        for _ in 0..300 {
            let (mut raw, mut read, mut places) = (String::from("a"), String::from("a"), vec![(0, 0)]);
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (written, meant) = UNITS[(state >> 33) % UNITS.len()];
                places.push((raw.len(), read.len()));
                raw.push_str(written);
                read.push_str(meant);
            }
            let mut reading = Reading::default();
            reading.read(&Text::new(&raw), 0..raw.len(), Wraps::Kept);
            assert_eq!(reading.text(), read, "of {raw}");
            for &(raw_start, start) in &places {
                for &(_, end) in places.iter().filter(|(_, end)| *end > start) {
                    let span = reading.raw(&(start..end));
                    assert!(span.start >= raw_start, "{raw}");
                    let mut part = Reading::default();
                    part.read(&Text::new(&raw), span.clone(), Wraps::Kept);
                    assert_eq!(part.text(), &read[start..end], "{span:?} of {raw}");
                }
            }
        }
    }

    #[test]
    fn units_are_covered_whole_and_ends_are_left_out() {
        let mut reading = Reading::default();
        for (raw, span, expected) in [
            ("\u{200b}ab\u{200b}", 0..2, 3..5),
            ("a\u{200b}b", 0..2, 0..5),
            ("a\u{200b}b", 1..2, 4..5),
            ("%C3%A9x", 1..3, 0..7),
            ("x%41%42y", 1..3, 1..7),
            ("x%41%42y", 2..3, 4..7),
        ] {
            reading.read(&Text::new(raw), 0..raw.len(), Wraps::Kept);
            assert_eq!(reading.raw(&span), expected, "{span:?} of {raw}");
        }
    }
}
