//! Numbers that only a word beside them makes telephone numbers.

use super::Candidate;
use std::cell::Cell;

use crate::{
    text::Text,
    verify::{
        digits::Separator,
        nearby::{Says, nearest_before, nearest_behind},
    },
};

/// How many bytes and words before and behind the number are asked.
const BEFORE: (usize, usize) = (44, 5);
const BEHIND: (usize, usize) = (24, 3);

/// Seven to thirteen digits in groups of any length.
pub(super) fn named(candidate: &Candidate<'_>) -> Option<usize> {
    let count = groups(candidate)?;
    let end = candidate.end(count)?;
    is_named(candidate.text(), candidate.number.start(), end).then_some(end)
}

/// The run of digits `start..end`, which nothing continues.
pub(super) fn named_run(text: &Text<'_>, start: usize, end: usize) -> bool {
    is_run(text, start, end - start) && is_named(text, start, end)
}

fn is_named(text: &Text<'_>, start: usize, end: usize) -> bool {
    if text.before(start, 1) == b'/' {
        return false;
    }
    // `my number`, but not `order number`
    let number = Cell::new(false);
    let says_before = |word: &[u8], joined: bool| match word {
        b"number" | b"no" | b"nr" => {
            number.set(true);
            Says::Nothing
        }
        b"my" | b"his" | b"her" | b"our" | b"your" | b"their" if number.get() => Says::Yes,
        _ => says(word, joined),
    };
    match nearest_before(text, start, BEFORE, says_before) {
        Says::Yes => true,
        Says::No => false,
        Says::Nothing => nearest_behind(text, end, BEHIND, says_behind) == Says::Yes,
    }
}

/// How many of the first groups can be a telephone number.
fn groups(candidate: &Candidate<'_>) -> Option<usize> {
    if !(7..=13).contains(&candidate.total) {
        return None;
    }
    let shape = match candidate.lengths {
        [_, 0, ..] => is_run(candidate.text(), candidate.number.start(), candidate.total),
        [1..=5, 2..=9, 0, ..] | [1..=5, 2..=5, 2..=5, 0, ..] => true,
        // Versions and addresses have four parts with points.
        [1..=5, 1..=4, 2..=5, 2..=5, rest, ..] => {
            candidate.groups.len() <= 6 && (rest > 0 || candidate.separator(1) != Some(Separator::Dot))
        }
        _ => false,
    };
    let with =
        |separator| candidate.groups.iter().skip(1).filter(move |group| group.separator == separator).count();
    // One dot is a decimal point, two slashes are a date.
    (shape && with(Separator::Dot) != 1 && with(Separator::Slash) < 2).then_some(candidate.groups.len())
}

/// Whether digits without separators can be a telephone number: a date of eight digits is none.
fn is_run(text: &Text<'_>, start: usize, len: usize) -> bool {
    (7..=12).contains(&len) && !(len == 8 && matches!(text.slice(start, start + 2), b"19" | b"20"))
}

/// What a word before a number says about it.
fn says(word: &[u8], joined: bool) -> Says {
    match word {
        b"phone" | b"telephone" | b"phones" | b"tel" | b"mobile" | b"cell" | b"cellphone" | b"cellular"
        | b"fax" | b"telefax" | b"whatsapp" | b"msisdn" | b"telefon" | b"handy" | b"mobil" | b"mob"
        | b"hotline" | b"helpline" | b"landline" | b"viber" | b"pager" | b"voicemail" | b"rufnummer"
        | b"handynummer" | b"telefonnummer" | b"mobilnummer" | b"durchwahl" | b"telefono" | b"celular"
        | b"movil" | b"portable" | b"cellulare" | b"telefone" | b"fone" | b"celulares" | b"telefoon"
        | b"mobiel" | b"gsm" | b"tlf" | b"tfn" | b"puhelin" | b"mobiltelefon" | b"komorka" | b"telefonu"
        | b"ph" | b"callback" => Says::Yes,
        // In names of programs these mean something else.
        b"call" | b"calling" | b"dial" | b"sms" | b"signal" | b"telegram" | b"ring" | b"reach"
        | b"contact" | b"anruf" => {
            if joined {
                Says::Nothing
            } else {
                Says::Yes
            }
        }
        b"order" | b"invoice" | b"account" | b"acct" | b"ticket" | b"tracking" | b"isbn" | b"ssn"
        | b"zip" | b"postal" | b"postcode" | b"serial" | b"version" | b"date" | b"timestamp" | b"time"
        | b"reference" | b"ref" | b"card" | b"routing" | b"iban" | b"tax" | b"passport" | b"license"
        | b"licence" | b"price" | b"amount" | b"total" | b"imei" | b"epoch" | b"sku" | b"part" | b"id"
        | b"ids" | b"uid" | b"pid" | b"hash" | b"commit" | b"build" | b"bytes" | b"size" | b"port"
        | b"case" | b"policy" | b"member" | b"customer" | b"employee" | b"patient" | b"const" => Says::No,
        _ if word.is_ascii() => compound(word),
        _ => foreign(word),
    }
}

/// Behind a number only what plainly names it: `98765 43210 (mobile)`, `… is my cell`.
fn says_behind(word: &[u8], _joined: bool) -> Says {
    match word {
        b"phone" | b"tel" | b"mobile" | b"cell" | b"fax" | b"whatsapp" | b"landline" => Says::Yes,
        b"is" | b"my" | b"his" | b"her" | b"the" | b"our" | b"your" | b"office" | b"work" | b"home" => {
            Says::Nothing
        }
        _ => Says::No,
    }
}

/// `phoneNumber`, `homephone`, `contactMobile`; not `iphone`.
fn compound(word: &[u8]) -> Says {
    let device = matches!(word, b"iphone" | b"smartphone" | b"headphone" | b"headphones" | b"microphone");
    let names = word.starts_with(b"phone") || word.ends_with(b"phone") || word.starts_with(b"mobile");
    // `tel` at the end is also that of hotels and of the Patels.
    let other = word.starts_with(b"telephon") || word.starts_with(b"telefon");
    if names && !device || other { Says::Yes } else { Says::Nothing }
}

fn foreign(word: &[u8]) -> Says {
    const STEMS: [&str; 19] = [
        "téléphone",
        "téléphoner",
        "teléfono",
        "móvil",
        "número de tel",
        "電話",
        "携帯",
        "电话",
        "手机",
        "電話番号",
        "전화",
        "휴대폰",
        "연락처",
        "телефон",
        "тел",
        "τηλ",
        "komórka",
        "फ़ोन",
        "هاتف",
    ];
    let holds = |stem: &&str| {
        let stem = stem.as_bytes();
        word.windows(stem.len().min(word.len()).max(1)).any(|part| part == stem)
    };
    if STEMS.iter().any(holds) { Says::Yes } else { Says::Nothing }
}
