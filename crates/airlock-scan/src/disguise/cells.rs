//! Cells: which stretches of a text are read, and which cell answers for a finding.
//!
//! A text is divided by absolute place into cells. The triggers of one cell are read together, with a margin
//! on both sides, and a finding belongs to the cell of its first trigger. What a cell finds thus depends on
//! the text within [`CONTEXT`] bytes and on nothing else, wherever a stream was cut.

use std::ops::Range;

use crate::{
    Class, Finding,
    disguise::{
        reading::{Mark, Reading, Wraps},
        unit::{Weight, triggers},
        wrap,
    },
    rule::GENERIC,
    text::Text,
};

/// Bytes of a cell.
const CELL: usize = 1024;
/// How far a reading reaches beyond the first and the last trigger of its cell.
const REACH: usize = 768;
/// How close behind a trigger a finding starts that is owed to it, the trigger being in a name perhaps.
const NEAR: usize = 64;
/// Findings that come so close to the end of a reading might be cut off by it.
const EDGE: usize = 16;

/// Findings that start at a place depend on no text further before it than this, nor on text further behind
/// it than this.
pub(crate) const CONTEXT: usize = NEAR + CELL + REACH + 8;

/// Finds what a text contains without its disguises.
pub(crate) type Scan<'s> = &'s mut dyn FnMut(&str, &mut Vec<Finding>);

/// Appends what `scan` finds in readings of `text` around `triggers`, which are in order.
///
/// `base` is the place of `text` in the whole of which it is a part. The findings may overlap and repeat
/// findings of the text itself.
pub(crate) fn read_cells(
    text: &Text<'_>,
    base: usize,
    triggers: impl Iterator<Item = usize>,
    scan: Scan<'_>,
    out: &mut Vec<Finding>,
) {
    let mut triggers = triggers.peekable();
    let mut reader = Reader::default();
    while let Some(first) = triggers.next() {
        let cell = (base + first) / CELL;
        let mut group = Group { first, last: first, wrapped: false, disguised: false };
        group.add(text, first);
        while let Some(next) = triggers.next_if(|next| (base + next) / CELL == cell) {
            group.add(text, next);
        }
        reader.read(text, &group, scan, out);
    }
}

/// The triggers of one cell.
struct Group {
    first: usize,
    last: usize,
    wrapped: bool,
    disguised: bool,
}

impl Group {
    fn add(&mut self, text: &Text<'_>, trigger: usize) {
        let wrap = text.at(trigger) == b'\n';
        self.wrapped |= wrap;
        self.disguised |= !wrap;
        self.last = trigger;
    }

    fn window(&self, text: &Text<'_>) -> Range<usize> {
        text.floor(self.first.saturating_sub(REACH))..text.floor(self.last + REACH)
    }

    /// Whether the cell answers for a finding at `span`: its first trigger is one of the cell's.
    fn owns(&self, marks: &[Mark], span: &Range<usize>) -> bool {
        let from = marks.partition_point(|mark| mark.raw.end + NEAR <= span.start);
        let counts = |mark: &&Mark| {
            mark.weight == Weight::Near || span.start <= mark.raw.start && mark.raw.end <= span.end
        };
        let mark = marks.iter().skip(from).take_while(|mark| mark.raw.start <= span.end).find(counts);
        mark.is_some_and(|mark| (self.first..=self.last).contains(&mark.raw.start))
    }
}

/// Buffers that are used again from one cell to the next.
#[derive(Default)]
struct Reader {
    reading: Reading,
    second: Reading,
    marks: Vec<Mark>,
    found: Vec<Finding>,
}

impl Reader {
    fn read(&mut self, text: &Text<'_>, group: &Group, scan: Scan<'_>, out: &mut Vec<Finding>) {
        let window = group.window(text);
        let complete = |finding: &Finding| {
            let starts = window.start == 0 || finding.span.start >= window.start + NEAR;
            let ends = window.end == text.len()
                || finding.span.end + EDGE <= window.end
                || finding.kind.class() == Class::Secret;
            starts && ends
        };
        if group.disguised {
            self.reading.read(text, window.clone(), Wraps::Kept);
            self.found.clear();
            scan(self.reading.text(), &mut self.found);
            for mut finding in self.found.drain(..) {
                finding.span = self.reading.raw(&finding.span);
                if complete(&finding) && group.owns(self.reading.marks(), &finding.span) {
                    out.push(finding);
                }
            }
            self.read_twice(group, complete, scan, out);
        }
        if group.wrapped {
            self.read_joined(text, window.clone(), group, complete, scan, out);
        }
    }

    /// Undoes what the reading itself is disguised by: `%2540`, `&amp;#64;`.
    fn read_twice(
        &mut self,
        group: &Group,
        complete: impl Fn(&Finding) -> bool,
        scan: Scan<'_>,
        out: &mut Vec<Finding>,
    ) {
        let read = Text::new(self.reading.text());
        if triggers(&read).all(|trigger| read.at(trigger) == b'\n') {
            return;
        }
        self.second.read(&read, 0..read.len(), Wraps::Kept);
        self.marks.clear();
        self.marks.extend(
            self.second.marks().iter().map(|mark| Mark { raw: self.reading.raw(&mark.raw), ..mark.clone() }),
        );
        self.found.clear();
        scan(self.second.text(), &mut self.found);
        for mut finding in self.found.drain(..) {
            finding.span = self.reading.raw(&self.second.raw(&finding.span));
            if complete(&finding) && group.owns(&self.marks, &finding.span) {
                out.push(finding);
            }
        }
    }

    /// Joins lines inside tokens. Only what has a form of its own counts.
    fn read_joined(
        &mut self,
        text: &Text<'_>,
        window: Range<usize>,
        group: &Group,
        complete: impl Fn(&Finding) -> bool,
        scan: Scan<'_>,
        out: &mut Vec<Finding>,
    ) {
        self.reading.read(text, window.clone(), Wraps::Joined);
        self.found.clear();
        scan(self.reading.text(), &mut self.found);
        self.found.retain_mut(|finding| {
            finding.span = self.reading.raw(&finding.span);
            !GENERIC.contains(&finding.rule)
                && complete(finding)
                && group.owns(self.reading.marks(), &finding.span)
        });
        if self.found.is_empty() {
            return;
        }
        let mut plain = Vec::new();
        scan(text.str.get(window.clone()).unwrap_or_default(), &mut plain);
        plain.retain(|finding| !GENERIC.contains(&finding.rule));
        for finding in &mut plain {
            finding.span = finding.span.start + window.start..finding.span.end + window.start;
        }
        let marks = self.reading.marks();
        self.found.retain(|finding| {
            let from = marks.partition_point(|mark| mark.raw.start < finding.span.start);
            let inside = marks.iter().skip(from).take_while(|mark| mark.raw.end <= finding.span.end);
            inside.into_iter().all(|mark| joins(text, finding.rule, &mark.raw, &plain))
        });
        out.append(&mut self.found);
    }
}

/// Whether a token of this rule goes on behind a line end, although what stands before it may be a token, too.
/// Two tokens on two lines stay two, and ordinary words are not drawn in.
fn joins(text: &Text<'_>, rule: &str, line_end: &Range<usize>, plain: &[Finding]) -> bool {
    let starts = plain.iter().any(|part| part.span.start == line_end.end);
    let whole = plain.iter().find(|part| part.span.end == line_end.start);
    !starts && whole.is_none_or(|whole| whole.rule == rule && wrap::is_random(text, line_end.end))
}
