use proptest::prelude::*;

use super::{engine::Engine, *};
use crate::{KindSet, Scanner, rule::Matcher};

fn filter() -> &'static Filter {
    static FILTER: std::sync::OnceLock<Filter> = std::sync::OnceLock::new();
    FILTER.get_or_init(|| Filter::new(crate::rules().iter()))
}

#[derive(Default, Debug, PartialEq)]
struct Log {
    anchors: Vec<(&'static str, usize, usize)>,
    digits: Vec<(usize, usize)>,
    colons: Vec<usize>,
    codes: Vec<usize>,
    runs: Vec<usize>,
    marks: Vec<usize>,
}

impl Visit for Log {
    const NUMBERS: bool = true;

    fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize) {
        self.anchors.push((rule.id, start, end));
    }
    fn digits(&mut self, start: usize, len: usize) {
        self.digits.push((start, len.min(40)));
    }
    fn colons(&mut self, at: usize) {
        self.colons.push(at);
    }
    fn code(&mut self, start: usize) {
        self.codes.push(start);
    }
    fn run(&mut self, start: usize) {
        self.runs.push(start);
    }
    fn mark(&mut self, at: usize) {
        self.marks.push(at);
    }
}

fn walked(filter: &Filter, bytes: &[u8]) -> Log {
    let mut log = Log::default();
    filter.walk(bytes, &(0..bytes.len()), &mut log);
    log.anchors.sort_unstable();
    // Where a number goes on beyond what the walk sees it may be told, however few digits it has.
    log.digits.retain(|(start, _)| is_number(bytes, *start));
    log
}

/// Whether as many digits as the shortest number has, or as many groups, may belong to the one at `start`.
fn is_number(bytes: &[u8], start: usize) -> bool {
    let separates = |byte: &u8| b" -./()%".contains(byte) || !byte.is_ascii();
    let part = |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || separates(byte));
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let end = (start..=bytes.len()).find(|at| !part(*at) || !digit(*at) && !part(at + 1)).unwrap();
    let digits = (start..end).filter(|at| digit(*at));
    digits.clone().count() >= 7 || digits.filter(|at| *at == start || !digit(at - 1)).count() >= 4
}

/// Whether a long run begins at `at`, or with the escape that ends there.
fn begins_run(bytes: &[u8], at: usize) -> bool {
    let url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let word = |byte: &u8| url(byte) && *byte != b'-';
    let begins = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let start = word(&bytes[at]) && !before.is_some_and(word) || !before.is_some_and(url);
        start && bytes.get(at..at + RUN).is_some_and(|run| run.iter().all(url))
    };
    let escape = |text: &[u8], letters: usize| {
        let from = at.checked_sub(letters + 1);
        from.is_some_and(|from| bytes[from..].starts_with(text) && begins(from + 1))
    };
    at < bytes.len() && begins(at)
        || [b"\\n", b"\\r", b"\\t"].iter().any(|text| escape(*text, 1))
        || escape(b"\\u", 5)
        || escape(b"%", 2)
}

/// The oracle: every anchor tried at every place, and the definitions of the rest.
fn naive(bytes: &[u8]) -> Log {
    let mut log = Log::default();
    for rule in crate::rules() {
        for anchor in rule.anchors {
            for start in 0..bytes.len() {
                let end = start + anchor.len();
                let folded = matches!(rule.matcher, Matcher::Folded(_));
                let equal = |part: &[u8]| {
                    part == anchor.as_bytes() || folded && part.eq_ignore_ascii_case(anchor.as_bytes())
                };
                let told =
                    || lead::start_of_run(rule, anchor).is_none_or(|run| begins_run(bytes, start + run));
                if bytes.get(start..end).is_some_and(equal) && told() {
                    log.anchors.push((rule.id, start, end));
                }
            }
        }
    }
    log.anchors.sort_unstable();
    let at = |at: usize, class: fn(&u8) -> bool| bytes.get(at).is_some_and(class);
    let before =
        |place: usize, back: usize, class| place.checked_sub(back).is_some_and(|place| at(place, class));
    for place in 0..bytes.len() {
        if at(place, u8::is_ascii_digit) && !before(place, 1, u8::is_ascii_digit) {
            let joint =
                before(place, 1, |byte| b".-".contains(byte)) && before(place, 2, u8::is_ascii_alphanumeric);
            let word = before(place, 1, |byte| byte.is_ascii_alphabetic() || *byte == b'_');
            let colon = before(place, 1, |byte| *byte == b':');
            if !(joint || word || colon && before(place, 2, u8::is_ascii_digit)) {
                let len = bytes[place..].iter().take(40).take_while(|byte| byte.is_ascii_digit()).count();
                if is_number(bytes, place) {
                    log.digits.push((place, len));
                }
            }
            let around = &bytes[place.saturating_sub(40)..bytes.len().min(place + 40)];
            let colons = memchr::memchr_iter(b':', around).count();
            if colon && before(place, 2, u8::is_ascii_alphanumeric) && colons >= 6 {
                log.colons.push(place);
            }
            if before(place, 1, u8::is_ascii_uppercase)
                && before(place, 2, u8::is_ascii_uppercase)
                && !before(place, 3, u8::is_ascii_alphanumeric)
            {
                log.codes.push(place);
            }
        }
        if !before(place, 1, u8::is_ascii_alphanumeric)
            && bytes.get(place..place + RUN).is_some_and(|run| run.iter().all(u8::is_ascii_alphanumeric))
        {
            log.runs.push(place);
        }
        if bytes[place] >= 0xc0 || block::is_mark(bytes[place], bytes.get(place + 1).copied().unwrap_or(0)) {
            log.marks.push(place);
        }
    }
    log
}

#[test]
fn finds_exactly_what_a_naive_search_finds() {
    let filter = filter();
    let mut text = String::new();
    for (index, rule) in crate::rules().iter().enumerate() {
        for anchor in rule.anchors {
            text.push_str(&"x7".repeat(index % 11));
            text.push_str(anchor);
            text.push_str(&anchor.to_uppercase());
        }
    }
    let bytes = text.as_bytes();
    for cut in [0, 1, 2, 3, 4, 7, 63, 64, 65, 66, 67, 68, 127, 131, 200, 4096, 4099, 4163, bytes.len()] {
        let bytes = &bytes[..cut.min(bytes.len())];
        let (found, expected) = (walked(filter, bytes), naive(bytes));
        let missed: Vec<_> = expected.anchors.iter().filter(|told| !found.anchors.contains(told)).collect();
        assert!(missed.is_empty(), "cut at {cut}: missed {missed:?}");
        assert_eq!(found, expected, "cut at {cut}");
    }
}

#[test]
fn numbers_are_found_across_blocks_and_stretches() {
    let filter = filter();
    let address = "2001:db8:85a3:1:2:8a2e:370:7334";
    for start in (0..66).step_by(3).chain((4030..4100).step_by(5)) {
        let text = [&" ".repeat(start), "523-45-6781 4539578763621486 AB12 ", address, " "].concat();
        assert_eq!(walked(filter, text.as_bytes()), naive(text.as_bytes()), "from {start}");
    }
}

#[test]
fn numbers_that_are_too_short_are_not_told() {
    #[derive(Default)]
    struct Places(Vec<usize>);
    impl Visit for Places {
        const NUMBERS: bool = true;

        fn anchor(&mut self, _: &'static Rule, _: usize, _: usize) {}
        fn digits(&mut self, start: usize, _: usize) {
            self.0.push(start);
        }
        fn colons(&mut self, _: usize) {}
        fn code(&mut self, _: usize) {}
        fn run(&mut self, _: usize) {}
        fn mark(&mut self, _: usize) {}
    }
    for (number, told) in [
        ("1234567", true),
        ("123456", false),
        ("1.2.3.4", true),
        ("12.34.56", false),
        ("12.34.56.", false),
        ("(12) 34 567", true),
        ("12%2034%20567", true),
        ("12\u{a0}34\u{2011}567", true),
    ] {
        for start in (0..70).chain(4020..4100) {
            let text = ["x".repeat(start), " ".to_owned(), number.to_owned(), " y".to_owned()].concat();
            let mut places = Places::default();
            filter().walk(text.as_bytes(), &(0..text.len()), &mut places);
            let from = start + 1 + usize::from(number.starts_with('('));
            assert_eq!(places.0.first() == Some(&from), told, "{number} at {start}: {:?}", places.0);
        }
    }
}

#[test]
fn runs_are_found_across_blocks_and_stretches() {
    let filter = filter();
    for start in [0, 1, 40, 48, 49, 63, 64, 100, 4080, 4090, 4095, 4096, 8190] {
        for len in [15, 16, 17, 40, 64, 128, 5000] {
            for behind in [0, 1, 70] {
                let text = [" ".repeat(start), "q".repeat(len), " ".repeat(behind)].concat();
                let expected: &[usize] = if len >= RUN { &[start] } else { &[] };
                assert_eq!(walked(filter, text.as_bytes()).runs, expected, "{len} from {start}");
            }
        }
    }
}

#[test]
fn every_way_to_look_tells_the_same() {
    let text = crate::rules().iter().flat_map(|rule| rule.examples).copied().collect::<Vec<_>>().join("\n");
    let told = |engine: Engine| {
        let (mut found, mut screened) = (Vec::new(), Vec::new());
        engine.run(|| {
            Scanner::new(KindSet::all()).scan(&text, &mut found);
            Scanner::default().screen(&text, &mut screened);
            (walked(filter(), text.as_bytes()), found, screened)
        })
    };
    let plain = told(Engine::Plain);
    assert!(
        plain.0.anchors.len() > 500 && plain.1.len() > 300 && !plain.2.is_empty(),
        "the text holds something"
    );
    for engine in Engine::all() {
        assert_eq!(told(engine), plain, "{engine:?}");
    }
}

/// Any byte, and more often those between which an escape or the like stands.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), proptest::sample::select(&b"\n\r%&=\\uUx/#3_aZ "[..])]
}

proptest! {
    #[test]
    fn vectors_see_what_plain_code_sees(bytes in proptest::collection::vec(byte(), 0..400)) {
        let filter = filter();
        let count = bytes.len().div_ceil(BLOCK);
        let seen = |scan: Scan| {
            let mut blocks = vec![Block::default(); count];
            scan(&filter.tables, &bytes, &mut blocks);
            blocks
        };
        let plain = seen(block::scan);
        for (engine, scan) in Engine::all().filter_map(|engine| Some((engine, engine.scan()?))) {
            for (fast, plain) in seen(scan).into_iter().zip(&plain) {
                // Which grams are let through, beyond those that stand there, is not the same.
                let grams = if engine == Engine::Avx512 { fast.grams } else { plain.grams };
                prop_assert_eq!(Block { grams, ..fast }, Block { grams, ..*plain }, "{:?}", engine);
            }
        }
    }

    #[test]
    fn any_text_gives_what_a_naive_search_finds(text in "([ -~]|[A-Z]{2}[0-9]|sk-|api_key=|é|🔑|[a-z0-9]{20}){0,120}") {
        prop_assert_eq!(walked(filter(), text.as_bytes()), naive(text.as_bytes()));
    }
}
