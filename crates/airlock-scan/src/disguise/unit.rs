//! Units: what stands in a text for one other character, or for none; and which of them make a reading worth it.

use crate::{
    disguise::{entity, fold},
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
    fn near(condition: bool) -> Self {
        if condition { Self::Near } else { Self::None }
    }
}

/// The places that make a reading worth it, in order: the starts of units with a weight, and wraps.
pub(crate) fn triggers<'t>(text: &'t Text<'t>) -> impl Iterator<Item = usize> + 't {
    let candidate = |(at, byte): (usize, &u8)| is_candidate(*byte).then_some(at);
    text.bytes.iter().enumerate().filter_map(candidate).filter(move |at| is_trigger(text, *at))
}

/// The trigger that the walk's mark at `at` tells of: it marks no `=`, but the line end behind one.
#[inline]
pub(crate) fn trigger_at(text: &Text<'_>, at: usize) -> Option<usize> {
    let place = if text.at(at) == b'\n' {
        let line = at - usize::from(text.before(at, 1) == b'\r');
        line.checked_sub(1).filter(|equals| text.at(*equals) == b'=')?
    } else {
        at
    };
    (is_candidate(text.at(place)) && is_trigger(text, place)).then_some(place)
}

/// Whether a unit may start with this byte, or a wrap be at it. Everything else is skipped.
#[inline]
pub(crate) fn is_candidate(byte: u8) -> bool {
    matches!(byte, b'%' | b'&' | b'=' | b'\\') || is_lead(byte)
}

/// First bytes of characters that a reading changes. Most of CJK, `E4` to `E9`, is not among them.
#[inline]
fn is_lead(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xcd..=0xd4 | 0xd8..=0xdf | 0xe0..=0xe3 | 0xea | 0xef | 0xf0 | 0xf3)
}

/// Whether a trigger stands at `at`.
pub(crate) fn is_trigger(text: &Text<'_>, at: usize) -> bool {
    match text.at(at) {
        // Letters of alphabets: most texts in them end here.
        0xce..=0xd4 if !is_word(text.before(at, 1)) && !is_word(text.at(at + 2)) => false,
        0xe3 if text.at(at + 1) != 0x80 => false,
        0xcd if text.at(at + 1) != 0x8f => false,
        0xc2 if !matches!(text.at(at + 1), 0xa0 | 0xad) => false,
        _ => of(text, at).is_some_and(|unit| unit.weight != Weight::None),
    }
}

/// The unit that starts at `at`, a character boundary.
pub(crate) fn of(text: &Text<'_>, at: usize) -> Option<Unit> {
    match text.at(at) {
        b'\\' => backslash(text, at),
        b'%' => percent(text, at),
        b'&' => reference(text, at),
        b'=' => soft_break(text, at, at + 1),
        lead if is_lead(lead) => character(text, at),
        _ => None,
    }
}

/// Most escapes of escapes that are seen through in one go: `\\\\u0040`.
const ESCAPES: usize = 8;

/// `\u0040`, `\u{40}`, `\U00000040`, `\x40`, `\/`, and a line that goes on behind `\`.
fn backslash(text: &Text<'_>, at: usize) -> Option<Unit> {
    let last = text.run(at, ESCAPES, |byte| byte == b'\\');
    let next = last + 1;
    match text.at(last) {
        b'u' if text.at(next) == b'{' => {
            let end = text.run(next + 1, 7, |byte| byte.is_ascii_hexdigit());
            let code = hex(text, next + 1, end - next - 1)?;
            (text.at(end) == b'}').then(|| escaped(char::from_u32(code)?, end + 1)).flatten()
        }
        b'u' => {
            let code = hex(text, next, 4)?;
            let end = next + 4;
            if !(0xd800..0xdc00).contains(&code) {
                return escaped(char::from_u32(code)?, end);
            }
            let low_at = text.run(end, ESCAPES, |byte| byte == b'\\');
            let low = hex(text, low_at + 1, 4).filter(|low| (0xdc00..0xe000).contains(low))?;
            let code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
            (text.at(low_at) == b'u').then(|| escaped(char::from_u32(code)?, low_at + 5)).flatten()
        }
        b'U' => escaped(char::from_u32(hex(text, next, 8)?)?, next + 8),
        b'x' => {
            let byte = |index: usize| {
                let start = last + index * 4;
                let prefixed = text.at(start) == b'x' && (index == 0 || text.before(start, 1) == b'\\');
                if prefixed { hex(text, start + 1, 2) } else { None }
            };
            let (char, len) = utf8(byte)?;
            escaped(char, last + len * 4 - 1)
        }
        // `<\/script>` is how pages write their own end.
        b'/' => Some(Unit { end: next, char: Some('/'), weight: Weight::near(text.before(at, 1) != b'<') }),
        b'\n' | b'\r' if last == at + 1 => soft_break(text, at, last),
        _ => None,
    }
}

/// `%40`, `%EF%BC%A0`, `%u0040`
fn percent(text: &Text<'_>, at: usize) -> Option<Unit> {
    if text.at(at + 1) == b'u' {
        return escaped(char::from_u32(hex(text, at + 2, 4)?)?, at + 6);
    }
    let byte = |index: usize| {
        let start = at + index * 3;
        if text.at(start) == b'%' { hex(text, start + 1, 2) } else { None }
    };
    let (char, len) = utf8(byte)?;
    escaped(char, at + len * 3)
}

/// `&#64;`, `&#x40;`, `&commat;`
fn reference(text: &Text<'_>, at: usize) -> Option<Unit> {
    let (start, radix) = match (text.at(at + 1), text.at(at + 2)) {
        (b'#', b'x' | b'X') => (at + 3, 16),
        (b'#', _) => (at + 2, 10),
        _ => {
            let end = text.run(at + 1, entity::LONGEST, |byte| byte.is_ascii_alphabetic());
            let char = entity::named(text.slice(at + 1, end)).filter(|_| text.at(end) == b';')?;
            return escaped(char, end + 1);
        }
    };
    let end = text.run(start, 8, |byte| char::from(byte).is_digit(radix));
    let code = u32::from_str_radix(text.str.get(start..end)?, radix).ok()?;
    // Browsers do without the semicolon.
    escaped(char::from_u32(code)?, end + usize::from(text.at(end) == b';'))
}

/// A line end that belongs to no line: `=` or `\` at `at` before it, text directly on both sides.
fn soft_break(text: &Text<'_>, at: usize, end: usize) -> Option<Unit> {
    let end = end + usize::from(text.at(end) == b'\r');
    let before = text.before(at, 1);
    let joins = is_joint(before) && before != b'=' && is_joint(text.at(end + 1));
    (text.at(end) == b'\n' && joins).then_some(Unit { end: end + 1, char: None, weight: Weight::Inside })
}

/// A character written as an escape that ends before `end`. Controls stay as they are written.
fn escaped(char: char, end: usize) -> Option<Unit> {
    let (char, weight) = match char {
        ' '..='~' | '\t' | '\n' | '\r' => (Some(char), Weight::Near),
        '\0'..='\u{9f}' => return None,
        _ if fold::is_invisible(char) => (None, Weight::Near),
        _ if fold::is_space(char) => (Some(' '), Weight::Near),
        _ if fold::is_dash(char) && !fold::is_prose_dash(char) => (Some('-'), Weight::Near),
        _ => match fold::ascii_form(char) {
            Some(ascii) => (Some(ascii), Weight::Near),
            None => (Some(char), Weight::None),
        },
    };
    Some(Unit { end, char, weight })
}

/// A character that is itself the disguise.
fn character(text: &Text<'_>, at: usize) -> Option<Unit> {
    let char = text.str.get(at..)?.chars().next()?;
    let end = at + char.len_utf8();
    let (before, after) = (text.before(at, 1), text.at(end));
    let words = (is_word(before), is_word(after));
    let unit = |char, weight| Some(Unit { end, char, weight });
    if fold::is_invisible(char) {
        return unit(None, Weight::near(is_joint(before) || is_joint(after)));
    }
    if fold::is_space(char) {
        return unit(Some(' '), Weight::near(separates(text, at, end)));
    }
    if fold::is_dash(char) {
        return dash(text, char, at, end);
    }
    if fold::is_stop(char) {
        return if words == (true, true) || char == '\u{ff0e}' {
            unit(Some('.'), Weight::near(words.0 || words.1))
        } else {
            None
        };
    }
    if let Some(ascii) = fold::ascii_form(char) {
        let weight = match ascii {
            '@' => true,
            '0'..='9' => has_digit_beside(text, at, end),
            _ if ascii.is_ascii_alphanumeric() => true,
            ':' => words.0 || matches!(before, b'"' | b'\''),
            '_' | '/' | '=' => words.0 || words.1,
            _ => false,
        };
        return unit(Some(ascii), Weight::near(weight));
    }
    let letter = fold::look_alike(char)?;
    let direct = words.0 || words.1;
    (direct || touches_word(text, at, end)).then_some(Unit {
        end,
        char: Some(letter),
        weight: Weight::near(direct),
    })
}

/// Whether a run of look-alikes around `at..end` touches an ASCII word.
fn touches_word(text: &Text<'_>, at: usize, end: usize) -> bool {
    const FAR: usize = 8;
    let is_other = |char: &char| fold::look_alike(*char).is_none();
    let head = text.str.get(..at).unwrap_or_default();
    let tail = text.str.get(end..).unwrap_or_default();
    let word = |char: Option<char>| char.and_then(|char| u8::try_from(char).ok()).is_some_and(is_word);
    word(head.chars().rev().take(FAR).find(is_other)) || word(tail.chars().take(FAR).find(is_other))
}

/// A space that parts the groups of a number, or follows an operator. Before groups of three digits it is
/// how prose writes thousands.
fn separates(text: &Text<'_>, at: usize, end: usize) -> bool {
    let (before, after) = (text.before(at, 1), text.at(end));
    if matches!(before, b':' | b'=') {
        return is_joint(after);
    }
    let digits = text.run(end, 4, |byte| byte.is_ascii_digit()) - end;
    (before.is_ascii_digit() || before == b')') && (after == b'(' || digits > 0 && digits != 3)
}

/// A dash inside a word or a number. Between two numbers of prose it is a range, not a separator.
fn dash(text: &Text<'_>, char: char, at: usize, end: usize) -> Option<Unit> {
    let (before, after) = (text.before(at, 1), text.at(end));
    let digits = before.is_ascii_digit() && after.is_ascii_digit();
    let weight = if digits {
        let head = at - text.run_back(at, 8, |byte| byte.is_ascii_digit());
        let tail_end = text.run(end, 8, |byte| byte.is_ascii_digit());
        let tail = tail_end - end;
        let goes_on = matches!(text.at(tail_end), 0xe2 | 0xef | b'-')
            || matches!(text.before(at - head, 1), 0x90..=0x95 | b'-');
        goes_on || head + tail >= 7 && (head, tail) != (4, 4)
    } else {
        !fold::is_prose_dash(char) && is_word(before) && is_word(after)
    };
    let between = digits || !fold::is_prose_dash(char);
    between.then_some(Unit { end, char: Some('-'), weight: Weight::near(weight) })
}

/// Whether another digit of any script stands directly beside.
fn has_digit_beside(text: &Text<'_>, at: usize, end: usize) -> bool {
    let is_digit = |char: char| {
        char.is_ascii_digit() || fold::ascii_form(char).is_some_and(|ascii| ascii.is_ascii_digit())
    };
    let before = text.str.get(..at).and_then(|head| head.chars().next_back());
    let after = text.str.get(end..).and_then(|tail| tail.chars().next());
    before.is_some_and(is_digit) || after.is_some_and(is_digit)
}

/// Characters of findings: what stands beside them matters.
fn is_joint(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'@' | b'.' | b'-' | b':' | b'=' | b'+' | b'/')
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
