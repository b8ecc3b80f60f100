//! Check digits, and the encodings that samples are written in.

use super::random::BASE64;

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.chars().filter_map(|letter| letter.to_digit(10))
}

/// The sum of digits times weights, from the left.
fn weighted(text: &str, weights: &[u32]) -> u32 {
    digits(text).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The digits with their Luhn digit.
pub(super) fn luhn(body: &str) -> String {
    let sum: u32 = digits(body)
        .rev()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// The remainder of a number of any length, letters counting from 10 as in an IBAN.
fn remainder(text: &str, modulus: u64) -> u64 {
    text.chars().filter_map(|letter| letter.to_digit(36)).fold(0, |rest, value| {
        let factor = if value > 9 { 100 } else { 10 };
        (rest * factor + u64::from(value)) % modulus
    })
}

pub(super) fn iban(country: &str, body: &str) -> String {
    let check = 98 - remainder(&format!("{body}{country}00"), 97);
    format!("{country}{check:02}{body}")
}

/// France: the first thirteen digits and their key.
pub(super) fn nir(body: &str) -> String {
    format!("{body}{:02}", 97 - remainder(body, 97))
}

pub(super) fn nif(body: &str) -> String {
    let at = usize::try_from(remainder(body, 23)).unwrap_or(0);
    format!("{body}{}", "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(at).unwrap_or('T'))
}

/// Brazil: a digit of remainder 11, weights growing from the right up to `top`.
pub(super) fn brazilian(body: &str, top: usize) -> String {
    let mut text = body.to_owned();
    for _ in 0..2 {
        let sum: u32 = digits(&text)
            .rev()
            .enumerate()
            .map(|(at, digit)| digit * u32::try_from(2 + at % (top - 1)).unwrap_or(2))
            .sum();
        let rest = sum % 11;
        text.push_str(&if rest < 2 { 0 } else { 11 - rest }.to_string());
    }
    text
}

/// Poland.
pub(super) fn pesel(body: &str) -> String {
    let sum = weighted(body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// United States: the ninth digit of a bank's routing number.
pub(super) fn aba(body: &str) -> String {
    let sum = weighted(body, &[3, 7, 1, 3, 7, 1, 3, 7]);
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// Australia: eight digits of a tax file number, or `None` where no check digit fits.
pub(super) fn tfn(body: &str) -> Option<String> {
    let sum = weighted(body, &[1, 4, 3, 7, 5, 8, 6, 9]);
    (0..10).find(|digit| (sum + digit * 10).is_multiple_of(11)).map(|digit| format!("{body}{digit}"))
}

/// Standard base64, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = BASE64.chars().collect();
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            (0..3).fold(0_usize, |word, at| word << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = alphabet.get(word >> (18 - 6 * at) & 63).copied().unwrap_or('A');
            out.push(if at > chunk.len() { '=' } else { letter });
        }
    }
    out
}

/// Base64 for URLs, without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    base64(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let one = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [one(byte >> 4), one(byte & 15)]).collect()
}

/// Everything but letters and digits as `%XX`.
pub(super) fn percent(text: &str) -> String {
    let one = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || byte == b'.' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{aba, base64, base64url, brazilian, iban, luhn, nif, nir, percent, pesel, tfn};

    /// Published samples of each format.
    #[test]
    fn check_digits_are_those_of_published_samples() {
        for (made, published) in [
            (luhn("453957876362148"), "4539578763621486"),
            (iban("DE", "370400440532013000"), "DE89370400440532013000"),
            (iban("GB", "WEST12345698765432"), "GB82WEST12345698765432"),
            (nif("12345678"), "12345678Z"),
            (nir("2550814168025"), "255081416802538"),
            (brazilian("111444777", 11), "11144477735"),
            (brazilian("112223330001", 9), "11222333000181"),
            (pesel("4405140135"), "44051401359"),
            (aba("01140153"), "011401533"),
            (tfn("12345678").unwrap_or_default(), "123456782"),
            (base64(b"admin:S3cr3tPw9"), "YWRtaW46UzNjcjN0UHc5"),
            (base64(b"ab"), "YWI="),
            (base64url(b"a?>"), "YT8-"),
            (percent("a b@c.d"), "a%20b%40c.d"),
        ] {
            assert_eq!(made, published);
        }
    }
}
