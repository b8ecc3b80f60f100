//! Checks of identifiers outside Europe. Each gets the letters, in upper case, and digits of one of its forms.

use super::check::{at, is_day, letter, luhn, number, repeated, value, verhoeff, weighted};

/// Middle digits that are given to taxpayers without a social security number.
pub(super) fn us_itin(id: &[u8]) -> bool {
    at(id, 0) == b'9' && matches!(number(id, 3, 2), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Luhn over the number behind 80840, which adds 24.
pub(super) fn us_npi(id: &[u8]) -> bool {
    let mut whole = *b"80840??????????";
    whole.iter_mut().skip(5).zip(id).for_each(|(to, from)| *to = *from);
    matches!(at(id, 0), b'1' | b'2') && id.len() == 10 && luhn(&whole)
}

/// The letters of the Medicare number leave out S, L, O, I, B and Z.
pub(super) fn us_mbi(id: &[u8]) -> bool {
    let letter = |byte: u8| byte.is_ascii_uppercase() && !b"SLOIBZ".contains(&byte);
    let fits = |(index, byte): (usize, &u8)| match index {
        0 => matches!(byte, b'1'..=b'9'),
        3 | 6 | 9 | 10 => byte.is_ascii_digit(),
        2 | 5 => byte.is_ascii_digit() || letter(*byte),
        _ => letter(*byte),
    };
    id.iter().enumerate().all(fits)
}

pub(super) fn us_routing(id: &[u8]) -> bool {
    let sum = weighted(id, &[3, 7, 1, 3, 7, 1, 3, 7, 1]);
    matches!(number(id, 0, 2), 1..=12 | 21..=32 | 61..=72 | 80) && sum.is_multiple_of(10)
}

pub(super) fn ca_sin(id: &[u8]) -> bool {
    !matches!(at(id, 0), b'0' | b'8') && !repeated(id) && luhn(id)
}

pub(super) fn br_cpf(id: &[u8]) -> bool {
    let check = |rest: u32| if rest < 2 { 0 } else { 11 - rest };
    let first = check(weighted(id, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
    let second = check(weighted(id, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
    !repeated(id) && first == value(at(id, 9)) && second == value(at(id, 10))
}

pub(super) fn br_cnpj(id: &[u8]) -> bool {
    let check = |rest: u32| if rest < 2 { 0 } else { 11 - rest };
    let first = check(weighted(id, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
    let second = check(weighted(id, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
    !repeated(id) && first == value(at(id, 12)) && second == value(at(id, 13))
}

pub(super) fn mx_curp(id: &[u8]) -> bool {
    // The alphabet has Ñ between N and O.
    let worth = |byte: u8| value(byte) + u32::from(byte > b'N');
    let sum: u32 = id.iter().take(17).zip((2..=18).rev()).map(|(byte, weight)| worth(*byte) * weight).sum();
    matches!(at(id, 10), b'H' | b'M' | b'X')
        && is_day(number(id, 8, 2), number(id, 6, 2))
        && (10 - sum % 10) % 10 == value(at(id, 17))
}

pub(super) fn ar_cuit(id: &[u8]) -> bool {
    let rest = 11 - weighted(id, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = match rest {
        11 => 0,
        10 => 9,
        rest => rest,
    };
    matches!(number(id, 0, 2), 20 | 23 | 24 | 27 | 30 | 33 | 34) && check == value(at(id, 10))
}

pub(super) fn cl_rut(id: &[u8]) -> bool {
    let Some((check, body)) = id.split_last() else { return false };
    let sum: u32 = body.iter().rev().zip([2, 3, 4, 5, 6, 7].iter().cycle()).map(|(b, w)| value(*b) * w).sum();
    let expected = match 11 - sum % 11 {
        11 => b'0',
        10 => b'K',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    !repeated(body) && body.iter().all(u8::is_ascii_digit) && *check == expected
}

pub(super) fn in_aadhaar(id: &[u8]) -> bool {
    at(id, 0) >= b'2' && !repeated(id) && verhoeff(id)
}

/// The fourth letter says what the holder is.
pub(super) fn in_pan(id: &[u8]) -> bool {
    b"ABCFGHJLPT".contains(&at(id, 3))
}

/// A number of a state, a permanent account number, a digit of the registration.
pub(super) fn in_gstin(id: &[u8]) -> bool {
    matches!(number(id, 0, 2), 1..=37 | 97 | 99)
}

pub(super) fn au_tfn(id: &[u8]) -> bool {
    !repeated(id) && weighted(id, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

pub(super) fn au_medicare(id: &[u8]) -> bool {
    let sum = weighted(id, &[1, 3, 7, 9, 1, 3, 7, 9]);
    matches!(at(id, 0), b'2'..=b'6') && sum % 10 == value(at(id, 8)) && at(id, 9) != b'0'
}

/// One is taken from the first digit.
pub(super) fn au_abn(id: &[u8]) -> bool {
    let sum = weighted(id, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    at(id, 0) != b'0' && (sum + 89 - 10).is_multiple_of(89)
}

pub(super) fn sg_nric(id: &[u8]) -> bool {
    let (kind, check) = (at(id, 0), at(id, 8));
    let sum = weighted(id.get(1..8).unwrap_or_default(), &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, table): (u32, &[u8]) = match kind {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"KLJNPQRTUWX"),
        _ => return false,
    };
    let rest = (sum + offset) % 11;
    letter(table, u64::from(if kind == b'M' { 10 - rest } else { rest })) == check
}

/// Numbers given out since October 2020 have no check digit.
pub(super) fn kr_registration(id: &[u8]) -> bool {
    let date = is_day(number(id, 4, 2), number(id, 2, 2));
    date && matches!(at(id, 6), b'1'..=b'8')
}

pub(super) fn jp_my_number(id: &[u8]) -> bool {
    let rest = weighted(id, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    !repeated(id) && check == value(at(id, 11))
}

/// ISO/IEC 7064 MOD 11-2 over region, date of birth and serial.
pub(super) fn cn_resident(id: &[u8]) -> bool {
    let sum = weighted(id, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    matches!(at(id, 0), b'1'..=b'8')
        && matches!(number(id, 6, 4), 1900..=2099)
        && is_day(number(id, 12, 2), number(id, 10, 2))
        && letter(b"10X98765432", u64::from(sum % 11)) == at(id, 17)
}

pub(super) fn za_identity(id: &[u8]) -> bool {
    is_day(number(id, 4, 2), number(id, 2, 2)) && matches!(at(id, 10), b'0'..=b'2') && luhn(id)
}

pub(super) fn il_identity(id: &[u8]) -> bool {
    !repeated(id) && luhn(id)
}

pub(super) fn th_citizen(id: &[u8]) -> bool {
    let sum = weighted(id, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    at(id, 0) != b'0' && (11 - sum % 11) % 10 == value(at(id, 12))
}

/// The letter counts as two digits of a table of its own.
pub(super) fn tw_identity(id: &[u8]) -> bool {
    let order = b"ABCDEFGHJKLMNPQRSTUVXYWZIO".iter().position(|byte| *byte == at(id, 0));
    let Some(worth) = order.and_then(|order| u32::try_from(order).ok()).map(|order| order + 10) else {
        return false;
    };
    let sum =
        worth / 10 + worth % 10 * 9 + weighted(id.get(1..).unwrap_or_default(), &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    matches!(at(id, 1), b'1' | b'2' | b'8' | b'9') && sum.is_multiple_of(10)
}

pub(super) fn hk_identity(id: &[u8]) -> bool {
    let worth = |byte: u8| value(byte);
    let body = id.get(..7).unwrap_or_default();
    let sum = 36 * 9
        + body.iter().zip([8, 7, 6, 5, 4, 3, 2]).map(|(byte, weight)| worth(*byte) * weight).sum::<u32>();
    let expected = (11 - sum % 11) % 11;
    let check = at(id, 7);
    if check == b'A' { expected == 10 } else { check.is_ascii_digit() && expected == value(check) }
}

/// Date of birth, place, serial.
pub(super) fn my_identity(id: &[u8]) -> bool {
    is_day(number(id, 4, 2), number(id, 2, 2))
        && !matches!(number(id, 6, 2), 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

/// Transliterated characters with weights, the ninth being the check digit.
pub(super) fn vin(id: &[u8]) -> bool {
    let worth = |byte: u8| match byte {
        b'0'..=b'9' => value(byte),
        b'A'..=b'H' => u32::from(byte - b'A') + 1,
        b'J'..=b'R' => u32::from(byte - b'J') + 1,
        _ => u32::from(byte.saturating_sub(b'S')) + 2,
    };
    let weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u32 = id.iter().zip(weights).map(|(byte, weight)| worth(*byte) * weight).sum();
    let check = match sum % 11 {
        10 => b'X',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    vin_without_check(id) && at(id, 8) == check
}

/// Outside North America the ninth character is no check digit.
pub(super) fn vin_without_check(id: &[u8]) -> bool {
    let letters = id.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    id.iter().all(|byte| !b"IOQ".contains(byte))
        && at(id, 0) != b'0'
        && (3..=13).contains(&letters)
        && id.iter().rev().take(4).all(u8::is_ascii_digit)
}

/// Surname, decade, month, day, year digit, initials: months of women have 5 added to their first digit.
pub(super) fn gb_licence(id: &[u8]) -> bool {
    let name = id.get(..5).unwrap_or_default();
    let letters = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let month = number(id, 6, 2) % 50;
    let digits = id.get(5..11).unwrap_or_default().iter().all(u8::is_ascii_digit);
    letters > 0
        && name.iter().skip(letters).all(|byte| *byte == b'9')
        && digits
        && is_day(number(id, 8, 2), month)
        && at(id, 11).is_ascii_uppercase()
}

pub(super) fn kr_licence(id: &[u8]) -> bool {
    matches!(number(id, 0, 2), 11..=26 | 28)
}

/// Letters and digits of which most are digits, as numbers of documents are.
pub(super) fn document(id: &[u8]) -> bool {
    !repeated(id) && id.iter().filter(|byte| byte.is_ascii_digit()).count() * 2 > id.len()
}
