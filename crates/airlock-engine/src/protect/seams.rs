//! Secrets that lie across texts: cut in two, or named in one and said in the next.

use std::ops::Range;

use airlock_scan::Finding;

use super::leaves::Leaves;
use crate::json::{Decoded, Splices, Value, write_string_content};

/// One of several texts that the model reads one after the other.
pub(super) struct Passage<'d> {
    place: Value<'d>,
    decoded: Decoded,
    /// What was masked in it by itself: spans of the decoded text, in order.
    own: Vec<Range<usize>>,
}

impl Passage<'_> {
    fn len(&self) -> usize {
        self.decoded.text().len()
    }

    fn masks(&self, span: &Range<usize>) -> bool {
        self.nearest(span).is_some_and(|own| own.end >= span.end && own.start <= span.start)
    }

    fn touches(&self, span: &Range<usize>) -> bool {
        self.nearest(span).is_some_and(|own| own.start < span.end)
    }

    /// The first own finding that ends behind the start of a span.
    fn nearest(&self, span: &Range<usize>) -> Option<&Range<usize>> {
        self.own.get(self.own.partition_point(|own| own.end <= span.start))
    }

    fn replace(&self, span: &Range<usize>, mask: &str, edits: &mut Splices) {
        let (raw, offset) = (self.decoded.raw_span(span), self.place.span().start + 1);
        let span = offset + raw.start..offset + raw.end;
        edits.replace_with(span, |out| write_string_content(out, mask));
    }
}

impl Leaves<'_> {
    /// Protects a text by itself, and keeps it to be searched with its neighbours.
    pub(super) fn passage<'d>(&mut self, place: Value<'d>, edits: &mut Splices) -> Passage<'d> {
        let decoded = Decoded::new(place.raw_string_content().unwrap_or_default());
        let mut passage = Passage { place, decoded, own: Vec::new() };
        let mut masks = Vec::new();
        self.text(None, passage.decoded.text(), &mut |span, mask| masks.push((span, mask.to_owned())));
        for (span, mask) in masks {
            passage.replace(&span, &mask, edits);
            passage.own.push(span);
        }
        passage
    }

    /// Searches texts as one and masks what none of them shows by itself.
    pub(super) fn seams(&mut self, passages: &[Passage<'_>], edits: &mut Splices) {
        let joined: String = passages.iter().map(|passage| passage.decoded.text()).collect();
        let mut start = 0;
        let bounds: Vec<Range<usize>> = passages
            .iter()
            .map(|passage| {
                let bounds = start..start + passage.len();
                start = bounds.end;
                bounds
            })
            .collect();
        for finding in self.find(None, &joined) {
            self.seam(&finding, &joined, passages, &bounds, edits);
        }
    }

    fn seam(
        &mut self,
        finding: &Finding,
        joined: &str,
        passages: &[Passage<'_>],
        bounds: &[Range<usize>],
        edits: &mut Splices,
    ) {
        let first = bounds.partition_point(|bounds| bounds.end <= finding.span.start);
        let touched = bounds.iter().zip(passages).skip(first);
        let touched: Vec<(Range<usize>, &Passage<'_>)> = touched
            .take_while(|(bounds, _)| bounds.start < finding.span.end)
            .filter(|(bounds, _)| !bounds.is_empty())
            .map(|(bounds, passage)| {
                let start = finding.span.start.max(bounds.start) - bounds.start;
                (start..finding.span.end.min(bounds.end) - bounds.start, passage)
            })
            .collect();
        if touched.iter().all(|(span, passage)| passage.masks(span)) {
            return;
        }
        // Where a text shows a piece of it, that piece was counted.
        if !touched.iter().any(|(span, passage)| passage.touches(span)) {
            self.report.count(finding.kind);
        }
        let mut mask = self.masker.mask(finding.kind, joined.get(finding.span.clone()).unwrap_or_default());
        for (span, passage) in touched {
            // The mask stands where the finding begins; the rest of it goes.
            passage.replace(&span, &std::mem::take(&mut mask), edits);
        }
    }
}
