//! Line ends that a program put into the middle of a token.

use crate::text::{Text, is_word};

/// A token reaches at least so far before the line end, and so far behind it.
const HEAD: usize = 8;
const LEAST: usize = 4;
/// So soon behind the line end a token shows that it is one; a date, which most logs start with, does not.
const TAIL: usize = 8;
/// Lines of base64 are at least this long; they are no tokens.
const BLOCK: usize = 60;

/// Where the line starts that continues the token before the line end at `at`, if it may.
///
/// Both words must mix digits and letters, not all hexadecimal in the first: ordinary words, numbers, dates and
/// lists of hashes are none.
pub(crate) fn at(text: &Text<'_>, at: usize) -> Option<usize> {
    if text.at(at) != b'\n' || !is_word(text.at(at + 1)) {
        return None;
    }
    let end = before(text, at);
    if !is_word(text.before(end, 1)) {
        return None;
    }
    // Most lines end here: with a date or an ordinary word.
    let tail = text.slice(at + 1, text.run(at + 1, TAIL, is_token));
    let mixed = tail.iter().any(u8::is_ascii_digit) && tail.iter().any(u8::is_ascii_alphabetic);
    if tail.len() < LEAST || !mixed {
        return None;
    }
    let start = text.run_back(end, BLOCK, is_token);
    let head = text.slice(start, end);
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit();
    let token = (HEAD..BLOCK).contains(&head.len())
        && head.iter().any(u8::is_ascii_digit)
        && head.iter().filter(|byte| **byte != b'x').any(is_letter);
    token.then_some(at + 1)
}

/// Whether the word at `at` mixes digits with letters of both cases.
pub(crate) fn is_random(text: &Text<'_>, at: usize) -> bool {
    let word = text.slice(at, text.run(at, BLOCK, is_token));
    [u8::is_ascii_digit, u8::is_ascii_uppercase, u8::is_ascii_lowercase]
        .iter()
        .all(|class| word.iter().any(class))
}

/// The end of the line whose `\n` stands at `at`.
pub(crate) fn before(text: &Text<'_>, at: usize) -> usize {
    at - usize::from(text.before(at, 1) == b'\r')
}

fn is_token(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps() {
        for (text, expected) in [
            ("ghp_a8Kd02LmQpXz\nYvBn46WsEj", true),
            ("ghp_a8Kd02LmQpXz\r\nYvBn46WsEj", true),
            ("of the identifiers\nand the values", false),
            ("order12x\nand the values", false),
            ("trace=0x3cdcf8617f3548bd\n2026-07-05T00:39:24", false),
            ("order=id3cdcf8617f3548bd\n2026-07-05T00:39:24", false),
            ("1763800000123456\n1763800000123457", false),
            ("da39a3ee5e6b4b0d3255bfef\n95601890afd80709da39a3ee", false),
        ] {
            let end = text.find('\n').unwrap();
            assert_eq!(at(&Text::new(text), end), expected.then_some(end + 1), "{text:?}");
        }
        assert_eq!(before(&Text::new("a\r\nb"), 2), 1);
    }
}
