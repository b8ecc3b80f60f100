//! Checks that a regular expression cannot make: check digits, randomness, stand-ins.

use crate::placeholder::{is_masked, is_nothing, is_reference, is_sample};

/// A check of what a detector found, chosen by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Validator {
    /// The digits pass the Luhn check (ISO/IEC 7812): cards, IMEI, many customer numbers.
    Luhn,
    /// Letters and digits pass MOD 97-10 with the first four at the end (ISO 13616): IBAN.
    Mod97,
    /// The digits pass the Verhoeff check: Aadhaar.
    Verhoeff,
    /// Nine digits with an area, group and serial that the United States assign.
    Ssn,
    /// At least 3 bits of Shannon entropy a character: random, not a word.
    Entropy,
    /// No stand-in such as `changeme`, `${TOKEN}`, `<token>` or `xxxx`.
    NotPlaceholder,
    /// Base64 or base64url, padded or not, of at least one byte.
    Base64,
    /// Hexadecimal digits, an even number of them.
    Hex,
}

impl Validator {
    /// Every validator.
    pub const ALL: &[Self] = &[
        Self::Luhn,
        Self::Mod97,
        Self::Verhoeff,
        Self::Ssn,
        Self::Entropy,
        Self::NotPlaceholder,
        Self::Base64,
        Self::Hex,
    ];
    /// Their names, in the same order.
    pub const NAMES: &[&str] =
        &["luhn", "mod97", "verhoeff", "ssn", "entropy", "not_placeholder", "base64", "hex"];

    /// The validator of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().zip(Self::NAMES).find(|(_, own)| **own == name).map(|(validator, _)| *validator)
    }

    /// Whether a text passes. Separators are ignored where digits are checked.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::Luhn => luhn(text),
            Self::Mod97 => mod97(text),
            Self::Verhoeff => verhoeff(text),
            Self::Ssn => ssn(text),
            Self::Entropy => entropy(text) >= 3.0,
            Self::NotPlaceholder => {
                let value = text.as_bytes();
                !(is_nothing(value) || is_masked(value) || is_reference(value) || is_sample(value))
            }
            Self::Base64 => base64(text),
            Self::Hex => {
                !text.is_empty()
                    && text.len().is_multiple_of(2)
                    && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
        }
    }
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + Clone {
    text.chars().filter_map(|c| c.to_digit(10))
}

fn luhn(text: &str) -> bool {
    let sum: u32 = digits(text)
        .rev()
        .enumerate()
        .map(|(index, digit)| match digit * 2 {
            _ if index % 2 == 0 => digit,
            double if double > 9 => double - 9,
            double => double,
        })
        .sum();
    digits(text).count() > 1 && sum.is_multiple_of(10)
}

fn mod97(text: &str) -> bool {
    let values = text.chars().filter_map(|c| c.to_digit(36));
    let turned = values.clone().skip(4).chain(values.clone().take(4));
    let rest = turned.fold(0_u32, |rest, value| {
        let shifted = if value > 9 { rest * 100 } else { rest * 10 };
        (shifted + value) % 97
    });
    values.count() > 4 && rest == 1
}

/// The multiplication of the dihedral group D5; a rotation is below 5, a reflection from there.
fn dihedral(a: u32, b: u32) -> u32 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

fn verhoeff(text: &str) -> bool {
    const TURN: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let turned = |digit: u32, times: usize| {
        (0..times).fold(digit, |digit, _| TURN.get(digit as usize).copied().unwrap_or(digit))
    };
    let check =
        digits(text).rev().enumerate().fold(0, |sum, (index, digit)| dihedral(sum, turned(digit, index % 8)));
    digits(text).count() > 1 && check == 0
}

fn ssn(text: &str) -> bool {
    let number =
        digits(text).fold(0_u64, |number, digit| (number * 10 + u64::from(digit)) % 1_000_000_000_000);
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    digits(text).count() == 9 && !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
}

/// Bits per byte.
fn entropy(text: &str) -> f32 {
    let mut counts = [0_u16; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
    }
    let total = f32::from(u16::try_from(text.len()).unwrap_or(u16::MAX));
    let share = |count: u16| f32::from(count) / total;
    counts.into_iter().filter(|count| *count > 0).map(share).map(|share| -share * share.log2()).sum()
}

fn base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    body.len() > 1
        && body.len() % 4 != 1
        && (padding == 0 || padding <= 2 && text.len().is_multiple_of(4))
        && body.bytes().all(alphabet)
}

#[cfg(test)]
mod tests {
    use super::Validator;

    #[test]
    fn validators_tell_right_from_wrong() {
        let table: [(Validator, &[&str], &[&str]); 8] = [
            (
                Validator::Luhn,
                &["4539 5787 6362 1486", "79927398713", "490154203237518"],
                &["4539 5787 6362 1487", "79927398710", "", "0", "abc"],
            ),
            (
                Validator::Mod97,
                &["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"],
                &["GB82 WEST 1234 5698 7654 33", "", "GB82"],
            ),
            (Validator::Verhoeff, &["2363", "1428570", "123451"], &["2364", "1428571", "", "0"]),
            (
                Validator::Ssn,
                &["123-45-6789", "523456781"],
                &["666-12-3456", "923-45-6789", "523-00-6781", "12345"],
            ),
            (Validator::Entropy, &["d41f7c02b9e84a66", "Qm7Tz2Lx9Wp4"], &["aaaaaaaaaaaa", "password", ""]),
            (
                Validator::NotPlaceholder,
                &["hunter2", "d41f7c02"],
                &["changeme", "${TOKEN}", "<token>", "xxxxxxxx", ""],
            ),
            (
                Validator::Base64,
                &["aGVsbG8=", "aGVsbG8", "_-8"],
                &["aGVsbG8==", "a", "", "aGVs bG8=", "aGVsb==="],
            ),
            (Validator::Hex, &["00ff", "DEADBEEF"], &["0f0", "", "xy"]),
        ];
        for (validator, right, wrong) in table {
            for text in right {
                assert!(validator.accepts(text), "{validator:?} {text}");
            }
            for text in wrong {
                assert!(!validator.accepts(text), "{validator:?} {text}");
            }
        }
    }

    #[test]
    fn names_are_one_to_one() {
        assert_eq!(Validator::NAMES.len(), Validator::ALL.len());
        for (name, validator) in Validator::NAMES.iter().zip(Validator::ALL) {
            assert_eq!(Validator::from_name(name), Some(*validator));
        }
        assert_eq!(Validator::from_name("Luhn"), None);
    }
}
