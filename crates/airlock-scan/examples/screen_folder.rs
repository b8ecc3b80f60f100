//! Counts what the rules for injected instructions find in the files named on standard input, one name a line:
//! the figures in `docs/injection.md`. With `-v` it prints each passage.
//!
//! ```text
//! find /usr/share/doc -name '*.md' | cargo run --release --example screen_folder
//! ```

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, Write},
    time::{Duration, Instant},
};

use airlock_scan::Scanner;

#[expect(clippy::disallowed_methods, reason = "an example that measures files")]
fn main() -> io::Result<()> {
    let verbose = std::env::args().any(|argument| argument == "-v");
    let mut out = io::stdout().lock();
    let (mut files, mut bytes, mut time) = (0_u64, 0, Duration::ZERO);
    let mut hits: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for name in io::stdin().lock().lines() {
        let name = name?;
        let Ok(content) = fs::read(&name) else { continue };
        let text = String::from_utf8_lossy(&content);
        files += 1;
        bytes += text.len();
        let mut found = Vec::new();
        let start = Instant::now();
        Scanner::default().screen(&text, &mut found);
        time += start.elapsed();
        for finding in found {
            *hits.entry((finding.rule, finding.confidence.name())).or_default() += 1;
            if verbose {
                let passage: String = text.get(finding.span).unwrap_or_default().chars().take(200).collect();
                writeln!(out, "{}\t{}\t{name}\t{passage:?}", finding.rule, finding.confidence.name())?;
            }
        }
    }
    writeln!(out, "{files} files, {bytes} bytes, {time:?}")?;
    for ((rule, confidence), count) in hits {
        writeln!(out, "{count:6} {rule} ({confidence})")?;
    }
    Ok(())
}
