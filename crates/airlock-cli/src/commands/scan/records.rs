//! `--input jsonl`: one JSON object per line, one answer per line, in the same order.

use std::{
    fmt::Write as _,
    io::{self, BufRead, BufReader, Read, Write},
};

use airlock_engine::json::{Bounds, Decoded, Document, Splices, Tape, Value, write_string};
use airlock_scan::{Finding, Scanner};

use super::{
    Plan, failed, find,
    masks::{Masks, Piece},
    place::Place,
    report::{Row, Rows},
    tally::Tally,
};
use crate::{args::ScanFormat, exit::Failure};

/// Longest line in bytes.
const MAX_LINE: usize = 64 << 20;

const BOUNDS: Bounds = Bounds { max_bytes: MAX_LINE, max_nodes: 16 << 20, ..Bounds::DEFAULT };

/// Scans `input` to its end.
pub(crate) fn scan(plan: &Plan, name: &str, input: impl Read, out: &mut dyn Write) -> Result<Tally, Failure> {
    let mut input = BufReader::with_capacity(256 << 10, input);
    let mut records = Records {
        plan,
        scanner: plan.scanner.clone(),
        rows: plan.rows(name),
        tally: Tally::default(),
        out,
        number: 0,
        offset: 0,
        found: Vec::new(),
        tape: Tape::default(),
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = MAX_LINE as u64 + 1;
        let read = input.by_ref().take(limit).read_until(b'\n', &mut line);
        let read = read.map_err(|error| failed(name, error))?;
        if read == 0 {
            return Ok(records.tally);
        }
        records.number += 1;
        if read > MAX_LINE {
            records.too_long(&mut input)?;
        } else {
            records.line(&line)?;
        }
        records.offset += read as u64;
        records.tally.bytes = records.offset;
        plan.done.read(read);
        // Whoever sends line by line may wait for the answer.
        if input.buffer().is_empty() {
            records.out.flush()?;
        }
    }
}

struct Records<'a> {
    plan: &'a Plan,
    scanner: Scanner,
    rows: Rows<'a>,
    tally: Tally,
    out: &'a mut dyn Write,
    /// Of the line, from 1.
    number: u64,
    /// Where the line starts.
    offset: u64,
    found: Vec<Finding>,
    tape: Tape,
}

impl Records<'_> {
    fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        if line.trim_ascii().is_empty() {
            if self.plan.masks.is_some() {
                self.out.write_all(line)?;
            }
            return Ok(());
        }
        let tape = std::mem::take(&mut self.tape);
        let document = match Document::parse_into(line, &BOUNDS, tape) {
            Ok(document) => document,
            Err(error) => return self.not_understood(line, "null", &error.to_string()),
        };
        let root = document.root();
        let id = root.get("id").map_or("null", |id| id.raw());
        let member = root.get(&self.plan.field).filter(|value| value.raw_string_content().is_some());
        let Some(member) = member else {
            let field = &self.plan.field;
            let message = format!("there is no text under `{field}`; --field names the member to look at");
            return self.not_understood(line, id, &message);
        };
        self.record(document.text(), id, member)?;
        self.tape = document.into_tape();
        Ok(())
    }

    fn record(&mut self, line: &str, id: &str, member: Value<'_>) -> io::Result<()> {
        let decoded = Decoded::new(member.raw_string_content().unwrap_or_default());
        self.found.clear();
        find(&self.scanner, decoded.text(), &mut self.found);
        self.found.retain(|finding| self.plan.wants(finding));
        self.tally.count(&self.found);
        let offset = member.span().start + 1;
        match (&self.plan.masks, self.plan.format) {
            (Some(masks), _) => {
                let edits = edits(masks, &decoded, offset, &self.found);
                self.out.write_all(edits.apply(line).as_bytes())
            }
            (None, ScanFormat::Jsonl) => self.out.write_all(answer(id, &self.found).as_bytes()),
            (None, _) => self.report(line, &decoded, offset),
        }
    }

    /// Places are those of the file; bytes are those of the member's text, except for SARIF, which knows files only.
    fn report(&mut self, line: &str, decoded: &Decoded, offset: usize) -> io::Result<()> {
        for finding in &self.found {
            let raw = decoded.raw_span(&finding.span);
            let (start, end) = (offset + raw.start, offset + raw.end);
            let at = Place { line: self.number, column: 1 };
            let place = at.after(line.get(..start).unwrap_or_default());
            let end_place = place.after(line.get(start..end).unwrap_or_default());
            let bytes = match self.plan.format {
                ScanFormat::Sarif => (self.offset + start as u64, self.offset + end as u64),
                _ => (finding.span.start as u64, finding.span.end as u64),
            };
            self.rows.write(self.out, &Row { finding, place, end: end_place, bytes, before: "" })?;
        }
        Ok(())
    }

    /// Goes on, and loses nothing: such a line has an answer of its own, and is masked as the text that it is.
    fn not_understood(&mut self, line: &[u8], id: &str, message: &str) -> Result<(), Failure> {
        self.complain(message);
        match (&self.plan.masks, self.plan.format) {
            (Some(masks), _) => {
                let text = String::from_utf8_lossy(line);
                self.found.clear();
                find(&self.scanner, &text, &mut self.found);
                self.found.retain(|finding| self.plan.wants(finding));
                self.tally.count(&self.found);
                masks.apply(&text, &self.found, |piece| match piece {
                    Piece::Mask(mask) => self.out.write_all(mask.as_bytes()),
                    Piece::Kept(span) => self.out.write_all(text.get(span).unwrap_or_default().as_bytes()),
                })?;
            }
            (None, ScanFormat::Jsonl) => self.out.write_all(refusal(id, message).as_bytes())?,
            (None, _) => {}
        }
        Ok(())
    }

    fn too_long(&mut self, input: &mut impl BufRead) -> Result<(), Failure> {
        let message = "the line is longer than 64 MiB";
        if self.plan.masks.is_some() {
            let name = self.rows.name();
            return Err(failed(name, format_args!("line {}: {message}", self.number))
                .with_help("without --input jsonl, lines of any length are masked as text"));
        }
        self.complain(message);
        if self.plan.format == ScanFormat::Jsonl {
            self.out.write_all(refusal("null", message).as_bytes())?;
        }
        let skipped = input.skip_until(b'\n').map_err(|error| failed(self.rows.name(), error))?;
        self.offset += skipped as u64;
        Ok(())
    }

    fn complain(&mut self, message: &str) {
        let (name, line) = (self.rows.name(), self.number);
        self.tally.problem(|| format!("{name}:{line}: {message}"));
    }
}

/// What makes the findings in a JSON string masks. It stands at `offset`, behind the quote.
pub(crate) fn edits(masks: &Masks, decoded: &Decoded, offset: usize, found: &[Finding]) -> Splices {
    let mut edits = Splices::default();
    for finding in found {
        let raw = decoded.raw_span(&finding.span);
        let mut mask = String::new();
        write_string(&mut mask, &masks.of(finding, decoded.text()));
        let content = mask.get(1..mask.len() - 1).unwrap_or_default();
        edits.replace(offset + raw.start..offset + raw.end, content);
    }
    edits
}

fn answer(id: &str, findings: &[Finding]) -> String {
    let mut out = format!(r#"{{"id":{id},"findings":["#);
    for (index, finding) in findings.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let (kind, class) = (finding.kind.name(), finding.kind.class().name());
        let (start, end, confidence) = (finding.span.start, finding.span.end, finding.confidence.name());
        let _ = write!(
            out,
            r#"{comma}{{"kind":"{kind}","class":"{class}","start":{start},"end":{end},"confidence":"{confidence}","rule":"#
        );
        write_string(&mut out, finding.rule);
        out.push('}');
    }
    out.push_str("]}\n");
    out
}

/// Has no list of findings, so that nobody takes it for a clean text.
fn refusal(id: &str, message: &str) -> String {
    let mut out = format!(r#"{{"id":{id},"error":"#);
    write_string(&mut out, message);
    out.push_str("}\n");
    out
}
