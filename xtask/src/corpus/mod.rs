//! Makes the labelled corpus of the scanner: `corpus/detection/*.jsonl` from the templates beside it.
//!
//! | part | owns |
//! |---|---|
//! | `template` | the form of templates, and how a variant is made of one |
//! | `personal`, `secrets`, `innocent` | random values: to be found, and not to be found |
//! | `checks` | check digits and encodings |
//! | `random` | seeded random numbers |

mod checks;
mod innocent;
mod personal;
mod random;
mod secrets;
mod template;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::root;
use crate::report::Report;

/// Where the corpus is.
pub(crate) fn folder() -> PathBuf {
    root().join("corpus/detection")
}

/// Writes every file of the corpus anew.
pub(crate) fn corpus(report: &mut Report) -> Result<(), String> {
    report.step("corpus", || {
        for (path, text) in files()? {
            fs::write(&path, &text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
            println!("{:>6} texts  {}", text.lines().count(), path.display());
        }
        Ok(())
    })
}

/// The files, and what belongs into them.
fn files() -> Result<Vec<(PathBuf, String)>, String> {
    let templates = folder().join("templates");
    let failed = |error| format!("cannot read `{}`: {error}", templates.display());
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&templates).map_err(failed)?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_owned();
        let made = lines(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        files.push((folder().join(name).with_extension("jsonl"), made));
    }
    Ok(files)
}

/// A file of templates as JSON lines.
fn lines(path: &Path) -> Result<String, String> {
    let file = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut out = String::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for template in template::read(&file)? {
        for variant in 0..template.variants {
            let number = numbers.entry(template.class.clone()).or_default();
            *number += 1;
            let text = template.expand(variant)?;
            // Writing to a string does not fail.
            let _ = writeln!(out, "{{\"id\":\"{}/{number}\",\"text\":{}}}", template.class, quoted(&text));
        }
    }
    Ok(out)
}

/// A JSON string in which invisible characters are escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' ' => out.push(letter),
            letter if letter.is_control() || letter.is_whitespace() || hidden(letter) => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            letter => out.push(letter),
        }
    }
    out + "\""
}

fn hidden(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2011}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::files;

    #[test]
    fn the_corpus_is_what_its_templates_make() {
        let files = files().unwrap_or_default();
        assert!(files.len() > 3, "{}", files.len());
        for (path, text) in files {
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(found == text, "run `cargo xtask corpus`: `{}` has changed", path.display());
        }
    }
}
