//! Secrets of Kubernetes: whatever stands under `data` of one is secret by declaration, under any name.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, contains_fold},
};

/// How far from its kind an object is read. Less than what verifiers may read, so that any cut is the same.
const BACK: usize = 700;
const AHEAD: usize = 2_800;
/// Shorter ones are names: `admin`, `true`.
const SHORTEST: usize = 12;

/// Called at `kind: Secret`, with or without quotes.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let before = text.before(anchor.start, 1);
    let ends = matches!(text.at(anchor.end), 0 | b'\n' | b'\r' | b' ' | b'"' | b'\'' | b',');
    if !ends || !matches!(before, 0 | b'\n' | b' ' | b'\t' | b'"') || !sink.wants(Kind::Password) {
        return;
    }
    let limit = (anchor.end + AHEAD).min(text.len());
    let from = anchor.start.saturating_sub(BACK);
    // Another document of the same file is another object.
    let head = text.slice(from, anchor.start);
    let mut at = memchr::memmem::rfind(head, b"\n---").map_or(from, |found| from + found + 4);
    // The first of several in one object has read it: a text of nothing else would take long.
    if names_kind(text.slice(at, anchor.start)) {
        return;
    }
    let mut under = None;
    while at < limit {
        let end = text.run(at, limit - at, |byte| byte != b'\n');
        let line = Line::read(text, at, end);
        at = end + 1;
        match (under, line) {
            (_, None) => {}
            (_, Some(line)) if text.slice(line.start, line.end).starts_with(b"---") => {
                // What went before was another object, or what follows is.
                if line.start > anchor.start {
                    return;
                }
                under = None;
            }
            (Some(depth), Some(line)) if line.depth > depth => report(text, &line, end, limit, sink),
            (_, Some(line)) => {
                let name = text.slice(line.start, line.end);
                let opens = text.slice(line.value, end).trim_ascii();
                under = (name == b"data" && matches!(opens, b"" | b"{")).then_some(line.depth);
            }
        }
    }
}

/// Whether the text names the kind itself: `kind: Secret`.
fn names_kind(text: &[u8]) -> bool {
    memchr::memchr_iter(b':', text).any(|at| {
        let (before, behind) = text.split_at_checked(at).unwrap_or_default();
        let before = before.strip_suffix(b"\"").unwrap_or(before);
        let name = before.len().checked_sub(4).and_then(|from| before.get(from..)).unwrap_or_default();
        let value = behind.get(1..12).unwrap_or(behind);
        name.eq_ignore_ascii_case(b"kind") && contains_fold(value, b"secret")
    })
}

/// A line `name: value`.
struct Line {
    depth: usize,
    start: usize,
    end: usize,
    value: usize,
}

impl Line {
    /// `None` for an empty line and for a remark.
    fn read(text: &Text<'_>, at: usize, end: usize) -> Option<Self> {
        let start = text.run(at, end - at, |byte| byte == b' ' || byte == b'\t');
        if start == end || matches!(text.at(start), b'#' | b'\r') {
            return None;
        }
        let open = start + usize::from(matches!(text.at(start), b'"' | b'\''));
        let name = text.run(open, end - open, |byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let colon = text.run(name, end - name, |byte| matches!(byte, b'"' | b'\'' | b' '));
        let value = if text.at(colon) == b':' { colon + 1 } else { end };
        Some(Self { depth: start - at, start: open, end: name, value })
    }
}

/// Reports the base64 of a value: on the line itself, or on those that a block is made of.
fn report(text: &Text<'_>, line: &Line, end: usize, limit: usize, sink: &mut Sink<'_>) {
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'');
    let mut start = text.run(line.value, end - line.value, blank);
    if matches!(text.at(start), b'|' | b'>') {
        let below = text.run(start, limit - start, |byte| byte != b'\n');
        start = text.run(below, limit.saturating_sub(below), |byte| byte.is_ascii_whitespace());
    }
    let stop = text.run(start, limit.saturating_sub(start), is_base64);
    let value = text.slice(start, stop);
    let whole = matches!(text.at(stop), 0 | b'\n' | b'\r' | b' ' | b'"' | b'\'' | b',');
    // A certificate is nobody's secret: `-----BEGIN CERTIFICATE`.
    let public = value.starts_with(b"LS0tLS1CRUdJTiBDRVJUSUZJQ0FUR");
    if value.len() >= SHORTEST && value.len().is_multiple_of(4) && whole && !public {
        sink.report(Kind::Password, start..stop, Confidence::Medium, "kubernetes-secret");
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
