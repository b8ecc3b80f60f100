//! Seeded random numbers, and the small values that texts are made of.

pub(crate) const WORDS: &[&str] = &[
    "the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not",
    "this", "have", "from", "or", "had", "which", "there", "their", "when", "what", "more", "some", "could",
    "time", "these", "then", "first", "any", "made", "after", "also", "many", "before", "must", "through",
    "back", "years", "where", "much", "system", "data", "report", "request", "response", "user", "account",
    "number", "process", "result", "service", "value", "version", "error", "update", "network", "server",
    "client", "document", "team", "project", "order", "customer", "payment", "you", "all", "her", "she",
    "would", "him", "been", "has", "who", "will", "no", "if", "out", "so", "said", "up", "into", "than",
    "them", "can", "only", "other", "new", "two", "may", "do", "such", "over", "man", "even", "most", "did",
    "your", "way",
];
const FIRST: &[&str] = &[
    "James", "Mary", "Robert", "Patricia", "John", "Jennifer", "Michael", "Linda", "Wei", "Priya", "Omar",
    "Ana", "Yuki", "Lars", "Chloe", "Ivan",
];
const LAST: &[&str] = &[
    "Smith", "Johnson", "Williams", "Brown", "Garcia", "Miller", "Davis", "Chen", "Patel", "Khan", "Silva",
    "Tanaka", "Nielsen", "Dubois", "Petrov",
];
const DOMAINS: &[&str] = &["example.com", "acme.io", "mail.test", "corp.example.org", "widgets.co.uk"];
pub(crate) const HEX: &[u8] = b"0123456789abcdef";
pub(crate) const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Splitmix64, so that every run sees the same data.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// From `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(crate) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let at = self.below(u64::try_from(items.len()).unwrap_or(1));
        usize::try_from(at).ok().and_then(|at| items.get(at)).copied().unwrap_or_default()
    }

    pub(crate) fn token(&mut self, alphabet: &[u8], len: usize) -> String {
        let limit = u64::try_from(alphabet.len()).unwrap_or(1);
        let mut char = || usize::try_from(self.below(limit)).ok().and_then(|at| alphabet.get(at));
        (0..len).filter_map(|_| char().map(|byte| char::from(*byte))).collect()
    }

    pub(crate) fn sentence(&mut self) -> String {
        let words: Vec<_> = (0..self.range(6, 22)).map(|_| self.pick(WORDS)).collect();
        let text = words.join(" ") + self.pick(&[". ", ". ", "? ", "; "]);
        let mut letters = text.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    }

    pub(crate) fn uuid(&mut self) -> String {
        [8, 4, 4, 4, 12].map(|len| self.token(HEX, len)).join("-")
    }

    /// A time of the year 2026, with so many digits behind the second.
    pub(crate) fn stamp(&mut self, digits: usize) -> String {
        let (month, day) = (self.range(1, 12), self.range(1, 28));
        let (hour, minute, second) = (self.below(24), self.below(60), self.below(60));
        let fraction = self.token(b"0123456789", digits);
        format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}Z")
    }

    pub(crate) fn name(&mut self) -> String {
        format!("{} {}", self.pick(FIRST), self.pick(LAST))
    }

    pub(crate) fn email(&mut self) -> String {
        let (first, last) = (self.pick(FIRST).to_lowercase(), self.pick(LAST).to_lowercase());
        format!("{first}.{last}{}@{}", self.range(1, 99), self.pick(DOMAINS))
    }

    pub(crate) fn address(&mut self) -> String {
        let [a, b, c, d] = [(); 4].map(|()| self.range(1, 254));
        format!("{a}.{b}.{c}.{d}")
    }

    pub(crate) fn ssn(&mut self) -> String {
        let area = match self.range(1, 899) {
            666 => 667,
            area => area,
        };
        format!("{area:03}-{:02}-{:04}", self.range(1, 99), self.range(1, 9999))
    }

    /// Sixteen digits whose last one is right by Luhn.
    pub(crate) fn card(&mut self) -> String {
        let issuer = self.pick(&["4", "51", "55", "6011"]);
        let body = format!("{issuer}{}", self.token(b"0123456789", 15 - issuer.len()));
        let sum: u32 = body
            .chars()
            .filter_map(|digit| digit.to_digit(10))
            .enumerate()
            .map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
            .sum();
        let number = format!("{body}{}", (10 - sum % 10) % 10);
        let groups: Vec<&str> =
            [0..4, 4..8, 8..12, 12..16].into_iter().filter_map(|group| number.get(group)).collect();
        groups.join(self.pick(&["", " ", "-"]))
    }

    pub(crate) fn phone(&mut self) -> String {
        let (area, exchange, line) = (self.range(201, 989), self.range(200, 999), self.below(10_000));
        match self.below(4) {
            0 => format!("({area}) {exchange}-{line:04}"),
            1 => format!("{area}-{exchange}-{line:04}"),
            2 => format!("+1 {area} {exchange} {line:04}"),
            _ => format!("{area}.{exchange}.{line:04}"),
        }
    }
}
