//! Promises that hold for every text: spans, masking, cuts, and time.

#[path = "common/clock.rs"]
mod clock;
mod common;

use std::{fmt::Write, sync::Arc};

use airlock_scan::{DetectorSet, DetectorSpec, Finding, Kind, KindSet, Scanner, rules};
use common::streamed;
use proptest::{prelude::*, test_runner::RngSeed};

/// Pieces of which texts are made: every example of every rule, masks, and what glues them together.
fn pieces() -> Vec<String> {
    const GLUE: [&str; 40] = [
        " ",
        "\n",
        "\"",
        "'",
        ":",
        "=",
        "-",
        ".",
        "@",
        "/",
        "\\",
        "\\\"",
        ";",
        ",",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "+",
        "1",
        "42",
        "2026-11-22",
        "password",
        "token=",
        "api_key",
        "\"secret\": \"",
        "://",
        "eyJ",
        "::",
        "ü",
        "名前",
        "🔑",
        "-----BEGIN PRIVATE KEY-----",
        "***REDACTED***",
        "[SSN:a1b2c3d4]",
        "***-**-6789",
        "b***@example.com",
        "****wxyz",
    ];
    let examples = rules().iter().flat_map(|rule| rule.examples.iter().chain(rule.counterexamples));
    examples.chain(&GLUE).map(|piece| (*piece).to_owned()).collect()
}

fn text(len: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![8 => proptest::sample::select(pieces()), 1 => "\\PC{0,12}", 1 => "[0-9 .-]{1,24}"];
    proptest::collection::vec(piece, len).prop_map(|pieces| pieces.concat())
}

/// Of all kinds.
fn everything() -> Scanner {
    Scanner::new(KindSet::all())
}

fn scan(text: &str) -> Vec<Finding> {
    found_by(&everything(), text)
}

fn found_by(scanner: &Scanner, text: &str) -> Vec<Finding> {
    let mut out = Vec::new();
    scanner.scan(text, &mut out);
    out
}

/// The masks of the engine.
fn mask(strategy: usize, kind: Kind, value: &str) -> String {
    let tail = |count: usize| {
        value.chars().rev().take(count).collect::<Vec<_>>().into_iter().rev().collect::<String>()
    };
    let digits = || value.chars().filter(char::is_ascii_digit).collect::<String>();
    let last_digits =
        || digits().chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect::<String>();
    match (strategy, kind) {
        (0, _) => "***REDACTED***".to_owned(),
        (1, _) => format!("[{} REDACTED]", kind.label()),
        (2, _) => format!("[{}:9f860810]", kind.label()),
        (_, Kind::Ssn) => format!("***-**-{}", last_digits()),
        (_, Kind::CreditCard) => format!("****-****-****-{}", last_digits()),
        (_, Kind::Phone) => format!("***-***-{}", last_digits()),
        (_, Kind::Email) => match value.split_once('@') {
            Some((local, domain)) => format!("{}***@{domain}", local.chars().take(1).collect::<String>()),
            None => "***".to_owned(),
        },
        (_, Kind::Iban) => format!("{}****{}", value.chars().take(2).collect::<String>(), tail(4)),
        (_, Kind::DateOfBirth) => "***REDACTED***".to_owned(),
        (_, Kind::IpAddress) if value.contains(':') => {
            let last = value.rsplit(':').next().unwrap_or_default();
            if last.contains('.') { "****:*.*.*.*".to_owned() } else { format!("****:{last}") }
        }
        (_, Kind::IpAddress) => format!("{}.*.*", value.split('.').take(2).collect::<Vec<_>>().join(".")),
        _ => format!("****{}", tail(4)),
    }
}

/// The text with its findings masked, and where the masks are.
fn masked(text: &str, strategy: usize) -> (String, Vec<std::ops::Range<usize>>) {
    let (mut masked, mut masks, mut at) = (String::new(), Vec::new(), 0);
    for finding in scan(text) {
        masked.push_str(&text[at..finding.span.start]);
        let start = masked.len();
        masked.push_str(&mask(strategy, finding.kind, &text[finding.span.clone()]));
        masks.push(start..masked.len());
        at = finding.span.end;
    }
    masked.push_str(&text[at..]);
    (masked, masks)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn spans_are_sorted_disjoint_and_on_boundaries(text in text(0..12)) {
        let mut end = 0;
        for finding in scan(&text) {
            prop_assert!(finding.span.start >= end && finding.span.end > finding.span.start);
            prop_assert!(text.get(finding.span.clone()).is_some());
            end = finding.span.end;
        }
    }

    #[test]
    fn screening_reports_valid_spans(text in text(0..12)) {
        let mut out = Vec::new();
        Scanner::default().screen(&text, &mut out);
        for finding in out {
            prop_assert_eq!(finding.kind, Kind::Injection);
            prop_assert!(text.get(finding.span).is_some_and(|span| !span.is_empty()));
        }
    }

    #[test]
    fn masking_is_idempotent(
        lines in proptest::collection::vec(proptest::sample::select(pieces()), 0..6),
        strategy in 0_usize..4,
    ) {
        let text = lines.join("\n");
        let (once, _) = masked(&text, strategy);
        let (twice, _) = masked(&once, strategy);
        prop_assert_eq!(&once, &twice, "of {}", text);
    }

    /// Where pieces touch, hiding one can uncover another, a word that forbade it being gone; masks stay masks.
    #[test]
    fn masks_are_never_found(text in text(0..8), strategy in 0_usize..4) {
        let (once, masks) = masked(&text, strategy);
        for finding in scan(&once) {
            let inside = |mask: &&std::ops::Range<usize>| finding.span.start < mask.end && mask.start < finding.span.end;
            let hit = masks.iter().find(inside).map(|mask| &once[mask.clone()]);
            prop_assert_eq!(hit, None, "{:?} in {} of {}", finding, once, text);
        }
    }

    #[test]
    fn scanning_keyed_values_reports_valid_spans(key in "[a-zA-Z_.-]{0,12}(password|token|ssn|email|)", value in text(0..4)) {
        let mut out = Vec::new();
        Scanner::default().scan_keyed(&key, &value, &mut out);
        for finding in out {
            prop_assert!(value.get(finding.span).is_some_and(|span| !span.is_empty()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_findings_of_no_cut(
        text in text(100..400),
        cuts in proptest::collection::vec(prop_oneof![1_usize..16, 16_usize..4000, 4000_usize..9000], 1..8),
    ) {
        let found = scan(&text);
        prop_assert_eq!(streamed(&everything(), &text, &cuts), (text, found));
    }
}

/// Detectors whose matches touch, overlap, reach far back and far ahead.
fn difficult() -> [DetectorSpec; 6] {
    let spec = |id: &str, regex: &str| DetectorSpec::new(id, Kind::CustomPii, regex);
    [
        spec("t-plain", r"ACME-[0-9]{4,12}"),
        spec("t-back", r"(?i)[a-z]{0,300}acme[a-z]{0,20}"),
        DetectorSpec { max_length: 2048, ..spec("t-far", r"acme=(?P<secret>[a-z0-9 ]+)") },
        DetectorSpec { keywords: vec!["patient".to_owned()], ..spec("t-near", r"MR-[0-9]{4}") },
        DetectorSpec { anchors: vec!["@corp".to_owned()], ..spec("t-mail", r"[a-z.]+@corp\b") },
        DetectorSpec { max_length: 64, ..spec("t-secret", r"(?i)\w* ?key *= *(?P<secret>\w+)") },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_findings_of_detectors(
        pieces in proptest::collection::vec(
            (proptest::sample::select(&[
                "ACME-12345678", "acme", "acme=one two 3", "patient MR-1234", "j.doe@corp", "api key = s3cr3tvalue",
                "x", " ", "\n", "é", "lorem ipsum ", "keykeykey", "***REDACTED***", "0123456789",
            ]), 1_usize..20),
            20..80,
        ),
        cuts in proptest::collection::vec(prop_oneof![1_usize..16, 16_usize..4000, 4000_usize..9000], 1..8),
    ) {
        let text: String = pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect();
        let detectors = DetectorSet::compile(&difficult()).unwrap();
        let scanner = Scanner::default().with_detectors(Arc::new(detectors));
        let found = found_by(&scanner, &text);
        prop_assert_eq!(streamed(&scanner, &text, &cuts), (text, found));
    }
}

#[test]
fn a_long_private_key_is_found_over_many_chunks() {
    let mut text = "x ".repeat(3000) + "-----BEGIN RSA PRIVATE KEY-----\n";
    for line in 0..600 {
        writeln!(text, "ZmFicmljYXRlZC1rZXktbWF0ZXJpYWwtMDAtMDEyMzQ1Njc4OWFiY2RlZjAx{line:04}").unwrap();
    }
    text += "-----END RSA PRIVATE KEY-----\n";
    text += &"y ".repeat(3000);
    let expected = scan(&text);
    assert_eq!(expected.len(), 1);
    for cut in [97, 1000, 5000, 50_000] {
        assert_eq!(
            streamed(&everything(), &text, &[cut]),
            (text.clone(), expected.clone()),
            "chunks of {cut}"
        );
    }
}

#[test]
fn every_example_is_found_at_every_cut() {
    let filler = "lorem ipsum dolor sit amet ".repeat(200);
    for rule in rules().iter().filter(|rule| rule.kind != Kind::Injection) {
        let Some(example) = rule.examples.first() else { continue };
        let text = format!("{filler}\n{example}\n{filler}");
        let expected = scan(&text);
        let place = filler.len() + 1;
        for cut in (0..=example.len()).step_by(example.len() / 6 + 1) {
            let found = streamed(&everything(), &text, &[place + cut, 4100, 200]);
            assert_eq!(found.1, expected, "{} cut at {cut}", rule.id);
        }
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    // Each of these makes quadratic scanners stall: a million bytes of one temptation. The bound is loose
    // enough for a debug build; quadratic behaviour exceeds it a hundredfold.
    let temptations = [
        "1",
        "@",
        "a@",
        "eyJ",
        "eyJhbGciOiJI.",
        "\"",
        "password=\"",
        "password=",
        "token: ",
        "://a:",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n",
        "1-",
        "1 ",
        "1.1.1.1.",
        "::",
        "a:",
        "ghp_",
        "\\\"password\\\": \\\"",
        "<token>",
        "Bearer ",
        "-u a:",
        "%40",
        "key",
        "ü@",
        "4111 ",
        "1.1.1987 ",
        "AB12 ",
        "DE89 3704 ",
        "iban ",
        "0123 ",
        "\u{200b}",
        "\u{e0061}",
        "ignore your ",
        "![](http",
        "AKIA",
        "sk-",
        "\\",
    ];
    for temptation in temptations {
        let text = temptation.repeat(300_000 / temptation.len());
        let before = clock::cpu();
        let mut out = scan(&text);
        Scanner::default().screen(&text, &mut out);
        Scanner::default().scan_keyed("password", &text, &mut out);
        let took = clock::cpu().saturating_sub(before);
        assert!(took.as_secs() < 5, "{temptation:?} took {took:?}");
    }
}
