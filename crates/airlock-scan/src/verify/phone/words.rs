//! Numbers that only a word beside them makes telephone numbers.

use super::Candidate;
use crate::verify::{
    digits::Separator,
    nearby::{Says, nearest_before, nearest_behind},
};

/// How many bytes and words before and behind the number are asked.
const BEFORE: (usize, usize) = (44, 6);
const BEHIND: (usize, usize) = (24, 3);

/// Seven to thirteen digits in groups of any length.
pub(super) fn named(candidate: &Candidate<'_>) -> Option<usize> {
    let count = groups(candidate)?;
    let end = candidate.end(count)?;
    let (text, start) = (candidate.text(), candidate.number.start());
    let before = nearest_before(text, start, BEFORE, says);
    let named = match before {
        Says::Yes => true,
        Says::No => false,
        Says::Nothing => nearest_behind(text, end, BEHIND, says_behind) == Says::Yes,
    };
    named.then_some(end)
}

/// How many of the first groups can be a telephone number.
fn groups(candidate: &Candidate<'_>) -> Option<usize> {
    if !(7..=13).contains(&candidate.total) {
        return None;
    }
    let shape = match candidate.lengths {
        // One run: a date of eight digits is none.
        [len, 0, ..] => (7..=12).contains(&len) && !(len == 8 && matches!(candidate.prefix(2), 19 | 20)),
        [1..=5, 2..=8, 0, ..] | [1..=5, 2..=5, 2..=5, 0, ..] => true,
        [1..=5, 1..=4, 2..=5, 2..=5, ..] => candidate.groups.len() <= 6,
        _ => false,
    };
    let dots = candidate.groups.iter().skip(1).filter(|group| group.separator == Separator::Dot).count();
    let slashes = candidate.groups.iter().skip(1).filter(|group| group.separator == Separator::Slash).count();
    // One dot is a decimal point, two slashes are a date.
    (shape && dots != 1 && slashes < 2).then_some(candidate.groups.len())
}

/// What a word before a number says about it.
fn says(word: &[u8]) -> Says {
    match word {
        b"phone" | b"telephone" | b"phones" | b"tel" | b"mobile" | b"cell" | b"cellphone" | b"cellular"
        | b"fax" | b"telefax" | b"call" | b"calling" | b"dial" | b"whatsapp" | b"msisdn" | b"telefon"
        | b"handy" | b"mobil" | b"mob" | b"hotline" | b"helpline" | b"landline" | b"sms" | b"callback"
        | b"viber" | b"signal" | b"telegram" | b"pager" | b"voicemail" | b"ring" | b"reach" | b"contact"
        | b"rufnummer" | b"handynummer" | b"anruf" | b"telefonnummer" | b"mobilnummer" | b"durchwahl"
        | b"telefono" | b"celular" | b"movil" | b"portable" | b"cellulare" | b"telefone" | b"fone"
        | b"celulares" | b"telefoon" | b"mobiel" | b"gsm" | b"tlf" | b"tfn" | b"puhelin"
        | b"mobiltelefon" | b"komorka" | b"telefonu" | b"ph" => Says::Yes,
        b"order" | b"invoice" | b"account" | b"acct" | b"ticket" | b"tracking" | b"isbn" | b"ssn"
        | b"zip" | b"postal" | b"postcode" | b"serial" | b"version" | b"date" | b"timestamp" | b"time"
        | b"reference" | b"ref" | b"card" | b"routing" | b"iban" | b"tax" | b"passport" | b"license"
        | b"licence" | b"price" | b"amount" | b"total" | b"imei" | b"epoch" | b"sku" | b"part" | b"id"
        | b"ids" | b"uid" | b"pid" | b"hash" | b"commit" | b"build" | b"bytes" | b"size" | b"port"
        | b"case" | b"policy" | b"member" | b"customer" | b"employee" | b"patient" => Says::No,
        _ if word.is_ascii() => compound(word),
        _ => foreign(word),
    }
}

/// Behind a number only what plainly names it: `98765 43210 (mobile)`, `… is my cell`.
fn says_behind(word: &[u8]) -> Says {
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
    let other = word.starts_with(b"telephon") || word.starts_with(b"telefon") || word.ends_with(b"tel");
    if names && !device || other && !matches!(word, b"hotel" | b"motel" | b"intel" | b"cartel") {
        Says::Yes
    } else {
        Says::Nothing
    }
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
