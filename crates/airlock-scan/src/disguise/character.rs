//! Characters that are themselves the disguise: invisible ones, forms of ASCII characters, look-alikes.

use crate::{
    disguise::{
        fold,
        unit::{Unit, Weight, is_joint},
    },
    text::{Text, is_word},
};

/// A character that is itself the disguise.
pub(crate) fn character(text: &Text<'_>, at: usize) -> Option<Unit> {
    let char = text.str.get(at..)?.chars().next()?;
    let end = at + char.len_utf8();
    // Where there is one digit there are many, and they are nothing else.
    if let Some(digit) = fold::other_digit(char) {
        let weight = Weight::near(has_digit_beside(text, at, end));
        return Some(Unit { end, char: Some(digit), weight });
    }
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
pub(crate) fn separates(text: &Text<'_>, at: usize, end: usize) -> bool {
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
        char.is_ascii_digit()
            || fold::other_digit(char).is_some()
            || fold::ascii_form(char).is_some_and(|ascii| ascii.is_ascii_digit())
    };
    let before = text.str.get(..at).and_then(|head| head.chars().next_back());
    let after = text.str.get(end..).and_then(|tail| tail.chars().next());
    before.is_some_and(is_digit) || after.is_some_and(is_digit)
}
