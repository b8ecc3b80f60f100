//! How findings are written: where they are and what they are, never what they say.

use std::io::{self, Write};

use airlock_scan::{Class, Finding};
use serde::Serialize;

use crate::{
    args::ScanFormat,
    render::{Paint, Stream, printable},
};

/// Columns for the place of a finding, so that short names line up.
const PLACE: usize = 20;

/// A finding and everything that is said about it.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) file: &'a str,
    /// From 1.
    pub(crate) line: u64,
    /// In characters, from 1.
    pub(crate) column: u64,
    pub(crate) kind: &'static str,
    pub(crate) class: &'static str,
    /// In bytes of the file.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) confidence: &'static str,
    pub(crate) rule: &'static str,
    /// What stands before the finding in its line, masked; for people.
    #[serde(skip)]
    pub(crate) before: &'a str,
}

/// What was found, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) secrets: u64,
    pub(crate) pii: u64,
    pub(crate) injections: u64,
}

impl Totals {
    pub(crate) fn count<'f>(&mut self, findings: impl IntoIterator<Item = &'f Finding>) {
        for finding in findings {
            match finding.kind.class() {
                Class::Secret => self.secrets += 1,
                Class::Pii => self.pii += 1,
                // A class that is added later is no reason to say that nothing was found.
                _ => self.injections += 1,
            }
        }
    }

    pub(crate) fn all(self) -> u64 {
        self.secrets + self.pii + self.injections
    }

    /// The last line of a table.
    pub(crate) fn summary(self, files: usize, bytes: u64) -> String {
        let files = if files == 1 { "1 input".to_owned() } else { format!("{files} inputs") };
        let read = format!("{files}, {}", size(bytes));
        match self.all() {
            0 => format!("nothing found in {read}"),
            1 => format!("1 finding in {read}"),
            all => {
                let parts = [(self.secrets, "secret"), (self.pii, "pii"), (self.injections, "injection")];
                let parts: Vec<_> =
                    parts.iter().filter(|(n, _)| *n > 0).map(|(n, class)| format!("{n} {class}")).collect();
                format!("{all} findings ({}) in {read}", parts.join(", "))
            }
        }
    }
}

/// A number of bytes, for people.
pub(crate) fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} bytes")
}

/// Writes rows in one of the formats.
pub(crate) struct Writer {
    format: ScanFormat,
    rows: u64,
}

impl Writer {
    pub(crate) fn new(format: ScanFormat) -> Self {
        Self { format, rows: 0 }
    }

    pub(crate) fn row(&mut self, out: &mut Stream, row: &Row<'_>) -> io::Result<()> {
        self.rows += 1;
        match self.format {
            ScanFormat::Table => table_row(out, row),
            ScanFormat::Jsonl => {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            }
            ScanFormat::Json => {
                out.write_all(if self.rows == 1 { b"[\n " } else { b",\n " })?;
                serde_json::to_writer(&mut *out, row).map_err(io::Error::from)
            }
        }
    }

    /// Ends what the format has begun.
    pub(crate) fn finish(self, out: &mut Stream) -> io::Result<()> {
        match self.format {
            ScanFormat::Json => out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" }),
            ScanFormat::Table | ScanFormat::Jsonl => Ok(()),
        }
    }
}

fn table_row(out: &mut Stream, row: &Row<'_>) -> io::Result<()> {
    let paint = out.paint;
    let place = format!("{}:{}:{}", printable(row.file, 200), row.line, row.column);
    let colour = if row.class == Class::Pii.name() { Paint::warn } else { Paint::bad };
    let kind = colour(paint, format!("{:<17}", row.kind));
    let span = format!("{}..{}", row.start, row.end);
    let place = paint.note(format!("{place:<PLACE$}"));
    writeln!(
        out,
        "{place} {kind} {:<9} {:<6} {span:<13} {}{}",
        row.class,
        row.confidence,
        paint.faint(printable(row.before, usize::MAX)),
        paint.strong("[…]"),
    )
}

#[cfg(test)]
mod tests {
    use super::{Totals, size};

    #[test]
    fn the_summary_counts() {
        let table = [
            (Totals::default(), "nothing found in 1 input, 10 bytes"),
            (Totals { secrets: 1, ..Totals::default() }, "1 finding in 1 input, 10 bytes"),
            (
                Totals { secrets: 2, pii: 1, injections: 0 },
                "3 findings (2 secret, 1 pii) in 1 input, 10 bytes",
            ),
        ];
        for (totals, expected) in table {
            assert_eq!(totals.summary(1, 10), expected);
        }
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (3 << 30, "3.0 GiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
