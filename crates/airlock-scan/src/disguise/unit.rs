//! Units: what stands in a text for one other character, or for none; and which of them make a reading worth it.

use crate::{
    disguise::{character, escape, wrap},
    text::{Text, is_word},
};

/// Something that a reading replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Where it ends.
    pub(crate) end: usize,
    /// What it stands for; `None` if it only separates.
    pub(crate) char: Option<char>,
    pub(crate) weight: Weight,
}

/// What a unit means for the findings around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Part of ordinary text: read along, but no reason to read.
    None,
    /// A trigger; counts for findings that contain it or stand close to it, a name being changed by it perhaps.
    Near,
    /// A trigger; counts only for findings that contain it.
    Inside,
}

impl Weight {
    pub(crate) fn near(condition: bool) -> Self {
        if condition { Self::Near } else { Self::None }
    }
}

/// The places that make a reading worth it, in order: the starts of units with a weight, and wraps.
pub(crate) fn triggers<'t>(text: &'t Text<'t>) -> impl Iterator<Item = usize> + 't {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let found = candidate(text, at, text.len());
            if found == text.len() {
                return None;
            }
            at = found + 1;
            if is_trigger(text, found) {
                return Some(found);
            }
        }
    })
}

/// The first place in `at..end` where a unit may start or a wrap be; `end` if there is none.
#[inline]
pub(crate) fn candidate(text: &Text<'_>, at: usize, end: usize) -> usize {
    let (words, _) = text.slice(at, end).as_chunks::<8>();
    let any = |word: &[u8; 8]| word.iter().fold(false, |any, byte| any | is_candidate(*byte));
    let word = words.iter().position(any).unwrap_or(words.len());
    text.run(at + word * 8, end.saturating_sub(at + word * 8), |byte| !is_candidate(byte))
}

/// Whether a unit may start with this byte, or a wrap be at it. Everything else is skipped.
#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
pub(crate) fn is_candidate(byte: u8) -> bool {
    CANDIDATES[usize::from(byte)]
}

#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
static CANDIDATES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = matches!(byte, b'\n' | b'%' | b'&' | b'=' | b'\\') || is_lead(byte);
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// First bytes of characters that a reading changes. Most of CJK, `E4` to `E9`, is not among them.
#[inline]
const fn is_lead(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xcd..=0xd4 | 0xd8 | 0xd9 | 0xdb | 0xdf | 0xe0..=0xe3 | 0xea | 0xef | 0xf0 | 0xf3)
}

/// Whether the bytes behind a first byte can be those of a character that is a trigger: most letters and marks
/// of the world's languages end here.
#[inline]
fn is_lead_of_trigger(text: &Text<'_>, at: usize) -> bool {
    let (second, third) = (text.at(at + 1), text.at(at + 2));
    match text.at(at) {
        0xc2 => matches!(second, 0xa0 | 0xad),
        0xcd => second == 0x8f,
        // Greek and Cyrillic
        0xce..=0xd4 => is_word(text.before(at, 1)) || is_word(third),
        // Arabic, N'Ko
        0xd8 => second == 0x9c,
        0xd9 => matches!(second, 0xa0..=0xa9),
        0xdb => matches!(second, 0xb0..=0xb9),
        0xdf => matches!(second, 0x80..=0x89),
        // Indic, Thai, Lao, Tibetan
        0xe0 => matches!(third, 0x90..=0x99 | 0xa0..=0xaf),
        // Quotation marks and ellipses are frequent, and nothing.
        0xe2 => match second {
            0x80 => matches!(third, 0x80..=0x95 | 0xa4 | 0xaa..=0xaf),
            0x81 | 0x84 | 0x85 | 0x88 | 0x91..=0x93 => true,
            _ => false,
        },
        // Kana and CJK punctuation
        0xe3 => second == 0x80 && matches!(third, 0x80 | 0x82),
        // Hangul
        0xea => second < 0xb0,
        // Full-width punctuation
        0xef => second != 0xbc || !matches!(third, 0x81 | 0x88 | 0x89 | 0x8c | 0x9b | 0x9f),
        // Emoji
        0xf0 => second != 0x9f || third == 0xaf,
        _ => true,
    }
}

/// Whether a trigger stands at `at`.
pub(crate) fn is_trigger(text: &Text<'_>, at: usize) -> bool {
    match text.at(at) {
        b'\n' => return wrap::at(text, at).is_some(),
        b'=' if !matches!(text.at(at + 1), b'\n' | b'\r' | b'3') => return false,
        byte if !byte.is_ascii() && !is_lead_of_trigger(text, at) => return false,
        _ => {}
    }
    of(text, at).is_some_and(|unit| unit.weight != Weight::None)
}

/// The unit that starts at `at`, a character boundary.
pub(crate) fn of(text: &Text<'_>, at: usize) -> Option<Unit> {
    match text.at(at) {
        b'\\' => escape::backslash(text, at),
        b'%' => escape::percent(text, at),
        b'&' => escape::reference(text, at),
        b'=' => escape::equals(text, at),
        lead if is_lead(lead) => character::character(text, at),
        _ => None,
    }
}

/// Characters of findings: what stands beside them matters.
pub(crate) fn is_joint(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'@' | b'.' | b'-' | b':' | b'=' | b'+' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trigger_is_passed_over() {
        // Every character, alone, in a word, in a number, behind a colon.
        for char in ('\u{80}'..'\u{20000}').chain('\u{e0000}'..'\u{e0200}') {
            for (before, after) in
                [(" ", " "), ("a", "b"), ("4", "5"), ("4444", "5555"), (":", "x"), ("a", " ")]
            {
                let text = [before, char.to_string().as_str(), after].concat();
                let text = Text::new(&text);
                let unit = of(&text, before.len());
                let changed = unit.is_some_and(|unit| unit.weight != Weight::None);
                let character = character::character(&text, before.len());
                assert_eq!(unit, character, "{char:?} is no candidate");
                assert_eq!(is_trigger(&text, before.len()), changed, "{char:?} in {}", text.str);
            }
        }
    }

    #[test]
    fn triggers_in_order() {
        for (text, expected) in [
            ("a\\u0040b\\x2e%40&#64;", &[1, 8, 12, 15][..]),
            ("\\u00fc \\u4e2d %C3%BC %zz &eacute; \\n \\\" C:\\users <\\/b> a=\n\n", &[]),
            ("\\\\u0040", &[0, 1]),
            ("a\u{200b}b \u{200b} \u{200b}", &[1]),
            ("x=\ny x= \ny", &[1]),
            ("ghp_a8Kd02LmQpXz71Rt\nYvBn46WsEj", &[20]),
            ("a &lt;b&gt; &amp; &quot;c&quot; d&#39;s 1&nbsp;000 km&nbsp;h \\u003cp\\u003e", &[]),
            ("p=&quot;x&quot; &amp;#64;", &[2, 16]),
            ("x=3D1 x=3D", &[1]),
            ("“Größe” – l’été… 10 000 €, 2019–2021", &[]),
            ("Привет, мир; SMS-ка, 今天，你好：ok", &[]),
        ] {
            assert_eq!(triggers(&Text::new(text)).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
