//! The vector code of the scanner against its plain twin: every way to look at a text that this processor has gives the
//! same findings, in a text, beside a name, and for injected instructions.
//!
//! The first bytes tell how far the text is shifted against the blocks and stretches that are looked at.
#![no_main]

use airlock_scan::{Engine, Finding, KindSet, Scanner};
use libfuzzer_sys::fuzz_target;

/// A stretch of 64 blocks of 64 bytes, and a block: every place in them is tried.
const SHIFTS: usize = 65 * 64;

fuzz_target!(|input: (u16, &str)| {
    let (shift, text) = input;
    let text = " ".repeat(usize::from(shift) % SHIFTS) + text;
    let plain = Engine::Plain.run(|| look(&text));
    for engine in Engine::all() {
        assert_eq!(engine.run(|| look(&text)), plain, "{engine:?}");
    }
});

fn look(text: &str) -> [Vec<Finding>; 3] {
    let scanner = Scanner::new(KindSet::all());
    let mut found = [const { Vec::new() }; 3];
    let [scanned, keyed, screened] = &mut found;
    scanner.scan(text, scanned);
    scanner.scan_keyed("password", text, keyed);
    scanner.screen(text, screened);
    found
}
