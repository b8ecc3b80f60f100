//! Reads labelled text: the project's own form, in which findings are marked in the text, and records with offsets.

use std::{error::Error, fs, ops::Range};

use airlock_scan::Kind;
use serde_json::Value;

/// A labelled text.
pub(crate) struct Record {
    /// The class and a number: `ssn/12`.
    pub(crate) id: String,
    pub(crate) text: String,
    /// What is to be found.
    pub(crate) marks: Vec<Mark>,
    /// Whether any part of a mark is enough, as in texts that are marked as a whole.
    pub(crate) loose: bool,
    pub(crate) judge: Judge,
}

/// A place in a text, in bytes.
pub(crate) struct Mark {
    /// The name of a kind; `?` where both answers are right.
    pub(crate) kind: String,
    pub(crate) span: Range<usize>,
}

/// Which findings are false alarms.
pub(crate) enum Judge {
    /// All that lie on no mark of their kind.
    All,
    /// Those of these kinds, and of all secrets where one of them is a secret.
    Kinds { kinds: Vec<String>, whole: bool },
    /// None: the text was not labelled completely.
    None,
}

impl Record {
    /// The first part of the id.
    pub(crate) fn class(&self) -> &str {
        self.id.rsplit_once('/').map_or("", |(class, _)| class)
    }
}

/// Reads a file of JSON lines in either form.
pub(crate) fn load(path: &str) -> Result<Vec<Record>, Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "the report is a host: it reads files")]
    let file = fs::read_to_string(path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
    file.lines()
        .enumerate()
        .map(|(at, line)| {
            let value: Value =
                serde_json::from_str(line).map_err(|error| format!("{path}:{}: {error}", at + 1))?;
            let record = if value.get("expect").is_some() { with_offsets(&value) } else { marked(&value) };
            Ok(record.ok_or_else(|| format!("{path}:{}: no labelled text", at + 1))?)
        })
        .collect()
}

/// `{"id":"ssn/12","text":"SSN ⟦ssn:523-45-6781⟧ on file"}`
fn marked(value: &Value) -> Option<Record> {
    // The character keeps what looks like a live token from standing in the repository.
    let source = value.get("text")?.as_str()?.replace('‖', "");
    let (mut text, mut marks, mut rest) = (String::new(), Vec::new(), source.as_str());
    while let Some((before, tail)) = rest.split_once('⟦') {
        let (inside, after) = tail.split_once('⟧')?;
        let (kind, content) = inside.split_once(':')?;
        text.push_str(before);
        let start = text.len();
        text.push_str(content);
        marks.push(Mark { kind: kind.to_owned(), span: start..text.len() });
        rest = after;
    }
    text.push_str(rest);
    Some(Record { id: value.get("id")?.as_str()?.to_owned(), text, marks, loose: false, judge: Judge::All })
}

/// `{"id":…,"text":…,"expect":[{"type":"US_SSN","start":4,"end":15}],"types":[…],"negatives":false}`, offsets in characters.
fn with_offsets(value: &Value) -> Option<Record> {
    let text = value.get("text")?.as_str()?.to_owned();
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let place =
        |mark: &Value, name: &str| places.get(usize::try_from(mark.get(name)?.as_u64()?).ok()?).copied();
    let marks = value.get("expect")?.as_array()?.iter();
    let marks = marks
        .filter_map(|mark| {
            Some(Mark { kind: kind(mark.get("type")?), span: place(mark, "start")?..place(mark, "end")? })
        })
        .collect();
    let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
    let judge = if flag("negatives") && !flag("vendor_only") {
        let kinds = value.get("types").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Judge::Kinds { kinds: kinds.iter().map(kind).collect(), whole: flag("whole_only") }
    } else if flag("complete") {
        Judge::All
    } else {
        Judge::None
    };
    Some(Record { id: value.get("id")?.as_str()?.to_owned(), text, marks, loose: flag("loose"), judge })
}

/// The name of a kind, from names in capitals.
fn kind(name: &Value) -> String {
    let name = name.as_str().unwrap_or_default().to_lowercase();
    name.strip_prefix("us_").filter(|name| Kind::from_name(name).is_some()).unwrap_or(&name).to_owned()
}
