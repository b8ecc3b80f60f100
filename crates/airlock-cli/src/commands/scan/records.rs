//! `--input jsonl`: one JSON object per line, one answer per line, in the same order.

use std::{
    fmt::{self, Write as _},
    io::{self, BufRead, Read as _, Write as _},
};

use agent_airlock::json::{Bounds, Document, write_string};
use airlock_scan::{Finding, Scanner};

use super::report::{Row, Totals, Writer};
use crate::{
    args::ScanFormat,
    exit::{Exit, Failure},
    render::Stream,
};

/// Longest line in bytes; a longer one ends the scan, since skipping text would call it clean.
const MAX_LINE: u64 = 16 << 20;

/// What to look at.
pub(crate) struct Records<'a> {
    pub(crate) name: &'a str,
    /// Member that holds the text.
    pub(crate) field: &'a str,
    pub(crate) scanner: Scanner,
}

impl Records<'_> {
    /// Reads `input` to its end. Returns how many bytes that were.
    pub(crate) fn scan(
        &self,
        mut input: impl BufRead,
        format: ScanFormat,
        writer: &mut Writer,
        totals: &mut Totals,
        out: &mut Stream,
    ) -> Result<u64, Failure> {
        let (mut line, mut number, mut bytes) = (Vec::new(), 0, 0);
        let mut findings = Vec::new();
        loop {
            line.clear();
            number += 1;
            let read = input.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line);
            let read = read.map_err(|error| self.failed(number, &error))? as u64;
            if read == 0 {
                return Ok(bytes);
            }
            bytes += read;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if read > MAX_LINE {
                return Err(self.failed(number, &"the line is longer than 16 MiB"));
            }
            let doc =
                Document::parse(&line, &Bounds::DEFAULT).map_err(|error| self.failed(number, &error))?;
            let text = doc.root().get(self.field).and_then(|value| value.as_str());
            let text = text.ok_or_else(|| {
                self.failed(number, &format_args!("there is no text under `{}` (see --field)", self.field))
            })?;
            findings.clear();
            find(self.scanner, &text, &mut findings);
            totals.count(&findings);
            if format == ScanFormat::Jsonl {
                let id = doc.root().get("id").map_or("null", |id| id.raw());
                writeln!(out, "{}", answer(id, &findings))?;
            } else {
                self.rows(number, &text, &findings, writer, out)?;
            }
        }
    }

    /// Lines are those of the input, columns and bytes those of the member's text.
    fn rows(
        &self,
        line: u64,
        text: &str,
        findings: &[Finding],
        writer: &mut Writer,
        out: &mut Stream,
    ) -> io::Result<()> {
        for finding in findings {
            let before = text.get(..finding.span.start).unwrap_or_default();
            writer.row(
                out,
                &Row {
                    file: self.name,
                    line,
                    column: before.chars().count() as u64 + 1,
                    kind: finding.kind.name(),
                    class: finding.kind.class().name(),
                    start: finding.span.start as u64,
                    end: finding.span.end as u64,
                    confidence: finding.confidence.name(),
                    rule: finding.rule,
                    before: "",
                },
            )?;
        }
        Ok(())
    }

    fn failed(&self, line: u64, error: &dyn fmt::Display) -> Failure {
        Failure::new(Exit::ScanFailed, format_args!("{}:{line}: {error}", self.name))
    }
}

/// Everything there is to find in one text, in order.
pub(crate) fn find(scanner: Scanner, text: &str, findings: &mut Vec<Finding>) {
    scanner.scan(text, findings);
    scanner.screen(text, findings);
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
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
    out.push_str("]}");
    out
}
