//! The scanner: spans, and masking that comes to an end.
//!
//! The first line is also the name of the rest, as a JSON member has one.
#![no_main]

use std::sync::LazyLock;

use airlock_engine::{Airlock, RawOutput};
use airlock_scan::{Finding, Scanner};
use airlock_testkit::engine;
use libfuzzer_sys::fuzz_target;

static ENGINES: LazyLock<[Airlock; 4]> = LazyLock::new(|| {
    ["full", "partial", "type_only", "hash"].map(|strategy| {
        let sanitization = format!("pii_strategy = \"{strategy}\"\nsecret_strategy = \"{strategy}\"");
        engine(&format!("[airlock]\nmax_output_chars = 1000000\n[sanitization]\n{sanitization}")).0
    })
});

fuzz_target!(|text: &str| {
    let mut found = Vec::new();
    Scanner::default().scan(text, &mut found);
    check(text, &found);
    let mut injections = Vec::new();
    Scanner::default().screen(text, &mut injections);
    check(text, &injections);
    if let Some((key, value)) = text.split_once('\n') {
        let mut keyed = Vec::new();
        Scanner::default().scan_keyed(key, value, &mut keyed);
        check(value, &keyed);
    }
    for engine in &*ENGINES {
        masking_ends(engine, text, &found);
    }
});

/// On character boundaries, in order, apart, not empty.
fn check(text: &str, found: &[Finding]) {
    let mut end = 0;
    for finding in found {
        assert!(finding.span.start >= end && finding.span.end > finding.span.start, "{found:?}");
        assert!(text.get(finding.span.clone()).is_some(), "{found:?}");
        end = finding.span.end;
    }
}

/// Masking comes to an end. Mostly that is after one round; but where values touch, a mask may uncover another
/// value, or give it a name, and then that one is masked in the next round.
fn masking_ends(engine: &Airlock, text: &str, found: &[Finding]) {
    let protect = |text: &str| engine.protect(&RawOutput::text(text)).text().to_owned();
    let mut masked = protect(text);
    if found.is_empty() {
        assert_eq!(masked, text);
    }
    // Each further round masks something behind what the last one masked.
    for _ in 0..=text.len() {
        let again = protect(&masked);
        if again == masked {
            return;
        }
        masked = again;
    }
    panic!("masking does not come to an end");
}
