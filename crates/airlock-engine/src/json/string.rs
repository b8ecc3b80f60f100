//! String escapes: reading them with a way back to the raw bytes, and writing them.

use std::{fmt, ops::Range};

/// One escape sequence at the start of some bytes.
pub(super) struct Escape {
    /// Length in raw bytes, a surrogate pair being one escape.
    pub(super) length: usize,
    pub(super) character: char,
    pub(super) lone_surrogate: bool,
}

/// Reads the escape that `bytes` begin with; `None` when it is not one.
pub(super) fn scan_escape(bytes: &[u8]) -> Option<Escape> {
    let simple = |character| Some(Escape { length: 2, character, lone_surrogate: false });
    match *bytes.get(1)? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => scan_unicode_escape(bytes),
        _ => None,
    }
}

fn scan_unicode_escape(bytes: &[u8]) -> Option<Escape> {
    let high = hex4(bytes.get(2..6)?)?;
    if let Some(character) = char::from_u32(high) {
        return Some(Escape { length: 6, character, lone_surrogate: false });
    }
    let low = match bytes.get(6..8) {
        Some(b"\\u") if high < 0xDC00 => bytes.get(8..12).and_then(hex4),
        _ => None,
    };
    match low {
        Some(low @ 0xDC00..=0xDFFF) => {
            let character = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))?;
            Some(Escape { length: 12, character, lone_surrogate: false })
        }
        _ => Some(Escape { length: 6, character: char::REPLACEMENT_CHARACTER, lone_surrogate: true }),
    }
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
}

/// The text of an escaped string, with the way back to the raw bytes it came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Decoded {
    text: String,
    /// For each escape: where its character starts in `text`, and where the escape ends in the raw string.
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    text_start: usize,
    text_end: usize,
    raw_start: usize,
    raw_end: usize,
}

// The text may be a secret; `Debug` tells sizes only.
impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded")
            .field("bytes", &self.text.len())
            .field("escapes", &self.marks.len())
            .finish()
    }
}

impl Decoded {
    /// Decodes what stands between the quotes. Half a surrogate pair becomes U+FFFD.
    pub fn new(raw: &str) -> Self {
        let mut decoded = Self { text: String::with_capacity(raw.len()), marks: Vec::new() };
        let mut at = 0;
        while let Some(rest) = raw.get(at..) {
            let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
            decoded.text.push_str(rest.get(..plain).unwrap_or_default());
            at += plain;
            let Some(escape) = raw.as_bytes().get(at..).and_then(scan_escape) else { break };
            let text_start = decoded.text.len();
            decoded.text.push(escape.character);
            decoded.marks.push(Mark {
                text_start,
                text_end: decoded.text.len(),
                raw_start: at,
                raw_end: at + escape.length,
            });
            at += escape.length;
        }
        decoded
    }

    /// The decoded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The decoded text, without the way back.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The raw bytes (from the opening quote's end) that a span of the text came from; whole escapes only.
    pub fn raw_span(&self, span: &Range<usize>) -> Range<usize> {
        self.raw_offset(span.start, Edge::Start)..self.raw_offset(span.end, Edge::End)
    }

    fn raw_offset(&self, at: usize, edge: Edge) -> usize {
        let before = self.marks.partition_point(|mark| mark.text_end <= at);
        if let Some(mark) = self.marks.get(before).filter(|mark| mark.text_start < at) {
            return match edge {
                Edge::Start => mark.raw_start,
                Edge::End => mark.raw_end,
            };
        }
        match before.checked_sub(1).and_then(|last| self.marks.get(last)) {
            Some(mark) => mark.raw_end + (at - mark.text_end),
            None => at,
        }
    }
}

#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

/// Appends `text` as a JSON string with its quotes.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    write_string_content(out, text);
    out.push('"');
}

/// Appends `text` escaped for the inside of a JSON string.
pub(crate) fn write_string_content(out: &mut String, text: &str) {
    let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = tail.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                let code = u32::from(control);
                let digit = |value: u32| char::from_digit(value, 16).unwrap_or('0');
                out.extend(['\\', 'u', '0', '0', digit(code >> 4), digit(code & 15)]);
            }
            None => break,
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Decoded, write_string};

    #[test]
    fn decodes_and_maps_back() {
        let raw = r"bob\u0040example.com\n\ud83d\ude00!\/";
        let decoded = Decoded::new(raw);
        assert_eq!(decoded.text(), "bob@example.com\n😀!/");
        assert_eq!(&raw[decoded.raw_span(&(0..15))], r"bob\u0040example.com");
        assert_eq!(&raw[decoded.raw_span(&(3..4))], r"\u0040");
        assert_eq!(&raw[decoded.raw_span(&(16..20))], r"\ud83d\ude00");
        assert_eq!(&raw[decoded.raw_span(&(20..21))], "!");
        assert_eq!(decoded.raw_span(&(0..decoded.text().len())), 0..raw.len());
    }

    #[test]
    fn half_a_pair_becomes_the_replacement_character() {
        assert_eq!(Decoded::new(r"a\ud800b").text(), "a\u{fffd}b");
        assert_eq!(Decoded::new(r"\ud800\u0041").text(), "\u{fffd}A");
    }

    proptest! {
        #[test]
        fn writing_then_reading_gives_the_text_back(text in any::<String>()) {
            let mut json = String::new();
            write_string(&mut json, &text);
            prop_assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), &text);
            let decoded = Decoded::new(&json[1..json.len() - 1]);
            prop_assert_eq!(decoded.text(), text.as_str());
        }
    }
}
