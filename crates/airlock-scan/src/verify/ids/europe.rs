//! Checks of European identifiers. Each gets the letters, in upper case, and digits of one of its forms.

use super::check::{at, icao, is_day, letter, luhn, mod_11_10, number, repeated, value, weighted};

/// Prefixes that are not allocated are excluded.
pub(super) fn gb_nino(id: &[u8]) -> bool {
    let (first, second) = (at(id, 0), at(id, 1));
    !b"DFIQUV".contains(&first)
        && !b"DFIOQUV".contains(&second)
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].iter().any(|pair| id.starts_with(*pair))
        && (b'A'..=b'D').contains(&at(id, 8))
}

pub(super) fn gb_nhs(id: &[u8]) -> bool {
    let check = 11 - weighted(id, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    !repeated(id) && check % 11 == value(at(id, 9)) && check != 10
}

pub(super) fn de_tax(id: &[u8]) -> bool {
    at(id, 0) != b'0' && !repeated(id.get(..3).unwrap_or_default()) && mod_11_10(id)
}

/// Number of an identity card, nine characters without vowels, perhaps with the check digit behind them.
pub(super) fn de_document(id: &[u8]) -> bool {
    let body = id.get(..9).unwrap_or_default();
    b"CFGHJKLMNPRTVWXYZ".contains(&at(id, 0))
        && body.iter().all(|byte| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte))
        && body.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3
        && (id.len() == 9 || icao(id))
}

/// The letter counts as two digits; Luhn from the left.
pub(super) fn de_health(id: &[u8]) -> bool {
    let order = value(at(id, 0)).saturating_sub(9);
    let digits =
        [order / 10, order % 10].into_iter().chain(id.iter().skip(1).take(8).map(|byte| value(*byte)));
    let sum: u32 = digits
        .zip([1, 2].iter().cycle())
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    sum % 10 == value(at(id, 9))
}

pub(super) fn de_insurance(id: &[u8]) -> bool {
    let letter = u64::from(value(at(id, 8)) - 9);
    let (day, month) = (number(id, 2, 2), number(id, 4, 2));
    let digits = id.iter().take(8).map(|byte| value(*byte));
    let rest = id.iter().skip(9).take(2).map(|byte| value(*byte));
    let letter = [u32::try_from(letter / 10).unwrap_or(0), u32::try_from(letter % 10).unwrap_or(0)];
    let sum: u32 = digits
        .chain(letter)
        .chain(rest)
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    is_day(day, month) && sum % 10 == value(at(id, 11))
}

/// NIF of citizens and NIE of foreigners.
pub(super) fn es_nif(id: &[u8]) -> bool {
    let (first, check) = (at(id, 0), at(id, id.len().wrapping_sub(1)));
    let number = match first {
        b'X' | b'Y' | b'Z' => u64::from(first - b'X') * 10_000_000 + number(id, 1, 7),
        b'0'..=b'9' => number(id, 0, 8),
        _ => return false,
    };
    number > 0 && letter(b"TRWAGMYFPDXBNJZSQVHLCKE", number % 23) == check
}

pub(super) fn it_fiscal(id: &[u8]) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12,
        14, 16, 10, 22, 25, 24, 23,
    ];
    let odd = |byte: u8| ODD.get(value(byte) as usize).copied().unwrap_or(0);
    let even = |byte: u8| if byte.is_ascii_digit() { value(byte) } else { value(byte) - 10 };
    let sum: u32 = id
        .iter()
        .take(15)
        .enumerate()
        .map(|(index, byte)| if index % 2 == 0 { odd(*byte) } else { even(*byte) })
        .sum();
    b"ABCDEHLMPRST".contains(&at(id, 8)) && sum % 26 + 10 == value(at(id, 15))
}

pub(super) fn it_vat(id: &[u8]) -> bool {
    luhn(id) && !repeated(id)
}

/// With the departments of Corsica, 2A and 2B.
pub(super) fn fr_nir(id: &[u8]) -> bool {
    let month = number(id, 3, 2);
    let corsica = match (at(id, 5), at(id, 6)) {
        (b'2', b'A') => 1_000_000,
        (b'2', b'B') => 2_000_000,
        (_, b'0'..=b'9') => 0,
        _ => return false,
    };
    // With a letter in it the department counts as 20 and less a million or two.
    let body = if corsica == 0 {
        number(id, 0, 13)
    } else {
        number(id, 0, 6) * 10_000_000 + number(id, 7, 6) - corsica
    };
    matches!(at(id, 0), b'1'..=b'4' | b'7' | b'8')
        && (matches!(month, 1..=12 | 20..=42) || month >= 50)
        && 97 - body % 97 == number(id, 13, 2)
}

pub(super) fn pl_pesel(id: &[u8]) -> bool {
    let (month, day) = (number(id, 2, 2), number(id, 4, 2));
    is_day(day, month % 20) && weighted(id, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

pub(super) fn nl_bsn(id: &[u8]) -> bool {
    let sum = weighted(id, &[9, 8, 7, 6, 5, 4, 3, 2]);
    !repeated(id) && sum % 11 == value(at(id, 8))
}

/// With a 2 before it for those born since 2000.
pub(super) fn be_national(id: &[u8]) -> bool {
    let (body, check) = (number(id, 0, 9), number(id, 9, 2));
    let date = number(id, 2, 2) % 20 <= 12 && number(id, 4, 2) <= 31;
    date && (97 - body % 97 == check || 97 - (body + 2_000_000_000) % 97 == check)
}

/// Ten digits, or twelve with the century. From day 61 on it is a coordination number.
pub(super) fn se_personal(id: &[u8]) -> bool {
    let ten = id.get(id.len().saturating_sub(10)..).unwrap_or_default();
    let day = number(ten, 4, 2);
    let century = id.len() == 10 || matches!(number(id, 0, 2), 19 | 20);
    century && is_day(if day > 60 { day - 60 } else { day }, number(ten, 2, 2)) && luhn(ten)
}

pub(super) fn fi_hetu(id: &[u8]) -> bool {
    let letter_at = usize::from(!at(id, 6).is_ascii_digit());
    let serial = number(id, 6 + letter_at, 3);
    let body = number(id, 0, 6) * 1000 + serial;
    let sign = letter_at == 0 || b"ABCDEFYXWVU".contains(&at(id, 6));
    sign && id.len() == 10 + letter_at
        && is_day(number(id, 0, 2), number(id, 2, 2))
        && serial >= 2
        && letter(b"0123456789ABCDEFHJKLMNPRSTUVWXY", body % 31) == at(id, 9 + letter_at)
}

/// Numbers given out since 2007 have no check digit.
pub(super) fn dk_cpr(id: &[u8]) -> bool {
    is_day(number(id, 0, 2), number(id, 2, 2)) && number(id, 6, 4) != 0
}

pub(super) fn no_birth(id: &[u8]) -> bool {
    let day = number(id, 0, 2) % 40;
    is_day(day, number(id, 2, 2) % 40)
        && weighted(id, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(id, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

pub(super) fn ch_ahv(id: &[u8]) -> bool {
    let sum = weighted(id, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]);
    id.starts_with(b"756") && sum.is_multiple_of(10)
}

pub(super) fn pt_nif(id: &[u8]) -> bool {
    let rest = weighted(id, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    matches!(at(id, 0), b'1'..=b'3' | b'5' | b'6' | b'8' | b'9') && check == value(at(id, 8)) && !repeated(id)
}

pub(super) fn at_insurance(id: &[u8]) -> bool {
    let sum = weighted(id, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    at(id, 0) != b'0' && sum % 11 == value(at(id, 3)) && is_day(number(id, 4, 2), number(id, 6, 2) % 20)
}

pub(super) fn ie_pps(id: &[u8]) -> bool {
    let second = match at(id, 8) {
        0 => 0,
        byte @ b'A'..=b'W' => (value(byte) - 9) % 23 * 9,
        _ => return false,
    };
    let sum = weighted(id.get(..7).unwrap_or_default(), &[8, 7, 6, 5, 4, 3, 2]) + second;
    letter(b"WABCDEFGHIJKLMNOPQRSTUV", u64::from(sum % 23)) == at(id, 7)
}

pub(super) fn ro_cnp(id: &[u8]) -> bool {
    let rest = weighted(id, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let check = if rest == 10 { 1 } else { rest };
    at(id, 0) != b'0' && is_day(number(id, 5, 2), number(id, 3, 2)) && check == value(at(id, 12))
}

/// Czech and Slovak: women have 50 added to the month, and full series 20.
pub(super) fn cz_birth(id: &[u8]) -> bool {
    let month = number(id, 2, 2) % 50;
    let month = if month > 20 { month - 20 } else { month };
    is_day(number(id, 4, 2), month) && number(id, 0, 10).is_multiple_of(11)
}

pub(super) fn hr_oib(id: &[u8]) -> bool {
    !repeated(id) && mod_11_10(id)
}

/// Of the states that were Yugoslavia.
pub(super) fn rs_jmbg(id: &[u8]) -> bool {
    let rest = weighted(id, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    is_day(number(id, 0, 2), number(id, 2, 2)) && check == value(at(id, 12))
}

pub(super) fn bg_egn(id: &[u8]) -> bool {
    let check = weighted(id, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    let month = number(id, 2, 2) % 20;
    is_day(number(id, 4, 2), month) && check == value(at(id, 9))
}

/// Estonian and Lithuanian.
pub(super) fn ee_personal(id: &[u8]) -> bool {
    let first = weighted(id, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighted(id, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    let check = if first == 10 { second } else { first };
    matches!(at(id, 0), b'1'..=b'8')
        && is_day(number(id, 5, 2), number(id, 3, 2))
        && check == value(at(id, 10))
}

pub(super) fn tr_identity(id: &[u8]) -> bool {
    let digit = |index: usize| value(at(id, index));
    let odd: u32 = [0, 2, 4, 6, 8].map(digit).iter().sum();
    let even: u32 = [1, 3, 5, 7].map(digit).iter().sum();
    let all: u32 = odd + even + digit(9);
    digit(0) != 0 && (odd * 7 + 100 - even) % 10 == digit(9) && all % 10 == digit(10)
}
