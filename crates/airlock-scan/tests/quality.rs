//! The scanner on the project's labelled corpus: recall and false alarms per kind must not get worse.
//!
//! `cargo xtask quality --misses 50` shows the figures and what is behind them. Whoever improves one tightens its line here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/quality/corpus.rs"]
mod corpus;
#[path = "../examples/quality/score.rs"]
mod score;

use std::path::PathBuf;

use corpus::{Mark, Record};

/// Kind, least recall in percent, most findings that are wrong.
const THRESHOLDS: &[(&str, f64, usize)] = &[
    ("api_key", 99.0, 0),
    ("aws_access_key", 100.0, 0),
    ("aws_secret_key", 100.0, 0),
    ("connection_string", 100.0, 0),
    ("credit_card", 100.0, 0),
    ("email", 100.0, 0),
    ("iban", 100.0, 0),
    ("injection", 91.5, 0),
    ("ip_address", 100.0, 0),
    ("jwt", 100.0, 0),
    ("password", 99.5, 0),
    ("phone", 100.0, 0),
    ("private_key", 100.0, 0),
    ("ssn", 100.0, 0),
];

/// A kind without a line of its own.
const OTHER: (f64, usize) = (100.0, 0);

fn records() -> Vec<Record> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../corpus/detection");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files.iter().flat_map(|path| corpus::load(path.to_str().unwrap()).unwrap()).collect()
}

#[test]
fn recall_and_false_alarms_keep_their_thresholds() {
    let score = score::score(&records());
    let mut short = Vec::new();
    for (kind, count) in &score.kinds {
        let own = THRESHOLDS.iter().find(|(own, ..)| own == kind);
        let (least, most) = own.map_or(OTHER, |(_, least, most)| (*least, *most));
        let recall = 100.0 * f64::from(u32::try_from(count.found).unwrap())
            / f64::from(u32::try_from(count.expected.max(1)).unwrap());
        if count.expected > 0 && recall < least || count.wrong > most {
            short.push(format!(
                "{kind}: recall {recall:.1} % (at least {least}), wrong {} (at most {most})",
                count.wrong
            ));
            let own =
                score.misses.iter().filter(|miss| miss.split_whitespace().nth(1) == Some(kind.as_str()));
            short.extend(own.take(20).map(|miss| format!("    {miss}")));
        }
    }
    assert!(short.is_empty(), "{}", short.join("\n"));
}

/// A corpus that shrinks would make every threshold easy.
#[test]
fn the_corpus_is_large_enough() {
    let records = records();
    let of = |class: &str| records.iter().filter(|record| record.class() == class).count();
    assert!(records.len() >= 3300, "{} texts", records.len());
    for class in ["ssn", "email"] {
        assert!(of(class) >= 150, "{class}: {}", of(class));
    }
    let score = score::score(&records);
    assert_eq!(score.texts, records.len());
    assert_eq!(score.all.judged, records.len(), "every text of the corpus is labelled completely");
    assert!(score.all.expected >= 2800, "{} marks", score.all.expected);
    assert!(score.all.named <= score.all.expected && score.all.alarmed <= score.all.judged);
    assert_eq!(score.classes.values().map(|count| count.found).sum::<usize>(), score.all.found);
    let clean = records.iter().filter(|record| record.marks.is_empty()).count();
    assert!(clean >= 700, "{clean} texts without a mark");
}

/// The score itself: each way to be wrong is counted, beside the right one.
#[test]
fn wrong_answers_are_counted() {
    let mark = |kind: &str, span| Mark { kind: kind.to_owned(), span };
    let text = "mail bob@example.com now";
    for (marks, expected) in [
        (vec![mark("email", 5..20)], (1, 1, 1, 0)),
        (vec![mark("email", 0..24)], (1, 0, 1, 0)),
        (vec![mark("ssn", 0..4)], (1, 0, 0, 1)),
        (vec![mark("phone", 5..20)], (1, 1, 0, 1)),
        (vec![mark("?", 5..20)], (0, 0, 0, 0)),
        (vec![], (0, 0, 0, 1)),
    ] {
        let record = Record {
            id: "x/1".to_owned(),
            text: text.to_owned(),
            marks,
            loose: false,
            judge: corpus::Judge::All,
        };
        let all = score::score(&[record]).all;
        assert_eq!((all.expected, all.found, all.named, all.wrong), expected);
    }
}
