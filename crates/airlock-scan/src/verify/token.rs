//! Tokens of services: a vendor's anchor and the shape around it.

use std::ops::Range;

use crate::{
    Confidence, Rule,
    rarity::pattern,
    rule::Sink,
    shape::{Shape, Token},
    text::{Text, contains_fold, is_word},
};

/// How a vendor's tokens are written and how sure a match is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// The first that matches counts.
    pub(crate) shapes: &'static [Shape],
    pub(crate) confidence: Confidence,
    /// Lower-case words, one of which must stand shortly before; empty for formats that speak for themselves.
    pub(crate) near: &'static [&'static str],
    /// Whether the token is none of the vendor's though it has the form, or one that everybody has.
    pub(crate) refused: Option<fn(&[u8]) -> bool>,
    /// Whether the token's checksum is right.
    pub(crate) check: Option<fn(&[u8]) -> bool>,
    /// Whether samples such as `xxxxxxxx` are found too.
    pub(crate) samples: bool,
    /// Whether the anchor is only the name before the secret.
    pub(crate) value_only: bool,
}

/// How far before a token its word may stand.
const NEAR: usize = 64;

impl Format {
    /// Whether the token starts at its anchor, by all shapes.
    fn begins_with_anchor(&self) -> bool {
        !self.value_only && self.shapes.iter().all(Shape::begins_with_anchor)
    }

    /// A format that needs no context and has no checksum.
    pub(crate) const fn new(shapes: &'static [Shape]) -> Self {
        Self {
            shapes,
            confidence: Confidence::High,
            near: &[],
            refused: None,
            check: None,
            samples: false,
            value_only: false,
        }
    }
}

/// Reports the token around the anchor of `rule`.
pub(crate) fn verify(
    text: &Text<'_>,
    anchor: Range<usize>,
    rule: &'static Rule,
    format: &'static Format,
    sink: &mut Sink<'_>,
) {
    // Most candidates that are none stand in the middle of a word.
    if format.begins_with_anchor() && !starts_here(text, anchor.start) {
        return;
    }
    let found = format.shapes.iter().find_map(|shape| shape.find(text, &anchor));
    let Some(Token { mut span, body }) = found else { return };
    if format.value_only {
        span.start = anchor.end;
    } else if !starts_here(text, span.start) {
        return;
    }
    let (head, tail) = (text.slice(span.start, anchor.start), text.slice(body, span.end));
    let is_invented =
        || is_sample(head, tail) || is_sample(&[], tail) || pattern::is_invented(without_ids(tail));
    if !format.samples && is_invented() || !is_near(text, span.start, format) {
        return;
    }
    if tail.windows(3).any(|part| part == b"***") {
        return;
    }
    if format.refused.is_some_and(|refused| refused(text.slice(span.start, span.end))) {
        return;
    }
    let sure = format.check.is_none_or(|check| check(text.slice(span.start, span.end)));
    let confidence = if sure { format.confidence } else { format.confidence.min(Confidence::Medium) };
    sink.report(rule.kind, span, confidence, rule.id);
}

/// Whether a token may start at `at`: no letter, digit or underscore before it, unless it ends an escape
/// such as `\n`, `\u003d` or `%3D`.
pub(crate) fn starts_here(text: &Text<'_>, at: usize) -> bool {
    let before = text.before(at, 1);
    let hex = |from: usize| (1..from).all(|back| text.before(at, back).is_ascii_hexdigit());
    !is_word(before)
        || text.before(at, 2) == b'\\' && matches!(before, b'n' | b'r' | b't')
        || text.before(at, 3) == b'%' && hex(3)
        || text.before(at, 5) == b'u' && text.before(at, 6) == b'\\' && hex(5)
}

fn is_near(text: &Text<'_>, start: usize, format: &Format) -> bool {
    let before = text.slice(start.saturating_sub(NEAR), start);
    format.near.is_empty() || format.near.iter().any(|word| contains_fold(before, word.as_bytes()))
}

/// Whether the body of a token was written by a human being: few different characters, one of them many
/// times in a row, the alphabet, or words that ask for the real one.
fn is_sample(head: &[u8], tail: &[u8]) -> bool {
    let body = || head.iter().chain(tail).copied();
    let len = head.len() + tail.len();
    if len >= SHORT && !varies(body()) || len >= LONG && !is_mixed(head, tail) {
        return true;
    }
    if head.is_empty() && !may_run(tail) {
        // Nearly all random bodies.
        return asks_for_one(tail);
    }
    let (mut before, mut last, mut same, mut rising) = (0_u8, 0_u8, 1, 1);
    for byte in body() {
        same = if byte == before { same + 1 } else { 1 };
        let lower = byte.to_ascii_lowercase();
        rising = if lower == last.wrapping_add(1) && lower.is_ascii_lowercase() { rising + 1 } else { 1 };
        // Binary data gives runs of `A`, samples of numbers runs of digits.
        if same >= SAME && byte != b'A' && !byte.is_ascii_digit() || rising >= RISING {
            return true;
        }
        (before, last) = (byte, lower);
    }
    asks_for_one(tail)
}

/// Whether words in the body ask for the real one.
fn asks_for_one(tail: &[u8]) -> bool {
    let parts = || memchr::memchr2_iter(b'_', b'-', tail);
    parts().next().is_some()
        && [&b"your_"[..], b"your-", b"_here"].iter().any(|word| contains_fold(tail, word))
}

/// Whether there are as many different characters as a random body has. Nearly all have them at the beginning.
fn varies(body: impl Iterator<Item = u8>) -> bool {
    let (mut seen, mut different) = ([0; VARIETY], 0);
    for byte in body {
        if !seen.iter().take(different).any(|other| *other == byte) {
            let Some(slot) = seen.get_mut(different) else { return true };
            *slot = byte;
            different += 1;
        }
    }
    different >= VARIETY
}

/// Whether so many equal or rising characters as [`SAME`] and [`RISING`] say may stand in a row.
fn may_run(body: &[u8]) -> bool {
    // Such a row holds every eighth place and the one behind it, wherever it starts.
    body.chunks(8).any(|eight| match eight {
        [first, second, ..] => second.to_ascii_lowercase().wrapping_sub(first.to_ascii_lowercase()) <= 1,
        _ => false,
    })
}

/// The body without the numbers in front: they say whose the token is, and anybody's number may be `1111111111`.
fn without_ids(body: &[u8]) -> &[u8] {
    let mut rest = body;
    while let Some(at) = rest.iter().position(|byte| !byte.is_ascii_digit())
        && let (b'-', true) = (rest.get(at).copied().unwrap_or(0), at > 0)
        && rest.len() > at + 1
    {
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    rest
}

/// Whether there are two of digits, upper-case and lower-case letters.
fn is_mixed(head: &[u8], tail: &[u8]) -> bool {
    let has = |class: fn(&u8) -> bool| u8::from(head.iter().chain(tail).any(class));
    has(u8::is_ascii_digit) + has(u8::is_ascii_uppercase) + has(u8::is_ascii_lowercase) > 1
}

/// Bodies with fewer different characters are samples, unless they are shorter than [`SHORT`].
const VARIETY: usize = 5;
const SHORT: usize = 8;
/// From this length on no random body is made of small letters alone.
const LONG: usize = 30;
/// From so many equal characters in a row on nobody takes it for random.
const SAME: u32 = 9;
/// The whole alphabet in order.
const RISING: u32 = 26;

/// Called at the prefix of an AWS access key id.
pub(crate) fn verify_aws_id(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.start, 21, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let body = text.slice(anchor.end, end);
    if end - anchor.start == 20
        && starts_here(text, anchor.start)
        && !is_word(text.at(end))
        && body.iter().any(|byte| *byte != b'X')
    {
        // The id is written in base 32, which most invented ones are not.
        let plain = body.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'));
        let confidence = if plain { Confidence::High } else { Confidence::Medium };
        sink.report(crate::Kind::AwsAccessKey, anchor.start..end, confidence, "aws-access-key-id");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_samples_from_tokens() {
        let table: &[(&str, bool)] = &[
            ("xxxxxxxxxxxxxxxxxxxx", true),
            ("XXXXXXXX-XXXX-xxxx", true),
            ("abcdefghijklmnopqrstuvwxyz123456", true),
            ("YOUR_API_KEY_1234567890", true),
            ("ab12ccccccccccc34de", true),
            ("servingcellprioritydescription_h_prio", true),
            ("R9GylZyum8UsmgfiH2e6dQlw4Tu2TAWEunFj", false),
            ("AQAAAAAAAAAAAAAAyum8UsmgfiH2", false),
            ("IOSFODNN7EXAMPLE", false),
            ("9999", false),
        ];
        for (body, expected) in table {
            assert_eq!(is_sample(b"", body.as_bytes()), *expected, "{body}");
        }
    }
}
