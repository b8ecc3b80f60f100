//! Detectors as a whole: what compiles, what is found, and that cuts do not matter.

use std::sync::Arc;

use proptest::prelude::*;

use super::{DetectorSet, DetectorSpec, Validator};
use crate::{Finding, Kind, KindSet, Scanner, StreamScanner};

fn spec(id: &str, regex: &str) -> DetectorSpec {
    DetectorSpec::new(id, Kind::CustomPii, regex)
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn errors(specs: &[DetectorSpec]) -> Vec<String> {
    DetectorSet::compile(specs).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn found(spec: DetectorSpec, text: &str) -> Vec<String> {
    let set = Arc::new(DetectorSet::compile(&[spec]).unwrap());
    let mut out = Vec::new();
    Scanner::new(KindSet::none().with(Kind::CustomPii)).with_detectors(set).scan(text, &mut out);
    out.into_iter().map(|finding| text[finding.span].to_owned()).collect()
}

#[test]
fn matches_are_found_around_anchors() {
    let employee = || spec("employee", r"\bEMP-(?P<secret>[0-9]{6})\b");
    let near =
        || DetectorSpec { keywords: texts(&["patient", "mrn"]), ..spec("patient", r"(?i)\bmr-[0-9]{4,8}\b") };
    let checked = || DetectorSpec { validator: Some(Validator::Luhn), ..spec("customer", "CUST[0-9]{8}") };
    let table: [(DetectorSpec, &str, &[&str]); 14] = [
        (employee(), "see EMP-123456, EMP-1234567 and EMP-654321", &["123456", "654321"]),
        (employee(), "emp-123456", &[]),
        (employee(), "", &[]),
        (near(), "patient MR-12345", &["MR-12345"]),
        (near(), "MR-12345 (MRN)", &["MR-12345"]),
        (near(), "patients MR-12345", &[]),
        (near(), &("patient".to_owned() + &" ".repeat(70) + "MR-12345"), &[]),
        (checked(), "CUST79927399 CUST00000018", &["CUST00000018"]),
        (spec("line", "^acme: (?P<secret>.+)$"), "x\nacme: one two\ny", &["one two"]),
        (spec("either", "(?P<secret>foo[0-9])|bar[0-9]"), "foo1 bar2", &["foo1", "bar2"]),
        (spec("before", "[0-9]{3}-acme"), "123-acme 12-acme 1234-ACME", &["123-acme"]),
        (DetectorSpec { max_length: 10, ..spec("long", "acme[0-9]+") }, "acme0123456789", &["acme012345"]),
        (spec("masked", "acme-[a-z*]+"), "acme-***REDACTED*** acme-secret", &["acme-secret"]),
        (spec("label", r"SSN[ :]\w+"), "[SSN REDACTED] [SSN:a1b2c3d4] SSN unknown", &["SSN unknown"]),
    ];
    for (spec, text, expected) in table {
        let id = spec.id.clone();
        assert_eq!(found(spec, text), expected, "{id}: {text}");
    }
}

#[test]
fn masks_are_not_found_again() {
    for (regex, text) in [
        (r"[a-z*]*@corp\.example", "b***@corp.example"),
        (r"corp\.example", "b***@corp.example"),
        (r"203\.0\.[0-9.*]*", "203.0.*.*"),
        (r"(?i)custom_pii\W?\w*", "[CUSTOM_PII REDACTED]"),
        (r"\[CUSTOM_PII.*", "[CUSTOM_PII:a1b2c3d4]"),
        ("wxyz", "****wxyz"),
        (r"(?i)redacted", "***REDACTED***"),
    ] {
        assert_eq!(found(spec("mask", regex), text), Vec::<String>::new(), "{regex} {text}");
        let plain = text.replace(['*', '['], "x");
        let changed = plain.replace("REDACTED", "anything");
        assert!(
            regex.contains("redacted")
                || regex.contains("203")
                || regex.contains(r"\[")
                || !found(spec("mask", regex), &changed).is_empty(),
            "control: {regex} {changed}"
        );
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let table: [(Vec<DetectorSpec>, &[&str]); 12] = [
        (vec![spec("ok", "acme[0-9]+")], &[]),
        (
            vec![spec("", "acme"), spec("email", "acme"), spec("a b", "acme")],
            &[
                "detector 0: id: an id is 1 to 64 letters, digits, `_`, `-` and `.`",
                "detector 1: id: `email` is a built-in rule; choose another id",
                "detector 2: id: an id is 1 to 64 letters, digits, `_`, `-` and `.`",
            ],
        ),
        (
            vec![spec("x", "acme"), spec("x", "acme")],
            &["detector 1: id: two detectors are called `x`; choose another id"],
        ),
        (
            vec![spec("x", "acme(")],
            &[
                "detector 0: regex: unclosed group; look-around and back references are not supported: matching takes linear time",
            ],
        ),
        (
            vec![spec("x", r"acme(?=x)")],
            &[
                "detector 0: regex: look-around, including look-ahead and look-behind, is not supported; look-around and back references are not supported: matching takes linear time",
            ],
        ),
        (
            vec![spec("x", r"\Aacme")],
            &[
                "detector 0: regex: the start and the end of the whole text cannot be asked for; use `^`, `$` or `\\b`: a text may arrive in pieces",
            ],
        ),
        (
            vec![spec("x", r"\d{6}")],
            &[
                "detector 0: regex: no text of at least 3 bytes stands in every match, so that nothing tells where to look; give `anchors`: literals one of which every match contains",
            ],
        ),
        (
            vec![spec("x", r"acme(?:[a-z0-9]{900}){900}")],
            &["detector 0: regex: no match has at most 256 bytes; raise `max_length`"],
        ),
        (
            vec![spec("x", r"acme(?:[\w]{0,999}){0,999}")],
            &[
                "detector 0: regex: the compiled expression is too large; make it smaller: repetitions such as `{1000}` cost most, and `[A-Za-z0-9_]` costs less than `\\w`",
            ],
        ),
        (
            vec![DetectorSpec {
                anchors: texts(&["ab"]),
                keywords: texts(&[""]),
                max_length: 0,
                ..spec("x", "acme")
            }],
            &[
                "detector 0: max_length: expected 1 to 2048 bytes",
                "detector 0: anchors: expected 3 to 64 bytes",
                "detector 0: keywords: expected 1 to 64 bytes",
                "detector 0: regex: no match has at most 0 bytes; raise `max_length`",
            ],
        ),
        (
            vec![DetectorSpec {
                examples: texts(&["acme1", "other"]),
                counterexamples: texts(&["acme2", "other"]),
                ..spec("x", "acme[0-9]")
            }],
            &[
                "detector 0: examples: nothing is found in this example",
                "detector 0: counterexamples: something is found in this counterexample",
            ],
        ),
        (
            vec![DetectorSpec { kind: Kind::Injection, ..spec("x", "acme") }],
            &["detector 0: kind: detectors find personal data and secrets only"],
        ),
    ];
    for (specs, expected) in table {
        assert_eq!(errors(&specs), expected);
    }
    let many: Vec<_> = (0..257).map(|n| spec(&format!("d{n}"), "acme")).collect();
    assert_eq!(errors(&many), ["detector 256: id: there are more than 256 detectors"]);
    assert_eq!(DetectorSet::compile(&many[..256]).map(|set| set.len()), Ok(256));
}

impl PartialEq for DetectorSet {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
    }
}

/// Detectors whose matches touch, overlap, reach far back and far ahead.
fn difficult() -> Scanner {
    let specs = [
        spec("t-plain", r"ACME-[0-9]{4,12}"),
        spec("t-back", r"(?i)[a-z]{0,300}acme[a-z]{0,20}"),
        DetectorSpec { max_length: 2048, ..spec("t-far", r"acme=(?P<secret>[a-z0-9 ]+)") },
        DetectorSpec { keywords: texts(&["patient"]), ..spec("t-near", r"MR-[0-9]{4}") },
        DetectorSpec { anchors: texts(&["@corp"]), ..spec("t-mail", r"[a-z.]+@corp\b") },
        DetectorSpec { max_length: 64, ..spec("t-secret", r"(?i)\w* ?key *= *(?P<secret>\w+)") },
    ];
    Scanner::default().with_detectors(Arc::new(DetectorSet::compile(&specs).unwrap()))
}

fn streamed(scanner: &Scanner, text: &str, cuts: &[usize]) -> Vec<Finding> {
    let mut stream = StreamScanner::with_scanner(scanner.clone());
    let (mut done, mut all) = (0, Vec::new());
    let mut take = |released: String, found: Vec<Finding>| {
        let span = |span: std::ops::Range<usize>| span.start + done..span.end + done;
        all.extend(found.into_iter().map(|finding| Finding { span: span(finding.span.clone()), ..finding }));
        done += released.len();
    };
    let (mut rest, mut lengths) = (text, cuts.iter().cycle());
    while !rest.is_empty() {
        let mut len = lengths.next().map_or(1, |len| (*len).clamp(1, rest.len()));
        while !rest.is_char_boundary(len) {
            len += 1;
        }
        let (chunk, tail) = rest.split_at(len);
        let mut found = Vec::new();
        let released = stream.push(chunk, &mut found);
        take(released, found);
        rest = tail;
    }
    let mut found = Vec::new();
    let released = stream.finish(&mut found);
    take(released, found);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_finds_the_same(
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
        let scanner = difficult();
        let mut whole = Vec::new();
        scanner.scan(&text, &mut whole);
        prop_assert_eq!(streamed(&scanner, &text, &cuts), whole);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures its own time")]
fn hostile_texts_take_linear_time() {
    let specs = [
        DetectorSpec { anchors: texts(&["aaa"]), ..spec("h-all", "a+") },
        DetectorSpec { anchors: texts(&["aaa"]), max_length: 2048, ..spec("h-none", "a+b") },
        spec("h-back", r"[a-z]{0,300}acme[a-z]*="),
    ];
    let set = DetectorSet::compile(&specs).unwrap();
    let length = 8_000;
    for temptation in ["a", "acme", "acme=", "aaab"] {
        let text = temptation.repeat(length / temptation.len());
        let before = std::time::Instant::now();
        let mut out = Vec::new();
        set.collect(&text, &mut out);
        let took = before.elapsed();
        assert!(took.as_secs() < 20, "{temptation} took {took:?}");
        assert!(out.len() <= length / 2, "{temptation}");
    }
}
