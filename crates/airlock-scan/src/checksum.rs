//! Checksums that vendors put into their tokens. A wrong one makes a finding less certain, never none:
//! samples and other vendors' tokens of the same form are masked too.

/// Of a token whose last six characters are the CRC-32 of the thirty before them, in base 62.
pub(crate) fn crc_base62(token: &[u8]) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((head, sum)) = token.split_last_chunk::<6>() else { return false };
    let Some((_, body)) = head.split_last_chunk::<30>() else { return false };
    crc32(body) == value(sum, DIGITS)
}

/// Of a token whose last seven characters are the CRC-32 of all before them, in base 36.
pub(crate) fn crc_base36(token: &[u8]) -> bool {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    token.split_last_chunk::<7>().is_some_and(|(body, sum)| crc32(body) == value(sum, DIGITS))
}

/// Of a token whose last eight characters are the CRC-32 of what stands before the last `_`, its bytes
/// from the lowest on, in hexadecimal.
pub(crate) fn crc_hex(token: &[u8]) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(([body @ .., b'_'], sum)) = token.split_last_chunk::<8>() else { return false };
    u64::from(crc32_of(body).swap_bytes()) == value(sum, DIGITS)
}

/// Of a token that carries a JSON object in base64: `{"` behind its prefix, whatever the prefix.
pub(crate) fn holds_json(token: &[u8]) -> bool {
    token.windows(3).any(|part| part == b"eyJ")
}

fn crc32(bytes: &[u8]) -> u64 {
    crc32_of(bytes).into()
}

/// CRC-32 as in ISO 3309.
#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
fn crc32_of(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| sum >> 8 ^ CRCS[usize::from(sum.to_le_bytes()[0] ^ byte)])
}

/// What each byte does to the sum.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
static CRCS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let (mut sum, mut bit) = (byte as u32, 0);
        while bit < 8 {
            sum = (sum >> 1) ^ ((sum & 1) * 0xedb8_8320);
            bit += 1;
        }
        table[byte as usize] = sum;
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// The number that is written with these digits; the maximum for anything else.
fn value(text: &[u8], digits: &[u8]) -> u64 {
    text.iter()
        .try_fold(0_u64, |sum, byte| {
            let digit = digits.iter().position(|digit| digit == byte)?;
            Some(sum * digits.len() as u64 + digit as u64)
        })
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&[u8]) -> bool;

    #[test]
    fn known_tokens_pass_and_changed_ones_do_not() {
        // The check value of the algorithm's catalogue.
        assert_eq!(crc32_of(b"123456789"), 0xcbf4_3926);
        let table: &[(Check, &str)] = &[
            // Published in the announcement of the format.
            (crc_base62, "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"),
            // From the vendor's design document, without prefix.
            (crc_base36, "bzoxd_Rb5_cHeWe1JH56wr2FCBA.0r1pum4t4"),
            (crc_hex, "glsa_pITqMOBIfNH2KL4PkXJqmTyQl0D9QGxF_a77ca574"),
        ];
        for (check, token) in table {
            assert!(check(token.as_bytes()), "{token}");
            for at in 6..token.len() {
                let mut other = token.as_bytes().to_vec();
                other[at] = if other[at] == b'a' { b'b' } else { b'a' };
                assert!(!check(&other), "{token} changed at {at}");
            }
            assert!(!check(b"") && !check(b"_") && !check(b"ghp_abc"));
        }
    }
}
