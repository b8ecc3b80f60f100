//! Keys that a vendor makes in a form of its own but without a prefix: the vendor stands in the name.
//!
//! Where a name holds the vendor's name, the form decides instead of rarity: a sample in the vendor's form is found,
//! and a value in no form of the vendor's is none of its keys.

use crate::{rarity::pattern::is_uuid, text::contains_fold};

/// A form of key.
#[derive(Debug, Clone, Copy)]
enum Form {
    Uuid,
    /// So many hexadecimal digits.
    Hex(usize),
    /// So many letters and digits.
    Alnum(usize),
    /// So many letters, digits, `_` and `-`.
    Url(usize),
    /// Letters, digits, `_`, `-`, `.`, `+`, `/`, `=`, at least so many.
    Long(usize),
    /// A number of 8 to 10 digits, a colon and 35 characters.
    Telegram,
    /// 32 hexadecimal digits and a data centre: `…-us12`.
    Mailchimp,
    /// A prefix, and so many hexadecimal digits.
    Prefixed(&'static [u8], usize),
    /// A prefix, and from so many to so many of the characters of `Long`.
    Body(&'static [u8], usize, usize),
}

use Form::{Alnum, Body, Hex, Long, Mailchimp, Prefixed, Telegram, Url, Uuid};

struct Vendor {
    /// In lower case, as names contain it.
    name: &'static [u8],
    forms: &'static [Form],
    /// Whether there are no other forms, so that anything else is no key.
    only: bool,
    /// The letters of its name.
    letters: u32,
}

/// The letters that occur, a bit each; case does not count.
const fn letters(name: &[u8]) -> u32 {
    let (mut set, mut rest) = (0, name);
    while let [first, tail @ ..] = rest {
        // Without a branch: both cases of a letter have the same low bits.
        set |= (first.is_ascii_alphabetic() as u32) << (*first & 31);
        rest = tail;
    }
    set
}

const fn vendor(name: &'static str, forms: &'static [Form]) -> Vendor {
    Vendor { name: name.as_bytes(), forms, only: false, letters: letters(name.as_bytes()) }
}

const fn only(name: &'static str, forms: &'static [Form]) -> Vendor {
    Vendor { name: name.as_bytes(), forms, only: true, letters: letters(name.as_bytes()) }
}

static VENDORS: &[Vendor] = &[
    vendor("snyk", &[Uuid]),
    vendor("lob", &[Prefixed(b"test_", 35), Prefixed(b"live_", 35)]),
    vendor("heroku", &[Uuid]),
    vendor("messagebird", &[Uuid, Alnum(25)]),
    vendor("message-bird", &[Uuid, Alnum(25)]),
    vendor("message_bird", &[Uuid, Alnum(25)]),
    vendor("sonar", &[Alnum(40), Url(44)]),
    vendor("cloudflare", &[Hex(37), Url(40)]),
    vendor("waka", &[Uuid]),
    vendor("jumpcloud", &[Alnum(40)]),
    vendor("datadog", &[Hex(32), Hex(40), Alnum(40)]),
    vendor("coveralls", &[Alnum(37)]),
    vendor("box_", &[Alnum(32)]),
    vendor("codecov", &[Uuid, Alnum(32)]),
    vendor("ibm", &[Url(44), Url(42)]),
    vendor("cloud_iam", &[Url(44)]),
    vendor("cloud-iam", &[Url(44)]),
    vendor("softlayer", &[Hex(64)]),
    vendor("slapi", &[Hex(64)]),
    vendor("sl_", &[Hex(64)]),
    vendor("sl-", &[Hex(64)]),
    vendor("clou", &[Hex(64)]),
    vendor("cloudant", &[Alnum(24)]),
    vendor("secret_access_key", &[Hex(48)]),
    vendor("secret-access-key", &[Hex(48)]),
    only("telegram", &[Telegram]),
    only("mailchimp", &[Mailchimp, Hex(32)]),
    only("gitea", &[Hex(40)]),
    only("wandb", &[Hex(40), Long(80)]),
    only("bitly", &[Hex(40)]),
    only("meraki", &[Hex(40)]),
    only("deepgram", &[Hex(40)]),
    only("vercel", &[Alnum(24), Long(56)]),
    only("elevenlabs", &[Hex(32), Prefixed(b"sk_", 48)]),
    only("cursor_", &[Prefixed(b"key_", 64)]),
    only("mistral", &[Alnum(32)]),
    only("ollama", &[Long(57)]),
    only("deepseek", &[Prefixed(b"sk-", 32)]),
    only("kimi", &[Body(b"sk-", 40, 60)]),
    only("moonshot", &[Body(b"sk-", 40, 60)]),
    only("stability", &[Body(b"sk-", 44, 60)]),
    only("minimax", &[Body(b"sk-", 60, 160), Body(b"eyJ", 80, 1024)]),
    only("greptile", &[Body(b"", 48, 48)]),
    only("infomaniak", &[Body(b"", 64, 90)]),
    only("brave", &[Body(b"BSA", 28, 28)]),
    only("upcloud", &[Body(b"ucat_", 26, 26)]),
    // The rules for their tokens find them.
    only("authress", &[]),
    only("salesforce_access", &[]),
];

/// Names without a vendor that stand before most values: the table need not be asked.
const NOBODYS: [&[u8]; 7] =
    [b"password", b"authorization", b"token", b"secret", b"api_key", b"apikey", b"passwd"];

/// Whether the name names a vendor, and the value is (`Some(true)`) or cannot be (`Some(false)`) its key.
pub(crate) fn in_vendors_form(name: &[u8], value: &[u8]) -> Option<bool> {
    if NOBODYS.iter().any(|common| name.eq_ignore_ascii_case(common)) {
        return None;
    }
    let mut refused = None;
    let letters = letters(name);
    let named = |vendor: &&Vendor| vendor.letters & !letters == 0 && contains_fold(name, vendor.name);
    for vendor in VENDORS.iter().filter(named) {
        if has_variety(value) && vendor.forms.iter().any(|form| form.holds(value)) {
            return Some(true);
        }
        if vendor.only || !has_variety(value) {
            refused = Some(false);
        }
    }
    refused
}

impl Form {
    fn holds(self, value: &[u8]) -> bool {
        let all = |len: usize, class: fn(&u8) -> bool| value.len() == len && value.iter().all(class);
        match self {
            Uuid => is_uuid(value),
            // Nothing writes one number in both cases.
            Hex(len) => {
                all(len, u8::is_ascii_hexdigit)
                    && !(value.iter().any(u8::is_ascii_lowercase) && value.iter().any(u8::is_ascii_uppercase))
            }
            Alnum(len) => all(len, u8::is_ascii_alphanumeric) && !is_word_or_number(value),
            Url(len) => {
                all(len, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
                    && !is_word_or_number(value)
            }
            Long(least) => value.len() >= least && value.iter().copied().all(is_long),
            Body(prefix, least, most) => value.strip_prefix(prefix).is_some_and(|rest| {
                (least..=most).contains(&rest.len()) && rest.iter().copied().all(is_long)
            }),
            Telegram => {
                let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
                (8..=10).contains(&digits)
                    && value.get(digits) == Some(&b':')
                    && (34..=36).contains(&(value.len() - digits - 1))
            }
            Mailchimp => value.split_at_checked(32).is_some_and(|(key, place)| {
                key.iter().all(u8::is_ascii_hexdigit) && place.starts_with(b"-us")
            }),
            Prefixed(prefix, len) => value
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.len() == len && rest.iter().all(u8::is_ascii_hexdigit)),
        }
    }
}

fn is_long(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.+/=".contains(&byte)
}

/// Whether the value has more than a few different characters: `000…` and `AAA…` fill a form in, also behind a
/// prefix.
fn has_variety(value: &[u8]) -> bool {
    let last = value.last();
    if value.len() >= 24 && value.iter().filter(|byte| Some(*byte) == last).count() * 2 > value.len() {
        return false;
    }
    let mut seen = [0_u8; 6];
    let mut count = 0;
    for byte in value {
        if !seen.get(..count).unwrap_or_default().contains(byte) {
            let Some(slot) = seen.get_mut(count) else { return true };
            *slot = *byte;
            count += 1;
        }
    }
    count == seen.len()
}

/// Characters of one class only: no key of a vendor's.
fn is_word_or_number(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_digit)
        || !value.iter().any(u8::is_ascii_digit) && {
            let lower = value.iter().all(|byte| !byte.is_ascii_uppercase());
            lower && value.len() != 24
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names_name_nobody() {
        for vendor in VENDORS {
            assert!(!NOBODYS.iter().any(|common| contains_fold(common, vendor.name)), "{:?}", vendor.name);
        }
    }

    #[test]
    fn the_form_decides() {
        for (name, value, expected) in [
            ("SNYK_TOKEN", "12345678-ABCD-ABCD-ABCD-1234567890AB", Some(true)),
            ("snyk_token", "h7Qw2zKk9", None),
            ("cloudflareToken", "6a854aa3d8e5c28e51118fd931bc23fe32056", Some(true)),
            ("GITEA_TOKEN", "5aab40e433037523cc70af7d3894a0fa", Some(false)),
            ("GITEA_TOKEN", "5aab40e433037523cc70af7d3894a0fa00112233", Some(true)),
            ("telegram_token", "9414:Atnplgmdgdenmwc8x-orfx_sq_633ck6tqe", Some(false)),
            ("telegram_token", "110201543:AAHdqTcvCH1vGWJxfSe1ofSAs0K5PALDsaw", Some(true)),
            ("mailchimp_key", "343ea45721923ed956e2b38c31db76aa-us30", Some(true)),
            ("token", "5aab40e433037523cc70af7d3894a0fa", None),
        ] {
            assert_eq!(in_vendors_form(name.as_bytes(), value.as_bytes()), expected, "{name} {value}");
        }
    }
}
