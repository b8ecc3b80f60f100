//! Reading a document: a cheap cursor over the tape.

use std::{borrow::Cow, fmt, ops::Range};

use super::{DUPLICATE_KEY, Decoded, ESCAPED, LONE_SURROGATE, Node};

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number, whatever its size.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The word JSON Schema uses: `null`, `boolean`, `number`, `string`, `array`, `object`.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::True | Self::False => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// A value inside a [`Document`](super::Document). Copying it copies a pointer.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    text: &'d str,
    nodes: &'d [Node],
    at: u32,
}

// A value may be a secret; `Debug` tells its kind and place only.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("kind", &self.kind()).field("span", &self.span()).finish()
    }
}

const NOTHING: Node = Node { start: 0, end: 0, next: u32::MAX, len: 0, kind: Kind::Null, flags: 0 };

impl<'d> Value<'d> {
    pub(super) fn new(text: &'d str, nodes: &'d [Node], at: u32) -> Self {
        Self { text, nodes, at }
    }

    fn node(&self) -> Node {
        self.nodes.get(self.at as usize).copied().unwrap_or(NOTHING)
    }

    /// What kind of value it is.
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// Where it stands in the document's text, in bytes; a string's quotes included.
    pub fn span(&self) -> Range<usize> {
        let node = self.node();
        node.start as usize..node.end as usize
    }

    /// Its bytes as they were written.
    pub fn raw(&self) -> &'d str {
        self.text.get(self.span()).unwrap_or_default()
    }

    /// What stands between the quotes of a string, escapes and all.
    pub fn raw_string_content(&self) -> Option<&'d str> {
        let raw = self.raw();
        (self.kind() == Kind::String).then(|| raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default())
    }

    /// The text of a string, decoded where it has escapes.
    pub fn as_str(&self) -> Option<Cow<'d, str>> {
        let content = self.raw_string_content()?;
        Some(if self.is_escaped() {
            Cow::Owned(Decoded::new(content).into_text())
        } else {
            Cow::Borrowed(content)
        })
    }

    /// Whether the string has escapes.
    pub fn is_escaped(&self) -> bool {
        self.node().flags & ESCAPED != 0
    }

    /// Whether the string holds half of a surrogate pair.
    pub fn has_lone_surrogate(&self) -> bool {
        self.node().flags & LONE_SURROGATE != 0
    }

    /// Whether the object names a member twice (its children are not looked at).
    pub fn has_duplicate_key(&self) -> bool {
        self.node().flags & DUPLICATE_KEY != 0
    }

    /// The boolean it is, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The digits of a number as written.
    pub fn as_number(&self) -> Option<&'d str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        self.kind() == Kind::Array
    }

    /// How many members or elements a container has; 0 for a scalar.
    pub fn len(&self) -> usize {
        let node = self.node();
        let count = node.len as usize;
        if node.kind == Kind::Object { count / 2 } else { count }
    }

    /// Whether a container is empty; true for a scalar.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The members of an object in written order; nothing for other kinds.
    pub fn members(&self) -> Members<'d> {
        if self.is_object() { Members::of(self.text, self.nodes, self.at) } else { Members::none(self.text) }
    }

    /// The elements of an array; nothing for other kinds.
    pub fn elements(&self) -> Elements<'d> {
        let end = if self.is_array() { self.node().next } else { 0 };
        Elements { text: self.text, nodes: self.nodes, at: self.at.saturating_add(1), end }
    }

    /// The member of that name; the first one if it is named twice.
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        self.members().find(|(key, _)| key.is_text(name)).map(|(_, value)| value)
    }

    /// Whether it is the string `text`, without decoding where that is not needed.
    pub fn is_text(&self, text: &str) -> bool {
        if self.is_escaped() {
            self.as_str().is_some_and(|own| own == text)
        } else {
            self.raw_string_content() == Some(text)
        }
    }

    /// Its index on the tape: an identity within the document.
    pub(crate) fn index(&self) -> u32 {
        self.at
    }

    pub(crate) fn tape_address(&self) -> usize {
        self.nodes.as_ptr() as usize
    }

    /// The same value as a general one; numbers beyond 64 bits are rounded, and a number that no `f64`
    /// can hold gives `None`. For schemas and messages of ours, never for what is forwarded.
    pub fn to_serde(&self) -> Option<serde_json::Value> {
        serde_json::from_str(self.raw()).ok()
    }
}

/// The members of an object: key and value.
#[derive(Clone)]
pub struct Members<'d> {
    text: &'d str,
    nodes: &'d [Node],
    at: u32,
    end: u32,
}

// The text may hold secrets; `Debug` tells the place only.
impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("at", &self.at).field("end", &self.end).finish_non_exhaustive()
    }
}

impl<'d> Members<'d> {
    pub(super) fn of(text: &'d str, nodes: &'d [Node], object: u32) -> Self {
        // While the object is being parsed its subtree ends where the tape ends.
        let end = match nodes.get(object as usize) {
            Some(node) if node.next > object + 1 => node.next,
            _ => u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        };
        let end = if nodes.get(object as usize).is_some_and(|node| node.len == 0) { object } else { end };
        Self { text, nodes, at: object.saturating_add(1), end }
    }

    fn none(text: &'d str) -> Self {
        Self { text, nodes: &[], at: 0, end: 0 }
    }
}

impl<'d> Iterator for Members<'d> {
    type Item = (Value<'d>, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let key = Value::new(self.text, self.nodes, self.at);
        let value = Value::new(self.text, self.nodes, self.at + 1);
        self.at = value.node().next;
        Some((key, value))
    }
}

/// The elements of an array.
#[derive(Clone)]
pub struct Elements<'d> {
    text: &'d str,
    nodes: &'d [Node],
    at: u32,
    end: u32,
}

// The text may hold secrets; `Debug` tells the place only.
impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elements").field("at", &self.at).field("end", &self.end).finish_non_exhaustive()
    }
}

impl<'d> Iterator for Elements<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let value = Value::new(self.text, self.nodes, self.at);
        self.at = value.node().next;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use crate::json::{Bounds, Document, Kind};

    #[test]
    fn walks_objects_and_arrays_in_written_order() {
        let text = r#" {"a":[1,{"b":null}, []],"c":{},"d\u0065":"x\ty","n":1e400} "#;
        let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
        let root = doc.root();
        assert_eq!(root.len(), 4);
        let keys: Vec<_> = root.members().map(|(key, _)| key.as_str().unwrap().into_owned()).collect();
        assert_eq!(keys, ["a", "c", "de", "n"]);
        let kinds: Vec<_> = root.get("a").unwrap().elements().map(|value| value.kind()).collect();
        assert_eq!(kinds, [Kind::Number, Kind::Object, Kind::Array]);
        assert_eq!(root.get("c").unwrap().members().count(), 0);
        assert_eq!(root.get("de").unwrap().as_str().unwrap(), "x\ty");
        assert_eq!(root.get("n").unwrap().as_number(), Some("1e400"));
        assert!(root.get("n").unwrap().to_serde().is_none());
        assert_eq!(root.get("missing").map(|value| value.kind()), None);
        assert_eq!(root.elements().count(), 0);
        assert_eq!(&text[root.get("a").unwrap().span()], r#"[1,{"b":null}, []]"#);
    }
}
