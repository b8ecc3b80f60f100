//! Random values that look like something and are nothing: identifiers, digests, versions, numbers that fail their checks.

use super::checks::base64;
use super::personal::{first, last};
use super::random::{ALNUM, BASE64, HEX, Random, UPPER};

const WORDS: &[&str] = &[
    "system", "data", "report", "request", "response", "user", "account", "number", "process", "result",
    "service", "value", "version", "error", "update", "network", "server", "client", "document", "team",
    "project", "order", "customer", "payment", "invoice", "shipment", "queue", "worker", "cache", "backup",
    "meeting", "budget",
];

/// The value of a generator of this name; nobody marks it.
pub(super) fn value(name: &str, random: &mut Random) -> Option<String> {
    Some(match name {
        "first" => first(random),
        "last" => last(random),
        "word" => random.pick(WORDS).to_owned(),
        "words" => (0..random.range(4, 9)).map(|_| random.pick(WORDS)).collect::<Vec<_>>().join(" "),
        "int" => random.range(2, 999).to_string(),
        "big" => random.range(100_000, 99_999_999).to_string(),
        "float" => format!("{}.{}", random.range(0, 179), random.digits(6)),
        "uuid" => [8, 4, 4, 4, 12].map(|len| random.chars(HEX, len)).join("-"),
        "sha1" => random.chars(HEX, 40),
        "sha7" => format!("{}{}", random.chars("abcdef", 1), random.chars(HEX, 6)),
        "sha256" => random.chars(HEX, 64),
        "md5" | "trace" => random.chars(HEX, 32),
        "sha512" => format!("sha512-{}==", random.chars(BASE64, 86)),
        "blob" => random.chars(BASE64, 120),
        "image" => {
            format!("data:image/png;base64,iVBORw0KGgo{}", base64(random.chars(ALNUM, 150).as_bytes()))
        }
        "span" => random.chars(HEX, 16),
        "epoch" => random.range(1_700_000_000, 1_790_000_000).to_string(),
        "epoch_ms" => random.range(1_700_000_000_000, 1_790_000_000_000).to_string(),
        "epoch_us" => format!("17{}", random.digits(14)),
        "date" => date(random),
        "time" => time(random),
        "stamp" => format!("{}T{}.{}Z", date(random), time(random), random.digits(3)),
        "semver" => format!("{}.{}.{}", random.range(0, 20), random.range(0, 40), random.range(0, 99)),
        "chrome" => {
            format!("{}.0.{}.{}", random.range(90, 140), random.range(1000, 6999), random.range(1, 199))
        }
        "version4" => format!(
            "{}.{}.{}.{}",
            random.range(1, 25),
            random.range(0, 30),
            random.range(0, 9),
            random.range(0, 200)
        ),
        "oid" => format!("1.3.6.1.4.1.{}.{}", random.range(300, 50000), random.range(1, 9)),
        "isbn" => format!("978{}", random.digits(10)),
        "tracking" => format!("1Z{}{}", random.chars(UPPER, 3), random.digits(13)),
        "order" => format!("{}-{}", random.pick(&["ORD", "INV", "PO", "SO"]), random.digits(8)),
        "sku" => format!("{}-{}-{}", random.chars(UPPER, 3), random.digits(4), random.chars(UPPER, 2)),
        "bad_card" => bad_card(random),
        "bad_ssn" => bad_ssn(random),
        "zip4" => format!("{}-{}", random.fill("@####"), random.digits(4)),
        "account12" => random.digits(12),
        "money" => format!("{},{}.{}", random.range(1, 99), random.digits(3), random.digits(2)),
        "price" => format!("{}.{}", random.range(1, 999), random.digits(2)),
        "port" => random.range(1024, 49151).to_string(),
        "path" => format!(
            "/{}/{}/{}",
            random.pick(&["var", "opt", "usr/share", "home/app"]),
            random.pick(WORDS),
            random.pick(WORDS)
        ),
        "host" => format!("{}-{}.internal.example.com", random.pick(WORDS), random.range(1, 40)),
        "base64_text" => base64((0..6).map(|_| random.pick(WORDS)).collect::<Vec<_>>().join(" ").as_bytes()),
        "pod" => format!(
            "{}-{}-{}",
            random.pick(WORDS),
            random.chars("bcdfghjklmnpqrstvwxz2456789", 9),
            random.chars("bcdfghjklmnpqrstvwxz2456789", 5)
        ),
        _ => return None,
    })
}

fn date(random: &mut Random) -> String {
    format!("20{}-{:02}-{:02}", random.range(19, 26), random.range(1, 12), random.range(1, 28))
}

fn time(random: &mut Random) -> String {
    format!("{:02}:{:02}:{:02}", random.range(0, 23), random.range(0, 59), random.range(0, 59))
}

/// Sixteen digits of an issuer, the last one wrong by one.
fn bad_card(random: &mut Random) -> String {
    let right = super::checks::luhn(&format!("45{}", random.digits(13)));
    let last = right.chars().next_back().and_then(|digit| digit.to_digit(10)).unwrap_or(0);
    let body = right.get(..15).unwrap_or_default();
    format!("{body}{}", (last + 1) % 10)
}

fn bad_ssn(random: &mut Random) -> String {
    match random.range(0, 4) {
        0 => random.fill("000-@#-@###"),
        1 => random.fill("666-@#-@###"),
        2 => random.fill("9@#-@#-@###"),
        3 => random.fill("@##-00-@###"),
        _ => random.fill("@##-@#-0000"),
    }
}
