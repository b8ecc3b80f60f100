//! Escapes: characters written in other characters, and lines that go on.

use std::ops::Range;

use crate::{
    disguise::{
        character::separates,
        entity, fold,
        unit::{Unit, Weight, is_joint},
    },
    text::Text,
};

/// Most escapes of escapes that are seen through in one go: `\\\\u0040`.
const ESCAPES: usize = 8;

/// `\u0040`, `\u{40}`, `\U00000040`, `\x40`, `\/`, and a line that goes on behind `\`.
pub(crate) fn backslash(text: &Text<'_>, at: usize) -> Option<Unit> {
    let last = text.run(at, ESCAPES, |byte| byte == b'\\');
    let next = last + 1;
    match text.at(last) {
        b'u' if text.at(next) == b'{' => {
            let end = text.run(next + 1, 7, |byte| byte.is_ascii_hexdigit());
            let code = hex(text, next + 1, end - next - 1)?;
            (text.at(end) == b'}').then(|| escaped(text, char::from_u32(code)?, at..end + 1)).flatten()
        }
        b'u' => {
            let code = hex(text, next, 4)?;
            let end = next + 4;
            if !(0xd800..0xdc00).contains(&code) {
                return escaped(text, char::from_u32(code)?, at..end);
            }
            let low_at = text.run(end, ESCAPES, |byte| byte == b'\\');
            let low = hex(text, low_at + 1, 4).filter(|low| (0xdc00..0xe000).contains(low))?;
            let code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
            (text.at(low_at) == b'u').then(|| escaped(text, char::from_u32(code)?, at..low_at + 5)).flatten()
        }
        b'U' => escaped(text, char::from_u32(hex(text, next, 8)?)?, at..next + 8),
        b'x' => {
            let byte = |index: usize| {
                let start = last + index * 4;
                let prefixed = text.at(start) == b'x' && (index == 0 || text.before(start, 1) == b'\\');
                if prefixed { hex(text, start + 1, 2) } else { None }
            };
            let (char, len) = utf8(byte)?;
            escaped(text, char, at..last + len * 4 - 1)
        }
        // `<\/script>` is how pages write their own end.
        b'/' => Some(Unit { end: next, char: Some('/'), weight: Weight::near(text.before(at, 1) != b'<') }),
        b'\n' | b'\r' if last == at + 1 => soft_break(text, at, last),
        _ => None,
    }
}

/// `%40`, `%EF%BC%A0`, `%u0040`
pub(crate) fn percent(text: &Text<'_>, at: usize) -> Option<Unit> {
    if text.at(at + 1) == b'u' {
        return escaped(text, char::from_u32(hex(text, at + 2, 4)?)?, at..at + 6);
    }
    let byte = |index: usize| {
        let start = at + index * 3;
        if text.at(start) == b'%' { hex(text, start + 1, 2) } else { None }
    };
    let (char, len) = utf8(byte)?;
    escaped(text, char, at..at + len * 3)
}

/// `&#64;`, `&#x40;`, `&commat;`
pub(crate) fn reference(text: &Text<'_>, at: usize) -> Option<Unit> {
    let (start, radix) = match (text.at(at + 1), text.at(at + 2)) {
        (b'#', b'x' | b'X') => (at + 3, 16),
        (b'#', _) => (at + 2, 10),
        _ => {
            let end = text.run(at + 1, entity::LONGEST, |byte| byte.is_ascii_alphabetic());
            let char = entity::named(text.slice(at + 1, end)).filter(|_| text.at(end) == b';')?;
            let unit = escaped(text, char, at..end + 1)?;
            // Like the character itself: most of them part words.
            let space = char == ' ' && !separates(text, at, end + 1);
            return Some(if space { Unit { weight: Weight::None, ..unit } } else { unit });
        }
    };
    let end = text.run(start, 8, |byte| char::from(byte).is_digit(radix));
    let code = u32::from_str_radix(text.str.get(start..end)?, radix).ok()?;
    // Browsers do without the semicolon.
    escaped(text, char::from_u32(code)?, at..end + usize::from(text.at(end) == b';'))
}

/// `=` in quoted-printable text: a line that goes on, or, as `=3D`, the sign itself.
pub(crate) fn equals(text: &Text<'_>, at: usize) -> Option<Unit> {
    let next = text.at(at + 3);
    if text.has(at, b"=3D") && (next.is_ascii_alphanumeric() || matches!(next, b'"' | b'\'')) {
        return Some(Unit { end: at + 3, char: Some('='), weight: Weight::Near });
    }
    soft_break(text, at, at + 1)
}

/// A line end that belongs to no line: `=` or `\` at `at` before it, text directly on both sides.
fn soft_break(text: &Text<'_>, at: usize, end: usize) -> Option<Unit> {
    let end = end + usize::from(text.at(end) == b'\r');
    let before = text.before(at, 1);
    let joins = is_joint(before) && before != b'=' && is_joint(text.at(end + 1));
    (text.at(end) == b'\n' && joins).then_some(Unit { end: end + 1, char: None, weight: Weight::Inside })
}

/// A character written as an escape at `place`. Controls stay as they are written.
fn escaped(text: &Text<'_>, char: char, place: Range<usize>) -> Option<Unit> {
    let (char, weight) = match char {
        ' '..='~' | '\t' | '\n' | '\r' => (Some(char), weight(text, char, &place)),
        '\0'..='\u{9f}' => return None,
        _ if fold::is_invisible(char) => (None, Weight::Near),
        _ if fold::is_space(char) => (Some(' '), Weight::Near),
        _ if fold::is_dash(char) && !fold::is_prose_dash(char) => (Some('-'), Weight::Near),
        _ => match fold::ascii_form(char) {
            Some(ascii) => (Some(ascii), Weight::Near),
            None => (Some(char), Weight::None),
        },
    };
    Some(Unit { end: place.end, char, weight })
}

/// Pages and JSON in pages are full of escaped markup; where it cannot part a name from a value or hide
/// another escape, it is no reason to read them.
fn weight(text: &Text<'_>, char: char, place: &Range<usize>) -> Weight {
    let is_operator = |byte: u8| byte == b':' || byte == b'=';
    Weight::near(match char {
        '<' | '>' => false,
        '"' | '\'' => {
            let before = text.before(place.start, if text.before(place.start, 1) == b' ' { 2 } else { 1 });
            let after = text.at(place.end + usize::from(text.at(place.end) == b' '));
            is_operator(before) || is_operator(after)
        }
        '&' => {
            let name = text.run(place.end, entity::LONGEST, |byte| byte.is_ascii_alphabetic());
            text.at(place.end) == b'#' || name > place.end && text.at(name) == b';'
        }
        _ => true,
    })
}

/// The value of `digits` hexadecimal digits at `at`.
fn hex(text: &Text<'_>, at: usize, digits: usize) -> Option<u32> {
    let part = text.bytes.get(at..at + digits).filter(|part| !part.is_empty())?;
    part.iter().try_fold(0, |value, byte| Some(value << 4 | char::from(*byte).to_digit(16)?))
}

/// The character whose bytes `byte` gives, and how many they are.
fn utf8(byte: impl Fn(usize) -> Option<u32>) -> Option<(char, usize)> {
    let first = u8::try_from(byte(0)?).ok()?;
    let len = match first {
        0..0x80 => return Some((char::from(first), 1)),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return None,
    };
    let mut bytes = [first, 0, 0, 0];
    for (index, slot) in bytes.iter_mut().enumerate().take(len).skip(1) {
        *slot = u8::try_from(byte(index)?).ok()?;
    }
    std::str::from_utf8(bytes.get(..len)?).ok()?.chars().next().map(|char| (char, len))
}
