//! Forms: how an identifier is written, as a pattern of one character per character.

use crate::text::{Text, is_word};

/// The most letters and digits that an identifier has.
const LONGEST: usize = 24;

/// A way to write an identifier.
///
/// In the pattern `9` is a digit, `A` a letter of either case, `X` either of them, a small letter itself in either
/// case, `_` an optional separator, a space a space or a no-break space, and all else itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pattern: &'static str,
    /// Whether the form and the check suffice; else a word must stand nearby.
    pub(super) alone: bool,
    /// Letters and digits of a match.
    pub(super) len: u8,
}

/// A form that needs no word beside it.
pub(super) const fn alone(pattern: &'static str) -> Form {
    Form { pattern, alone: true, len: length(pattern) }
}

/// A form that is an identifier only beside a word that says so.
pub(super) const fn named(pattern: &'static str) -> Form {
    Form { pattern, alone: false, len: length(pattern) }
}

const fn length(pattern: &str) -> u8 {
    let (mut len, mut rest) = (0, pattern.as_bytes());
    while let [byte, tail @ ..] = rest {
        len += byte.is_ascii_alphanumeric() as u8;
        rest = tail;
    }
    len
}

/// After how many letters and digits from `start` on a word ends, one bit each; words are joined by what separates
/// the groups of identifiers.
pub(super) fn ends(text: &Text<'_>, start: usize) -> u32 {
    let (mut ends, mut count, mut at) = (0, 0, start);
    loop {
        let end = text.run(at, LONGEST, |byte| byte.is_ascii_alphanumeric());
        count += end - at;
        if end == at || count > LONGEST {
            return ends;
        }
        ends |= 1_u32 << count;
        at = end + if matches!(text.at(end), b'(' | b'+') { 1 } else { separator(text, end) };
        if at == end {
            return ends;
        }
    }
}

/// The letters, in upper case, and digits of a match.
#[derive(Default)]
pub(super) struct Compact {
    characters: [u8; LONGEST],
    len: usize,
}

impl Compact {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.characters.get_mut(self.len) {
            *slot = byte.to_ascii_uppercase();
            self.len += 1;
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.characters.get(..self.len).unwrap_or_default()
    }
}

impl Form {
    /// Which runs of letters (`Lead::Letters`) or digits a match can start with.
    pub(super) fn leads(self) -> Vec<Lead> {
        let bytes = self.pattern.as_bytes();
        let class = |byte: u8| match byte {
            b'9' => Some(true),
            b'A' | b'a'..=b'z' => Some(false),
            _ => None,
        };
        let first = bytes.first().copied().and_then(class);
        let of = |len: usize| if first == Some(true) { Lead::Digits(len) } else { Lead::Letters(len) };
        let (mut leads, mut len) = (Vec::new(), 0);
        for byte in bytes {
            match *byte {
                b'_' => leads.push(of(len)),
                b'X' => {
                    leads.extend((len.max(1)..=LEADS).map(of));
                    if first.is_none() {
                        leads.extend((1..=LEADS).map(Lead::Digits));
                    }
                    return leads;
                }
                byte if class(byte) == first => len += 1,
                _ => break,
            }
        }
        leads.push(of(len));
        leads
    }

    /// The end of the match at `start` and what it is made of, if no word goes on behind it.
    pub(super) fn read(self, text: &Text<'_>, start: usize) -> Option<(usize, Compact)> {
        let mut compact = Compact::default();
        let mut at = start;
        for expected in self.pattern.bytes() {
            let byte = text.at(at);
            let fits = match expected {
                b'9' => byte.is_ascii_digit(),
                b'A' => byte.is_ascii_alphabetic(),
                b'X' => byte.is_ascii_alphanumeric(),
                b'a'..=b'z' => byte.to_ascii_lowercase() == expected,
                b'_' => {
                    at += separator(text, at);
                    continue;
                }
                b' ' | b'-' => {
                    at += separator_like(text, at, expected)?;
                    continue;
                }
                _ => byte == expected,
            };
            if !fits {
                return None;
            }
            if byte.is_ascii_alphanumeric() {
                compact.push(byte);
            }
            at += 1;
        }
        // A longer number in groups starts before or goes on behind.
        let grouped = text.slice(start, at).contains(&b' ');
        let longer = text.before(start, 1) == b' ' && text.before(start, 2).is_ascii_digit()
            || text.at(at) == b' ' && text.at(at + 1).is_ascii_digit();
        (ends_word(text, at) && !(grouped && longer)).then_some((at, compact))
    }
}

/// What a candidate starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    Digits(usize),
    Letters(usize),
}

/// The longest lead that is told apart.
pub(super) const LEADS: usize = 19;

fn ends_word(text: &Text<'_>, end: usize) -> bool {
    match text.at(end) {
        b'*' => false,
        b'-' | b'.' | b'/' => !text.at(end + 1).is_ascii_alphanumeric(),
        next => !is_word(next),
    }
}

/// Bytes of the separator at `at`; 0 where there is none.
fn separator(text: &Text<'_>, at: usize) -> usize {
    match (text.at(at), text.at(at + 1), text.at(at + 2)) {
        (b' ' | b'-' | b'.' | b'/', ..) => 1,
        (0xc2, 0xa0, _) => 2,
        (0xe2, 0x80, 0x80..=0x93 | 0xaf) => 3,
        _ => 0,
    }
}

/// Bytes of the space or hyphen at `at`, of whatever width.
fn separator_like(text: &Text<'_>, at: usize, expected: u8) -> Option<usize> {
    match (text.at(at), text.at(at + 1), text.at(at + 2)) {
        (byte, ..) if byte == expected => Some(1),
        (0xc2, 0xa0, _) if expected == b' ' => Some(2),
        (0xe2, 0x80, 0x80..=0x8a | 0xaf) if expected == b' ' => Some(3),
        (0xe2, 0x80, 0x90..=0x93) if expected == b'-' => Some(3),
        _ => None,
    }
}
