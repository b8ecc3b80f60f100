//! What several tests need, and the fuzz target of the stream.

use airlock_scan::{Finding, Scanner, StreamScanner};

/// Scans a text in chunks of these lengths, which are repeated and end behind a character.
///
/// Gives back the text as it was handed out, and the findings by their places in it. Fails if a finding lies outside
/// of the text that comes with it, or if too much is held back.
#[must_use]
pub(crate) fn streamed(scanner: &Scanner, text: &str, cuts: &[usize]) -> (String, Vec<Finding>) {
    let mut stream = StreamScanner::with_scanner(scanner.clone());
    let (mut whole, mut all, mut found) = (String::new(), Vec::new(), Vec::new());
    let mut take = |released: String, found: &mut Vec<Finding>| {
        let before = whole.len();
        all.extend(found.drain(..).map(|finding| {
            assert!(released.get(finding.span.clone()).is_some(), "outside of the text: {finding:?}");
            Finding { span: before + finding.span.start..before + finding.span.end, ..finding }
        }));
        whole.push_str(&released);
    };
    let (mut rest, mut lengths) = (text, cuts.iter().cycle());
    while !rest.is_empty() {
        let mut len = lengths.next().map_or(1, |len| (*len).clamp(1, rest.len()));
        while !rest.is_char_boundary(len) {
            len += 1;
        }
        let (chunk, tail) = rest.split_at(len);
        take(stream.push(chunk, &mut found), &mut found);
        assert!(stream.held() < 72 * 1024 + len, "held back {}", stream.held());
        rest = tail;
    }
    take(stream.finish(&mut found), &mut found);
    (whole, all)
}
