//! Reads JSON objects with a member `text`, one a line, and answers each with what was found in it:
//! the protocol of `airlock scan --input jsonl --field text --format jsonl`, without the command around it.
//!
//! ```text
//! echo '{"id":1,"text":"mail bob@example.com"}' | cargo run --example answer_jsonl
//! ```

use std::io::{self, BufRead, Write};

use airlock_scan::{Finding, Scanner};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let scanner = Scanner::default();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let record: Value = serde_json::from_str(&line?)?;
        let text = record.get("text").and_then(Value::as_str).unwrap_or_default();
        let mut found: Vec<Finding> = Vec::new();
        scanner.scan(text, &mut found);
        scanner.screen(text, &mut found);
        let findings: Vec<Value> = found
            .iter()
            .map(|finding| {
                json!({
                    "kind": finding.kind.name(), "class": finding.kind.class().name(),
                    "start": finding.span.start, "end": finding.span.end,
                    "confidence": finding.confidence.name(), "rule": finding.rule,
                })
            })
            .collect();
        writeln!(out, "{}", json!({"id": record.get("id"), "findings": findings}))?;
    }
    out.flush()
}
