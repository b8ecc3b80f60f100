//! The text of the file as a tree that knows where everything stands.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::{
    ConfigFile,
    problem::{At, Report},
};

/// Longest configuration file in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Most syntax errors that are reported, one for each line: later ones are often an echo of the first.
const MAX_SYNTAX_ERRORS: usize = 10;

/// Whether the tree says what the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Every key of the file is in the tree.
    Whole,
    /// The parser lost its way, so that checks of the tree would mislead.
    Broken,
}

/// Parses the file. A key that is given twice is reported and leaves the tree whole.
pub(super) fn parse<'t>(file: Option<&ConfigFile<'t>>, report: &mut Report<'_>) -> (DeTable<'t>, Parsed) {
    let Some(file) = file else { return (DeTable::new(), Parsed::Whole) };
    if file.text.len() > MAX_FILE_BYTES {
        report.error(At::WholeFile, "", format!("the file is longer than {MAX_FILE_BYTES} bytes"), None);
        return (DeTable::new(), Parsed::Broken);
    }
    let (table, errors) = DeTable::parse_recoverable(file.text);
    let mut parsed = Parsed::Whole;
    let mut lines = BTreeSet::new();
    for error in &errors {
        let at = At::File(error.span().map_or(file.text.len(), |span| span.start));
        if error.message() == "duplicate key" {
            let help = "each key and each `[section]` may be given once".to_owned();
            report.error(at, "", error.message(), Some(help));
            continue;
        }
        parsed = Parsed::Broken;
        if lines.len() < MAX_SYNTAX_ERRORS && lines.insert(report.line(at)) {
            report.error(at, "", error.message(), None);
        }
    }
    (table.into_inner(), parsed)
}
