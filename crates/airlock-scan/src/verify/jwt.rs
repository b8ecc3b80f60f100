//! JSON Web Tokens: the first part must decode to a JSON object that names an algorithm.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    rule::{LOOKAHEAD, Sink},
    text::{Text, is_base64url},
};

/// The longest token; longer ones do not fit into the headers that carry them.
const LONGEST: usize = 16 * 1024;
/// A header with an embedded certificate chain is longer than this; `alg` still stands within it.
const HEADER: usize = 1024;

/// Called at `eyJ`, which is base64 for `{"`.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let start = anchor.start;
    if !sink.wants(Kind::Jwt) || !starts_here(text, start) {
        return;
    }
    let limit = start + LONGEST;
    let part = |from: usize| text.run(from, (limit + 1).saturating_sub(from), is_base64url);
    let header_end = part(start);
    // Three parts are signed, five encrypted; two remain when a signature was cut off.
    let (mut end, mut parts) = (header_end, 1);
    while parts < 5 && text.at(end) == b'.' {
        let next = part(end + 1);
        if next == end + 1 {
            break;
        }
        end = next;
        parts += 1;
    }
    if end + 1 >= text.len() && end <= limit && end - start >= LOOKAHEAD - 1 {
        sink.leave_open(start);
    }
    let payload = text.slice(header_end + 1, header_end + 4) == b"eyJ";
    // `header.payload.signature` explains what a token is made of.
    let last = text.slice(start, end).rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let explained = last.len() < 16 && last.iter().all(u8::is_ascii_lowercase);
    let complete = (parts >= 3 || parts == 2 && payload) && !explained;
    if complete && end <= limit && names_algorithm(text.slice(start, header_end)) {
        sink.report(Kind::Jwt, start..end, Confidence::High, "jwt");
    }
}

fn starts_here(text: &Text<'_>, at: usize) -> bool {
    let before = text.before(at, 1);
    !is_base64url(before) && before != b'.' || text.before(at, 2) == b'\\'
}

fn names_algorithm(header: &[u8]) -> bool {
    let mut decoded = [0; HEADER];
    let mut len = 0;
    let (mut bits, mut width) = (0_u32, 0_u32);
    for byte in header {
        bits = bits << 6 | u32::from(value(*byte));
        width += 6;
        if width >= 8 {
            width -= 8;
            let Some(slot) = decoded.get_mut(len) else { break };
            *slot = (bits >> width & 0xff) as u8;
            bits &= (1 << width) - 1;
            len += 1;
        }
    }
    let decoded = decoded.get(..len).unwrap_or_default();
    let whole = len == HEADER || decoded.trim_ascii_end().ends_with(b"}");
    whole && decoded.is_ascii() && decoded.windows(5).any(|window| window == b"\"alg\"")
}

fn value(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' | b'+' => 62,
        _ => 63,
    }
}
