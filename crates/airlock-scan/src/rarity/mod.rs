//! How unlikely a text's characters are in words and identifiers.
//!
//! `table.bin` holds what each of 32 symbols costs after each pair of them, in sixteenths of a bit; `cargo
//! xtask rarity` builds it from word lists of four languages and from identifiers. Per character, words cost
//! about 4 bits and at most 5.7 (99 of 100), random hexadecimal digits 5.6 to 8, random letters and digits 7.3
//! to 12. Unlike entropy it does not grow with the length, and it tells `CancellationTokenSource` from
//! `DdZV6ZDZW6Vpl7n7JqtrCE5i`.

pub(crate) mod pattern;

/// A bit, in the unit of [`rarity`].
pub(crate) const BIT: usize = 16;

/// The cost of a symbol after two others, at `(first * 32 + second) * 32 + symbol`.
static TABLE: &[u8; 32 * 32 * 32] = include_bytes!("table.bin");

/// The edge of a word, and a digit; letters are 1 to 26.
const EDGE: usize = 0;
const DIGIT: usize = 27;
const BEYOND_ASCII: usize = 28;

/// Which of ten digits it is, and that a word starts in the middle or at a separator.
const TENTH: usize = 53;
const BREAK: usize = BIT;

/// The mean cost per byte of `value` in sixteenths of a bit; 0 for an empty one. Linear, allocates nothing.
pub(crate) fn rarity(value: &[u8]) -> usize {
    let (mut first, mut second, mut sum, mut lower) = (EDGE, EDGE, 0, false);
    for byte in value {
        // `camelCase` is two words. Without a branch: in a random value nobody knows when it comes.
        let camel = lower && byte.is_ascii_uppercase();
        sum += usize::from(camel) * (cost(first, second, EDGE) + BREAK);
        (first, second) = (first * usize::from(!camel), second * usize::from(!camel));
        lower = byte.is_ascii_lowercase();
        let symbol = symbol(*byte);
        if symbol == EDGE {
            sum += BREAK + if second == EDGE { 0 } else { cost(first, second, EDGE) };
            (first, second) = (EDGE, EDGE);
            continue;
        }
        sum += cost(first, second, symbol) + if symbol == DIGIT { TENTH } else { 0 };
        (first, second) = (second, symbol);
    }
    if second != EDGE {
        sum += cost(first, second, EDGE);
    }
    sum / value.len().max(1)
}

#[inline]
fn cost(first: usize, second: usize, symbol: usize) -> usize {
    TABLE.get(first << 10 | second << 5 | symbol).copied().map_or(0, usize::from)
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
fn symbol(byte: u8) -> usize {
    usize::from(SYMBOLS[usize::from(byte)])
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
#[expect(clippy::cast_possible_truncation, reason = "symbols are few")]
static SYMBOLS: [u8; 256] = {
    let mut table = [EDGE as u8; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = match byte {
            b'a'..=b'z' => byte - b'a' + 1,
            b'A'..=b'Z' => byte - b'A' + 1,
            b'0'..=b'9' => DIGIT as u8,
            0x80.. => BEYOND_ASCII as u8,
            _ => EDGE as u8,
        };
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_is_cheap_and_chance_is_dear() {
        for value in [
            "december",
            "correct-horse-battery",
            "CancellationTokenSource",
            "AgencyIdentificationCodeContentType",
            "i18n.login.password.label",
            "Donaudampfschifffahrt",
            "real_key",
        ] {
            assert!(rarity(value.as_bytes()) < 5 * BIT, "{value} {}", rarity(value.as_bytes()));
        }
        for value in ["DdZV6ZDZW6Vpl7n7JqtrCE5i", "SukePeXBuwkx", "fjqwlxkz", "aQzBxCyDwEvFuGtHs", "s3cr3t"] {
            assert!(rarity(value.as_bytes()) > 7 * BIT, "{value} {}", rarity(value.as_bytes()));
        }
        assert_eq!(rarity(b""), 0);
    }
}
