//! The scanner against what must hold whatever engine it has: a finding does not depend on where in the text it lies, nor on
//! the kinds that are looked for beside its own, and values that leave no doubt are found in any surroundings.
//!
//! The first two bytes tell how far the text is shifted against the blocks and vectors of an engine.
#![no_main]

use std::ops::Range;

use airlock_scan::{Finding, Kind, KindSet, Scanner};
use libfuzzer_sys::fuzz_target;

/// More than any verifier reads before its anchor.
const FILLER: &str = "lorem ipsum dolor sit amet consetetur sadipscing elitr ";

/// Text before, the value, text behind.
const PLANTED: [(&str, &str, &str); 6] = [
    ("token ", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", " ok"),
    ("id ", "AKIAQ3EGVZL5TJ7XWN2R", " ok"),
    ("card ", "4539 5787 6362 1486", " ok"),
    ("SSN ", "523-45-6781", " ok"),
    ("mail ", "bob@example.com", " ok"),
    ("from ", "203.0.113.77", " ok"),
];

fuzz_target!(|input: (u16, &str)| {
    let (shift, text) = input;
    shifted(text, usize::from(shift));
    alone(text);
    planted(text);
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
            .map(|finding| Finding { span: finding.span.start - offset..finding.span.end - offset, ..finding })
            .collect::<Vec<_>>()
    };
    assert_eq!(at(0), at(shift), "a finding depends on where it lies");
}

/// Each kind by itself: what was found beside others is found alone, too.
fn alone(text: &str) {
    let together = scan(KindSet::all(), text);
    for kind in Kind::ALL.iter().copied().filter(|kind| together.iter().any(|finding| finding.kind == *kind)) {
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
fn planted(text: &str) {
    let half = (text.len() / 2..).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (head, tail) = text.split_at(half);
    for (before, value, behind) in PLANTED {
        let head = format!("{head}\n\n{before}");
        let place = head.len()..head.len() + value.len();
        let whole = format!("{head}{value}{behind}\n\n{tail}");
        let found = scan(KindSet::all(), &whole);
        let hit = place.clone().filter(|at| found.iter().any(|finding| finding.span.contains(at))).count();
        assert_eq!(hit, place.len(), "{value} was not found: {found:?}");
    }
}

fn touches(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}
