//! The streaming scanner: however a text is cut, the findings are those of the whole.
//!
//! The first bytes tell how it is cut and how much ordinary text lies around it, since the scanner decides
//! nothing before it has some kilobytes.
#![no_main]

use airlock_scan::{Finding, KindSet, Scanner, StreamScanner};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: ([u16; 4], u16, &str)| {
    let (cuts, filler, piece) = input;
    let filler = "lorem ipsum dolor sit amet ".repeat(usize::from(filler % 400));
    let text = format!("{piece}{filler}{piece}{filler}\n{piece}");
    let mut whole = Vec::new();
    Scanner::new(KindSet::all()).scan(&text, &mut whole);
    let (released, found) = streamed(&text, cuts);
    assert_eq!(released, text, "text was lost");
    assert_eq!(found, whole, "a cut changed what is found");
});

fn streamed(text: &str, cuts: [u16; 4]) -> (String, Vec<Finding>) {
    let mut stream = StreamScanner::new(KindSet::all());
    let (mut released, mut all) = (String::new(), Vec::new());
    let mut take = |text: String, found: Vec<Finding>| {
        let shift = released.len();
        all.extend(found.into_iter().map(|finding| {
            assert!(text.get(finding.span.clone()).is_some(), "a finding outside the released text");
            Finding { span: finding.span.start + shift..finding.span.end + shift, ..finding }
        }));
        released.push_str(&text);
    };
    let (mut rest, mut lengths) = (text, cuts.iter().cycle());
    while !rest.is_empty() {
        // Small chunks are worth it too, but not only those: each one costs a look.
        let mut len = lengths.next().map_or(1, |len| usize::from(*len % 9000 + 1)).min(rest.len());
        while !rest.is_char_boundary(len) {
            len += 1;
        }
        let (chunk, tail) = rest.split_at(len);
        let mut found = Vec::new();
        let decided = stream.push(chunk, &mut found);
        take(decided, found);
        assert!(stream.held() < 72 * 1024 + 9000, "held back {}", stream.held());
        rest = tail;
    }
    let mut found = Vec::new();
    let decided = stream.finish(&mut found);
    take(decided, found);
    (released, all)
}
