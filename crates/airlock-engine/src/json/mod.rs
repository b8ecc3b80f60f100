//! A JSON document that remembers where everything stands.
//!
//! The whole engine decides on one parse and edits the same bytes it decided on: numbers keep every digit,
//! unknown members stay, key order stays, and what was not changed is forwarded byte for byte. A general
//! `serde_json::Value` cannot promise that (it rounds numbers and drops duplicate keys).
//!
//! A [`Document`] is a tape: a flat list of nodes with byte spans into the text. Parsing is iterative and
//! bounded ([`Bounds`]), checks UTF-8 and the grammar of RFC 8259, and marks what a firewall must not
//! overlook: duplicate keys and lone surrogates.
//!
//! # Example: find a value and replace exactly its bytes
//!
//! ```
//! use airlock_engine::json::{Bounds, Document, Splices};
//!
//! let text = r#"{"id": 12345678901234567890123, "user": {"name": "a"}}"#;
//! let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT)?;
//! let name = doc.root().get("user").and_then(|user| user.get("name")).ok_or("absent")?;
//! assert_eq!(name.as_str().as_deref(), Some("a"));
//!
//! let mut edits = Splices::default();
//! edits.replace(name.span(), "\"b\"");
//! assert_eq!(edits.apply(text), r#"{"id": 12345678901234567890123, "user": {"name": "b"}}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod parse;
mod schema_view;
mod splice;
mod string;
mod value;

use std::fmt;

pub use parse::{Bounds, JsonError, JsonErrorKind};
pub use splice::{Splices, remove_elements, remove_members};
pub(crate) use string::write_string_content;
pub use string::{Decoded, write_string};
pub use value::{Elements, Kind, Members, Value};

pub(crate) use schema_view::DocumentJson;

/// One value on the tape. Members of an object lie behind it as key, value, key, value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Index of the first node after this one's subtree.
    pub(crate) next: u32,
    /// Members or elements of a container.
    pub(crate) len: u32,
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
}

/// The string has a backslash escape, so its raw bytes are not its text.
pub(crate) const ESCAPED: u8 = 1;
/// The string has a `\uD800`–`\uDFFF` escape without its other half.
pub(crate) const LONE_SURROGATE: u8 = 2;
/// The object names a member twice.
pub(crate) const DUPLICATE_KEY: u8 = 4;

/// The nodes of a document, apart from its text, so that the memory can be used again.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
    flags: u8,
}

/// A parsed JSON text.
#[derive(Clone)]
pub struct Document<'t> {
    text: &'t str,
    tape: Tape,
}

// The text may hold secrets; `Debug` tells sizes only.
impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("bytes", &self.text.len()).field("values", &self.len()).finish()
    }
}

impl<'t> Document<'t> {
    /// Parses exactly one JSON value with white space around it.
    ///
    /// Costs one pass over the bytes and no recursion; memory is 20 bytes per value.
    ///
    /// # Errors
    ///
    /// Not UTF-8, not JSON, or over one of the `bounds`. The error names a byte offset, never content.
    pub fn parse(text: &'t [u8], bounds: &Bounds) -> Result<Self, JsonError> {
        Self::parse_into(text, bounds, Tape::default())
    }

    /// Like [`Document::parse`], using the memory of an earlier document.
    pub fn parse_into(text: &'t [u8], bounds: &Bounds, tape: Tape) -> Result<Self, JsonError> {
        let (text, tape) = parse::parse(text, bounds, tape)?;
        Ok(Self { text, tape })
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value::new(self.text, &self.tape.nodes, 0)
    }

    /// The text that was parsed.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Whether any object of the document names a member twice.
    pub fn has_duplicate_keys(&self) -> bool {
        self.tape.flags & DUPLICATE_KEY != 0
    }

    /// Whether any string of the document holds half of a surrogate pair.
    pub fn has_lone_surrogates(&self) -> bool {
        self.tape.flags & LONE_SURROGATE != 0
    }

    /// How many values the document holds, keys included.
    pub fn len(&self) -> usize {
        self.tape.nodes.len()
    }

    /// Never: a document holds at least its root.
    pub fn is_empty(&self) -> bool {
        self.tape.nodes.is_empty()
    }

    /// Gives the memory back for the next document.
    pub fn into_tape(self) -> Tape {
        self.tape
    }
}
