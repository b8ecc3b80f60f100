//! Check digits that several countries use.

/// The value of a digit, or of a letter counted from ten.
pub(super) fn value(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        _ => u32::from(byte.saturating_sub(b'A')) + 10,
    }
}

/// The byte at `index`, or NUL.
pub(super) fn at(bytes: &[u8], index: usize) -> u8 {
    bytes.get(index).copied().unwrap_or(0)
}

/// The number that `len` digits from `start` make.
pub(super) fn number(bytes: &[u8], start: usize, len: usize) -> u64 {
    let digits = bytes.get(start..).unwrap_or_default().iter().take(len);
    digits.filter(|byte| byte.is_ascii_digit()).fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'))
}

/// Sum of the values, each times its weight.
pub(super) fn weighted(bytes: &[u8], weights: &[u32]) -> u32 {
    bytes.iter().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum()
}

/// Whether one character is repeated throughout: no identifier, but what people type instead.
pub(super) fn repeated(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|pair| pair.first() == pair.last())
}

/// Whether the digits can be a day and a month.
pub(super) fn is_day(day: u64, month: u64) -> bool {
    (1..=31).contains(&day) && (1..=12).contains(&month)
}

/// The sum of the formula of Luhn, ISO/IEC 7812-1.
pub(super) fn luhn(bytes: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = bytes
        .iter()
        .rev()
        .enumerate()
        .map(|(index, byte)| if index % 2 == 0 { value(*byte) } else { doubled(value(*byte)) })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO/IEC 7064, MOD 11,10.
pub(super) fn mod_11_10(bytes: &[u8]) -> bool {
    let Some((check, digits)) = bytes.split_last() else { return false };
    let product = digits.iter().fold(10, |product, byte| {
        let sum = (value(*byte) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == value(*check)
}

/// The scheme of Verhoeff.
pub(super) fn verhoeff(bytes: &[u8]) -> bool {
    const PERMUTATION: [&[u8; 10]; 8] = [
        b"0123456789",
        b"1576283094",
        b"5803796142",
        b"8916043527",
        b"9453126870",
        b"4286573901",
        b"2793806415",
        b"7046913258",
    ];
    const PRODUCT: [&[u8; 10]; 10] = [
        b"0123456789",
        b"1234067895",
        b"2340178956",
        b"3401289567",
        b"4012395678",
        b"5987604321",
        b"6598710432",
        b"7659821043",
        b"8765932104",
        b"9876543210",
    ];
    let look = |table: &[&[u8; 10]], row: u32, column: u32| {
        let row = table.get(row as usize).and_then(|row| row.get(column as usize));
        row.map_or(0, |byte| u32::from(byte - b'0'))
    };
    let fold = |sum: u32, (index, byte): (usize, &u8)| {
        let row = u32::try_from(index % 8).unwrap_or(0);
        look(&PRODUCT, sum, look(&PERMUTATION, row, value(*byte)))
    };
    bytes.iter().rev().enumerate().fold(0, fold) == 0
}

/// The check of machine-readable travel documents, ICAO 9303: weights 7, 3, 1.
pub(super) fn icao(bytes: &[u8]) -> bool {
    let Some((check, body)) = bytes.split_last() else { return false };
    let sum: u32 =
        body.iter().zip([7, 3, 1].iter().cycle()).map(|(byte, weight)| value(*byte) * weight).sum();
    sum % 10 == value(*check)
}

/// The letter of a table that stands at the remainder.
pub(super) fn letter(table: &[u8], remainder: u64) -> u8 {
    usize::try_from(remainder).ok().and_then(|index| table.get(index)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        assert!(luhn(b"79927398713") && !luhn(b"79927398710"));
        assert!(mod_11_10(b"86095742719") && !mod_11_10(b"86095742710"));
        assert!(verhoeff(b"2363") && !verhoeff(b"2364"));
        assert!(icao(b"L898902C36") && !icao(b"L898902C37"));
        assert_eq!((number(b"0123x", 1, 9), value(b'B')), (123, 11));
    }
}
