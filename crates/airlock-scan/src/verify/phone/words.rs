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
fn says(word: &[u8], joined: bool) -> Says {
    const YES: [&str; 46] = [
        "phone",
        "telephone",
        "phones",
        "tel",
        "mobile",
        "cell",
        "cellphone",
        "cellular",
        "fax",
        "telefax",
        "whatsapp",
        "msisdn",
        "telefon",
        "handy",
        "mobil",
        "mob",
        "hotline",
        "helpline",
        "landline",
        "viber",
        "pager",
        "voicemail",
        "rufnummer",
        "handynummer",
        "telefonnummer",
        "mobilnummer",
        "durchwahl",
        "telefono",
        "celular",
        "movil",
        "portable",
        "cellulare",
        "telefone",
        "fone",
        "celulares",
        "telefoon",
        "mobiel",
        "gsm",
        "tlf",
        "tfn",
        "puhelin",
        "mobiltelefon",
        "komorka",
        "telefonu",
        "ph",
        "callback",
    ];
    // In names of programs these mean something else.
    const IN_PROSE: [&str; 10] =
        ["call", "calling", "dial", "sms", "signal", "telegram", "ring", "reach", "contact", "anruf"];
    const NO: [&str; 49] = [
        "order",
        "invoice",
        "account",
        "acct",
        "ticket",
        "tracking",
        "isbn",
        "ssn",
        "zip",
        "postal",
        "postcode",
        "serial",
        "version",
        "date",
        "timestamp",
        "time",
        "reference",
        "ref",
        "card",
        "routing",
        "iban",
        "tax",
        "passport",
        "license",
        "licence",
        "price",
        "amount",
        "total",
        "imei",
        "epoch",
        "sku",
        "part",
        "id",
        "ids",
        "uid",
        "pid",
        "hash",
        "commit",
        "build",
        "bytes",
        "size",
        "port",
        "case",
        "policy",
        "member",
        "customer",
        "employee",
        "patient",
        "const",
    ];
    let among = |words: &[&str]| words.iter().any(|known| known.as_bytes() == word);
    if !word.is_ascii() {
        foreign(word)
    } else if among(&YES) || !joined && among(&IN_PROSE) {
        Says::Yes
    } else if among(&NO) {
        Says::No
    } else {
        compound(word)
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
