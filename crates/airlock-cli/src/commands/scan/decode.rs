//! Bytes to text without losing a position.

use std::{borrow::Cow, mem, str};

/// Stands for a byte that is no part of a character: one byte long, so that offsets stay those of the file.
const NO_CHARACTER: u8 = 0x1a;

/// Turns chunks of bytes into text of the same length. What is not UTF-8 is read as a control character.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The start of a character whose end is in the next chunk; at most three bytes.
    open: Vec<u8>,
    /// Bytes turned into text so far.
    done: u64,
    replaced: Vec<(u64, u8)>,
}

impl Decoder {
    /// The text of everything so far, as far as its last character is complete. Valid text is not copied.
    pub(crate) fn push<'c>(&mut self, chunk: &'c [u8]) -> Cow<'c, str> {
        let text = if self.open.is_empty() { self.valid(chunk) } else { None };
        let text = text.unwrap_or_else(|| Cow::Owned(self.repaired(chunk)));
        self.done += text.len() as u64;
        text
    }

    /// The text of what is left at the end: a character that was cut short.
    pub(crate) fn finish(&mut self) -> String {
        let left = mem::take(&mut self.open);
        self.replaced.extend((self.done..).zip(left.iter().copied()));
        left.iter().map(|_| char::from(NO_CHARACTER)).collect()
    }

    /// The bytes that were replaced since the last call, with their places in the input.
    pub(crate) fn take_replaced(&mut self) -> impl Iterator<Item = (u64, u8)> {
        self.replaced.drain(..)
    }

    fn valid<'c>(&mut self, chunk: &'c [u8]) -> Option<Cow<'c, str>> {
        let error = match str::from_utf8(chunk) {
            Ok(text) => return Some(Cow::Borrowed(text)),
            Err(error) if error.error_len().is_none() => error,
            Err(_) => return None,
        };
        let (whole, open) = chunk.split_at_checked(error.valid_up_to())?;
        self.open.extend_from_slice(open);
        str::from_utf8(whole).ok().map(Cow::Borrowed)
    }

    fn repaired(&mut self, chunk: &[u8]) -> String {
        let mut bytes = mem::take(&mut self.open);
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
            for (at, byte) in bytes.iter_mut().enumerate().skip(bad).take(length) {
                self.replaced.push((self.done + at as u64, mem::replace(byte, NO_CHARACTER)));
            }
            from = bad + length;
        }
        // Every byte that was not valid has been replaced or kept back, so this never replaces anything.
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// Whether the bytes begin like a text in UTF-16 or UTF-32, in which nothing would be found.
pub(crate) fn is_wide(start: &[u8]) -> bool {
    start.starts_with(&[0xff, 0xfe])
        || start.starts_with(&[0xfe, 0xff])
        || start.starts_with(&[0, 0, 0xfe, 0xff])
}

/// Whether a file that begins so is no text.
pub(crate) fn is_binary(start: &[u8]) -> bool {
    const LOOKED_AT: usize = 8 << 10;
    memchr::memchr(0, start.get(..LOOKED_AT).unwrap_or(start)).is_some()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{Decoder, is_binary};

    fn decode(chunks: &[&[u8]]) -> (String, Vec<(u64, u8)>) {
        let mut decoder = Decoder::default();
        let mut text: String = chunks.iter().map(|chunk| decoder.push(chunk).into_owned()).collect();
        text += &decoder.finish();
        let replaced = decoder.take_replaced().collect();
        (text, replaced)
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
            let replaced: Vec<_> = (0..)
                .zip(bytes.iter().copied())
                .zip(expected.bytes())
                .filter(|((_, from), to)| from != to)
                .map(|(replaced, _)| replaced)
                .collect();
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(decode(&[head, tail]), (expected.to_owned(), replaced.clone()), "{bytes:?} {cut}");
            }
        }
    }

    #[test]
    fn valid_text_is_borrowed() {
        let mut decoder = Decoder::default();
        assert!(matches!(decoder.push("é, cut \u{e9}".as_bytes()), Cow::Borrowed("é, cut é")));
        assert!(matches!(decoder.push(b"cut \xc3"), Cow::Borrowed("cut ")));
        assert!(matches!(decoder.push(b"\xa9!"), Cow::Owned(text) if text == "é!"));
    }

    #[test]
    fn a_zero_near_the_start_makes_it_binary() {
        assert!(is_binary(b"ELF\0"));
        assert!(!is_binary(&[b"x".repeat(8 << 10), vec![0]].concat()));
        assert!(!is_binary(b""));
    }
}
