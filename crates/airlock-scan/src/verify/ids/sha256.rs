//! SHA-256 (FIPS 180-4) of messages of at most 55 bytes: one block, all that the checks of wallets need.

/// First 32 bits of the fractional parts of the square roots of the first eight primes.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// First 32 bits of the fractional parts of the cube roots of the first 64 primes.
const ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// The digest of `message`, of which only the first 55 bytes count.
#[expect(clippy::many_single_char_names, reason = "the names of the standard")]
pub(super) fn sha256(message: &[u8]) -> [u8; 32] {
    let message = message.get(..55).unwrap_or(message);
    let mut block = [0_u8; 64];
    let bits = u64::try_from(message.len() * 8).unwrap_or(0).to_be_bytes();
    let padded =
        message.iter().copied().chain([0x80]).chain(std::iter::repeat_n(0, 55 - message.len())).chain(bits);
    block.iter_mut().zip(padded).for_each(|(to, from)| *to = from);

    let mut words = [0_u32; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let mut state = START;
    for round in ROUNDS {
        let [a, b, c, d, e, f, g, h] = state;
        let [word, ..] = words;
        let one = h
            .wrapping_add(e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25))
            .wrapping_add(e & f ^ !e & g)
            .wrapping_add(round)
            .wrapping_add(word);
        let two =
            (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22)).wrapping_add(a & b ^ a & c ^ b & c);
        state = [one.wrapping_add(two), a, b, c, d.wrapping_add(one), e, f, g];
        words = next(words);
    }
    let mut digest = [0; 32];
    let sums = state.iter().zip(START).flat_map(|(word, start)| word.wrapping_add(start).to_be_bytes());
    digest.iter_mut().zip(sums).for_each(|(to, from)| *to = from);
    digest
}

/// The window of the message schedule, one word on.
fn next(words: [u32; 16]) -> [u32; 16] {
    let [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15] = words;
    let small = w1.rotate_right(7) ^ w1.rotate_right(18) ^ w1 >> 3;
    let great = w14.rotate_right(17) ^ w14.rotate_right(19) ^ w14 >> 10;
    let w16 = w0.wrapping_add(small).wrapping_add(w9).wrapping_add(great);
    [w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15, w16]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(sha256(b"")[28..], [0x78, 0x52, 0xb8, 0x55]);
    }
}
