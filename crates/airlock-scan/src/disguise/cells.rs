//! Cells: which stretches of a text are read, and which cell answers for a finding.
//!
//! A text is divided by absolute place into cells. The triggers of one cell are read together, with a margin
//! on both sides, and a finding belongs to the cell of its first trigger. What a cell finds thus depends on
//! the text within [`CONTEXT`] bytes and on nothing else, wherever a stream was cut.

use std::ops::Range;

use crate::{
    Class, Finding,
    disguise::{
        reading::{Mark, Reading},
        unit::{Weight, triggers},
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

/// Collects the triggers of one cell after the other, and reads each cell when it is complete.
pub(crate) struct Cells {
    /// The place of the text in the whole of which it is a part.
    base: usize,
    group: Option<Group>,
    reader: Reader,
}

/// Which cell a trigger belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    ToThis,
    /// It starts another one, and was not added: this one is complete.
    ToAnother,
}

impl Cells {
    pub(crate) fn new(base: usize) -> Self {
        Self { base, group: None, reader: Reader::default() }
    }

    pub(crate) fn has_triggers(&self) -> bool {
        self.group.is_some()
    }

    /// Takes the next trigger; they come in order.
    pub(crate) fn add(&mut self, trigger: usize) -> Added {
        let base = self.base;
        let cell = |place: usize| (base + place) / CELL;
        match &mut self.group {
            Some(group) if cell(group.first) != cell(trigger) => return Added::ToAnother,
            Some(group) => group.last = trigger,
            None => self.group = Some(Group { first: trigger, last: trigger }),
        }
        Added::ToThis
    }

    /// Appends what `scan` finds in readings around the triggers of this cell, and is ready for the next one.
    ///
    /// The findings may overlap and repeat findings of the text itself.
    pub(crate) fn read(&mut self, text: &Text<'_>, scan: Scan<'_>, out: &mut Vec<Finding>) {
        if let Some(group) = self.group.take() {
            self.reader.read(text, &group, scan, out);
        }
    }
}

/// The triggers of one cell.
struct Group {
    first: usize,
    last: usize,
}

impl Group {
    fn window(&self, text: &Text<'_>) -> Range<usize> {
        text.floor(self.first.saturating_sub(REACH))..text.floor(self.last + REACH)
    }

    /// Whether the cell answers for a finding: its first trigger is one of the cell's. A value that is known by
    /// its name only may as well end where the line does.
    fn owns(&self, marks: &[Mark], finding: &Finding) -> bool {
        let span = &finding.span;
        let from = marks.partition_point(|mark| mark.raw.end + NEAR <= span.start);
        let counts = |mark: &&Mark| {
            let inside = span.start <= mark.raw.start && mark.raw.end <= span.end;
            mark.weight == Weight::Near || inside && !GENERIC.contains(&finding.rule)
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
        self.reading.read(text, window.clone());
        self.found.clear();
        scan(self.reading.text(), &mut self.found);
        for mut finding in self.found.drain(..) {
            finding.span = self.reading.raw(&finding.span);
            if complete(&finding) && group.owns(self.reading.marks(), &finding) {
                out.push(finding);
            }
        }
        self.read_twice(group, complete, scan, out);
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
        if triggers(&read).next().is_none() {
            return;
        }
        self.second.read(&read, 0..read.len());
        self.marks.clear();
        self.marks.extend(
            self.second.marks().iter().map(|mark| Mark { raw: self.reading.raw(&mark.raw), ..mark.clone() }),
        );
        self.found.clear();
        scan(self.second.text(), &mut self.found);
        for mut finding in self.found.drain(..) {
            finding.span = self.reading.raw(&self.second.raw(&finding.span));
            if complete(&finding) && group.owns(&self.marks, &finding) {
                out.push(finding);
            }
        }
    }
}
