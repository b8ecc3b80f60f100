//! Masking against scanning, over text that is dense with personal data: about one finding in 40 bytes.
//!
//! Budget: masking reaches at least 70 % of the scanning speed, for every strategy but the hash, which pays for
//! its HMAC.

use std::fmt::Write;

use airlock_engine::RawOutput;
use airlock_scan::{Finding, Scanner};
use airlock_testkit::engine;
use divan::{Bencher, counter::BytesCount};

fn main() {
    divan::main();
}

const LEN: usize = 1 << 20;

/// The same text every time (Knuth's MMIX generator).
fn dense() -> String {
    let mut state = 4242_u64;
    let mut next = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut text = String::with_capacity(LEN + 256);
    while text.len() < LEN {
        let (a, b, c) = (next(500), next(90), next(9000));
        // Writing to a string cannot fail.
        let _ = match next(6) {
            0 => write!(text, "SSN {:03}-{:02}-{:04}, ", 100 + a, 1 + b, 1 + c),
            1 => write!(text, "card 4539 5787 6362 1486 exp 12/29, "),
            2 => write!(text, "mail user{a}.name{b}@example.com, "),
            3 => write!(text, "call ({}) {}-{c:04}, ", 201 + a, 200 + b),
            4 => write!(text, "host {}.{}.{b}.{}, ", 1 + b, a % 255, 1 + a % 250),
            _ => write!(text, "and the report of the team that was sent to the customer before, "),
        };
    }
    text
}

#[divan::bench]
fn scan(bencher: Bencher<'_, '_>) {
    let text = dense();
    let mut out: Vec<Finding> = Vec::new();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        out.clear();
        Scanner::default().scan(&text, &mut out);
        out.len()
    });
}

#[divan::bench(args = ["full", "partial", "type_only", "hash"])]
fn scan_and_mask(bencher: Bencher<'_, '_>, strategy: &str) {
    let text = dense();
    let config = format!(
        "[airlock]\nmax_output_chars = 100000000\n[sanitization]\nscreen_injection = \"off\"\n\
         pii_strategy = \"{strategy}\"\nsecret_strategy = \"{strategy}\"\n"
    );
    let (airlock, _) = engine(&config);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| airlock.protect(&RawOutput::text(text.as_str())).text().len());
}
