//! Telephone numbers: international, North American and other national forms.

use crate::{
    Confidence, Kind,
    rule::Sink,
    verify::{
        context::word_before,
        digits::{Number, Separator},
    },
};

/// Country codes with the number of digits, code included, that their numbers have at most.
const COUNTRIES: [(u32, usize); 26] = [
    (1, 11),
    (7, 11),
    (20, 12),
    (27, 11),
    (30, 12),
    (31, 11),
    (32, 11),
    (33, 11),
    (34, 11),
    (39, 13),
    (41, 11),
    (43, 13),
    (44, 12),
    (45, 10),
    (46, 12),
    (47, 10),
    (48, 11),
    (49, 13),
    (52, 12),
    (55, 13),
    (61, 11),
    (65, 10),
    (81, 12),
    (82, 12),
    (86, 13),
    (91, 12),
];

pub(crate) fn verify(number: &Number<'_>, sink: &mut Sink<'_>) -> bool {
    if !sink.wants(Kind::Phone) {
        return false;
    }
    let start = number.start();
    let found = match number.text.before(start, 1) {
        b'+' => international(number).map(|end| (start - 1..end, Confidence::High)),
        b'(' => area_code(number).map(|end| (start - 1..end, Confidence::High)),
        _ => north_american(number)
            .or_else(|| national(number))
            .or_else(|| named(number))
            .map(|end| (start..end, Confidence::Medium)),
    };
    let Some((span, confidence)) = found else { return false };
    sink.report(Kind::Phone, span, confidence, "phone");
    true
}

/// `+44 20 7946 0958`, `+14155550132`, `+44 (0)20 7946 0958`
fn international(number: &Number<'_>) -> Option<usize> {
    let text = number.text;
    if text.before(number.start(), 2).is_ascii_alphanumeric() || number.first_digit() == b'0' {
        return None;
    }
    let mut code = number.digits(1).take(2);
    let (first, second) = (u32::from(code.next()?), u32::from(code.next().unwrap_or(0)));
    // `+10000-09-09` is a date of a far year.
    let date = number.starts_with(&[number.groups().first()?.len(), 2, 2])
        && number.separator(3) == Some(Separator::Hyphen);
    if date || first == 1 && !is_north_american_abroad(number) {
        return None;
    }
    let known = COUNTRIES.iter().find(|(code, _)| *code == first || *code == first * 10 + second);
    let most = known.map_or(13, |(_, most)| *most);
    let least = if first == 1 { 11 } else { 8 };
    let (mut total, mut count) = (0, 0);
    for group in number.groups() {
        // The trunk zero in parentheses is not dialled from abroad.
        let trunk = number.is_trunk_zero(*group);
        if !trunk && total + group.len() > most {
            // What follows is another number only if this one is about complete.
            if total + 2 < most {
                return None;
            }
            break;
        }
        total += if trunk { 0 } else { group.len() };
        count += 1;
    }
    if total < least { None } else { number.end_of(count) }
}

/// Whether the digits after the country code 1 can be an area and an exchange code.
fn is_north_american_abroad(number: &Number<'_>) -> bool {
    let mut digits = number.digits(4).skip(1);
    let (area, exchange) = (digits.next(), digits.nth(2));
    [area, exchange].iter().all(|digit| digit.is_some_and(|digit| digit >= 2))
}

/// `(415) 555-0132`, `(11) 91234-5678`, `(020) 7946 0958`
fn area_code(number: &Number<'_>) -> Option<usize> {
    let groups = number.groups();
    if groups.get(1)?.separator != Separator::Paren {
        return None;
    }
    if number.starts_with(&[3, 3, 4]) && is_north_american(number.value(0), number.value(1)) {
        return number.end_of(3);
    }
    let brazil = number.starts_with(&[2, 4, 4]) || number.starts_with(&[2, 5, 4]);
    if brazil && number.first_digit() != b'0' {
        return number.end_of(3);
    }
    national(number)
}

/// `415-555-0132`, `415.555.0132`, `1-415-555-0132`
fn north_american(number: &Number<'_>) -> Option<usize> {
    let (skip, count) = if number.starts_with(&[1, 3, 3, 4]) && number.first_digit() == b'1' {
        (1, 4)
    } else if number.starts_with(&[3, 3, 4]) {
        (0, 3)
    } else {
        return None;
    };
    let same = number.separator(count)?;
    let alone = same != Separator::Space || number.follows == 0 && number.next_length(count) == 0;
    let fits =
        alone && same != Separator::Slash && is_north_american(number.value(skip), number.value(skip + 1));
    if fits { number.end_of(count) } else { None }
}

/// Area and exchange codes start with 2 to 9.
fn is_north_american(area: u32, exchange: u32) -> bool {
    (200..1000).contains(&area) && (200..1000).contains(&exchange)
}

/// Forms with a trunk zero: `020 7946 0958`, `0151 23456789`, `01 23 45 67 89`, `03-1234-5678`
fn national(number: &Number<'_>) -> Option<usize> {
    let second = number.text.at(number.start() + 1);
    if number.first_digit() != b'0' || second == b'0' || !second.is_ascii_digit() || number.follows != 0 {
        return None;
    }
    let groups = number.groups();
    let same = groups.get(1)?.separator;
    let pairs = number.starts_with(&[2, 2, 2, 2, 2]);
    if pairs {
        let sequence = number.next_length(5) != 0 || followed_by_hex(number);
        return if sequence || number.separator(5)? == Separator::Slash { None } else { number.end_of(5) };
    }
    let count = groups.len().min(4);
    let total: usize = groups.iter().take(count).map(|group| group.len()).sum();
    let lengths = (2..=5).contains(&groups.first()?.len())
        && groups.iter().skip(1).all(|group| (3..=8).contains(&group.len()));
    let rest = groups
        .iter()
        .skip(2)
        .all(|group| group.separator == same || same == Separator::Paren || same == Separator::Slash);
    if lengths && rest && groups.len() <= 4 && (9..=11).contains(&total) && same != Separator::Dot {
        number.end_of(count)
    } else {
        None
    }
}

/// A dump of bytes goes on with another pair.
fn followed_by_hex(number: &Number<'_>) -> bool {
    let Some(last) = number.groups().get(4) else { return false };
    let at = |offset: usize| number.text.at(number.place_of_end(*last) + offset);
    at(0) == b' ' && at(1).is_ascii_hexdigit() && at(2).is_ascii_hexdigit() && !at(3).is_ascii_alphanumeric()
}

/// Ten or eleven digits in one or two groups, after a word that says what they are.
fn named(number: &Number<'_>) -> Option<usize> {
    const LAYOUTS: [&[usize]; 6] = [&[5, 5], &[3, 7], &[4, 6], &[2, 8], &[10], &[11]];
    let layout = LAYOUTS.iter().find(|layout| number.starts_with(layout))?;
    let before = |count, accept: fn(&[u8]) -> bool| word_before(number.text, number.start(), count, accept);
    let named = before(1, is_phone_word) || before(1, is_filler) && before(2, is_phone_word);
    if named { number.end_of(layout.len()) } else { None }
}

fn is_filler(word: &[u8]) -> bool {
    matches!(word, b"number" | b"no" | b"num" | b"is" | b"me" | b"at")
}

fn is_phone_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"phone"
            | b"telephone"
            | b"tel"
            | b"mobile"
            | b"cell"
            | b"cellphone"
            | b"fax"
            | b"call"
            | b"dial"
            | b"whatsapp"
            | b"msisdn"
            | b"telefon"
            | b"handy"
    )
}
