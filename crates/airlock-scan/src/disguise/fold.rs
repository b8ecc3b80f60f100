//! Characters that look like ASCII ones, and characters that nobody sees.

/// Characters without a shape, which split words only for machines.
pub(crate) fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}'
    )
}

/// Spaces other than the ASCII one.
pub(crate) fn is_space(char: char) -> bool {
    matches!(char, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Hyphens, dashes and minus signs other than the ASCII one.
pub(crate) fn is_dash(char: char) -> bool {
    matches!(char, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// Dashes that stand between words in ordinary prose.
pub(crate) fn is_prose_dash(char: char) -> bool {
    matches!(char, '\u{2012}'..='\u{2015}')
}

/// Full stops that a domain name may be written with.
pub(crate) fn is_stop(char: char) -> bool {
    matches!(char, '\u{2024}' | '\u{3002}' | '\u{fe52}' | '\u{ff0e}' | '\u{ff61}')
}

/// The ASCII character that this one is a full-width, small, circled or mathematical form of, or whose value
/// as a digit it has.
pub(crate) fn ascii_form(char: char) -> Option<char> {
    let code = u32::from(char);
    let ascii = match code {
        0xff01..=0xff5e => code - 0xff00 + 0x20,
        0xfe6b => u32::from(b'@'),
        0xfe55 => u32::from(b':'),
        0x1d400..=0x1d6a3 => match (code - 0x1d400) % 52 {
            upper @ 0..26 => u32::from(b'A') + upper,
            lower => u32::from(b'a') + lower - 26,
        },
        0x2460..=0x2468 => code - 0x2460 + u32::from(b'1'),
        0x24b6..=0x24cf => code - 0x24b6 + u32::from(b'A'),
        0x24d0..=0x24e9 => code - 0x24d0 + u32::from(b'a'),
        0x24ea => u32::from(b'0'),
        0x2100..=0x214f => return letterlike(char),
        0x1d7ce..=0x1d7ff => u32::from(b'0') + (code - 0x1d7ce) % 10,
        _ => return digit(code),
    };
    char::from_u32(ascii)
}

/// Mathematical letters that are older than the block they would belong to.
fn letterlike(char: char) -> Option<char> {
    Some(match char {
        'ℬ' => 'B',
        'ℂ' | 'ℭ' => 'C',
        'ℰ' => 'E',
        'ℱ' => 'F',
        'ℋ' | 'ℌ' | 'ℍ' => 'H',
        'ℐ' | 'ℑ' => 'I',
        'ℒ' => 'L',
        'ℳ' => 'M',
        'ℕ' => 'N',
        'ℙ' => 'P',
        'ℚ' => 'Q',
        'ℛ' | 'ℜ' | 'ℝ' => 'R',
        'ℤ' | 'ℨ' => 'Z',
        'ℯ' => 'e',
        'ℊ' => 'g',
        'ℎ' => 'h',
        'ℓ' => 'l',
        'ℴ' => 'o',
        _ => return None,
    })
}

/// Where the ten digits of a script start, scripts in use today first. Unicode keeps them together, in order.
const ZEROS: [u32; 36] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x1fbf0,
];

/// Where the digits start in each of the first columns of Unicode.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
static COLUMNS: [u8; 0x200] = {
    let mut table = [NO_DIGITS; 0x200];
    let mut index = 0;
    while index < ZEROS.len() {
        let zero = ZEROS[index] as usize;
        if zero >> 4 < table.len() {
            table[zero >> 4] = ZEROS[index].to_le_bytes()[0] & 15;
        }
        index += 1;
    }
    table
};
const NO_DIGITS: u8 = 16;

/// The digit that a full-width one or one of most other scripts is a form of; the quick way to [`ascii_form`].
#[inline]
pub(crate) fn other_digit(char: char) -> Option<char> {
    let code = u32::from(char);
    if let Some(column) = usize::try_from(code >> 4).ok().and_then(|column| COLUMNS.get(column)) {
        // None starts in the middle of a column of sixteen and goes on in the next.
        return value(code & 15, u32::from(*column));
    }
    value(code, 0xff10)
}

/// The digit that stands at `place` where zero stands at `zero`.
#[inline]
fn value(place: u32, zero: u32) -> Option<char> {
    let value = u8::try_from(place.wrapping_sub(zero)).ok().filter(|value| *value < 10)?;
    Some(char::from(b'0' + value))
}

fn digit(code: u32) -> Option<char> {
    let script = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    char::from_digit(code - ZEROS.get(script)?, 10)
}

/// The Latin letter that a Cyrillic or Greek letter cannot be told from.
pub(crate) fn look_alike(char: char) -> Option<char> {
    Some(match char {
        'а' | 'α' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'һ' => 'h',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'ӏ' => 'l',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'υ' => 'u',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' | 'Ϲ' => 'C',
        'Е' | 'Ε' => 'E',
        'Ԍ' => 'G',
        'Н' | 'Η' => 'H',
        'І' | 'Ӏ' | 'Ι' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Ԝ' => 'W',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' | 'Ү' => 'Y',
        'Ζ' => 'Z',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (char, expected) in [
            ('４', Some('4')),
            ('＠', Some('@')),
            ('ｚ', Some('z')),
            ('٧', Some('7')),
            ('۷', Some('7')),
            ('९', Some('9')),
            ('𝟎', Some('0')),
            ('𝟿', Some('9')),
            ('𝐀', Some('A')),
            ('𝚣', Some('z')),
            ('𝒶', Some('a')),
            ('ℎ', Some('h')),
            ('ⓐ', Some('a')),
            ('③', Some('3')),
            ('七', None),
            ('é', None),
            ('7', None),
        ] {
            assert_eq!(ascii_form(char), expected, "{char}");
        }
        assert!(ZEROS.is_sorted());
    }
}
