//! Scores the scanner on labelled text: builds the example `quality` of the scanner's crate, and runs it.
//!
//! The example does the work, so that this stays plain standard library and compiles in a second.

use std::fs;
use std::path::PathBuf;

use crate::command::cargo;
use crate::corpus::folder;

/// Passes `words` on; without a file among them, the project's own corpus is scored.
pub(crate) fn quality(words: &[String]) -> Result<(), String> {
    let mut command =
        cargo(["run", "--release", "--quiet", "--package", "airlock-scan", "--example", "quality", "--"]);
    command.args(words);
    if !words.iter().any(|word| word.contains(".jsonl")) {
        command.args(own()?);
    }
    // Nothing else is printed, so that `--format json` can be piped on.
    let status = command.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the example `quality` ended with {status}")) }
}

/// The files of the corpus.
fn own() -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder()).map_err(|error| format!("there is no corpus: {error}"))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    Ok(files)
}
