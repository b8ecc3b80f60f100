//! Detectors as a whole: what compiles and what is found. That cuts do not matter is a test in `tests/properties.rs`.

use std::sync::Arc;

#[path = "../../tests/common/clock.rs"]
mod clock;

use super::{DetectorSet, DetectorSpec, Validator};
use crate::{Kind, KindSet, Scanner};

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

#[test]
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
        let before = clock::cpu();
        let mut out = Vec::new();
        set.collect(&text, &mut out);
        let took = clock::cpu().saturating_sub(before);
        assert!(took.as_secs() < 20, "{temptation} took {took:?}");
        assert!(out.len() <= length / 2, "{temptation}");
    }
}
