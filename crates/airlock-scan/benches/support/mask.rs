//! Masking in one pass over sorted findings, as a host does it.

use airlock_scan::{Finding, Scanner};

/// The text with every finding replaced by its label.
pub(crate) fn masked(text: &str, found: &mut Vec<Finding>) -> String {
    Scanner::default().scan(text, found);
    let (mut masked, mut end) = (String::with_capacity(text.len() + text.len() / 16), 0);
    for finding in found.iter() {
        masked.push_str(text.get(end..finding.span.start).unwrap_or_default());
        masked.push('[');
        masked.push_str(finding.kind.label());
        masked.push_str(" REDACTED]");
        end = finding.span.end;
    }
    masked.push_str(text.get(end..).unwrap_or_default());
    masked
}
