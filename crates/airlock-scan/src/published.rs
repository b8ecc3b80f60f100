//! Keys that their vendors have published themselves in samples and tests: everybody has them, so they are
//! nobody's secret, though nothing in their form tells.
//!
//! The table holds hashes, so that the repository holds no keys. To add one, see that the vendor's own repository
//! or documentation shows it, and hash it, for example with
//!
//! ```text
//! python3 -c 'import functools, sys; print(hex(functools.reduce(lambda h, b: (h ^ b) * 0x100000001b3 % 2**64, sys.argv[1].encode(), 0xcbf29ce484222325)))' KEY
//! ```
//!
//! Samples that say that they are some, such as `AKIAIOSFODNN7EXAMPLE`, are found
//! on purpose: people try masking out with them.

/// FNV-1a of each key, in ascending order. Seventeen are Google's: twelve were seen in
/// `firebase/firebase-android-sdk`, one in `googlemaps/js-samples`; four more are told by other scanners to have
/// stood in the former. Two are the passwords on Microsoft's page about `nuget.config`, and one the key with which
/// everybody's Yarn searches for packages, as `yarnpkg/berry` has it.
static PUBLISHED: [u64; 20] = [
    0x08b5_4596_2adc_7d8b,
    0x1211_3c2e_6979_f447,
    0x1a3e_1c90_ee66_98a0,
    0x294c_63f8_344d_5df1,
    0x29a3_36c7_244f_48dd,
    0x394b_1256_cc3a_4c19,
    0x4155_0317_7a5c_10e1,
    0x515c_b771_a423_8032,
    0x6835_e0f2_8883_2a40,
    0x6acb_d824_bd32_bbd4,
    0x816c_d10f_db11_ead0,
    0x8288_18f8_3325_7868,
    0x9866_d16f_1ca5_7cce,
    0x99b2_7263_46a1_e92a,
    0xadbd_04e3_fe1b_6d49,
    0xc73f_1e61_952e_6987,
    0xd8e1_3cde_d253_33c6,
    0xdb94_22f1_dd33_2dcc,
    0xe754_678e_a2b1_4ef1,
    0xe766_6dbb_286c_6c2e,
];

/// No key is longer, so that what is longer need not be read.
const LONGEST: usize = 128;

/// Whether a vendor has published this very token as a sample. Linear in its length.
pub(crate) fn is_published(token: &[u8]) -> bool {
    token.len() <= LONGEST && PUBLISHED.binary_search(&hash(token)).is_ok()
}

/// FNV-1a with 64 bits: not against forgery, since a text that collides only goes unmasked to whoever wrote it.
fn hash(token: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    token.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    #[test]
    fn the_table_is_sorted_and_the_hash_is_fnv() {
        assert!(PUBLISHED.is_sorted());
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn published_keys_are_no_secrets_and_their_neighbours_are() {
        let finds = |text: &str| {
            let mut out = Vec::new();
            Scanner::default().scan(text, &mut out);
            out.len()
        };
        // The key on the pages of Google Maps, in two parts.
        let key = concat!("AIzaSyB41DRUbKWJHPxaFj", "MAwdrzWzbVKartNGg");
        let other = concat!("AIzaSyB41DRUbKWJHPxaFj", "MAwdrzWzbVKartNGh");
        for (text, expected) in [
            (format!("https://maps.example.org/js?key={key}&v=3"), 0),
            (format!("apiKey: \"{key}\""), 0),
            (format!("https://maps.example.org/js?key={other}&v=3"), 1),
            (format!("apiKey: \"{other}\""), 1),
            ("aws_access_key: AKIAIOSFODNN7EXAMPLE".to_owned(), 1),
        ] {
            assert_eq!(finds(&text), expected, "{text}");
        }
    }
}
