//! Masking at the level of the scanner, with the masks of the engine: what has been masked is not found again, whatever the
//! form of the mask, and text outside findings stays as it is.
#![no_main]

use std::ops::Range;
use std::sync::LazyLock;

use airlock_engine::Masker;
use airlock_engine::config::{Sanitization, Strategy};
use airlock_scan::{Finding, Kind, KindSet, Scanner};
use libfuzzer_sys::fuzz_target;

type Form = Box<dyn Fn(Kind, &str) -> String + Send + Sync>;

/// Forms of masks: those of the engine, and a hash that chance has made of digits.
static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let strategies = [Strategy::Full, Strategy::Partial, Strategy::TypeOnly, Strategy::Hash];
    let engine = strategies.into_iter().map(|strategy| -> Form {
        let sanitization =
            Sanitization { pii_strategy: strategy, secret_strategy: strategy, ..Sanitization::default() };
        let masker = Masker::new(&sanitization, &[7; 32]);
        Box::new(move |kind, text| masker.mask(kind, text))
    });
    let digits: Form = Box::new(|kind, _| format!("[{}:19491302]", kind.label()));
    engine.chain([digits]).collect()
});

/// Where values touch, a mask may uncover another value or give it a name. Each round masks something behind
/// what the last one masked, and more than a few never happen in what people write.
const ROUNDS: usize = 64;

fuzz_target!(|text: &str| {
    for form in &*FORMS {
        let mut masked = text.to_owned();
        for round in 0.. {
            let found = scan(&masked);
            if found.is_empty() {
                break;
            }
            assert!(round < ROUNDS, "masking does not come to an end: {masked:?}");
            let (next, masks) = mask(&masked, &found, form);
            for finding in scan(&next) {
                let inside =
                    masks.iter().any(|mask| mask.start <= finding.span.start && finding.span.end <= mask.end);
                assert!(!inside, "a mask was found again: {finding:?} in {next:?}");
            }
            masked = next;
        }
    }
});

fn scan(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    Scanner::new(KindSet::all()).scan(text, &mut found);
    found
}

/// The masked text, and where the masks are in it.
fn mask(text: &str, found: &[Finding], form: &Form) -> (String, Vec<Range<usize>>) {
    let (mut out, mut masks, mut end) = (String::new(), Vec::new(), 0);
    for finding in found {
        assert!(finding.span.start >= end, "findings overlap: {found:?}");
        out.push_str(&text[end..finding.span.start]);
        let start = out.len();
        out.push_str(&form(finding.kind, &text[finding.span.clone()]));
        masks.push(start..out.len());
        end = finding.span.end;
    }
    out.push_str(&text[end..]);
    (out, masks)
}
