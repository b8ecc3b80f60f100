//! Addresses of cryptocurrencies.

use super::sha256::sha256;
use crate::text::{Text, is_word};

/// Digits of base58: no zero, no capital O and I, no small l.
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digits of bech32.
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// End of the address that the word `start..end` is, if it is one.
pub(super) fn read(text: &Text<'_>, start: usize, end: usize) -> Option<usize> {
    let word = text.slice(start, end);
    if is_word(text.at(end)) || is_word(text.before(start, 1)) {
        return None;
    }
    let found = match (word.first()?, word.len()) {
        (b'0', 42) => word.starts_with(b"0x") && is_ethereum(word.get(2..)?),
        (b'1' | b'3' | b'L' | b'M' | b'D' | b'T', 26..=35) => is_base58check(word),
        (b'b' | b't' | b'l' | b'B', 42..=62) => is_bech32(word),
        // Monero; its check needs Keccak.
        (b'4' | b'8', 95) => word.iter().all(|byte| BASE58.contains(byte)) && mixed(word),
        _ => false,
    };
    found.then_some(end)
}

/// Hexadecimal with some variety; the check that the letter case makes needs Keccak and is left out.
fn is_ethereum(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit) && digits.iter().filter(|byte| **byte != b'0').count() > 12
}

fn mixed(word: &[u8]) -> bool {
    let has = |class: fn(&u8) -> bool| word.iter().any(class);
    has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

/// Version, hash and the first bytes of their double SHA-256: Bitcoin, Litecoin, Dogecoin, Tron.
fn is_base58check(word: &[u8]) -> bool {
    let mut bytes = [0_u8; 25];
    for byte in word {
        let Some(digit) = BASE58.iter().position(|known| known == byte) else { return false };
        let mut carry = u32::try_from(digit).unwrap_or(0);
        for place in bytes.iter_mut().rev() {
            carry += u32::from(*place) * 58;
            *place = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    let (body, check) = bytes.split_at(21);
    let version = matches!(body.first(), Some(0x00 | 0x05 | 0x1e | 0x16 | 0x30 | 0x32 | 0x41));
    version && sha256(&sha256(body)).starts_with(check)
}

/// BIP 173 and BIP 350: Bitcoin and Litecoin.
fn is_bech32(word: &[u8]) -> bool {
    let upper = word.iter().any(u8::is_ascii_uppercase);
    if upper && word.iter().any(u8::is_ascii_lowercase) {
        return false;
    }
    let prefix = word.get(..2).unwrap_or_default().to_ascii_lowercase();
    let known = matches!(prefix.as_slice(), b"bc" | b"tb") && word.get(2) == Some(&b'1');
    let litecoin = word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"ltc1"));
    let human = if known {
        2
    } else if litecoin {
        3
    } else {
        return false;
    };
    let (name, rest) = word.split_at(human);
    let high = name.iter().map(|byte| u32::from(byte.to_ascii_lowercase()) >> 5);
    let low = name.iter().map(|byte| u32::from(byte.to_ascii_lowercase()) & 31);
    let digit = |byte: &u8| BECH32.iter().position(|known| *known == byte.to_ascii_lowercase());
    let Some(data) = rest.get(1..).filter(|data| data.iter().all(|byte| digit(byte).is_some())) else {
        return false;
    };
    let data = data.iter().filter_map(digit).filter_map(|digit| u32::try_from(digit).ok());
    let sum = high.chain([0]).chain(low).chain(data).fold(1, bech32_step);
    matches!(sum, 1 | 0x2bc8_30a3)
}

fn bech32_step(sum: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = sum >> 25;
    let sum = (sum & 0x01ff_ffff) << 5 ^ value;
    GENERATOR
        .iter()
        .enumerate()
        .fold(sum, |sum, (bit, term)| if top >> bit & 1 == 1 { sum ^ term } else { sum })
}
