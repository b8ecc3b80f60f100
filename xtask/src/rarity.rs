//! `cargo xtask rarity`: builds the table from which the scanner tells random characters from language.
//!
//! Sources: word lists (Debian's `wamerican`, `wngerman`, `wfrench`, `wspanish` install them in
//! `/usr/share/dict`) and the identifiers in this repository's and its dependencies' Rust sources. Each word counts
//! once. The result, committed beside the code that reads it, changes a little with the versions of the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const OUTPUT: &str = "crates/airlock-scan/src/rarity/table.bin";
const LISTS: [&str; 4] = ["american-english", "ngerman", "french", "spanish"];
/// Symbols: 0 is the edge of a word, 1 to 26 are letters, 27 a digit, 28 anything beyond ASCII.
const SYMBOLS: usize = 32;
/// Costs are in sixteenths of a bit, and fit into a byte.
const UNIT: f64 = 16.0;
const SHORTEST: usize = 2;
const LONGEST: usize = 40;

/// Builds the table from the word lists in `folder` and the sources.
pub(crate) fn rarity(folder: Option<&str>) -> Result<(), String> {
    let folder = Path::new(folder.unwrap_or("/usr/share/dict"));
    let mut words = BTreeSet::new();
    for list in LISTS {
        let path = folder.join(list);
        let text = fs::read(&path).map_err(|error| {
            format!("{}: {error}; install wamerican, wngerman, wfrench and wspanish", path.display())
        })?;
        words.extend(String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned));
    }
    let listed = words.len();
    let mut roots = vec![PathBuf::from("crates"), PathBuf::from("xtask")];
    roots.extend(registry());
    for root in &roots {
        identifiers(root, &mut words);
    }
    let mut counts = vec![0_u32; SYMBOLS * SYMBOLS * SYMBOLS];
    for word in &words {
        count(word, &mut counts);
    }
    let table: Vec<u8> = (0..counts.len()).map(|index| cost(&counts, index)).collect();
    fs::write(OUTPUT, table).map_err(|error| format!("{OUTPUT}: {error}"))?;
    report(listed, words.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a task talks to whoever started it")]
fn report(listed: usize, all: usize) {
    println!("{OUTPUT}: {listed} words of languages, {} identifiers", all - listed);
}

/// Where cargo unpacked the sources of the dependencies.
fn registry() -> Vec<PathBuf> {
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    let folders = fs::read_dir(Path::new(&home).join("registry/src"));
    folders.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Adds the identifiers of the Rust sources below `root`.
fn identifiers(root: &Path, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            identifiers(&path, words);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let names = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
            let named = names.filter(|name| {
                let digits = name.bytes().filter(u8::is_ascii_digit).count();
                (SHORTEST..=LONGEST).contains(&name.len()) && digits * 3 <= name.len()
            });
            words.extend(named.filter(|name| !name.starts_with("0x")).map(str::to_owned));
        }
    }
}

/// Counts the triples of symbols in a word, its edges included. `camelCase` is two words.
fn count(word: &str, counts: &mut [u32]) {
    let (mut first, mut second, mut lower) = (0, 0, false);
    let mut step = |symbol: usize| {
        if let Some(slot) = counts.get_mut((first * SYMBOLS + second) * SYMBOLS + symbol) {
            *slot += 1;
        }
        (first, second) = if symbol == 0 { (0, 0) } else { (second, symbol) };
        symbol == 0
    };
    let mut at_edge = true;
    for byte in word.bytes() {
        if lower && byte.is_ascii_uppercase() && !at_edge {
            at_edge = step(0);
        }
        lower = byte.is_ascii_lowercase();
        let symbol = symbol(byte);
        if symbol != 0 || !at_edge {
            at_edge = step(symbol);
        }
    }
    if !at_edge {
        step(0);
    }
}

fn symbol(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => usize::from(byte - b'a') + 1,
        b'A'..=b'Z' => usize::from(byte - b'A') + 1,
        b'0'..=b'9' => 27,
        0x80.. => 28,
        _ => 0,
    }
}

/// What the third symbol costs after the first two: minus the logarithm of its likelihood, in which longer
/// contexts count the more the oftener they were seen (Witten and Bell).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
fn cost(counts: &[u32], index: usize) -> u8 {
    let (pair, third) = (index / SYMBOLS, index % SYMBOLS);
    let second = pair % SYMBOLS;
    let row = |from: usize| counts.get(from..from + SYMBOLS).unwrap_or_default();
    let after_pair = row(pair * SYMBOLS);
    let mut after_one = [0_u32; SYMBOLS];
    for first in 0..SYMBOLS {
        for (sum, count) in after_one.iter_mut().zip(row((first * SYMBOLS + second) * SYMBOLS)) {
            *sum += count;
        }
    }
    let likely = blend(after_pair, third, blend(&after_one, third, 1.0 / 29.0));
    (-likely.log2() * UNIT).round().clamp(0.0, 255.0) as u8
}

/// The likelihood of `symbol` by these counts and by a shorter context.
fn blend(counts: &[u32], symbol: usize, shorter: f64) -> f64 {
    let seen = f64::from(counts.iter().sum::<u32>());
    let kinds =
        f64::from(u32::try_from(counts.iter().filter(|count| **count > 0).count()).unwrap_or(0)).max(1.0);
    (f64::from(counts.get(symbol).copied().unwrap_or(0)) + kinds * shorter) / (seen + kinds)
}
