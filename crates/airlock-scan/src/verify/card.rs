//! Payment card numbers: issuer ranges and the Luhn check.

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
    verify::{context::word_before, digits::Number},
};

/// How cards are written. The 4-4-4-4 form comes after the longer one that starts with it.
const LAYOUTS: [&[usize]; 7] =
    [&[4, 4, 4, 4, 3], &[4, 4, 4, 4, 2], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 5], &[4, 4, 4, 1]];

pub(crate) fn verify(number: &Number<'_>, sink: &mut Sink<'_>) -> bool {
    if !sink.wants(Kind::CreditCard) {
        return false;
    }
    let Some((end, confidence)) = unbroken(number).or_else(|| grouped(number)) else { return false };
    sink.report(Kind::CreditCard, number.start()..end, confidence, "credit-card");
    true
}

fn unbroken(number: &Number<'_>) -> Option<(usize, Confidence)> {
    let len = number.groups().first()?.len();
    if !(12..=19).contains(&len) || !is_card(number.digits(1)) {
        return None;
    }
    let end = number.end_of(1)?;
    // Twelve, thirteen and more than sixteen digits are rare for cards and common for other numbers.
    let usual = match number.first_digit() {
        b'0' => false,
        // UATP; identifiers of accounts start with 10.
        b'1' => len == 15 && number.value(0) >= 110_000_000,
        // Diners Club gives out fourteen, JCB sixteen, American Express fifteen.
        b'3' if len == 16 => number.value(0) >= 350_000_000,
        b'3' if len == 15 => matches!(number.value(0) / 10_000_000, 34 | 37),
        _ => (14..=16).contains(&len),
    };
    let (text, start) = (number.text, number.start());
    let usual = usual && !is_fraction(text, start) && !is_of_url(text, start);
    (usual || word_before(text, start, 4, is_card_word)).then_some((end, Confidence::Medium))
}

/// Whether the digits stand behind a point that stands behind none: `.4539578763621486`.
fn is_fraction(text: &Text<'_>, start: usize) -> bool {
    text.before(start, 1) == b'.' && !text.before(start, 2).is_ascii_alphanumeric()
}

/// Whether the digits are a part of a URL's path.
fn is_of_url(text: &Text<'_>, start: usize) -> bool {
    text.before(start, 1) == b'/' && {
        let url = text.run_back(start, 160, |byte| !byte.is_ascii_whitespace() && !b"\"'".contains(&byte));
        memchr::memmem::find(text.slice(url, start), b"://").is_some()
    }
}

/// Whether the groups stand in a row with others of four or five hexadecimal digits, or behind a point.
fn is_of_table(text: &Text<'_>, start: usize, end: usize) -> bool {
    let hex = |from: usize, to: usize| {
        let word = text.slice(from, to);
        (4..=5).contains(&word.len())
            && word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F'))
            && word.iter().any(u8::is_ascii_digit)
            && word.iter().any(u8::is_ascii_uppercase)
    };
    match (text.before(start, 1), text.at(end)) {
        (b'.', _) => true,
        (b' ', _) if hex(text.run_back(start - 1, 6, is_word), start - 1) => true,
        (_, b' ') => hex(end + 1, text.run(end + 1, 6, is_word)),
        _ => false,
    }
}

fn grouped(number: &Number<'_>) -> Option<(usize, Confidence)> {
    match number.groups() {
        [first, second, _, ..] if first.len() == 4 && matches!(second.len(), 4 | 6) => {}
        _ => return None,
    }
    if number.follows == 4 {
        return None;
    }
    LAYOUTS.iter().find_map(|layout| {
        let count = layout.len();
        if !number.starts_with(layout) {
            return None;
        }
        let separator = number.separator(count);
        let goes_on = number.next_length(count) == 4 && number.separator(count + 1).is_some();
        if separator.is_none() || goes_on || !is_card(number.digits(count)) {
            return None;
        }
        let end = number.end_of(count)?;
        (!is_of_table(number.text, number.start(), end)).then_some((end, Confidence::High))
    })
}

fn is_card_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"card"
            | b"cards"
            | b"cardnumber"
            | b"cardno"
            | b"creditcard"
            | b"visa"
            | b"mastercard"
            | b"maestro"
            | b"amex"
            | b"american"
            | b"jcb"
            | b"diners"
            | b"discover"
            | b"unionpay"
            | b"credit"
            | b"debit"
            | b"payment"
            | b"pan"
            | b"cc"
            | b"ccn"
            | b"ccnum"
            | b"karte"
            | b"kreditkarte"
            | b"kartennummer"
            | b"carte"
            | b"tarjeta"
            | b"carta"
    )
}

/// Whether the digits lie in an issuer's range, have a length it uses, and pass the Luhn check.
pub(crate) fn is_card(digits: impl Iterator<Item = u8> + Clone) -> bool {
    let len = digits.clone().count();
    let prefix = digits.clone().take(4).fold(0_u32, |value, digit| value * 10 + u32::from(digit));
    is_issued(prefix, len) && luhn(digits, len)
}

fn is_issued(prefix: u32, len: usize) -> bool {
    match prefix {
        // Visa
        4000..=4999 => matches!(len, 13 | 16 | 19),
        // Mastercard, Mir
        5100..=5599 | 2221..=2720 | 2200..=2204 => len == 16,
        // American Express
        3400..=3499 | 3700..=3799
        // UATP, and the JCB of old
        | 1000..=1999 | 2131 => len == 15,
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&len),
        // JCB; Discover; UnionPay
        3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 | 8100..=8171 => (16..=19).contains(&len),
        // Maestro
        5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799 => (12..=19).contains(&len),
        _ => false,
    }
}

fn luhn(digits: impl Iterator<Item = u8>, len: usize) -> bool {
    let sum: u32 = digits
        .enumerate()
        .map(|(index, digit)| {
            let digit = u32::from(digit);
            if (len - index) % 2 == 1 {
                digit
            } else if digit > 4 {
                digit * 2 - 9
            } else {
                digit * 2
            }
        })
        .sum();
    sum.is_multiple_of(10)
}
