//! International bank account numbers: country, length, check digits.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
};

/// The longest number the standard allows.
const LONGEST: usize = 34;
/// How far behind the word `iban` a number may start.
const REACH: usize = 32;

/// Countries and the lengths of their numbers, from the SWIFT IBAN registry.
const COUNTRIES: &[u8] = b"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24\
FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25\
MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23\
ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

/// The length for every pair of letters, 0 where there is no such country.
static LENGTHS: [u8; 26 * 26] = lengths();

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn lengths() -> [u8; 26 * 26] {
    let mut table = [0; 26 * 26];
    let mut at = 0;
    while at + 3 < COUNTRIES.len() {
        let index = (COUNTRIES[at] - b'A') as usize * 26 + (COUNTRIES[at + 1] - b'A') as usize;
        table[index] = (COUNTRIES[at + 2] - b'0') * 10 + COUNTRIES[at + 3] - b'0';
        at += 4;
    }
    table
}

/// Called at the first digit behind two capital letters that start a word.
pub(crate) fn verify(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let Some(start) = at.checked_sub(2) else { return };
    if length_of(text.at(start), text.at(start + 1)) == 0 || !sink.wants(Kind::Iban) {
        return;
    }
    if let Some(found) = read(text, start).filter(|found| found.regular && !found.small) {
        sink.report(Kind::Iban, found.span, Confidence::High, "iban");
    }
}

/// Called at the word `iban`: the number behind it may be in lower case or in groups of any length.
pub(crate) fn verify_named(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    if !sink.wants(Kind::Iban) {
        return;
    }
    let mut at = anchor.end;
    while at < anchor.end + REACH {
        let end = text.run(at, REACH, |byte| byte.is_ascii_alphanumeric());
        if let Some(found) = read(text, at) {
            return sink.report(Kind::Iban, found.span, Confidence::High, "iban");
        }
        at = end.max(at + 1);
    }
}

/// Whether the value is such a number and nothing else.
pub(crate) fn is_iban(value: &str) -> bool {
    read(&Text::new(value), 0).is_some_and(|found| found.span.end == value.len())
}

struct Found {
    span: Range<usize>,
    /// Without separators, or with the same one behind every fourth character.
    regular: bool,
    /// With small letters in it.
    small: bool,
}

/// The number at `start`, if its length and check digits are right.
fn read(text: &Text<'_>, start: usize) -> Option<Found> {
    let (first, second) = (text.at(start).to_ascii_uppercase(), text.at(start + 1).to_ascii_uppercase());
    let length = length_of(first, second);
    if length == 0 || is_word(text.before(start, 1)) {
        return None;
    }
    let mut characters = [0_u8; LONGEST];
    let (mut at, mut separators, mut off_grid, mut small) = (start, 0, 0, false);
    let mut separator = None;
    for (count, slot) in characters.iter_mut().take(length).enumerate() {
        let width = separator_width(text, at);
        if width > 0 && count > 0 {
            let this = text.at(at);
            if *separator.get_or_insert(this) != this {
                return None;
            }
            separators += 1;
            off_grid += usize::from(!count.is_multiple_of(4));
            at += width;
        }
        let byte = text.at(at);
        let fits =
            if count == 2 || count == 3 { byte.is_ascii_digit() } else { byte.is_ascii_alphanumeric() };
        if !fits {
            return None;
        }
        small |= byte.is_ascii_lowercase();
        *slot = byte.to_ascii_uppercase();
        at += 1;
    }
    let regular = separators == 0 || off_grid == 0 && separators == (length - 1) / 4;
    let goes_on = is_word(text.at(at)) || separator == Some(b'-') && text.at(at) == b'-';
    let rearranged = characters.iter().take(length).skip(4).chain(characters.iter().take(4));
    (!goes_on && remainder(rearranged) == 1).then_some(Found { span: start..at, regular, small })
}

fn length_of(first: u8, second: u8) -> usize {
    let index = |byte: u8| byte.checked_sub(b'A').filter(|index| *index < 26).map(usize::from);
    let place = index(first).zip(index(second)).map(|(first, second)| first * 26 + second);
    place.and_then(|place| LENGTHS.get(place)).copied().map_or(0, usize::from)
}

/// Bytes of the separator at `at`: a space, a no-break space, a hyphen, or none.
fn separator_width(text: &Text<'_>, at: usize) -> usize {
    match (text.at(at), text.at(at + 1), text.at(at + 2)) {
        (b' ' | b'-', ..) => 1,
        (0xc2, 0xa0, _) => 2,
        (0xe2, 0x80, 0x89 | 0x91 | 0xaf) => 3,
        _ => 0,
    }
}

/// ISO 7064 MOD 97-10, letters counting 10 to 35.
fn remainder<'c>(characters: impl Iterator<Item = &'c u8>) -> u32 {
    characters.fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.saturating_sub(b'A')) + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KindSet, Scanner};

    fn found(text: &str) -> Vec<&str> {
        let mut out = Vec::new();
        Scanner::new(KindSet::none().with(Kind::Iban)).scan(text, &mut out);
        out.into_iter().map(|finding| &text[finding.span]).collect()
    }

    #[test]
    fn found_exactly() {
        for (text, expected) in [
            ("pay to DE89370400440532013000.", "DE89370400440532013000"),
            ("DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
            (
                "\u{e9}DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00",
                "DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00",
            ),
            ("GB29-NWBK-6016-1331-9268-19 X", "GB29-NWBK-6016-1331-9268-19"),
            ("NO9386011117947", "NO9386011117947"),
            ("{\"iban\":\"MT84MALT011000012345MTLCAST001S\"}", "MT84MALT011000012345MTLCAST001S"),
            ("iban: de89370400440532013000", "de89370400440532013000"),
            ("IBAN de 89 370400440532013000", "de 89 370400440532013000"),
            ("Iban number is IT60 X 05428 11101 000000123456", "IT60 X 05428 11101 000000123456"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
    }

    #[test]
    fn not_found() {
        for text in [
            "DE89370400440532013001",
            "DE8937040044053201300",
            "DE893704004405320130001",
            "XX89370400440532013000",
            "de89370400440532013000",
            "ADE89370400440532013000",
            "DE89/3704/0044/0532/0130/00",
            "DE89 370400440532013000",
            "DE",
            "iban: none",
            "IBAN DE****3000",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
        assert!(is_iban("gb29 nwbk 6016 1331 9268 19") && !is_iban("GB29NWBK60161331926819 x"));
    }

    #[test]
    fn lengths_are_those_of_the_registry() {
        assert_eq!((length_of(b'N', b'O'), length_of(b'L', b'C'), length_of(b'Z', b'Z')), (15, 32, 0));
        assert_eq!(length_of(b'a', b'D'), 0);
    }
}
