//! How findings are written: where they are and what they are, never what they say.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write},
};

use airlock_engine::json::write_string;
use airlock_scan::{Class, Finding, Kind};

use super::{place::Place, sarif};
use crate::{
    args::ScanFormat,
    render::{Paint, Stream, printable},
};

/// Columns for the place of a finding, so that short names line up.
const PLACE: usize = 20;
const GROUPED_PLACE: usize = 10;

/// How wide a table may be, and how it is put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Columns of the terminal; `None` where nobody is looking.
    pub(crate) width: Option<usize>,
    /// The file stands above its findings rather than before each.
    pub(crate) grouped: bool,
    pub(crate) paint: Paint,
}

/// A finding and everything that is said about it.
pub(crate) struct Row<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) place: Place,
    /// Where it ends; asked for by SARIF only.
    pub(crate) end: Place,
    /// In bytes of the file.
    pub(crate) bytes: (u64, u64),
    /// What stands before the finding in its line, masked; for people.
    pub(crate) before: &'a str,
}

/// Writes the rows of one input.
///
/// What stands between rows belongs to each row, the first one included: an [`Envelope`] takes that away, so that
/// inputs can be scanned side by side.
pub(crate) struct Rows<'a> {
    pub(crate) format: ScanFormat,
    layout: Layout,
    name: &'a str,
    /// The name as the format wants it.
    written_name: String,
    /// Columns for the names of kinds.
    kind_width: usize,
    any: bool,
    row: String,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(format: ScanFormat, layout: Layout, name: &'a str) -> Self {
        let mut written_name = String::new();
        match format {
            ScanFormat::Table => written_name = printable(name, 200),
            ScanFormat::Json | ScanFormat::Jsonl => write_string(&mut written_name, name),
            ScanFormat::Sarif => write_string(&mut written_name, &sarif::uri(name)),
        }
        let kind_width = Kind::ALL.iter().map(|kind| kind.name().len()).max().unwrap_or(0);
        Self { format, layout, name, written_name, kind_width, any: false, row: String::new() }
    }

    /// The input's name as it was given.
    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    /// How many characters of a line stand before a finding.
    pub(crate) fn shown(&self) -> usize {
        const USUAL: usize = 40;
        const LEAST: usize = 12;
        const MOST: usize = 60;
        /// Class, confidence, mark, and the spaces between.
        const REST: usize = 24;
        let Some(width) = self.layout.width else { return USUAL };
        let place = if self.layout.grouped { GROUPED_PLACE } else { PLACE.max(self.written_name.len() + 6) };
        width.saturating_sub(place + self.kind_width + REST).clamp(LEAST, MOST)
    }

    pub(crate) fn write(&mut self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        self.row.clear();
        // Writing to a string does not fail.
        let _ = match self.format {
            ScanFormat::Table => self.table(row),
            ScanFormat::Jsonl => self.object(row).and_then(|()| self.row.write_char('\n')),
            ScanFormat::Json => self.row.write_str(",\n ").and_then(|()| self.object(row)),
            ScanFormat::Sarif => sarif::result(&mut self.row, &self.written_name, row),
        };
        self.any = true;
        out.write_all(self.row.as_bytes())
    }

    fn object(&mut self, row: &Row<'_>) -> std::fmt::Result {
        let Finding { kind, confidence, rule, .. } = row.finding;
        write!(
            self.row,
            r#"{{"file":{},"line":{},"column":{},"kind":"{}","class":"{}","start":{},"end":{},"confidence":"{}","rule":"{rule}"}}"#,
            self.written_name,
            row.place.line,
            row.place.column,
            kind.name(),
            kind.class().name(),
            row.bytes.0,
            row.bytes.1,
            confidence.name(),
        )
    }

    fn table(&mut self, row: &Row<'_>) -> std::fmt::Result {
        let paint = self.layout.paint;
        let Finding { kind, confidence, .. } = row.finding;
        let Place { line, column } = row.place;
        if self.layout.grouped {
            if !self.any {
                writeln!(self.row, "\n{}", paint.note(&self.written_name))?;
            }
            let place = format!("{line}:{column}");
            write!(self.row, "{} ", paint.faint(format!("{place:>GROUPED_PLACE$}")))?;
        } else {
            let place = format!("{}:{line}:{column}", self.written_name);
            write!(self.row, "{} ", paint.note(format!("{place:<PLACE$}")))?;
        }
        let colour = if kind.class() == Class::Pii { Paint::warn } else { Paint::bad };
        let width = self.kind_width;
        writeln!(
            self.row,
            "{} {:<9} {:<6} {}{}",
            colour(paint, format!("{:<width$}", kind.name())),
            kind.class().name(),
            confidence.name(),
            paint.faint(printable(row.before, usize::MAX)),
            paint.strong("[…]"),
        )
    }
}

/// What stands around all rows.
pub(crate) struct Envelope {
    format: ScanFormat,
    /// Bytes that separate a row from the one before, which the first one has not.
    separator: usize,
    rows: bool,
}

impl Envelope {
    /// For findings in `format`.
    pub(crate) fn new(format: ScanFormat, layout: Layout) -> Self {
        let separator = match format {
            ScanFormat::Table => usize::from(layout.grouped),
            ScanFormat::Jsonl => 0,
            ScanFormat::Json | ScanFormat::Sarif => 1,
        };
        Self { format, separator, rows: false }
    }

    /// For masked text and answers, which nothing surrounds.
    pub(crate) fn none() -> Self {
        Self { format: ScanFormat::Jsonl, separator: 0, rows: false }
    }

    pub(crate) fn block(&mut self, out: &mut Stream, mut block: &[u8]) -> io::Result<()> {
        if !self.rows && !block.is_empty() {
            self.rows = true;
            self.begin(out)?;
            block = block.get(self.separator..).unwrap_or_default();
        }
        out.write_all(block)
    }

    /// Ends what the format has begun.
    pub(crate) fn finish(&self, out: &mut Stream, rules: &BTreeSet<&str>, complete: bool) -> io::Result<()> {
        if !self.rows && self.format == ScanFormat::Json {
            return out.write_all(b"[]\n");
        }
        if !self.rows {
            self.begin(out)?;
        }
        match self.format {
            ScanFormat::Json => out.write_all(b"\n]\n"),
            ScanFormat::Sarif => out.write_all(sarif::end(rules, complete).as_bytes()),
            ScanFormat::Table | ScanFormat::Jsonl => Ok(()),
        }
    }

    fn begin(&self, out: &mut Stream) -> io::Result<()> {
        match self.format {
            ScanFormat::Json => out.write_all(b"["),
            ScanFormat::Sarif => out.write_all(sarif::BEGIN.as_bytes()),
            ScanFormat::Table | ScanFormat::Jsonl => Ok(()),
        }
    }
}
