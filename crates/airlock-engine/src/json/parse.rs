//! The parser: bytes to tape, iterative and bounded.

use std::{collections::HashSet, fmt};

use super::{DUPLICATE_KEY, ESCAPED, Kind, LONE_SURROGATE, Node, Tape, string};

/// What a document may cost. Checked while parsing, before anything else looks at the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Longest text in bytes; at most 4 GiB − 1.
    pub max_bytes: usize,
    /// Deepest nesting of arrays and objects; a scalar has depth 0.
    pub max_depth: usize,
    /// Most values, keys included.
    pub max_nodes: usize,
    /// Longest number in bytes, so that no later arithmetic grows with the input.
    pub max_number_len: usize,
}

impl Bounds {
    /// 16 MiB, depth 128, one million values, numbers of 128 bytes: more than any tool call needs, and
    /// parsed in tens of milliseconds.
    pub const DEFAULT: Self =
        Self { max_bytes: 16 << 20, max_depth: 128, max_nodes: 1_000_000, max_number_len: 128 };
}

impl Default for Bounds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What is wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The grammar of RFC 8259 is violated.
    Syntax,
    /// The text ends inside a value.
    UnexpectedEnd,
    /// Something follows the value.
    TrailingData,
    /// More than [`Bounds::max_bytes`].
    TooLong,
    /// Nested deeper than [`Bounds::max_depth`].
    TooDeep,
    /// More than [`Bounds::max_nodes`] values.
    TooManyValues,
    /// A number longer than [`Bounds::max_number_len`].
    NumberTooLong,
}

impl JsonErrorKind {
    /// Whether the text may be JSON but is larger than allowed.
    pub fn is_bound(self) -> bool {
        matches!(self, Self::TooLong | Self::TooDeep | Self::TooManyValues | Self::NumberTooLong)
    }
}

/// A text that is not acceptable JSON. Carries an offset and never a byte of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where, in bytes from the start.
    pub offset: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            JsonErrorKind::NotUtf8 => "not valid UTF-8",
            JsonErrorKind::Syntax => "not valid JSON",
            JsonErrorKind::UnexpectedEnd => "JSON ends too early",
            JsonErrorKind::TrailingData => "data after the JSON value",
            JsonErrorKind::TooLong => "JSON text too long",
            JsonErrorKind::TooDeep => "JSON nested too deeply",
            JsonErrorKind::TooManyValues => "too many JSON values",
            JsonErrorKind::NumberTooLong => "JSON number too long",
        };
        write!(f, "{what} at byte {}", self.offset)
    }
}

impl std::error::Error for JsonError {}

type Result<T> = std::result::Result<T, JsonError>;

pub(super) fn parse<'t>(text: &'t [u8], bounds: &Bounds, mut tape: Tape) -> Result<(&'t str, Tape)> {
    if text.len() > bounds.max_bytes || u32::try_from(text.len()).is_err() {
        return Err(JsonError { kind: JsonErrorKind::TooLong, offset: bounds.max_bytes });
    }
    let text = std::str::from_utf8(text)
        .map_err(|error| JsonError { kind: JsonErrorKind::NotUtf8, offset: error.valid_up_to() })?;
    tape.nodes.clear();
    tape.flags = 0;
    let mut parser = Parser { bytes: text.as_bytes(), at: 0, bounds, tape, open: Vec::new() };
    parser.document(text)?;
    Ok((text, parser.tape))
}

struct Parser<'t, 'b> {
    bytes: &'t [u8],
    at: usize,
    bounds: &'b Bounds,
    tape: Tape,
    /// Indices of the containers that are open.
    open: Vec<u32>,
}

/// What may come next inside a container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// A value, or the end of an array that is still empty.
    FirstElement,
    /// A key, or the end of an object that is still empty.
    FirstKey,
    Key,
    /// A comma or the end of the innermost container; the end of the text when none is open.
    AfterValue,
}

impl Parser<'_, '_> {
    fn document(&mut self, text: &str) -> Result<()> {
        let mut expect = Expect::Value;
        loop {
            self.skip_space();
            expect = match expect {
                Expect::FirstElement if self.peek() == Some(b']') => self.close(Kind::Array, text)?,
                Expect::Value | Expect::FirstElement => self.value()?,
                Expect::FirstKey if self.peek() == Some(b'}') => self.close(Kind::Object, text)?,
                Expect::FirstKey | Expect::Key => self.key()?,
                Expect::AfterValue => match self.innermost() {
                    None if self.at == self.bytes.len() => return Ok(()),
                    None => return Err(self.error(JsonErrorKind::TrailingData)),
                    Some(kind) => self.separator(kind, text)?,
                },
            };
        }
    }

    fn value(&mut self) -> Result<Expect> {
        match self.peek() {
            Some(b'{') => self.open(Kind::Object, Expect::FirstKey),
            Some(b'[') => self.open(Kind::Array, Expect::FirstElement),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true", Kind::True),
            Some(b'f') => self.literal(b"false", Kind::False),
            Some(b'n') => self.literal(b"null", Kind::Null),
            Some(_) => Err(self.error(JsonErrorKind::Syntax)),
            None => Err(self.error(JsonErrorKind::UnexpectedEnd)),
        }
    }

    fn key(&mut self) -> Result<Expect> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(_) => return Err(self.error(JsonErrorKind::Syntax)),
            None => return Err(self.error(JsonErrorKind::UnexpectedEnd)),
        };
        self.skip_space();
        self.expect_byte(b':')?;
        Ok(Expect::Value)
    }

    fn separator(&mut self, kind: Kind, text: &str) -> Result<Expect> {
        match (self.peek(), kind) {
            (Some(b','), Kind::Object) => {
                self.at += 1;
                Ok(Expect::Key)
            }
            (Some(b','), _) => {
                self.at += 1;
                Ok(Expect::Value)
            }
            (Some(b'}'), Kind::Object) | (Some(b']'), Kind::Array) => self.close(kind, text),
            (Some(_), _) => Err(self.error(JsonErrorKind::Syntax)),
            (None, _) => Err(self.error(JsonErrorKind::UnexpectedEnd)),
        }
    }

    fn open(&mut self, kind: Kind, expect: Expect) -> Result<Expect> {
        if self.open.len() >= self.bounds.max_depth {
            return Err(self.error(JsonErrorKind::TooDeep));
        }
        let index = self.push(kind, self.at, 0)?;
        self.open.push(index);
        self.at += 1;
        Ok(expect)
    }

    fn close(&mut self, kind: Kind, text: &str) -> Result<Expect> {
        self.at += 1;
        let (end, next) = (offset(self.at), offset(self.tape.nodes.len()));
        let Some(index) = self.open.pop() else { return Err(self.error(JsonErrorKind::Syntax)) };
        let duplicate = kind == Kind::Object && has_duplicate_key(&self.tape.nodes, index, text);
        if let Some(node) = self.tape.nodes.get_mut(index as usize) {
            node.end = end;
            node.next = next;
            if duplicate {
                node.flags |= DUPLICATE_KEY;
                self.tape.flags |= DUPLICATE_KEY;
            }
        }
        Ok(Expect::AfterValue)
    }

    /// Adds a node and counts it in its container. Keys count too: an object's `len` is halved on reading.
    fn push(&mut self, kind: Kind, start: usize, flags: u8) -> Result<u32> {
        let index = offset(self.tape.nodes.len());
        if index as usize >= self.bounds.max_nodes {
            return Err(self.error(JsonErrorKind::TooManyValues));
        }
        let open = self.open.last().copied();
        if let Some(container) = open.and_then(|open| self.tape.nodes.get_mut(open as usize)) {
            container.len += 1;
        }
        let end = offset(self.at);
        self.tape.nodes.push(Node { start: offset(start), end, next: index + 1, len: 0, kind, flags });
        Ok(index)
    }

    fn string(&mut self) -> Result<Expect> {
        let start = self.at;
        self.at += 1;
        let mut flags = 0;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return Err(self.error(JsonErrorKind::UnexpectedEnd));
            };
            let (plain, tail) = rest.split_at(length);
            // Without an early exit the loop vectorizes, and control characters are rare.
            if plain.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < 0x20 {
                return Err(self.error(JsonErrorKind::Syntax));
            }
            self.at += length;
            if tail.first() == Some(&b'"') {
                self.at += 1;
                break;
            }
            flags |= ESCAPED;
            let escape = string::scan_escape(tail).ok_or_else(|| self.error(JsonErrorKind::Syntax))?;
            if escape.lone_surrogate {
                flags |= LONE_SURROGATE;
            }
            self.at += escape.length;
        }
        self.tape.flags |= flags & LONE_SURROGATE;
        self.push(Kind::String, start, flags)?;
        Ok(Expect::AfterValue)
    }

    fn number(&mut self) -> Result<Expect> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.error(JsonErrorKind::Syntax)),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.at - start > self.bounds.max_number_len {
            return Err(JsonError { kind: JsonErrorKind::NumberTooLong, offset: start });
        }
        self.push(Kind::Number, start, 0)?;
        Ok(Expect::AfterValue)
    }

    fn digits(&mut self) -> Result<()> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.error(JsonErrorKind::Syntax));
        }
        self.at += count;
        Ok(())
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<Expect> {
        if !self.bytes.get(self.at..).unwrap_or_default().starts_with(word) {
            return Err(self.error(JsonErrorKind::Syntax));
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, start, 0)?;
        Ok(Expect::AfterValue)
    }

    fn innermost(&self) -> Option<Kind> {
        self.open.last().and_then(|open| self.tape.nodes.get(*open as usize)).map(|node| node.kind)
    }

    fn expect_byte(&mut self, byte: u8) -> Result<()> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.error(JsonErrorKind::Syntax)),
            None => Err(self.error(JsonErrorKind::UnexpectedEnd)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, offset: self.at }
    }
}

/// Offsets fit: the length of the text was checked, and there are fewer nodes than bytes.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Objects up to this size compare their keys pairwise; larger ones use a hash set, so that cost stays linear.
const PAIRWISE: usize = 16;

fn has_duplicate_key(nodes: &[Node], object: u32, text: &str) -> bool {
    let keys = || super::value::Members::of(text, nodes, object).map(|(key, _)| key);
    let count = keys().count();
    if count > PAIRWISE {
        let mut seen = HashSet::with_capacity(count);
        return !keys().filter_map(|key| key.as_str()).all(|key| seen.insert(key));
    }
    keys().enumerate().any(|(index, key)| {
        keys().take(index).any(|earlier| {
            if key.is_escaped() || earlier.is_escaped() {
                key.as_str() == earlier.as_str()
            } else {
                key.raw() == earlier.raw()
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bounds, JsonErrorKind as E};
    use crate::json::Document;

    fn kind_of(text: &[u8]) -> Option<E> {
        Document::parse(text, &Bounds::DEFAULT).err().map(|error| error.kind)
    }

    #[test]
    fn refuses_what_is_not_json() {
        for (text, expected) in [
            ("", E::UnexpectedEnd),
            ("  ", E::UnexpectedEnd),
            ("{", E::UnexpectedEnd),
            ("[1", E::UnexpectedEnd),
            ("\"abc", E::UnexpectedEnd),
            ("{\"a\"", E::UnexpectedEnd),
            ("{\"a\":1,}", E::Syntax),
            ("[1,]", E::Syntax),
            ("[1}", E::Syntax),
            ("{'a':1}", E::Syntax),
            ("{a:1}", E::Syntax),
            ("01", E::TrailingData),
            ("1.", E::Syntax),
            ("-", E::Syntax),
            ("1e", E::Syntax),
            ("NaN", E::Syntax),
            ("Infinity", E::Syntax),
            ("tru", E::Syntax),
            ("1 2", E::TrailingData),
            ("\"\u{1}\"", E::Syntax),
            (r#""\x""#, E::Syntax),
            (r#""\u12""#, E::Syntax),
            ("\u{feff}{}", E::Syntax),
        ] {
            assert_eq!(kind_of(text.as_bytes()), Some(expected), "{text:?}");
        }
        assert_eq!(kind_of(b"\"\xff\""), Some(E::NotUtf8));
        assert_eq!(kind_of(b"\xed\xa0\x80"), Some(E::NotUtf8));
    }

    #[test]
    fn bounds_hold_exactly() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(kind_of(deep(128).as_bytes()), None);
        assert_eq!(kind_of(deep(129).as_bytes()), Some(E::TooDeep));
        assert_eq!(kind_of("[".repeat(100_000).as_bytes()), Some(E::TooDeep));
        assert_eq!(kind_of("9".repeat(128).as_bytes()), None);
        assert_eq!(kind_of("9".repeat(129).as_bytes()), Some(E::NumberTooLong));
        let small = Bounds { max_bytes: 4, max_nodes: 2, ..Bounds::DEFAULT };
        assert_eq!(Document::parse(b"[1]", &small).map(|doc| doc.len()), Ok(2));
        assert_eq!(Document::parse(b"[1,2]", &small).map_err(|error| error.kind).err(), Some(E::TooLong));
        let few = Bounds { max_nodes: 2, ..Bounds::DEFAULT };
        assert_eq!(Document::parse(b"[1,2]", &few).map_err(|error| error.kind).err(), Some(E::TooManyValues));
    }

    #[test]
    fn marks_duplicate_keys_at_any_depth_and_spelling() {
        let duplicates =
            |text: &str| Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap().has_duplicate_keys();
        assert!(duplicates(r#"{"a":1,"a":2}"#));
        assert!(duplicates(r#"{"a":1,"\u0061":2}"#));
        assert!(duplicates(r#"[{"x":{"b":1,"c":{},"b":2}}]"#));
        assert!(!duplicates(r#"{"a":1,"A":2,"b":{"a":1}}"#));
        let wide: Vec<String> = (0..100).map(|n| format!("\"k{n}\":0")).collect();
        assert!(!duplicates(&format!("{{{}}}", wide.join(","))));
        assert!(duplicates(&format!("{{{},\"k42\":1}}", wide.join(","))));
    }

    #[test]
    fn marks_lone_surrogates() {
        let lone =
            |text: &str| Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap().has_lone_surrogates();
        assert!(lone(r#""\ud83d""#));
        assert!(lone(r#""\ude00 x""#));
        assert!(lone(r#"{"\ud83d\u0041":1}"#));
        assert!(!lone(r#""\ud83d\ude00""#));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}\":,0-9eE.+\\-a-f\\\\u ntrl]{0,40}") {
            // The depth and number bounds are not reached by 40 characters.
            let ours = Document::parse(text.as_bytes(), &Bounds::DEFAULT);
            let theirs: Result<Box<serde_json::value::RawValue>, _> = serde_json::from_str(&text);
            let valid = ours.as_ref().is_ok_and(|doc| !doc.has_lone_surrogates());
            if ours.as_ref().is_ok_and(Document::has_lone_surrogates) { return Ok(()); }
            prop_assert_eq!(valid, theirs.is_ok());
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Document::parse(&bytes, &Bounds::DEFAULT);
        }
    }
}
