//! A reading: a stretch of text as a reader sees it, and how its places map back.

use std::ops::Range;

use crate::{
    disguise::unit::{self, Unit, Weight},
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

impl Reading {
    /// Reads the stretch `raw` of `text`, both ends on character boundaries.
    pub(crate) fn read(&mut self, text: &Text<'_>, raw: Range<usize>) {
        self.text.clear();
        self.pieces.clear();
        self.marks.clear();
        self.raw = raw.clone();
        let mut taken = raw.start;
        let mut at = raw.start;
        while at < raw.end {
            let rest = text.slice(at, raw.end);
            at += rest.iter().position(|byte| unit::is_candidate(*byte)).unwrap_or(rest.len());
            let Some(unit) = unit::of(text, at) else {
                at += 1;
                continue;
            };
            let Unit { end, char, weight } = unit;
            let start = at;
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
        if let Some(part) = text.str.get(raw.clone()).filter(|part| !part.is_empty()) {
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
