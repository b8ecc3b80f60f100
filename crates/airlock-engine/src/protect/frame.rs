//! What the members of one object share: the names that are taken, and what they tell of each other.

use std::{borrow::Cow, cell::OnceCell, collections::HashMap};

use airlock_scan::kind_of_key;

use crate::json::Value;

/// Members that only carry what the name above them is about: `{"password": {"value": "…"}}`. A short list,
/// because most members of such an object are about something else: `{"password": {"type": "string"}}`.
const CARRIERS: &[&str] =
    &["value", "values", "val", "data", "secret", "text", "content", "plain", "current", "raw", "key"];
/// Members that carry the value that a neighbour names: `{"name": "DB_PASSWORD", "value": "…"}`.
const VALUES: &[&str] = &["value", "values", "val", "data", "plain", "current", "raw"];
/// The neighbours that name it.
const LABELS: &[&str] = &["name", "key", "field", "variable", "header", "property", "setting", "parameter"];

/// The name that tells what a value is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'k> {
    pub(super) name: &'k str,
    /// It is the name of the member itself, not one that the member takes over.
    pub(super) own: bool,
}

/// One object during a walk. Everything but the reference is made when it is needed, which is rarely.
pub(super) struct Frame<'d> {
    object: Value<'d>,
    /// The telling name that the object stands under.
    above: Option<&'d str>,
    /// The telling name that one of the members says, once it was looked for.
    label: OnceCell<Option<Cow<'d, str>>>,
    /// Names that are taken, each with the last number that was tried behind it.
    names: HashMap<String, usize>,
}

impl<'d> Frame<'d> {
    pub(super) fn new(object: Value<'d>, key: Option<Key<'d>>) -> Self {
        let above = key.map(|key| key.name).filter(|name| kind_of_key(name).is_some());
        Self { object, above, label: OnceCell::new(), names: HashMap::new() }
    }

    /// The masked form of a name, different from every other name: an object must not name a member twice.
    pub(super) fn unused(&mut self, masked: String) -> String {
        if self.names.is_empty() {
            let written = self.object.members().filter_map(|(key, _)| key.as_str());
            self.names = written.map(|name| (name.into_owned(), 1)).collect();
        }
        let Some(mut number) = self.names.get(&masked).copied() else {
            self.names.insert(masked.clone(), 1);
            return masked;
        };
        let unused = loop {
            number += 1;
            let candidate = format!("{masked}#{number}");
            if !self.names.contains_key(&candidate) {
                break candidate;
            }
        };
        self.names.insert(masked, number);
        self.names.insert(unused.clone(), 1);
        unused
    }

    /// The name that tells what the value of the member `name` is.
    pub(super) fn key_of<'k>(&'k self, name: &'k str) -> Key<'k> {
        let own = Key { name, own: true };
        let told = match self.above {
            Some(above) if is_one_of(CARRIERS, name) => Some(above),
            None if is_one_of(VALUES, name) => self.label(),
            _ => None,
        };
        match told {
            Some(told) if kind_of_key(name).is_none() => Key { name: told, own: false },
            _ => own,
        }
    }

    fn label(&self) -> Option<&str> {
        let find = || {
            let is_label = |key: Value<'d>| key.as_str().is_some_and(|name| is_one_of(LABELS, &name));
            let labels = self.object.members().filter(|(key, _)| is_label(*key));
            labels.filter_map(|(_, value)| value.as_str()).find(|label| kind_of_key(label).is_some())
        };
        self.label.get_or_init(find).as_deref()
    }
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{Frame, Key};
    use crate::json::{Bounds, Document};

    #[test]
    fn a_name_is_given_once() {
        let text = r#"{"m":1,"a":2,"m#2":3,"b":4,"c":5}"#;
        let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
        let mut frame = Frame::new(doc.root(), None);
        for (masked, expected) in [("m", "m#3"), ("m", "m#4"), ("n", "n"), ("n", "n#2"), ("m#2", "m#2#2")] {
            assert_eq!(frame.unused(masked.to_owned()), expected);
        }
    }

    #[test]
    fn what_a_value_is_about() {
        for (above, object, name, expected) in [
            (Some("password"), r#"{"value":1}"#, "value", "password"),
            (Some("password"), r#"{"Value":1}"#, "Value", "password"),
            (Some("password"), r#"{"type":1,"description":2}"#, "type", "type"),
            (Some("password"), r#"{"type":1,"description":2}"#, "description", "description"),
            (Some("limits"), r#"{"value":1}"#, "value", "value"),
            (None, r#"{"value":1,"name":"DB_PASSWORD"}"#, "value", "DB_PASSWORD"),
            (None, r#"{"key":"api_key","value":1}"#, "value", "api_key"),
            (None, r#"{"name":"api_key","text":1}"#, "text", "text"),
            (None, r#"{"name":"region","value":1}"#, "value", "value"),
            (None, r#"{"name":{"x":1},"value":1}"#, "value", "value"),
        ] {
            let doc = Document::parse(object.as_bytes(), &Bounds::DEFAULT).unwrap();
            let frame = Frame::new(doc.root(), above.map(|name| Key { name, own: true }));
            let key = frame.key_of(name);
            assert_eq!((key.name, key.own), (expected, name == expected), "{above:?} {object}");
        }
    }
}
