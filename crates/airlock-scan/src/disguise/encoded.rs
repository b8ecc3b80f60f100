//! Encoded runs: words of base64 or hex that decode to text, found as a whole if the text holds a finding.

use std::ops::Range;

use crate::{
    Finding,
    disguise::cells::Scan,
    filter::RUN,
    rule::{LOOKAHEAD, Sink},
    text::{Text, is_word},
};

/// The shortest run looked at; it decodes to twelve bytes.
const SHORTEST: usize = RUN;
/// The longest; longer ones are files, not messages.
const LONGEST: usize = 60 * 1024;
/// Lines of wrapped base64.
const LINE: std::ops::RangeInclusive<usize> = 60..=76;
const LINE_ENDS: [&[u8]; 4] = [b"\r\n", b"\n", b"\\r\\n", b"\\n"];
/// How far before its first long stretch of letters and digits a run may begin.
const JOINED: usize = 48;

/// Called where sixteen letters and digits start; the byte before is neither.
///
/// Reports the whole run with the kind of the strongest finding that `scan` makes in what it decodes to.
pub(crate) fn verify(text: &Text<'_>, start: usize, scan: Scan<'_>, sink: &mut Sink<'_>) {
    let Some((start, coding)) = beginning(text, start) else { return };
    if belongs_to_other(text, start) || continues_block(text, start) {
        return;
    }
    let end = coding.end(text, start);
    if end + 4 >= text.len() && end - start >= LOOKAHEAD - 4 && end - start <= LONGEST {
        sink.leave_open(start);
    }
    if end - start > LONGEST {
        return;
    }
    let Some((decoded, whole)) = coding.decode(text.slice(start, end)) else { return };
    let mut found = Vec::new();
    scan(&decoded, &mut found);
    let Some(best) = found.iter().max_by_key(|finding| strength(finding)) else { return };
    let end = if whole { padded(text, end) } else { coding.end_of(text, start..end, decoded.len()) };
    sink.report(best.kind, start..end, best.confidence, best.rule);
}

fn strength(finding: &Finding) -> (u8, crate::Confidence, usize) {
    (finding.kind.specificity(), finding.confidence, finding.span.len())
}

/// Where the encoded run begins of which the letters and digits from `start` are a part.
#[inline]
fn beginning(text: &Text<'_>, start: usize) -> Option<(usize, Coding)> {
    let before = text.before(start, 1);
    // The letter of an escape such as `\n` belongs to no run, nor does the mark of a number.
    let escape = before == b'\\' && matches!(text.at(start), b'n' | b'r' | b't' | b'x');
    let number = text.at(start) == b'0' && text.at(start + 1) == b'x';
    let at = start + if escape { 1 } else { usize::from(number) * 2 };
    if let Some(coding) = Coding::of(text.bytes.get(at..)?.first_chunk()?) {
        return Some((at, coding));
    }
    // A question mark or a letter outside ASCII gives such a character.
    if !matches!(before, b'+' | b'/' | b'-' | b'_') {
        return None;
    }
    let at = text.run_back(start, JOINED, is_base64);
    let head = text.bytes.get(at..)?.first_chunk::<SHORTEST>()?;
    if head.iter().all(|byte| is_base64(*byte)) { Some((at, Coding::of(head)?)) } else { None }
}

/// Tokens of three parts and headers with a user and a password have rules of their own.
fn belongs_to_other(text: &Text<'_>, start: usize) -> bool {
    let dotted = text.before(start, 1) == b'.' && is_word(text.before(start, 2));
    let basic = text.has_fold(start.saturating_sub(6), b"basic ");
    dotted || basic || text.has(start, b"eyJ") && text.at(text.run(start, LONGEST, is_base64)) == b'.'
}

/// Whether the line before is one of wrapped base64, which this one then continues.
fn continues_block(text: &Text<'_>, start: usize) -> bool {
    let Some(end) =
        LINE_ENDS.iter().find_map(|end| start.checked_sub(end.len()).filter(|at| text.has(*at, end)))
    else {
        return false;
    };
    let line = text.run_back(end, LINE.end() + 2, is_base64);
    // The letter of an escaped line end is no part of the line behind it.
    LINE.contains(&(end - line).saturating_sub(usize::from(text.before(line, 1) == b'\\')))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Hex,
    Base64,
    /// Base64 of UTF-16, as PowerShell takes commands.
    Base64Wide,
}

impl Coding {
    /// What the first bytes of a run decode to text as.
    #[inline]
    fn of(head: &[u8; SHORTEST]) -> Option<Self> {
        // Most words end here: the first bytes start no text in either coding. Those of a text in hex are
        // ASCII for the most part, so the first of two digits is 2 to 7.
        let [a, _, b, _, c, _, d, ..] = *head;
        let hex = [a, b, c, d].iter().all(|digit| matches!(digit, b'2'..=b'7'));
        if !hex && !starts_text(quad(*head.first_chunk()?)) {
            return None;
        }
        if head.iter().all(u8::is_ascii_hexdigit) {
            let mut decoded = [0; SHORTEST / 2];
            for (to, pair) in decoded.iter_mut().zip(head.as_chunks::<2>().0) {
                *to = nibble(pair[0]) << 4 | nibble(pair[1]);
                if !is_textual(*to) {
                    return None;
                }
            }
            return is_utf8(&decoded).then_some(Self::Hex);
        }
        let mut decoded = [0; SHORTEST / 4 * 3];
        for (to, from) in decoded.as_chunks_mut::<3>().0.iter_mut().zip(head.as_chunks::<4>().0) {
            *to = quad(*from);
            if !to.iter().all(|byte| is_textual(*byte) || *byte == 0) {
                return None;
            }
        }
        if decoded.contains(&0) {
            let wide = decoded.as_chunks::<2>().0.iter().all(|[low, high]| *high == 0 && *low != 0);
            return wide.then_some(Self::Base64Wide);
        }
        is_utf8(&decoded).then_some(Self::Base64)
    }

    /// Where the run from `start` ends, without padding. Further than [`LONGEST`] if it is too long.
    fn end(self, text: &Text<'_>, start: usize) -> usize {
        let limit = start + LONGEST + 1;
        if self == Self::Hex {
            return text.run(start, LONGEST + 1, |byte| byte.is_ascii_hexdigit());
        }
        let mut end = text.run(start, LONGEST + 1, is_base64);
        let mut line = end - start;
        // A name before the first line, as in `data: ZGF0…`, may make it shorter than the others.
        while LINE.contains(&line) && line.is_multiple_of(4) && end < limit {
            let Some(next) = line_end(text, end) else { break };
            let next_end = text.run(next, line + 1, is_base64);
            if next_end == next || next_end - next > line {
                break;
            }
            (line, end) = (next_end - next, next_end);
        }
        end
    }

    /// The text a run decodes to, and whether that is all of it.
    fn decode(self, run: &[u8]) -> Option<(String, bool)> {
        let mut bytes = Vec::with_capacity(run.len() / 4 * 3 + 3);
        if self == Self::Hex {
            bytes.extend(run.as_chunks::<2>().0.iter().map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])));
        } else {
            let (mut bits, mut width, mut escape) = (0_u32, 0_u32, false);
            for byte in run {
                let value = sextet(*byte);
                // Line ends, the letter of an escaped one included.
                if value == OTHER || std::mem::replace(&mut escape, false) {
                    escape = *byte == b'\\';
                    continue;
                }
                bits = bits << 6 | u32::from(value);
                width += 6;
                if width >= 8 {
                    width -= 8;
                    bytes.push((bits >> width & 0xff) as u8);
                    bits &= (1 << width) - 1;
                }
            }
        }
        if self == Self::Base64Wide {
            let pairs = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
            let decoded: Result<String, _> = char::decode_utf16(pairs).collect();
            return decoded.ok().map(|decoded| (decoded, true));
        }
        let stop = |byte: &u8| !is_textual(*byte);
        let length = bytes.iter().position(stop).unwrap_or(bytes.len());
        let mut whole = length == bytes.len();
        bytes.truncate(length);
        let decoded = String::from_utf8(bytes).unwrap_or_else(|error| {
            let valid = error.utf8_error().valid_up_to();
            whole &= error.utf8_error().error_len().is_none();
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            String::from_utf8(bytes).unwrap_or_default()
        });
        (!decoded.is_empty()).then_some((decoded, whole))
    }

    /// End of the word in which the first `decoded` bytes of a run end.
    fn end_of(self, text: &Text<'_>, run: Range<usize>, decoded: usize) -> usize {
        let read = if self == Self::Hex { decoded * 2 } else { decoded.div_ceil(3) * 4 };
        let at = (run.start + read).min(run.end);
        text.run(at, run.end - at, |byte| byte.is_ascii_alphanumeric())
    }
}

/// Start of the line that follows the line end at `at`, an escaped one perhaps.
fn line_end(text: &Text<'_>, at: usize) -> Option<usize> {
    LINE_ENDS.iter().find(|end| text.has(at, end)).map(|end| at + end.len())
}

/// End of the padding at `at`.
fn padded(text: &Text<'_>, at: usize) -> usize {
    text.run(at, 2, |byte| byte == b'=')
}

/// Whether the first three bytes may be of a text in UTF-8, or of Latin letters in UTF-16.
#[inline]
fn starts_text([first, second, third]: [u8; 3]) -> bool {
    let ascii = |byte: u8| is_textual(byte) && byte < 0x80;
    match first {
        0..0x80 => ascii(first) && (second == 0 || ascii(second) && (ascii(third) || third >= 0xc2)),
        _ => first >= 0xc2 && second & 0xc0 == 0x80,
    }
}

/// Whether the bytes may start a text.
#[inline]
fn is_utf8(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none())
}

/// Bytes of text in UTF-8: no controls but the usual ones, no bytes that stand nowhere.
#[inline]
fn is_textual(byte: u8) -> bool {
    matches!(byte, b' '..=0x7e | 0x80..=0xbf | 0xc2..=0xf4 | b'\t' | b'\n' | b'\r')
}

#[inline]
fn quad(chars: [u8; 4]) -> [u8; 3] {
    let bits = chars.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(sextet(*byte)));
    let [_, first, second, third] = bits.to_be_bytes();
    [first, second, third]
}

/// Letters, digits, and the last two characters of both alphabets.
#[inline]
pub(crate) fn is_base64(byte: u8) -> bool {
    sextet(byte) != OTHER
}

/// The value of a character in both alphabets, or [`OTHER`].
#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
fn sextet(byte: u8) -> u8 {
    SEXTETS[usize::from(byte)]
}

const OTHER: u8 = 64;

#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
static SEXTETS: [u8; 256] = {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [OTHER; 256];
    let mut value = 0_u8;
    while value < 64 {
        table[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

#[inline]
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a') + 10,
    }
}
