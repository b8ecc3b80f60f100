//! Throughput of the scanner over seeded, generated data: `cargo bench -p airlock-scan`.

use airlock_scan::{Finding, KindSet, Scanner, StreamScanner};
use divan::{Bencher, counter::BytesCount};

fn main() {
    divan::main();
}

const LEN: usize = 1 << 20;

/// A small generator of pseudo-random numbers (splitmix64), so that every run sees the same data.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let index = usize::try_from(self.next()).unwrap_or(0) % items.len();
        items.get(index).copied().unwrap_or_default()
    }

    fn token(&mut self, alphabet: &[u8], len: usize) -> String {
        let limit = u64::try_from(alphabet.len()).unwrap_or(1);
        let mut char = || usize::try_from(self.below(limit)).ok().and_then(|at| alphabet.get(at));
        (0..len).filter_map(|_| char().map(|byte| char::from(*byte))).collect()
    }

    fn sentence(&mut self) -> String {
        let words: Vec<_> = (0..6 + self.below(16)).map(|_| self.pick(WORDS)).collect();
        words.join(" ") + self.pick(&[". ", ". ", "? ", "; "])
    }
}

const WORDS: &[&str] = &[
    "the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not",
    "this", "have", "from", "or", "had", "which", "there", "their", "when", "what", "more", "some", "could",
    "time", "these", "then", "first", "any", "made", "after", "also", "many", "before", "must", "through",
    "back", "years", "where", "much", "system", "data", "report", "request", "response", "user", "account",
    "number", "process", "result", "service", "value", "version", "error", "update", "network", "server",
    "client", "document", "team", "project", "order", "customer",
];
const HEX: &[u8] = b"0123456789abcdef";
const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn generate(mut piece: impl FnMut(&mut Random) -> String) -> String {
    let mut random = Random(4242);
    let mut text = String::with_capacity(LEN + 4096);
    while text.len() < LEN {
        text.push_str(&piece(&mut random));
    }
    text
}

fn prose(random: &mut Random) -> String {
    let mut text: String = (0..5).map(|_| random.sentence()).collect();
    if random.below(5) == 0 {
        let year = 1900 + random.below(126);
        text += &["In ", &year.to_string(), " they paid $", &random.below(99).to_string(), ",400. "].concat();
    }
    text + "\n\n"
}

fn json(random: &mut Random) -> String {
    let (id, hash) = (random.token(HEX, 12), random.token(HEX, 64));
    format!(
        "{{\"id\": \"550e8400-e29b-41d4-a716-{id}\", \"seq\": {}, \"created_at\": \"2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\", \
         \"status\": \"{}\", \"score\": {}.{:06}, \"sha256\": \"{hash}\", \"nested\": {{\"lat\": {}.{:06}, \"version\": \"{}.{}.{}\", \
         \"note\": \"{}\"}}, \"url\": \"https://api.example.com/v1/items/{}?page={}&sort=desc\", \"active\": true}},\n",
        random.below(1 << 30),
        1 + random.below(12),
        1 + random.below(28),
        random.below(24),
        random.below(60),
        random.below(60),
        random.below(1000),
        random.pick(&["ok", "pending", "failed"]),
        random.below(100),
        random.below(1_000_000),
        random.below(90),
        random.below(1_000_000),
        random.below(20),
        random.below(30),
        random.below(99),
        random.sentence().trim(),
        random.below(1_000_000),
        random.below(99),
    )
}

fn log(random: &mut Random) -> String {
    let time = format!(
        "2026-11-22T{:02}:{:02}:{:02}.{:06}Z",
        random.below(24),
        random.below(60),
        random.below(60),
        random.below(1_000_000)
    );
    if random.below(10) < 4 {
        format!(
            "{} - - [{time}] \"GET /{}/{}?id={} HTTP/1.1\" 200 {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64) Chrome/{}.0.{}.{}\"\n",
            address(random),
            random.pick(WORDS),
            random.pick(WORDS),
            random.below(10_000_000),
            random.below(99_999),
            90 + random.below(40),
            1000 + random.below(6000),
            random.below(200),
        )
    } else {
        format!(
            "{time} {} [worker-{}] com.example.{}.Service - {}request_id=550e8400-e29b-41d4-a716-{} took={}ms trace=0x{}\n",
            random.pick(&["INFO", "WARN"]),
            random.below(64),
            random.pick(WORDS),
            random.sentence(),
            random.token(HEX, 12),
            random.below(9999),
            random.token(HEX, 16),
        )
    }
}

fn address(random: &mut Random) -> String {
    format!("{}.{}.{}.{}", 1 + random.below(99), random.below(255), random.below(255), 1 + random.below(254))
}

fn pii(random: &mut Random) -> String {
    match random.below(8) {
        0 => format!(
            "SSN {:03}-{:02}-{:04}, ",
            100 + random.below(500),
            1 + random.below(99),
            1 + random.below(9999)
        ),
        1 => format!(
            "card {} exp 12/29, ",
            random.pick(&["4539 5787 6362 1486", "5555-5555-5555-4444", "4111111111111111"])
        ),
        2 => format!("mail {}.{}@example.com, ", random.pick(WORDS), random.pick(WORDS)),
        3 => format!(
            "call ({}) {}-{:04}, ",
            201 + random.below(700),
            200 + random.below(700),
            random.below(9999)
        ),
        4 => format!("host {}, ", address(random)),
        5 => format!("key {}{}, ", random.pick(&["ghp_", "sk_live_", "api_key="]), random.token(ALNUM, 36)),
        6 => format!("{{\"password\": \"{}\"}}\n", random.token(ALNUM, 14)),
        _ => random.sentence(),
    }
}

type Piece = fn(&mut Random) -> String;

const DATA: [(&str, Piece); 4] = [("prose", prose), ("json", json), ("log", log), ("pii", pii)];

#[divan::bench(args = DATA.map(|(name, _)| name))]
fn scan(bencher: Bencher<'_, '_>, name: &str) {
    let text = data(name);
    let mut out: Vec<Finding> = Vec::new();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        out.clear();
        Scanner::default().scan(&text, &mut out);
        out.len()
    });
}

#[divan::bench(args = DATA.map(|(name, _)| name))]
fn screen(bencher: Bencher<'_, '_>, name: &str) {
    let text = data(name);
    let mut out: Vec<Finding> = Vec::new();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        out.clear();
        Scanner::default().screen(&text, &mut out);
        out.len()
    });
}

#[divan::bench(args = DATA.map(|(name, _)| name))]
fn stream_of_4_kib_chunks(bencher: Bencher<'_, '_>, name: &str) {
    let text = data(name);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        let mut stream = StreamScanner::new(KindSet::all());
        let mut out = Vec::new();
        let mut released = 0;
        for chunk in text.as_bytes().chunks(4096).filter_map(|chunk| std::str::from_utf8(chunk).ok()) {
            released += stream.push(chunk, &mut out).len();
        }
        released + stream.finish(&mut out).len()
    });
}

/// Most calls scan a leaf of a JSON document.
#[divan::bench(args = [10, 50, 200, 1000])]
fn leaf(bencher: Bencher<'_, '_>, len: usize) {
    let text = data("prose").get(..len).unwrap_or_default().to_owned();
    let mut out: Vec<Finding> = Vec::new();
    bencher.bench_local(|| Scanner::default().scan_keyed("description", divan::black_box(&text), &mut out));
}

/// Text that tempts the scanner most: the cost of its worst case, still linear.
#[divan::bench(args = ["password=", "1 ", "@", "bob@example.com", "%40"])]
fn hostile(bencher: Bencher<'_, '_>, temptation: &str) {
    let text = temptation.repeat(LEN / temptation.len());
    let mut out: Vec<Finding> = Vec::new();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        out.clear();
        Scanner::default().scan(&text, &mut out);
        out.len()
    });
}

fn data(name: &str) -> String {
    DATA.iter().find(|(known, _)| *known == name).map(|(_, piece)| generate(*piece)).unwrap_or_default()
}
