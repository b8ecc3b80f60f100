//! What is written in a way of its own: hardware addresses, codes of banks, dates of birth.

use crate::{
    text::{Text, is_word},
    verify::nearby::named,
};

/// End of the hardware address at `start`: `00:1a:2b:3c:4d:5e`, `00-1a-…`, `001a.2b3c.4d5e`.
pub(super) fn mac_address(text: &Text<'_>, start: usize) -> Option<usize> {
    let hex = |at: usize, len: usize| text.run(at, len + 1, |byte| byte.is_ascii_hexdigit()) == at + len;
    let first = text.run(start, 5, |byte| byte.is_ascii_hexdigit()) - start;
    let separator = text.at(start + first);
    let (groups, len) = match (first, separator) {
        (2, b':' | b'-') => (6, 2),
        (4, b'.') => (3, 4),
        _ => return None,
    };
    let step = len + 1;
    let whole = (1..groups)
        .all(|group| text.at(start + group * step - 1) == separator && hex(start + group * step, len));
    let end = start + groups * step - 1;
    let digits = text.slice(start, end).iter().filter(|byte| byte.is_ascii_hexdigit());
    // Neither nobody nor everybody.
    let somebody = digits.clone().any(|byte| *byte != b'0')
        && digits.clone().any(|byte| !byte.eq_ignore_ascii_case(&b'f'));
    let inside = [text.before(start, 1), text.at(end)]
        .iter()
        .any(|byte| is_word(*byte) || *byte == separator && *byte != b'.');
    (whole && somebody && !inside).then_some(end)
}

/// Two letters for each country of ISO 3166.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBWBYBZCACCCDCFCGCHCICKCLCMCNCOCR\
CUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGTGUGWGYHKHNHRHTHUIDIEILIMINIOIQIRISITJEJMJO\
JPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPE\
PFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZ\
VAVCVEVGVIVNVUWFWSYEYTZAZMZWXK";

/// Whether the word is the code of a bank: four letters, a country, a place, perhaps a branch.
pub(super) fn is_bic(word: &[u8]) -> bool {
    let letters = word.iter().take(6).all(u8::is_ascii_uppercase);
    let rest = word.iter().skip(6).all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let country = word.get(4..6).unwrap_or_default();
    matches!(word.len(), 8 | 11)
        && letters
        && rest
        && COUNTRIES.as_bytes().chunks(2).any(|known| known == country)
}

/// Words beside which such a code is one.
pub(super) const BIC_WORDS: [&str; 4] = ["bic", "swift", "swift code", "bankleitzahl"];

/// Words before a date of birth.
const BIRTH_WORDS: [&str; 24] = [
    "date of birth",
    "dateofbirth",
    "birth date",
    "birthdate",
    "birthday",
    "dob",
    "d.o.b",
    "born",
    "geboren",
    "geburtsdatum",
    "geb.",
    "geburtstag",
    "né le",
    "née le",
    "date de naissance",
    "nacimiento",
    "nacido",
    "nacida",
    "nascimento",
    "nascita",
    "geboortedatum",
    "生年月日",
    "出生日期",
    "생년월일",
];

/// End of the date at `start`, if a word says that somebody was born on it.
pub(super) fn date_of_birth(text: &Text<'_>, start: usize) -> Option<usize> {
    let end = date(text, start)?;
    // What stands behind a date belongs to something else.
    named(text, start, text.len(), &BIRTH_WORDS).then_some(end)
}

/// End of the date at `start`: `1987-12-24`, `24.12.1987`, `12/24/87`, `24 December 1987`, `Dec 24, 1987`.
pub(super) fn date(text: &Text<'_>, start: usize) -> Option<usize> {
    let mut parts = [0_u32; 3];
    let (mut at, mut months, mut last) = (start, 0, 0);
    for (index, part) in parts.iter_mut().enumerate() {
        if index > 0 {
            at = between(text, at)?;
        }
        let end = text.run(at, 5, |byte| byte.is_ascii_digit());
        if end > at {
            *part = text.slice(at, end).iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
            last = end - at;
            at = end;
        } else {
            at = month(text, at)?;
            months += 1;
        }
    }
    let [first, second, third] = parts;
    let day = |value: u32| (1..=31).contains(&value);
    let year = |value: u32| (1900..=2035).contains(&value);
    let short = last == 2;
    let fits = match months {
        // A name leaves its part 0.
        1 => {
            (day(first) || first == 0) && (second == 0 || first == 0 && day(second)) && (year(third) || short)
        }
        0 if year(first) => (1..=12).contains(&second) && day(third),
        0 => day(first) && day(second) && (first <= 12 || second <= 12) && (year(third) || short),
        _ => false,
    };
    // `1987年12月24日`
    let end = if text.has(at, "日".as_bytes()) || text.has(at, "일".as_bytes()) { at + 3 } else { at };
    (fits && !is_word(text.at(end)) && text.at(end) != b'*').then_some(end)
}

/// Behind what separates two parts of a date.
fn between(text: &Text<'_>, at: usize) -> Option<usize> {
    for mark in ["年", "月", "년", "월"] {
        if text.has(at, mark.as_bytes()) {
            return Some(text.run(at + mark.len(), 1, |byte| byte == b' '));
        }
    }
    let ordinal = ["st", "nd", "rd", "th"].iter().any(|ending| text.has_fold(at, ending.as_bytes()));
    let at = if ordinal { at + 2 } else { at };
    let end = text.run(at, 2, |byte| matches!(byte, b' ' | b'-' | b'/' | b'.' | b','));
    let of = if text.has_fold(end, b"of ") || text.has_fold(end, b"de ") { end + 3 } else { end };
    (of > at).then_some(of)
}

/// End of the name of a month at `at`, in some of the languages of Europe.
fn month(text: &Text<'_>, at: usize) -> Option<usize> {
    const NAMES: [&str; 32] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mär", "mrz",
        "mai", "okt", "dez", "fév", "fev", "avr", "jui", "aoû", "déc", "ene", "abr", "ago", "dic", "set",
        "out", "gen", "mag", "giu",
    ];
    const MORE: [&str; 6] = ["lug", "ott", "mei", "mrt", "maj", "sty"];
    let known = NAMES.iter().chain(&MORE).any(|name| text.has_fold(at, name.as_bytes()));
    known.then(|| text.run(at, 12, |byte| byte.is_ascii_alphabetic() || byte >= 0x80))
}
