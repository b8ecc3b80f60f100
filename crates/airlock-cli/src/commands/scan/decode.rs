//! Bytes to text without losing a position.

use std::str;

/// Stands for a byte that is no part of a character: one byte long, so that offsets stay those of the file.
const NO_CHARACTER: u8 = 0x1a;

/// Turns chunks of bytes into text of the same length. What is not UTF-8 is read as a control character.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The start of a character whose end is in the next chunk; at most three bytes.
    open: Vec<u8>,
}

impl Decoder {
    /// The text of everything so far, as far as its last character is complete.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.open);
        bytes.extend_from_slice(chunk);
        let mut from = 0;
        loop {
            let rest = bytes.get(from..).unwrap_or_default();
            let Err(error) = str::from_utf8(rest) else { break };
            let bad = from + error.valid_up_to();
            let Some(length) = error.error_len() else {
                self.open = bytes.split_off(bad);
                break;
            };
            if let Some(bytes) = bytes.get_mut(bad..bad + length) {
                bytes.fill(NO_CHARACTER);
            }
            from = bad + length;
        }
        // Every byte that was not valid has been replaced or kept back, so this never replaces anything.
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// The text of what is left at the end: a character that was cut short.
    pub(crate) fn finish(&mut self) -> String {
        let left = std::mem::take(&mut self.open);
        left.iter().map(|_| char::from(NO_CHARACTER)).collect()
    }
}

/// Whether the bytes begin like a text in UTF-16 or UTF-32, in which nothing would be found.
pub(crate) fn is_wide(start: &[u8]) -> bool {
    start.starts_with(&[0xff, 0xfe])
        || start.starts_with(&[0xfe, 0xff])
        || start.starts_with(&[0, 0, 0xfe, 0xff])
}

#[cfg(test)]
mod tests {
    use super::Decoder;

    fn decode(chunks: &[&[u8]]) -> String {
        let mut decoder = Decoder::default();
        let mut text: String = chunks.iter().map(|chunk| decoder.push(chunk)).collect();
        text += &decoder.finish();
        text
    }

    #[test]
    fn offsets_survive_whatever_the_bytes_are() {
        let table: [(&[u8], &str); 6] = [
            (b"plain", "plain"),
            ("é日😀".as_bytes(), "é日😀"),
            (b"a\xffb", "a\u{1a}b"),
            (b"\xe9t\xe9", "\u{1a}t\u{1a}"),
            (b"cut \xf0\x9f\x98", "cut \u{1a}\u{1a}\u{1a}"),
            (b"\xed\xa0\x80", "\u{1a}\u{1a}\u{1a}"),
        ];
        for (bytes, expected) in table {
            assert_eq!(decode(&[bytes]), expected);
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(decode(&[head, tail]), expected, "{bytes:?} cut at {cut}");
            }
        }
    }
}
