//! Seeded texts of the four kinds that the scanner meets: prose, JSON of tools, logs, and text dense with personal data.

mod random;

use std::fmt::Write as _;

use random::{ALNUM, BASE32, HEX, Random, WORDS};

/// Names and makers of the kinds.
const KINDS: [(&str, Piece); 4] = [("prose", prose), ("json", json), ("log", log), ("pii", pii)];

pub(crate) const NAMES: [&str; 4] = ["prose", "json", "log", "pii"];

type Piece = fn(&mut Random) -> String;

/// At least `len` bytes of a kind, empty for an unknown one.
pub(crate) fn data(name: &str, len: usize) -> String {
    let mut random = Random(4242);
    let mut text = String::with_capacity(len + 4096);
    if let Some((_, piece)) = KINDS.iter().find(|(known, _)| *known == name) {
        while text.len() < len {
            text.push_str(&piece(&mut random));
        }
    }
    text
}

fn prose(random: &mut Random) -> String {
    let mut text: String = (0..random.range(3, 8)).map(|_| random.sentence()).collect();
    if random.below(5) == 0 {
        let (year, name, sum) = (random.range(1900, 2025), random.name(), random.range(1, 99));
        // Writing to a string does not fail.
        let _ = write!(text, "In {year}, {name} paid ${sum},{:03}. ", random.below(1000));
    }
    text + "\n\n"
}

fn json(random: &mut Random) -> String {
    let (line, space) = if random.below(2) == 0 { ("\n  ", "\n") } else { (" ", "") };
    let mut extra = String::new();
    if random.below(20) == 0 {
        extra = format!(",{line}\"email\": \"{}\"", random.email());
    }
    if random.below(100) == 0 {
        let _ = write!(extra, ",{line}\"api_key\": \"{}\"", random.token(ALNUM, 32));
    }
    let start = format!(
        "{{{line}\"id\": \"{}\",{line}\"seq\": {},{line}\"created_at\": \"{}\",{line}\"name\": \"{}\",{line}\"status\": \"{}\",{line}\"score\": {}.{:06}",
        random.uuid(),
        random.range(1, 1_000_000_000),
        random.stamp(3),
        random.name(),
        random.pick(&["ok", "pending", "failed"]),
        random.below(100),
        random.below(1_000_000),
    );
    let tags: Vec<String> = (0..4).map(|_| format!("\"{}\"", random.pick(WORDS))).collect();
    let nested = format!(
        "\"lat\": {}.{:06}, \"lon\": -{}.{:06}, \"version\": \"{}.{}.{}\", \"note\": \"{}\"",
        random.below(90),
        random.below(1_000_000),
        random.below(180),
        random.below(1_000_000),
        random.below(20),
        random.below(30),
        random.below(99),
        random.sentence().trim(),
    );
    format!(
        "{start},{line}\"tags\": [{}],{line}\"sha256\": \"{}\",{line}\"nested\": {{{nested}}},{line}\
         \"url\": \"https://api.example.com/v1/items/{}?page={}&sort=desc\",{line}\"active\": true{extra}{space}}},\n",
        tags.join(", "),
        random.token(HEX, 64),
        random.range(1, 1_000_000),
        random.range(1, 99),
    )
}

fn log(random: &mut Random) -> String {
    let time = random.stamp(6);
    match random.below(100) {
        0..40 => format!(
            "{} - - [{time}] \"GET /{}/{}/{}?id={} HTTP/1.1\" {} {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
             Chrome/{}.0.{}.{}\"\n",
            random.address(),
            random.pick(WORDS),
            random.pick(WORDS),
            random.pick(WORDS),
            random.range(1, 10_000_000),
            random.pick(&["200", "200", "304", "404", "500"]),
            random.range(100, 99_999),
            random.range(90, 130),
            random.range(1000, 6999),
            random.range(1, 199),
        ),
        40..97 => format!(
            "{time} {} [worker-{}] com.example.{}.{}Service - {}request_id={} took={}ms bytes={} trace=0x{}\n",
            random.pick(&["INFO", "DEBUG", "WARN", "ERROR"]),
            random.below(64),
            random.pick(WORDS),
            random.pick(WORDS),
            random.sentence(),
            random.uuid(),
            random.range(1, 9999),
            random.range(1, 100_000_000),
            random.token(HEX, 16),
        ),
        _ => format!(
            "{time} INFO auth user={} token={} from={} ok\n",
            random.email(),
            random.token(ALNUM, 24),
            random.address()
        ),
    }
}

fn pii(random: &mut Random) -> String {
    match random.below(8) {
        0 => format!("{}, SSN {}, ", random.name(), random.ssn()),
        1 => format!("card {} exp {:02}/{}, ", random.card(), random.range(1, 12), random.range(26, 31)),
        2 => format!("mail {}, ", random.email()),
        3 => format!("call {}, ", random.phone()),
        4 => format!("host {}, ", random.address()),
        5 => format!("key {}, ", secret(random)),
        6 => format!("{{\"ssn\": \"{}\", \"email\": \"{}\"}}\n", random.ssn(), random.email()),
        _ => random.sentence(),
    }
}

fn secret(random: &mut Random) -> String {
    match random.below(7) {
        0 => format!("AKIA{}", random.token(BASE32, 16)),
        1 => format!("ghp_{}", random.token(ALNUM, 36)),
        2 => format!("sk_live_{}", random.token(ALNUM, 24)),
        // A header that parses: {"alg":"HS256","typ":"JWT"}
        3 => format!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{}.{}",
            random.token(ALNUM, 52),
            random.token(ALNUM, 43)
        ),
        4 => format!("postgres://app:{}@db.internal:5432/prod", random.token(ALNUM, 14)),
        5 => format!("api_key={}", random.token(ALNUM, 32)),
        _ => format!("password=\"{}\"", random.token(ALNUM, 12)),
    }
}
