//! Times of the scanner on the clock, over seeded, generated data: `cargo bench -p airlock-scan --bench scan`.
//! The benchmark `figures` beside it counts CPU time, and compares.

mod data;

use airlock_scan::{Finding, KindSet, Scanner, StreamScanner};
use data::{NAMES, data};
use divan::{Bencher, counter::BytesCount};

fn main() {
    divan::main();
}

const LEN: usize = 1 << 20;

#[divan::bench(args = NAMES)]
fn scan(bencher: Bencher<'_, '_>, name: &str) {
    let text = data(name, LEN);
    let mut out: Vec<Finding> = Vec::new();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        out.clear();
        Scanner::default().scan(&text, &mut out);
        out.len()
    });
}

#[divan::bench(args = NAMES)]
fn screen(bencher: Bencher<'_, '_>, name: &str) {
    let text = data(name, LEN);
    let mut out: Vec<Finding> = Vec::new();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        out.clear();
        Scanner::default().screen(&text, &mut out);
        out.len()
    });
}

#[divan::bench(args = NAMES)]
fn stream_of_4_kib_chunks(bencher: Bencher<'_, '_>, name: &str) {
    let text = data(name, LEN);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        let mut stream = StreamScanner::new(KindSet::standard());
        let mut out = Vec::new();
        let mut released = 0;
        for chunk in text.as_bytes().chunks(4096).filter_map(|chunk| std::str::from_utf8(chunk).ok()) {
            released += stream.push(chunk, &mut out).len();
        }
        released + stream.finish(&mut out).len()
    });
}

/// Most calls scan a leaf of a JSON document.
#[divan::bench(args = [10, 50, 200, 1000])]
fn leaf(bencher: Bencher<'_, '_>, len: usize) {
    let text = data("prose", LEN).get(..len).unwrap_or_default().to_owned();
    let mut out: Vec<Finding> = Vec::new();
    bencher.bench_local(|| Scanner::default().scan_keyed("description", divan::black_box(&text), &mut out));
}
