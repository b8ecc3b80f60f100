//! Scores the scanner on labelled text: `cargo xtask quality`.
//!
//! ```text
//! cargo run --release -p airlock-scan --example quality -- [--misses N] [--format table|json] FILE.jsonl…
//! ```
//!
//! A mark counts as found when findings cover nine tenths of its characters, whatever their kind; `named` counts
//! those that have the right kind, too. A false alarm is a finding on no mark of its kind, or of no secret. The form of the
//! files is described in `corpus/detection/README.md`.
#![expect(clippy::print_stdout, reason = "an example talks to whoever started it")]

mod corpus;
mod score;

use std::{collections::BTreeMap, env, error::Error};

use score::{Count, Score};
use serde_json::{Value, json};

const USAGE: &str = "usage: quality [--misses N] [--format table|json] FILE.jsonl…";

fn main() -> Result<(), Box<dyn Error>> {
    let (mut records, mut misses, mut as_json) = (Vec::new(), 0, false);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--misses" => misses = arguments.next().ok_or(USAGE)?.parse()?,
            "--format" => {
                as_json = match arguments.next().as_deref() {
                    Some("json") => true,
                    Some("table") => false,
                    _ => return Err(USAGE.into()),
                }
            }
            option if option.starts_with("--") => return Err(USAGE.into()),
            path => records.extend(corpus::load(path)?),
        }
    }
    if records.is_empty() {
        return Err(USAGE.into());
    }
    let score = score::score(&records);
    if as_json {
        println!("{:#}", in_json(&score, misses));
    } else {
        print(&score, misses);
    }
    Ok(())
}

fn print(score: &Score, misses: usize) {
    let heading = format!(
        "{:>8} {:>7} {:>8} {:>7} {:>7} {:>15}",
        "marked", "found", "recall", "named", "false", "texts alarmed"
    );
    for (name, counts) in [("kind", &score.kinds), ("class", &score.classes)] {
        println!("{name:<22} {heading}");
        for (name, count) in counts {
            println!("{name:<22} {}", line(count));
        }
        println!("{:<22} {}\n", "all", line(&score.all));
    }
    println!("{} texts", score.texts);
    for miss in score.misses.iter().take(misses) {
        println!("{miss}");
    }
}

fn line(count: &Count) -> String {
    let recall = recall(count).map_or_else(String::new, |recall| format!("{recall:.1} %"));
    let alarmed =
        if count.judged == 0 { String::new() } else { format!("{} of {}", count.alarmed, count.judged) };
    format!(
        "{:>8} {:>7} {recall:>8} {:>7} {:>7} {alarmed:>15}",
        count.expected, count.found, count.named, count.wrong
    )
}

/// In percent; nothing was expected where there is none.
#[expect(clippy::cast_precision_loss, reason = "counts of some thousand")]
fn recall(count: &Count) -> Option<f64> {
    (count.expected > 0).then(|| 100.0 * count.found as f64 / count.expected as f64)
}

fn in_json(score: &Score, misses: usize) -> Value {
    let one = |count: &Count| {
        json!({
            "marked": count.expected, "found": count.found, "recall": recall(count), "named": count.named,
            "false": count.wrong, "texts": count.judged, "texts_alarmed": count.alarmed,
        })
    };
    let all = |counts: &BTreeMap<String, Count>| -> Value {
        counts.iter().map(|(name, count)| (name.clone(), one(count))).collect()
    };
    let misses: Vec<&String> = score.misses.iter().take(misses).collect();
    json!({
        "texts": score.texts, "all": one(&score.all), "kinds": all(&score.kinds), "classes": all(&score.classes), "misses": misses,
    })
}
