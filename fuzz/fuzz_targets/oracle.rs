//! The scanner against what must hold whatever engine it has: a finding does not depend on where in the text it lies, nor on
//! the kinds that are looked for beside its own; values that leave no doubt are found in any surroundings; and so is
//! what a plain regular expression finds, where the form is one that it can tell.
//!
//! The first bytes tell how far the text is shifted against the blocks and vectors of an engine, and which values are
//! planted in it.
#![no_main]

use std::ops::Range;
use std::sync::LazyLock;

use airlock_scan::{Finding, Kind, KindSet, Scanner};
use libfuzzer_sys::fuzz_target;
use regex::Regex;

/// More than any verifier reads before its anchor.
const FILLER: &str = "lorem ipsum dolor sit amet consetetur sadipscing elitr ";

fuzz_target!(|input: (u16, u64, &str)| {
    let (shift, seed, text) = input;
    shifted(text, usize::from(shift));
    alone(text);
    planted(text, seed);
    expressions(text);
});

fn scan(kinds: KindSet, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    Scanner::new(kinds).scan(text, &mut found);
    found
}

/// The same text behind more or less ordinary text: the same findings, as far along.
fn shifted(text: &str, shift: usize) {
    let filler = FILLER.repeat(2400);
    let at = |before: usize| {
        let start = filler.len() - 1200 - before % 70_000;
        let whole = format!("{}\n\n{text}\n\n{}", &filler[start..], &filler[..4096]);
        let offset = filler.len() - start;
        let found = scan(KindSet::all(), &whole).into_iter();
        found
            .map(|finding| Finding {
                span: finding.span.start - offset..finding.span.end - offset,
                ..finding
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(at(0), at(shift), "a finding depends on where it lies");
}

/// Each kind by itself: what was found beside others is found alone, too.
fn alone(text: &str) {
    let together = scan(KindSet::all(), text);
    for kind in Kind::ALL.iter().copied().filter(|kind| together.iter().any(|finding| finding.kind == *kind))
    {
        let found = scan(KindSet::from_iter([kind]), text);
        for finding in together.iter().filter(|finding| finding.kind == kind) {
            let hit = found.iter().any(|own| touches(&own.span, &finding.span));
            assert!(hit, "found beside others only: {finding:?}");
        }
        for own in &found {
            assert_eq!(own.kind, kind, "not asked for");
            let hit = together.iter().any(|finding| touches(&own.span, &finding.span));
            assert!(hit, "found alone only: {own:?}");
        }
    }
}

/// Values without doubt, on lines of their own within the text.
fn planted(text: &str, seed: u64) {
    let half = (text.len() / 2..).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (head, tail) = text.split_at(half);
    for (before, value, behind) in values(seed) {
        let head = format!("{head}\n\n{before}");
        let place = head.len()..head.len() + value.len();
        let whole = format!("{head}{value}{behind}\n\n{tail}");
        let found = scan(KindSet::all(), &whole);
        assert!(covers(&found, &place), "{value} was not found: {found:?}");
    }
}

/// Text before, the value, text behind: one value per form, the same for the same seed.
fn values(mut seed: u64) -> [(&'static str, String, &'static str); 7] {
    // SplitMix64
    let mut below = |count: u64| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % count
    };
    let mut some = |alphabet: &str, count: usize| -> String {
        let alphabet = alphabet.as_bytes();
        (0..count).map(|_| char::from(alphabet[below(alphabet.len() as u64) as usize])).collect()
    };
    const DIGITS: &str = "0123456789";
    const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
    let visa = format!("4{}", some(DIGITS, 14));
    let visa = format!("{visa}{}", (0..10).find(|last| luhn(&format!("{visa}{last}"))).unwrap_or(0));
    let groups = [&visa[..4], &visa[4..8], &visa[8..12], &visa[12..]].join(" ");
    let ssn = format!(
        "{}{}-{}{}-{}{}",
        some("123458", 1),
        some(DIGITS, 2),
        some("1234", 1),
        some(DIGITS, 1),
        some("123", 1),
        some(DIGITS, 3)
    );
    let github = format!(
        "ghp_{}7Qk{}",
        some("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 30),
        some(DIGITS, 3)
    );
    let name = format!("{}{}{}", some(LOWER, 3), some("_+-.", 1), some(LOWER, 4));
    let mail = format!("{name}@{}.{}", some(LOWER, 9), some("abcde", 1) + "e");
    [
        ("token ", github, " ok"),
        ("id ", format!("AKIA{}", some(BASE32, 16)), " ok"),
        ("card ", visa, " ok"),
        ("card ", groups, " ok"),
        ("SSN ", ssn, " ok"),
        ("mail ", mail, " ok"),
        (
            "from ",
            format!(
                "8{}.{}.1{}.2{}",
                some(DIGITS, 1),
                some("123456789", 2),
                some(DIGITS, 2),
                some("01234", 2)
            ),
            " ok",
        ),
    ]
}

/// A form that a regular expression tells as well as a verifier does: its first group is what must be covered by
/// findings, if the check, which the expression cannot make, holds.
type Form = (&'static str, fn(&str) -> bool);

const FORMS: [Form; 5] = [
    (r#"(?m)(?:^|[ ,;="])(A[KS]IA[A-Z2-7]{16})(?:[ ,;"]|$)"#, |id| !id.ends_with("XXXXXXXXXXXXXXXX")),
    (
        r#"(?m)(?:^|[ ,;<"])([a-z0-9]{1,12}(?:[._+-][a-z0-9]{1,12}){0,3}@[a-z]{2,20}\.(?:com|org|de))(?:[ ,;>"]|$)"#,
        |_| true,
    ),
    (r#"(?m)(?:^|[a-z] |[,;"])([1-578]\d\d-\d\d-\d{4})(?:[ ,;"]|$)"#, |number| {
        !number.contains("-00-") && !number.ends_with("-0000")
    }),
    (r#"(?m)(?:^|[a-z] |[,;"])(4\d{15})(?:[ ,;"]|$)"#, luhn),
    (r#"(?m)(?:^|[a-z] |[,;"])(4\d{3}-\d{4}-\d{4}-\d{4})(?:[,;"]|$)"#, luhn),
];

/// Everything that a regular expression finds is found, too.
fn expressions(text: &str) {
    static EXPRESSIONS: LazyLock<[Regex; FORMS.len()]> =
        LazyLock::new(|| FORMS.map(|(expression, _)| Regex::new(expression).expect("an expression")));
    let found = scan(KindSet::all(), text);
    for ((_, check), expression) in FORMS.iter().zip(&*EXPRESSIONS) {
        let values = expression.captures_iter(text).filter_map(|groups| groups.get(1));
        for value in values.filter(|value| check(value.as_str())) {
            let place = value.range();
            // Behind a comma in a password, what looks like an address is the rest of it and the host.
            let host = found
                .iter()
                .any(|other| other.kind == Kind::ConnectionString && touches(&other.span, &place));
            assert!(
                host || covers(&found, &place),
                "{} at {place:?} was not found: {found:?}",
                value.as_str()
            );
        }
    }
}

fn luhn(number: &str) -> bool {
    let digits = number.chars().rev().filter_map(|char| char.to_digit(10));
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether every byte of the place lies in a finding.
fn covers(found: &[Finding], place: &Range<usize>) -> bool {
    place.clone().all(|at| found.iter().any(|finding| finding.span.contains(&at)))
}

fn touches(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}
