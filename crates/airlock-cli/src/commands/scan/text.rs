//! `--input text`: one file or stdin, as rows or masked.

use std::io::{self, Read, Write as _};

use airlock_scan::{Finding, KindSet};

use super::{
    decode::{Decoder, is_wide},
    floor_char_boundary,
    progress::Progress,
    report::{Row, Totals, Writer},
    stream::Stream,
};
use crate::{
    args::ScanFormat,
    exit::{Exit, Failure},
    render,
};

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// Most bytes looked at, and characters shown, of what stands before a finding.
const LOOK_BACK: usize = 160;
const SHOWN: usize = 20;

/// What is done with the text once it is decided.
pub(crate) enum Purpose<'w> {
    Report(&'w mut Writer, ScanFormat),
    Mask,
}

/// Scans `input` to its end. Returns how many bytes that were.
pub(crate) fn scan(
    name: &str,
    mut input: impl Read,
    kinds: KindSet,
    purpose: Purpose<'_>,
    totals: &mut Totals,
    progress: &mut Progress,
    out: &mut render::Stream,
) -> Result<u64, Failure> {
    let mut sink = Sink { name, kinds, purpose, totals, out, offset: 0, line: 1, column: 1, raw: Vec::new() };
    // What is not asked for must still not be shown beside what is.
    let all = if matches!(sink.purpose, Purpose::Report(_, ScanFormat::Table)) {
        kinds.iter().fold(KindSet::standard(), KindSet::with)
    } else {
        kinds
    };
    let (mut stream, mut decoder) = (Stream::new(all), Decoder::default());
    let mut chunk = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(name, error)),
        };
        let bytes = chunk.get(..read).unwrap_or_default();
        if total == 0 && is_wide(bytes) {
            return Err(
                failed(name, "the text is in UTF-16 or UTF-32").with_help("convert it with `iconv -t UTF-8`")
            );
        }
        total += read as u64;
        sink.keep_raw(bytes);
        stream.push(&decoder.push(bytes), |text, found| sink.take(text, found))?;
        progress.advance(read as u64);
    }
    stream.push(&decoder.finish(), |text, found| sink.take(text, found))?;
    stream.finish(|text, found| sink.take(text, found))?;
    Ok(total)
}

pub(crate) fn failed(name: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::ScanFailed, format_args!("{name}: {error}"))
}

/// Turns decided text into output, and knows where in the file it is.
struct Sink<'a, 'w> {
    name: &'a str,
    kinds: KindSet,
    purpose: Purpose<'w>,
    totals: &'a mut Totals,
    out: &'a mut render::Stream,
    /// Place of the next text: bytes from 0, lines and characters from 1.
    offset: u64,
    line: u64,
    column: u64,
    /// The bytes that the texts to come were made of; only kept to print them again.
    raw: Vec<u8>,
}

impl Sink<'_, '_> {
    fn keep_raw(&mut self, bytes: &[u8]) {
        if matches!(self.purpose, Purpose::Mask) {
            self.raw.extend_from_slice(bytes);
        }
    }

    fn take(&mut self, text: &str, found: &[Finding]) -> io::Result<()> {
        self.totals.count(found.iter().filter(|finding| self.kinds.contains(finding.kind)));
        match &self.purpose {
            Purpose::Mask => self.print_masked(text, found)?,
            Purpose::Report(..) => self.print_rows(text, found)?,
        }
        self.offset += text.len() as u64;
        Ok(())
    }

    fn print_rows(&mut self, text: &str, found: &[Finding]) -> io::Result<()> {
        let mut seen = 0;
        let kinds = self.kinds;
        for (index, finding) in found.iter().enumerate().filter(|(_, finding)| kinds.contains(finding.kind)) {
            self.advance(text.get(seen..finding.span.start).unwrap_or_default());
            seen = finding.span.start;
            let Purpose::Report(writer, format) = &mut self.purpose else { return Ok(()) };
            let before = match format {
                ScanFormat::Table => before(text, found.get(..index).unwrap_or_default(), finding.span.start),
                ScanFormat::Json | ScanFormat::Jsonl => String::new(),
            };
            let row = Row {
                file: self.name,
                line: self.line,
                column: self.column,
                kind: finding.kind.name(),
                class: finding.kind.class().name(),
                start: self.offset + finding.span.start as u64,
                end: self.offset + finding.span.end as u64,
                confidence: finding.confidence.name(),
                rule: finding.rule,
                before: &before,
            };
            writer.row(self.out, &row)?;
        }
        self.advance(text.get(seen..).unwrap_or_default());
        Ok(())
    }

    fn advance(&mut self, text: &str) {
        let breaks = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
        let line = text.rsplit('\n').next().unwrap_or_default();
        self.line += breaks;
        self.column = line.chars().count() as u64 + if breaks > 0 { 1 } else { self.column };
    }

    /// The bytes as they came, but for the findings.
    fn print_masked(&mut self, text: &str, found: &[Finding]) -> io::Result<()> {
        let mut written = 0;
        for finding in found {
            // Of overlapping findings the later ones are already hidden, at least in part.
            if finding.span.end <= written {
                continue;
            }
            if finding.span.start >= written {
                self.out.write_all(self.raw.get(written..finding.span.start).unwrap_or_default())?;
                write!(self.out, "[{} REDACTED]", finding.kind.label())?;
            }
            written = finding.span.end;
        }
        self.out.write_all(self.raw.get(written..text.len()).unwrap_or_default())?;
        self.raw.drain(..text.len().min(self.raw.len()));
        // Somebody may be reading along, as in `tail -f log | airlock scan --mask`.
        self.out.flush()
    }
}

/// What stands before a finding in its line, with earlier findings masked.
fn before(text: &str, earlier: &[Finding], start: usize) -> String {
    let from = floor_char_boundary(text, start.saturating_sub(LOOK_BACK));
    let line = text.get(from..start).and_then(|part| part.rfind('\n')).map_or(from, |at| from + at + 1);
    let mut out = String::new();
    let mut at = line;
    for finding in
        earlier.iter().rev().take_while(|finding| finding.span.end > line).collect::<Vec<_>>().iter().rev()
    {
        out.push_str(text.get(at..finding.span.start).unwrap_or_default());
        out.push('[');
        out.push_str(finding.kind.label());
        out.push(']');
        at = at.max(finding.span.end);
    }
    out.push_str(text.get(at..start).unwrap_or_default());
    let skip = out.chars().count().saturating_sub(SHOWN);
    let shown: String = out.chars().skip(skip).collect();
    if skip > 0 { format!("…{shown}") } else { shown.trim_start().to_owned() }
}

#[cfg(test)]
mod tests {
    use airlock_scan::{Finding, KindSet, Scanner};

    use super::before;

    fn found(text: &str) -> Vec<Finding> {
        let mut out = Vec::new();
        Scanner::new(KindSet::all()).scan(text, &mut out);
        out
    }

    #[test]
    fn an_excerpt_shows_the_line_and_no_value() {
        let text = "first line bob@example.com\n  write to ada@example.com or eve@example.com";
        let all = found(text);
        assert_eq!(all.len(), 3);
        assert_eq!(before(text, &all[..0], all[0].span.start), "first line ");
        assert_eq!(before(text, &all[..1], all[1].span.start), "write to ");
        assert_eq!(before(text, &all[..2], all[2].span.start), "…write to [EMAIL] or ");
    }

    #[test]
    fn an_excerpt_is_short() {
        let text = format!("{}bob@example.com", "é".repeat(5_000) + " ");
        let all = found(&text);
        let shown = before(&text, &[], all[0].span.start);
        assert!(shown.starts_with('…') && shown.chars().count() == 21, "{shown}");
    }
}
