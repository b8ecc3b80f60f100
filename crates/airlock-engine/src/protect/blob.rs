//! Text behind base64: UTF-8, UTF-16, or passages between bytes that are no text at all.
//!
//! Text that is only text is masked like any other. Between other bytes a mask has exactly the length of what
//! it hides, so that every other byte of a file stays where the file's own tables say it is.

use airlock_scan::{Confidence, Finding};

use super::{base64, leaves::Leaves};
use crate::json::{Splices, Value};

/// How many characters on both sides of a weak finding must be text.
const NEIGHBOURHOOD: usize = 4;
/// How many bytes tell whether every other one is zero.
const SAMPLE: usize = 4096;

impl Leaves<'_> {
    /// Base64 is read as the text that it encodes. What decoders refuse is read as it stands, too; some
    /// decoders skip what they do not know, and so the rest is looked at even then.
    pub(super) fn blob(&mut self, blob: Value<'_>, edits: &mut Splices) {
        let Some(encoded) = blob.as_str() else { return self.value(blob, edits) };
        let decoded = base64::decode(&encoded);
        if !decoded.exact {
            self.string(None, blob, edits);
        }
        if let Some(masked) = self.bytes(&decoded.bytes) {
            edits.replace(blob.span(), format!("\"{}\"", base64::encode(&masked)));
        }
    }

    /// The masked form of some bytes; `None` where nothing is found.
    fn bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if let Some(order) = Order::of(bytes)
            && let Some(masked) = self.utf_16(bytes, order)
        {
            return Some(masked);
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return self.mixed(bytes) };
        let mut edits = Splices::default();
        self.text(None, text, &mut |span, mask| edits.replace(span, mask));
        (!edits.is_empty()).then(|| edits.apply(text).into_bytes())
    }

    fn utf_16(&mut self, bytes: &[u8], order: Order) -> Option<Vec<u8>> {
        let units = bytes.chunks_exact(2).map(|pair| order.unit(pair));
        // Half a surrogate pair is one unit, and so is what stands for it.
        let text: String =
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        let mut masks = Vec::new();
        self.text(None, &text, &mut |span, mask| masks.push((span, mask.to_owned())));
        if masks.is_empty() {
            return None;
        }
        let length = |from: usize, to: usize| -> usize {
            text.get(from..to).unwrap_or_default().chars().map(|c| 2 * c.len_utf16()).sum()
        };
        let mut out = Vec::with_capacity(bytes.len());
        let (mut in_text, mut in_bytes) = (0, 0);
        for (span, mask) in masks {
            let start = in_bytes + length(in_text, span.start);
            out.extend_from_slice(bytes.get(in_bytes..start).unwrap_or_default());
            out.extend(mask.encode_utf16().flat_map(|unit| order.bytes(unit)));
            in_bytes = start + length(span.start, span.end);
            in_text = span.end;
        }
        out.extend_from_slice(bytes.get(in_bytes..).unwrap_or_default());
        Some(out)
    }

    /// Bytes that are not UTF-8 as a whole: each byte that is not is read as Latin-1.
    fn mixed(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut view = String::with_capacity(bytes.len());
        // Where the characters end that stand for one byte and have two.
        let mut wide: Vec<usize> = Vec::new();
        for chunk in bytes.utf8_chunks() {
            view.push_str(chunk.valid());
            for byte in chunk.invalid() {
                view.push(char::from(*byte));
                wide.push(view.len());
            }
        }
        let in_bytes = |at: usize| at - wide.partition_point(|end| *end <= at);
        self.note_instructions(&view);
        let mut out = None;
        for finding in self.find(None, &view) {
            if !is_credible(&finding, &view) {
                continue;
            }
            self.report.count(finding.kind);
            let mask = self.masker.mask(finding.kind, view.get(finding.span.clone()).unwrap_or_default());
            let hidden = in_bytes(finding.span.start)..in_bytes(finding.span.end);
            let fill = mask.chars().map(|c| if c.is_ascii() { c as u8 } else { b'*' });
            let out = out.get_or_insert_with(|| bytes.to_vec());
            let hidden = out.get_mut(hidden).unwrap_or_default().iter_mut();
            hidden.zip(fill.chain(std::iter::repeat(b'*'))).for_each(|(byte, mask)| *byte = mask);
        }
        out
    }
}

/// Random bytes look like a finding now and then, read as Latin-1 letters above all; but hardly ever with
/// text around it.
fn is_credible(finding: &Finding, view: &str) -> bool {
    let is_text = |c: char| !c.is_control() || c.is_ascii_whitespace();
    let before = view.get(..finding.span.start).unwrap_or_default().chars().rev();
    let after = view.get(finding.span.end..).unwrap_or_default().chars();
    let (before, after) = (before.take(NEIGHBOURHOOD).all(is_text), after.take(NEIGHBOURHOOD).all(is_text));
    if view.get(finding.span.clone()).is_some_and(str::is_ascii) {
        finding.confidence == Confidence::High || before || after
    } else {
        before && after
    }
}

/// Which byte of a UTF-16 unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    LowFirst,
    HighFirst,
}

impl Order {
    /// As the byte order mark says, or the zeros that Western text has in every other byte.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xFE, ..] => return Some(Self::LowFirst),
            [0xFE, 0xFF, ..] => return Some(Self::HighFirst),
            _ => {}
        }
        let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
        let (mut first, mut second, mut pairs) = (0, 0, 0);
        for pair in sample.chunks_exact(2) {
            first += usize::from(pair.first() == Some(&0));
            second += usize::from(pair.last() == Some(&0));
            pairs += 1;
        }
        let (many, few) = (|zeros: usize| zeros * 2 > pairs, |zeros: usize| zeros * 8 < pairs);
        if many(second) && few(first) {
            Some(Self::LowFirst)
        } else if many(first) && few(second) {
            Some(Self::HighFirst)
        } else {
            None
        }
    }

    fn unit(self, pair: &[u8]) -> u16 {
        let (first, second) =
            (pair.first().copied().unwrap_or_default(), pair.last().copied().unwrap_or_default());
        match self {
            Self::LowFirst => u16::from_le_bytes([first, second]),
            Self::HighFirst => u16::from_be_bytes([first, second]),
        }
    }

    fn bytes(self, unit: u16) -> [u8; 2] {
        match self {
            Self::LowFirst => unit.to_le_bytes(),
            Self::HighFirst => unit.to_be_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use airlock_scan::{KindSet, Scanner};

    use super::super::{OutputRules, leaves::Leaves, mask::Masker};
    use crate::config::Sanitization;

    fn masked(bytes: &[u8]) -> Option<Vec<u8>> {
        let (scanner, rules) = (Scanner::new(KindSet::all()), OutputRules::default());
        let masker = Masker::new(&Sanitization::default(), &[0; 32]);
        Leaves::new(&scanner, &masker, &rules).bytes(bytes)
    }

    fn utf_16(text: &str, low_first: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if low_first { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    }

    #[test]
    fn text_in_any_encoding() {
        let (before, after) = ("SSN 123-45-6789, see you", "SSN ***-**-6789, see you");
        assert_eq!(masked(before.as_bytes()).unwrap(), after.as_bytes());
        for mark in ["", "\u{feff}"] {
            for low_first in [true, false] {
                let of = |text: &str| utf_16(&format!("{mark}{text}"), low_first);
                assert_eq!(masked(&of(before)).unwrap(), of(after), "{mark:?} {low_first}");
            }
        }
        let with_halves =
            |text: &str| [&[0xFF, 0xFE, 0x00, 0xD8][..], &utf_16(&format!("😀 {text}"), true), &[7]].concat();
        assert_eq!(masked(&with_halves(before)).unwrap(), with_halves(after));
    }

    #[test]
    fn passages_between_other_bytes_keep_their_length() {
        for (before, after) in [
            (&b"M\xfcller, SSN 123-45-6789, Z\xfcrich"[..], &b"M\xfcller, SSN ***-**-6789, Z\xfcrich"[..]),
            (b"\x00\xff\xfeSSN 123-45-6789", b"\x00\xff\xfeSSN ***-**-6789"),
            (
                b"\x89PNG\x00AKIAIOSFODNN7EXAMPLE\x00\xff",
                b"\x89PNG\x00***REDACTED***\x2a\x2a\x2a\x2a\x2a\x2a\x00\xff",
            ),
        ] {
            assert_eq!(
                masked(before).map(|out| String::from_utf8_lossy(&out).into_owned()),
                Some(String::from_utf8_lossy(after).into_owned())
            );
        }
    }

    #[test]
    fn noise_is_left_alone() {
        // A linear congruential generator (Knuth, MMIX) is noise enough, and the same every time.
        let mut state = 42u64;
        let noise: Vec<u8> = (0..1 << 20)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        assert!(masked(&noise).is_none());
    }
}
