//! Values that count, repeat or spell something out: nobody's secret, whatever their characters are.

/// Whether most of the value counts up (`a1b2c3d4`, `AbCdEfGh`, `1234567890`) or repeats one character.
///
/// Letters and digits are followed each for themselves, so that interleaved sequences count, too.
pub(crate) fn is_pattern(value: &[u8]) -> bool {
    let (mut letter, mut digit, mut last) = (0, 0, 0);
    let (mut steps, mut pairs) = (0, 0);
    for byte in value {
        let folded = byte.to_ascii_lowercase();
        let slot = match folded {
            b'a'..=b'z' => &mut letter,
            b'0'..=b'9' => &mut digit,
            _ => {
                last = 0;
                continue;
            }
        };
        if *slot != 0 {
            pairs += 1;
            let wraps = matches!((*slot, folded), (b'9', b'0') | (b'z', b'a'));
            steps += usize::from(*slot + 1 == folded || wraps || last == folded);
            // Too many others by now, whatever follows.
            if (pairs - steps) * 5 > value.len() * 2 {
                return false;
            }
        }
        *slot = folded;
        last = folded;
    }
    pairs >= 4 && steps * 5 >= pairs * 3
}

/// Whether the value is a short piece repeated: `abcabcabc`, `deadbeefdeadbeef`.
pub(crate) fn is_cycle(value: &[u8]) -> bool {
    let longest = (value.len() / 2).min(8);
    (1..=longest).any(|period| {
        value.get(period..).is_some_and(|rest| rest.iter().zip(value).all(|(this, before)| this == before))
    })
}

/// Whether a human being made the value up: it counts or repeats, as a whole or in most of its pieces, as
/// `abc123xyz-456def789ghij`, `1234567890abcdef12345678` and `Q7exampleexampleexample` do.
///
/// No random value of 16 and more characters does.
pub(crate) fn is_invented(value: &[u8]) -> bool {
    is_pattern(value) || is_typed(value) || is_refrain(value) || counts_on(value) || counts_bytes(value)
}

/// Whether the hexadecimal digits are bytes that count up or down: `000102030405060708090a0b`.
fn counts_bytes(value: &[u8]) -> bool {
    const ENOUGH: usize = 8;
    let nibble = |byte: u8| char::from(byte).to_digit(16);
    if value.len() < 2 * ENOUGH || !value.len().is_multiple_of(2) {
        return false;
    }
    let (mut steps, mut last) = (0, None);
    for pair in value.chunks_exact(2) {
        let &[high, low] = pair else { return false };
        let (Some(high), Some(low)) = (nibble(high), nibble(low)) else { return false };
        let byte = high << 4 | low;
        steps += usize::from(last.is_some_and(|last| byte.abs_diff(last) == 1));
        last = Some(byte);
    }
    steps * 4 >= (value.len() / 2 - 1) * 3
}

/// Whether a long piece counts up, letters and digits each for themselves: `2o3P4q5R6s7T8u9V0w`.
fn counts_on(value: &[u8]) -> bool {
    const LONG: usize = 12;
    let (mut letter, mut digit, mut run) = (0, 0, 0);
    for (at, byte) in value.iter().enumerate() {
        // What is left is too short.
        if run + (value.len() - at) < LONG {
            return false;
        }
        let folded = byte.to_ascii_lowercase();
        let (last, first, end) = match folded {
            b'a'..=b'z' => (&mut letter, b'a', b'z'),
            b'0'..=b'9' => (&mut digit, b'0', b'9'),
            _ => {
                (letter, digit, run) = (0, 0, 0);
                continue;
            }
        };
        // The first of each class may be any.
        let follows = *last == 0 || *last + 1 == folded || (*last, folded) == (end, first);
        run = if follows { run + 1 } else { 1 };
        *last = folded;
        if run >= LONG {
            return true;
        }
    }
    false
}

/// Whether most letters and digits stand in pieces of three and more that count up or repeat one character.
fn is_typed(value: &[u8]) -> bool {
    const ENOUGH: usize = 12;
    // Of a piece of three, two follow another.
    if following(value) * 3 < ENOUGH * 2 {
        return false;
    }
    let (mut typed, mut all) = (0, 0);
    let (mut last, mut step, mut run) = (0_u8, 0_u8, 0_usize);
    for byte in value.iter().copied().chain([0]) {
        let folded = byte.to_ascii_lowercase();
        all += usize::from(folded.is_ascii_alphanumeric());
        let this = match (last, folded) {
            (b'9', b'0') | (b'z', b'a') => 1,
            _ => folded.wrapping_sub(last),
        };
        if folded.is_ascii_alphanumeric() && run > 0 && this <= 1 && (run == 1 || this == step) {
            run += 1;
        } else {
            typed += if run >= 3 { run } else { 0 };
            run = usize::from(folded.is_ascii_alphanumeric());
        }
        (last, step) = (folded, this);
    }
    typed >= ENOUGH && typed * 5 >= all * 3
}

/// How many bytes follow the one before them as in a piece that counts up or repeats one character; at least.
fn following(value: &[u8]) -> usize {
    const PART: usize = 128;
    let step =
        |last: u8, this: u8| u8::from(matches!((this | 0x20).wrapping_sub(last | 0x20), 0 | 1 | 231 | 247));
    let parts = value.chunks(PART).zip(value.get(1..).unwrap_or_default().chunks(PART));
    // In bytes, of which many are added at once.
    let sum = |(last, this): (&[u8], &[u8])| {
        usize::from(
            last.iter().zip(this).fold(0_u8, |sum, (last, this)| sum.wrapping_add(step(*last, *this))),
        )
    };
    parts.map(sum).sum()
}

/// Whether most of a long value is a piece of 3 to 8 characters repeated.
fn is_refrain(value: &[u8]) -> bool {
    const LONG: usize = 24;
    value.len() >= LONG
        && (3..=8).any(|period| {
            let pairs = value.get(period..).unwrap_or_default().iter().zip(value);
            few(pairs.map(|(this, before)| this != before), value.len() - period)
        })
}

/// Whether no more than a quarter of so many are set. Sees that more are without looking at all of them.
fn few(set: impl Iterator<Item = bool>, all: usize) -> bool {
    let mut count = 0;
    for set in set {
        count += usize::from(set);
        if count * 4 > all {
            return false;
        }
    }
    true
}

/// Whether neighbouring keys of a keyboard make up most of the value: `qwertyuiop`, `asdfghjkl`.
pub(crate) fn is_keyboard_run(value: &[u8]) -> bool {
    // The key to the right of each letter's.
    const NEXT: &[u8; 26] = b"snvfrghjokl\0\0mp\0wtdyibecux";
    let next = |byte: u8| {
        let letter = byte.to_ascii_lowercase().wrapping_sub(b'a');
        NEXT.get(usize::from(letter)).copied().filter(|next| *next != 0)
    };
    if value.len() < 6 {
        return false;
    }
    let pairs = value.iter().zip(value.iter().skip(1));
    few(pairs.map(|(first, second)| next(*first) != Some(second.to_ascii_lowercase())), value.len() - 1)
}

/// Whether the value is a UUID in its usual form.
pub(crate) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether the value is hexadecimal with at least one digit among its letters.
pub(crate) fn is_hex(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_hexdigit)
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
}

/// Whether the value is a date, a time or a version: digits with a few marks and letters between them.
pub(crate) fn is_date_or_version(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"v").unwrap_or(value);
    let marks = || value.iter().filter(|byte| matches!(byte, b'.' | b'-' | b':' | b'/')).count();
    let mark = |byte: &u8| matches!(byte, b'.' | b'-' | b':' | b'/' | b'+' | b'T' | b'Z' | b' ');
    value.first().is_some_and(u8::is_ascii_digit)
        && marks() >= 2
        && value.iter().all(|byte| byte.is_ascii_digit() || mark(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for value in [
            "abcdefghijkl",
            "1234567890",
            "a1B2c3D4e5F6g7H8i9J0k1L2",
            "AbCdEfGhIjKlMnOpQrStUvWxYz123456",
            "abcdef0123456789abcdef0123456789",
            "rpa_ABC123DEF456GHI789JKL012MNO345PQR678STUVX9y2z7",
            "ramp_sec_000000000000000000000000000000",
            "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
            "12345678-1234-1234-1234-12345678901",
        ] {
            assert!(is_pattern(value.as_bytes()), "{value}");
        }
        for value in [
            "d41f7c02b9e84a66b1c3aa0975e2f8d4",
            "DdZV6ZDZW6Vpl7n7JqtrCE5i",
            "Tr0ub4dor&3x",
            "hunter2",
            "a1b2",
        ] {
            assert!(!is_pattern(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn invented_values() {
        for value in [
            "abc123xyz-456def789ghij-klmnopqrstuvwx-3456yza789bcde-1234fghijklmnop",
            "1234567890abcdef12345678",
            "a2V5Xzexampleexampleexampleexampleexample",
            "aA1bB2cC3dD4eE5fF6",
            "ABC123DEF456GHI789JKL012",
            "auth-abcDEF1CNTRL-091234567890ABCDEF",
            "888888888888-888888888888-8888888888888-f915fe06",
            "000102030405060708090a0b0c0d0e0f",
            "FFFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0",
            "CAISuwJ1q6Ft5B2yu9Kiaa5E0VnVJ8q2o3p4q5R6s7T8u9V0w",
        ] {
            assert!(is_invented(value.as_bytes()), "{value}");
        }
        for value in [
            "R9GylZyum8UsmgfiH2e6dQlw4Tu2TAWEunFj",
            "d41f7c02b9e84a66b1c3aa0975e2f8d4",
            "52acf265-3fc6-4ecd-304a-15940bd04653",
            "AQAAAAAAAAAAAAAAyum8UsmgfiH2",
        ] {
            assert!(!is_invented(value.as_bytes()), "{value}");
        }
    }

    /// Random bodies of each length from 16 characters on, of hexadecimal digits and of letters and digits.
    #[test]
    fn chance_invents_nothing() {
        const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % below
        };
        for round in 0..20_000 {
            let len = 16 + round % 32;
            for (kinds, least) in [(62, 16), (36, 16), (16, 24)] {
                let body: Vec<u8> = (0..len.max(least)).map(|_| ALPHABET[random(kinds)]).collect();
                assert!(!is_typed(&body) && !is_refrain(&body), "{}", String::from_utf8_lossy(&body));
            }
        }
    }

    #[test]
    fn cycles_and_keyboards() {
        for value in ["abcabcabc", "deadbeefdeadbeef", "aaaa", "abcd1234abcd1234abcd"] {
            assert!(is_cycle(value.as_bytes()), "{value}");
        }
        for value in ["hunter2", "abcabd", "", "a"] {
            assert!(!is_cycle(value.as_bytes()), "{value}");
        }
        for (value, expected) in
            [("qwertyuiop", true), ("asdfghjkl", true), ("qwerty123", false), ("power", false)]
        {
            assert_eq!(is_keyboard_run(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn forms() {
        assert!(is_uuid(b"52acf265-3fc6-4ecd-304a-15940bd04653"));
        assert!(!is_uuid(b"52acf265-3fc6-4ecd-304a-15940bd0465"));
        assert!(is_hex(b"d41f7c02") && !is_hex(b"12345678") && !is_hex(b"deadbeef") && !is_hex(b"d41g7c02"));
        for value in ["2024-01-15", "2024-01-15T10:00:00Z", "1.2.3", "v10.15.7.1"] {
            assert!(is_date_or_version(value.as_bytes()), "{value}");
        }
        for value in ["1.2.3-x7Qm", "hunter2", "v2", "1234-x"] {
            assert!(!is_date_or_version(value.as_bytes()), "{value}");
        }
    }
}
