//! The streaming scanner: however a text is cut, the findings are those of the whole.
//!
//! The first bytes tell how it is cut and how much ordinary text lies around it, since the scanner decides
//! nothing before it has some kilobytes.
#![no_main]

use airlock_scan::{KindSet, Scanner};
use common::streamed;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/airlock-scan/tests/common/mod.rs"]
mod common;

fuzz_target!(|input: ([u16; 4], u16, &str)| {
    let (cuts, filler, piece) = input;
    let filler = "lorem ipsum dolor sit amet ".repeat(usize::from(filler % 400));
    let text = format!("{piece}{filler}{piece}{filler}\n{piece}");
    let scanner = Scanner::new(KindSet::all());
    let mut whole = Vec::new();
    scanner.scan(&text, &mut whole);
    // Small chunks are worth it too, but not only those: each one costs a look.
    let (released, found) = streamed(&scanner, &text, &cuts.map(|len| usize::from(len % 9000 + 1)));
    assert_eq!(released, text, "text was lost");
    assert_eq!(found, whole, "a cut changed what is found");
});
