//! Base64 as in RFC 4648 sections 4 and 5, as far as blobs of a protocol need it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes that some base64 encodes.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// Whether it is standard base64, up to line breaks (RFC 2045) and padding; else it may be another text,
    /// and this is what a decoder makes of it that skips what it does not know.
    pub(super) exact: bool,
}

/// Decodes the standard or the URL-safe alphabet, padded or not, in one line or in many.
pub(super) fn decode(text: &str) -> Decoded {
    let mut out = Decoded { bytes: Vec::with_capacity(text.len() / 4 * 3 + 2), exact: true };
    let (mut bits, mut held, mut padded) = (0u32, 0u32, false);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'-' | b'_' => {
                out.exact = false;
                if byte == b'-' { 62 } else { 63 }
            }
            // Padding ends a group; behind it another text may begin.
            b'=' => {
                (held, padded) = (0, true);
                continue;
            }
            _ => {
                out.exact &= matches!(byte, b'\r' | b'\n');
                continue;
            }
        };
        out.exact &= !padded;
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.bytes.push((bits >> held & 0xFF) as u8);
        }
    }
    // A group of one digit encodes nothing.
    out.exact &= held != 6;
    out
}

/// Encodes with the standard alphabet and padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let digit = |value: u32| char::from(ALPHABET.get((value & 63) as usize).copied().unwrap_or(b'A'));
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(digit(bits >> 18));
        out.push(digit(bits >> 12));
        out.push(if chunk.len() > 1 { digit(bits >> 6) } else { '=' });
        out.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Decoded, decode, encode};

    #[test]
    fn published_vectors() {
        // RFC 4648 section 10.
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), encoded);
            assert_eq!(decode(encoded), Decoded { bytes: plain.into(), exact: true });
        }
    }

    #[test]
    fn what_decoders_let_pass() {
        for (encoded, plain, exact) in [
            ("Zm9v\r\nYmFy\n", "foobar", true),
            ("Zg===", "f", true),
            ("Z g =", "f", false),
            ("Zm9v!YméFy", "foobar", false),
            ("Pz8_", "???", false),
            ("Zg==Zg==", "ff", false),
            ("A", "", false),
        ] {
            assert_eq!(decode(encoded), Decoded { bytes: plain.into(), exact }, "{encoded}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(&encode(&bytes)), Decoded { bytes, exact: true });
        }
    }
}
