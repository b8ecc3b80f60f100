//! Private keys in PEM armour: the whole block, also when its lines are joined by `\n` escapes.

use std::ops::Range;

use crate::{Confidence, Kind, rule::Sink, text::Text};

/// The longest block, armour included; an RSA key of 16,384 bits needs 13 KiB.
pub(crate) const LONGEST: usize = 60 * 1024;
const LABEL: usize = 64;

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
    let end = closing(text, body_end)
        .unwrap_or_else(|| text.run_back(body_end, body_end - body, |byte| !is_base64(byte)));
    let end = end.max(body);
    if body_end + LABEL >= text.len() && body_end - anchor.start < LONGEST {
        sink.leave_open(anchor.start);
    }
    if end > body {
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

/// End of the closing line at `at`; the hyphen inside headers is no closing line.
fn closing(text: &Text<'_>, at: usize) -> Option<usize> {
    text.has(at, b"-----END ").then(|| {
        let label = text
            .run(at + 9, LABEL, |byte| byte.is_ascii_uppercase() || byte == b' ' || byte.is_ascii_digit());
        text.run(label, 5, |byte| byte == b'-')
    })
}
