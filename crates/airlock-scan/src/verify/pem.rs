//! Private keys in PEM armour: the whole block, also when its lines are joined by `\n` escapes.

use std::ops::Range;

use crate::{Confidence, Kind, rule::Sink, text::Text};

/// The longest block, armour included; an RSA key of 16,384 bits needs 13 KiB.
pub(crate) const LONGEST: usize = 60 * 1024;
const LABEL: usize = 64;
/// A body holds at least so many characters within so many bytes; `…` and `anything` are none.
const SHORTEST: usize = 12;
const LINE: usize = 256;

/// Called at `-----BEGIN`.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let label_end =
        text.run(anchor.end, LABEL, |byte| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'0'..=b'9'));
    let label = text.slice(anchor.end + 1, label_end);
    let private = label.ends_with(b"PRIVATE KEY") || label == b"PGP PRIVATE KEY BLOCK";
    if !sink.wants(Kind::PrivateKey) || !private || !text.has(label_end, b"-----") {
        return;
    }
    let body = label_end + 5;
    let body_end = text.run(body, LONGEST - (body - anchor.start), is_body);
    // A block that was cut off is a secret as far as it goes.
    let closing = closing(text, body_end);
    let end = closing.unwrap_or_else(|| cut_off(text, body, body_end));
    let closed = closing.is_some_and(|end| end < text.len());
    if !closed && body_end + LABEL >= text.len() && body_end - anchor.start < LONGEST {
        sink.leave_open(anchor.start);
    }
    let base64 = text.slice(body, body_end.min(body + LINE)).iter().filter(|byte| is_base64(**byte)).count();
    if end > body && base64 >= SHORTEST {
        sink.report(Kind::PrivateKey, anchor.start..end, Confidence::High, "private-key");
    }
}

/// Lines of base64, headers such as `Proc-Type: 4,ENCRYPTED`, and the escapes of line ends.
fn is_body(byte: u8) -> bool {
    is_base64(byte)
        || byte.is_ascii_whitespace()
        || matches!(byte, b'\\' | b':' | b',' | b'.' | b'(' | b')' | b'_')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// End of the last line of base64 in a block without a closing line; `start` where there is none.
fn cut_off(text: &Text<'_>, start: usize, limit: usize) -> usize {
    let (mut at, mut end) = (start, start);
    while at < limit {
        let line = text.run(at, limit - at, |byte| byte.is_ascii_whitespace() || byte == b'\\');
        // Escaped line ends leave an `n` or `r` before the line.
        let line = if text.before(line, 1) == b'\\' { line + 1 } else { line };
        let line_end = text.run(line, limit.saturating_sub(line), is_base64);
        let header = text.at(line_end) == b':' || text.at(line_end) == b'-';
        if header && end == start {
            at = text.run(line_end, limit.saturating_sub(line_end), |byte| byte != b'\n' && byte != b'\\');
            continue;
        }
        let whole = matches!(text.at(line_end), 0 | b'\n' | b'\r' | b'\\' | b'"' | b'\'' | b' ' | b'<');
        if !whole || line_end - line < 16 && text.before(line_end, 1) != b'=' {
            break;
        }
        (at, end) = (line_end, line_end);
    }
    end
}

/// End of the closing line at `at`; the hyphen inside headers is no closing line.
fn closing(text: &Text<'_>, at: usize) -> Option<usize> {
    text.has(at, b"-----END ").then(|| {
        let label = text
            .run(at + 9, LABEL, |byte| byte.is_ascii_uppercase() || byte == b' ' || byte.is_ascii_digit());
        text.run(label, 5, |byte| byte == b'-')
    })
}
