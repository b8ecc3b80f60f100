//! Words around a candidate that say what it is, in any script and near enough to mean it.

use crate::text::Text;

/// How far before and behind a candidate such a word may stand.
const BEFORE: usize = 64;
const BEHIND: usize = 32;
/// Words of so many letters may go on: `Steuernummer`, `passports`.
const STEM: usize = 6;

/// What a word says about the number beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Yes,
    No,
    Nothing,
}

/// Whether one of `words` stands near `start..end`, as a word of its own. The words are in lower case and may
/// hold spaces, which then stand for `_` and `-`, too; the label of a mask is none.
pub(crate) fn named(text: &Text<'_>, start: usize, end: usize, words: &[&str]) -> bool {
    let before = start.saturating_sub(BEFORE);
    let behind = end.saturating_add(BEHIND);
    // Words that start with the same letter are looked for together.
    words
        .chunk_by(|one, other| one.as_bytes().first() == other.as_bytes().first())
        .any(|alike| holds(text, before, start, alike) || holds(text, end, behind, alike))
}

fn holds(text: &Text<'_>, from: usize, to: usize, words: &[&str]) -> bool {
    let Some(first) = words.first().and_then(|word| word.as_bytes().first()) else { return false };
    let window = text.slice(from, to);
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), window).any(|index| {
        let rest = window.get(index..).unwrap_or_default();
        starts_word(text, from + index)
            && words.iter().any(|word| is_at(text, from + index, rest, word.as_bytes()))
    })
}

/// Whether `word` starts `rest`, the end of the window at `at`.
fn is_at(text: &Text<'_>, at: usize, rest: &[u8], word: &[u8]) -> bool {
    let same = |(a, b): (&u8, &u8)| {
        a.eq_ignore_ascii_case(b) || *b == b' ' && matches!(a, b'_' | b'-' | b'\n' | b'\r' | b'\t' | b'.')
    };
    rest.get(..word.len()).is_some_and(|part| part.iter().zip(word).all(same))
        && ends_word(text, at + word.len(), word)
        && !in_label(text, at)
}

/// Behind no letter, or a capital behind a small one: `userSsn`.
fn starts_word(text: &Text<'_>, at: usize) -> bool {
    let (before, first) = (text.before(at, 1), text.at(at));
    !before.is_ascii_alphabetic() || before.is_ascii_lowercase() && first.is_ascii_uppercase()
}

fn ends_word(text: &Text<'_>, end: usize, word: &[u8]) -> bool {
    let (last, next) = (text.before(end, 1), text.at(end));
    word.len() >= STEM
        || !next.is_ascii_alphabetic()
        || last.is_ascii_lowercase() && next.is_ascii_uppercase()
}

/// Whether the word at `at` is part of a mask such as `[SSN REDACTED]`.
fn in_label(text: &Text<'_>, at: usize) -> bool {
    let start = text.run_back(at, 24, |byte| byte.is_ascii_uppercase() || byte == b'_');
    text.before(start, 1) == b'[' && text.at(at).is_ascii_uppercase()
}

/// Asks `says` about the words before `at` on its line, the nearest first, until one decides.
///
/// Words are runs of letters of any script with ASCII letters in lower case, cut to 24 bytes; told with each is
/// whether it is part of a name such as `home_phone`.
pub(crate) fn nearest_before(
    text: &Text<'_>,
    at: usize,
    (reach, count): (usize, usize),
    says: impl Fn(&[u8], bool) -> Says,
) -> Says {
    let floor = at.saturating_sub(reach);
    let mut end = at;
    for _ in 0..count {
        end = text.run_back(end, end - floor, |byte| !is_letter(byte) && byte != b'\n');
        let start = text.run_back(end, end - floor, is_letter);
        // What reaches over the edge is no word.
        if start == end
            || start == floor && start > 0 && is_letter(text.before(start, 1))
            || in_label(text, start)
        {
            return Says::Nothing;
        }
        let said = ask(text, start, end, &says);
        if said != Says::Nothing {
            return said;
        }
        end = start;
    }
    Says::Nothing
}

/// The same for the words behind `at`.
pub(crate) fn nearest_behind(
    text: &Text<'_>,
    at: usize,
    (reach, count): (usize, usize),
    says: impl Fn(&[u8], bool) -> Says,
) -> Says {
    let limit = at.saturating_add(reach);
    let mut start = at;
    for _ in 0..count {
        start = text.run(start, limit - start, |byte| {
            !is_letter(byte) && !matches!(byte, b'\n' | b'0'..=b'9' | b'[')
        });
        let end = text.run(start, limit - start, is_letter);
        if start == end {
            return Says::Nothing;
        }
        let said = ask(text, start, end, &says);
        if said != Says::Nothing {
            return said;
        }
        start = end;
    }
    Says::Nothing
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

fn ask(text: &Text<'_>, start: usize, end: usize, says: impl Fn(&[u8], bool) -> Says) -> Says {
    let letters = text.slice(start, end);
    let mut word = [0; 24];
    word.iter_mut().zip(letters).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    let joined = text.before(start, 1) == b'_' || text.at(end) == b'_';
    says(word.get(..letters.len()).unwrap_or(&word), joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_words() {
        for (text, expected) in [
            ("ssn: 1", true),
            ("userSsn 1", true),
            ("user_SSN=1", true),
            ("1 (SSN)", true),
            ("tax-id 1", true),
            ("tax id 1", true),
            ("Steuernummern 1", true),
            ("ssnx 1", false),
            ("lssn 1", false),
            ("[SSN REDACTED] 1", false),
            ("[SSN:a2b3c4d5] 1", false),
            ("other 1", false),
        ] {
            let at = text.find('1').unwrap();
            let view = Text::new(text);
            assert_eq!(named(&view, at, at + 1, &["ssn", "tax id", "steuernummer"]), expected, "{text}");
        }
    }
}
