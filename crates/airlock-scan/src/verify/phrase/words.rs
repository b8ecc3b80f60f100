//! The words around a place, with markup, quotes and line breaks between them passed over.

use std::ops::Range;

use super::Step;
use crate::text::{Text, is_word};

/// Words looked at on either side.
const MOST: usize = 24;
/// Bytes looked at on either side.
const REACH: usize = 320;

/// Up to [`MOST`] words of one sentence, nearest first.
pub(super) struct Words<'t> {
    text: Text<'t>,
    places: [(usize, usize); MOST],
    count: usize,
}

impl<'t> Words<'t> {
    pub(super) fn after(text: &Text<'t>, from: usize, across: bool, most: usize) -> Self {
        let mut words = Self { text: *text, places: [(0, 0); MOST], count: 0 };
        let limit = text.floor(from + REACH);
        let mut at = from;
        for place in words.places.iter_mut().take(most) {
            while at < limit && gap(text, at, across) > 0 {
                at += gap(text, at, across);
            }
            let start = at;
            while at < limit && gap(text, at, across) == 0 && !is_stop(text, at) {
                at += 1;
            }
            if start >= at {
                break;
            }
            *place = (start, at);
            words.count += 1;
        }
        words
    }

    pub(super) fn before(text: &Text<'t>, end: usize, across: bool, most: usize) -> Self {
        let mut words = Self { text: *text, places: [(0, 0); MOST], count: 0 };
        let limit = text.floor(end.saturating_sub(REACH));
        let mut at = end;
        for place in words.places.iter_mut().take(most) {
            while at > limit && gap_back(text, at, across) > 0 {
                at -= gap_back(text, at, across);
            }
            let stop = at;
            while at > limit && gap_back(text, at, across) == 0 && !is_stop(text, at - 1) {
                at -= 1;
            }
            if at >= stop {
                break;
            }
            *place = (at, stop);
            words.count += 1;
        }
        words
    }

    /// The last word that the steps reach, `from` where there are no steps.
    pub(super) fn follow(&self, from: &Range<usize>, steps: &[Step]) -> Option<Range<usize>> {
        let mut next = 0;
        let mut last = from.clone();
        for Step(skip, any) in steps {
            let window = self.places.get(next..self.count.min(next + skip + 1))?;
            let found = window.iter().position(|(start, end)| {
                let word = self.text.str.get(*start..*end).unwrap_or_default();
                any.iter().any(|pattern| is(word, pattern))
            })?;
            last = window.get(found).map(|(start, end)| *start..*end)?;
            next += found + 1;
        }
        Some(last)
    }
}

/// Whether the anchor is made of whole words. An escaped line break before it is none of its letters.
pub(super) fn is_boundary(text: &Text<'_>, anchor: &Range<usize>) -> bool {
    let before = text.before(anchor.start, 1);
    let escaped = matches!(before, b'n' | b'r' | b't') && text.before(anchor.start, 2) == b'\\';
    // `don't` and the like, and terminal escapes, may touch letters.
    let free = text.at(anchor.start) == 0x1b;
    let opens = text.at(anchor.start + 1) == b'\''
        || !is_word(text.at(anchor.start))
        || !before.is_ascii_alphanumeric()
        || escaped;
    opens && (free || !(is_word(text.before(anchor.end, 1)) && text.at(anchor.end).is_ascii_alphanumeric()))
}

/// Whether `word` is `pattern`, a lower-case word without accents; case, accents and digits for letters are folded.
pub(super) fn is(word: &str, pattern: &str) -> bool {
    // Nearly all differ in the first letter.
    if let (Some(first), Some(wanted)) = (word.bytes().next(), pattern.bytes().next())
        && first.is_ascii_alphabetic()
        && first.to_ascii_lowercase() != wanted
    {
        return false;
    }
    // A number is no word, whatever its digits look like.
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let mut expected = pattern.chars();
    for char in word.chars() {
        match expected.next() {
            Some('*') => return true,
            Some(letter) if same(char, letter) => {}
            _ => return false,
        }
    }
    matches!(expected.next(), None | Some('*'))
}

fn same(char: char, letter: char) -> bool {
    if char.is_ascii() {
        return char.to_ascii_lowercase() == letter || stands_for(char, letter);
    }
    let plain = match char {
        'à'..='å' | 'À'..='Å' => 'a',
        'ç' | 'Ç' => 'c',
        'è'..='ë' | 'È'..='Ë' => 'e',
        'ì'..='ï' | 'Ì'..='Ï' => 'i',
        'ñ' | 'Ñ' => 'n',
        'ò'..='ö' | 'Ò'..='Ö' => 'o',
        'ù'..='ü' | 'Ù'..='Ü' => 'u',
        other => other.to_lowercase().next().unwrap_or(other),
    };
    plain == letter
}

/// Digits and signs written for letters.
fn stands_for(char: char, letter: char) -> bool {
    matches!(
        (char, letter),
        ('0', 'o') | ('1' | '!', 'i' | 'l') | ('3', 'e') | ('4' | '@', 'a') | ('5' | '$', 's') | ('7', 't')
    )
}

/// Bytes at `at` that separate words of one sentence; 0 if none do.
fn gap(text: &Text<'_>, at: usize, across: bool) -> usize {
    let (first, second) = (text.at(at), text.at(at + 1));
    match first {
        b'\\' if matches!(second, b'n' | b'r' | b't') => 2,
        b'.' if across && second.is_ascii_alphanumeric() => 1,
        0xc2 if matches!(second, 0xa0 | 0xab | 0xbb) => 2,
        0xe2 if second == 0x80 => 3,
        0xe3 if second == 0x80 && text.at(at + 2) == 0x80 => 3,
        _ => usize::from(is_gap(first, across)),
    }
}

fn gap_back(text: &Text<'_>, end: usize, across: bool) -> usize {
    let (last, second, third) = (text.before(end, 1), text.before(end, 2), text.before(end, 3));
    match (third, second, last) {
        (0xe2, 0x80, 0x80..=0xbf) | (0xe3, 0x80, 0x80) => 3,
        (_, 0xc2, 0xa0 | 0xab | 0xbb) => 2,
        (_, _, b'.') if across && text.at(end).is_ascii_alphanumeric() => 1,
        _ => usize::from(is_gap(last, across)),
    }
}

fn is_gap(byte: u8, across: bool) -> bool {
    let soft = matches!(byte, b':' | b'(' | b')' | b'<' | b'|' | b'[' | b']' | b'{' | b'}' | b'=');
    byte.is_ascii_whitespace()
        || matches!(byte, b'*' | b'_' | b'"' | b'\'' | b'`' | b',' | b'-' | b'>' | b'#' | b'~' | b'/' | b'\\')
        || across && soft
}

/// What ends a sentence.
fn is_stop(text: &Text<'_>, at: usize) -> bool {
    match text.at(at) {
        b'!' => !text.at(at + 1).is_ascii_alphanumeric(),
        byte => matches!(
            byte,
            b'.' | b'?' | b';' | b':' | b'<' | b'(' | b')' | b'|' | b'[' | b']' | b'{' | b'}' | b'=' | 0
        ),
    }
}
