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
/// How far a reading reaches behind the last trigger if a secret goes on beyond [`REACH`].
const FAR: usize = 2048;
/// How close behind a trigger a finding starts that is owed to it, the trigger being in a name perhaps.
const NEAR: usize = 64;
/// Findings that come so close to the end of a reading might be cut off by it.
const EDGE: usize = 16;

/// The longest text that is read as a whole.
const LONGEST: usize = 16 * 1024;

/// Findings that start at a place depend on no text further before it than this. Behind it they depend on no
/// more than `CELL + REACH + FAR`, 3,840 bytes.
pub(crate) const CONTEXT: usize = NEAR + CELL + REACH + 8;

/// Where the cell ends that the place `at` of a text lies in, which is itself a part from `base` on.
pub(crate) fn end_of_cell(base: usize, at: usize) -> usize {
    at + CELL - (base + at) % CELL
}

/// Finds what a text contains without its disguises.
pub(crate) type Scan<'s> = &'s mut dyn FnMut(&str, &mut Vec<Finding>);

/// Collects the triggers of one cell after the other, and reads each cell when it is complete.
pub(crate) struct Cells {
    /// The place of the text in the whole of which it is a part.
    base: usize,
    group: Option<Group>,
    /// Made when it is needed, which in most texts it never is.
    reader: Option<Box<Reader>>,
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
        Self { base, group: None, reader: None }
    }

    pub(crate) fn has_triggers(&self) -> bool {
        self.group.is_some()
    }

    /// Takes the next trigger; they come in order.
    pub(crate) fn add(&mut self, text: &Text<'_>, trigger: usize) -> Added {
        let base = self.base;
        let cell = |place: usize| (base + place) / CELL;
        match &mut self.group {
            Some(group) if cell(group.first) != cell(trigger) => return Added::ToAnother,
            Some(group) => group.add(text, trigger),
            None => {
                let group = Group { first: trigger, last: trigger, wrapped: false, disguised: false };
                self.group.insert(group).add(text, trigger);
            }
        }
        Added::ToThis
    }

    /// Appends what `scan` finds in readings around the triggers of this cell, and is ready for the next one.
    ///
    /// The findings may overlap and repeat findings of the text itself.
    pub(crate) fn read(&mut self, text: &Text<'_>, scan: Scan<'_>, out: &mut Vec<Finding>) {
        if let Some(group) = self.group.take() {
            let window = group.window(text);
            let reader = self.reader.get_or_insert_default();
            reader.read(&mut Cell { text, group, window }, scan, out);
        }
    }
}

/// Appends what `scan` finds in the reading of a short text as a whole.
pub(crate) fn read_whole(text: &str, scan: Scan<'_>, out: &mut Vec<Finding>) {
    let text = Text::new(text);
    if text.len() > LONGEST || triggers(&text).next().is_none() {
        return;
    }
    let mut reading = Reading::default();
    reading.read(&text, 0..text.len(), Wraps::Kept);
    let from = out.len();
    scan(reading.text(), out);
    for finding in out.iter_mut().skip(from) {
        finding.span = reading.raw(&finding.span);
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
}

/// A cell with triggers and the stretch that is read for it.
struct Cell<'t> {
    text: &'t Text<'t>,
    group: Group,
    window: Range<usize>,
}

impl Cell<'_> {
    /// Whether the cell answers for a finding: its first trigger is one of the cell's.
    /// A value that is known by its name only may as well end where the line does.
    fn owns(&self, marks: &[Mark], finding: &Finding) -> bool {
        let span = &finding.span;
        let from = marks.partition_point(|mark| mark.raw.end + NEAR <= span.start);
        let counts = |mark: &&Mark| {
            let inside = span.start <= mark.raw.start && mark.raw.end <= span.end;
            mark.weight == Weight::Near || inside && !GENERIC.contains(&finding.rule)
        };
        let mark = marks.iter().skip(from).take_while(|mark| mark.raw.start <= span.end).find(counts);
        // A wrap starts with the carriage return before its trigger.
        mark.is_some_and(|mark| self.group.first < mark.raw.end && mark.raw.start <= self.group.last)
    }

    /// Whether the finding cannot be the part of another one that the reading cut off. A secret that goes
    /// on beyond it is one all the same.
    fn holds(&self, finding: &Finding) -> bool {
        let starts = self.window.start == 0 || finding.span.start >= self.window.start + NEAR;
        starts && (finding.kind.class() == Class::Secret || !self.cuts(finding))
    }

    /// Whether the finding might go on behind the end of the stretch.
    fn cuts(&self, finding: &Finding) -> bool {
        finding.span.end + EDGE > self.window.end && self.window.end < self.text.len()
    }

    /// Appends what the stretch holds as it stands, names alone excepted.
    fn plain(&self, scan: Scan<'_>, out: &mut Vec<Finding>) {
        scan(self.text.str.get(self.window.clone()).unwrap_or_default(), out);
        out.retain_mut(|finding| {
            finding.span = finding.span.start + self.window.start..finding.span.end + self.window.start;
            !GENERIC.contains(&finding.rule)
        });
    }
}

/// Buffers that are used again from one cell to the next.
#[derive(Default)]
struct Reader {
    reading: Reading,
    second: Reading,
    marks: Vec<Mark>,
    found: Vec<Finding>,
    plain: Vec<Finding>,
}

impl Reader {
    fn read(&mut self, cell: &mut Cell<'_>, scan: Scan<'_>, out: &mut Vec<Finding>) {
        self.found.clear();
        if cell.group.disguised {
            self.read_once(cell, scan);
            if self.found.iter().any(|found| cell.cuts(found)) {
                cell.window.end = cell.text.floor(cell.group.last + FAR);
                self.read_once(cell, scan);
            }
            self.read_twice(cell, scan);
        }
        let joined = self.found.len();
        if cell.group.wrapped {
            self.reading.read(cell.text, cell.window.clone(), Wraps::Joined);
            scan(self.reading.text(), &mut self.found);
            self.keep(joined, |found, reading| {
                found.span = reading.raw(&found.span);
                // Only what has a form of its own can be told to go on.
                let formed = !GENERIC.contains(&found.rule);
                formed && cell.holds(found) && cell.owns(reading.marks(), found)
            });
        }
        if self.found.is_empty() {
            return;
        }
        self.plain.clear();
        cell.plain(scan, &mut self.plain);
        let plain = std::mem::take(&mut self.plain);
        self.keep(joined, |found, reading| {
            wraps_inside(reading.marks(), &found.span)
                .all(|wrap| goes_on(cell.text, found.rule, wrap, &plain))
        });
        out.extend(self.found.drain(..).filter(|found| !is_part_of_secret(found, &plain)));
        self.plain = plain;
    }

    fn read_once(&mut self, cell: &Cell<'_>, scan: Scan<'_>) {
        self.found.clear();
        self.reading.read(cell.text, cell.window.clone(), Wraps::Kept);
        scan(self.reading.text(), &mut self.found);
        self.found.retain_mut(|finding| {
            finding.span = self.reading.raw(&finding.span);
            cell.holds(finding) && cell.owns(self.reading.marks(), finding)
        });
    }

    /// Undoes what the reading itself is disguised by: `%2540`, `&amp;#64;`.
    fn read_twice(&mut self, cell: &Cell<'_>, scan: Scan<'_>) {
        let read = Text::new(self.reading.text());
        if triggers(&read).all(|trigger| read.at(trigger) == b'\n') {
            return;
        }
        self.second.read(&read, 0..read.len(), Wraps::Kept);
        self.marks.clear();
        self.marks.extend(
            self.second.marks().iter().map(|mark| Mark { raw: self.reading.raw(&mark.raw), ..mark.clone() }),
        );
        let from = self.found.len();
        scan(self.second.text(), &mut self.found);
        let (second, marks) = (&self.second, &self.marks);
        let keep = |finding: &mut Finding, reading: &Reading| {
            finding.span = reading.raw(&second.raw(&finding.span));
            cell.holds(finding) && cell.owns(marks, finding)
        };
        retain_from(&mut self.found, from, |finding| keep(finding, &self.reading));
    }

    /// Retains of the findings behind the first `from` those for which `keep` holds.
    fn keep(&mut self, from: usize, keep: impl Fn(&mut Finding, &Reading) -> bool) {
        retain_from(&mut self.found, from, |finding| keep(finding, &self.reading));
    }
}

fn retain_from(found: &mut Vec<Finding>, from: usize, keep: impl Fn(&mut Finding) -> bool) {
    let from = from.min(found.len());
    found.extract_if(from.., |finding| !keep(finding)).for_each(drop);
}

fn wraps_inside<'m>(marks: &'m [Mark], span: &'m Range<usize>) -> impl Iterator<Item = &'m Range<usize>> {
    let from = marks.partition_point(|mark| mark.raw.start < span.start);
    marks.iter().skip(from).map(|mark| &mark.raw).take_while(|wrap| wrap.end <= span.end)
}

/// Whether a token of this rule goes on behind a line end, although what stands before it may be a token, too.
/// Two tokens on two lines stay two, and ordinary words are not drawn in.
fn goes_on(text: &Text<'_>, rule: &str, line_end: &Range<usize>, plain: &[Finding]) -> bool {
    let starts = plain.iter().any(|part| part.span.start == line_end.end);
    let whole = plain.iter().find(|part| part.span.end == line_end.start);
    !starts && whole.is_none_or(|whole| whole.rule == rule && wrap::is_random(text, line_end.end))
}

/// Whether the finding is personal data only because a secret around it was decoded: in a URL's
/// `user:p%40ss@host` the escape keeps the password from being read as an address.
fn is_part_of_secret(finding: &Finding, plain: &[Finding]) -> bool {
    let overlaps = |part: &Finding| part.span.start < finding.span.end && finding.span.start < part.span.end;
    finding.kind.class() == Class::Pii
        && plain.iter().any(|part| part.kind.class() == Class::Secret && overlaps(part))
}
