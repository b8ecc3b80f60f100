//! Reads the id and the method out of a message that is too long to keep, in constant memory.
//!
//! The bytes of the line are pushed as they come and forgotten. Only what stands at the top level of the
//! object is looked at, so an `"id"` inside the arguments is never taken for the message's own.

use std::mem;

/// The longest key, id or method that is recognised, in bytes as written.
const MAX_TOKEN: usize = 256;

/// What could be told about a line that was too long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skimmed {
    /// The raw JSON token of the top-level `id`: a string with its quotes, or a number as it was written.
    /// `None` when there is none, or two, or anything else, or when the line is no JSON object.
    pub id: Option<String>,
    /// The top-level `method`, unescaped; `None` under the same conditions.
    pub method: Option<String>,
}

/// A push parser that remembers at most one token of 256 bytes.
#[derive(Debug, Default)]
pub struct Skimmer {
    depth: usize,
    place: Place,
    text: Text,
    token: Vec<u8>,
    token_is_whole: bool,
    wanted: Option<Wanted>,
    id: Slot,
    method: Slot,
    /// Not an object, or its top level makes no sense: nothing found in it counts.
    broken: bool,
}

/// Where the next byte outside a string stands; exact at the top level only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Key,
    Colon,
    Value,
    AfterValue,
    End,
}

/// Whether the next byte is inside a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    AfterBackslash,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Id,
    Method,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Unseen,
    Found(String),
    /// Seen twice, or of a type it cannot have.
    Unusable,
}

impl Slot {
    fn fill(&mut self, value: Option<String>) {
        *self = match (mem::take(self), value) {
            (Self::Unseen, Some(value)) => Self::Found(value),
            _ => Self::Unusable,
        };
    }

    fn found(self) -> Option<String> {
        match self {
            Self::Found(value) => Some(value),
            Self::Unseen | Self::Unusable => None,
        }
    }
}

impl Skimmer {
    /// A skimmer at the start of a line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the line. Linear in their number; pieces may be cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if self.broken {
                return;
            }
            rest = match self.text {
                Text::Outside => {
                    self.structure(byte);
                    after
                }
                Text::Inside => self.inside(rest),
                Text::AfterBackslash => {
                    self.keep(&[byte]);
                    self.text = Text::Inside;
                    after
                }
            };
        }
    }

    /// What was found, once the line has ended. A line that breaks off in the middle still counts: its
    /// sender waits for an answer all the same.
    pub fn finish(self) -> Skimmed {
        if self.broken {
            return Skimmed::default();
        }
        Skimmed { id: self.id.found(), method: self.method.found() }
    }

    /// Inside a string: runs to the next quote or backslash and returns what follows it.
    fn inside<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let stop = bytes.iter().position(|&byte| byte == b'"' || byte == b'\\');
        let Some((run, after)) = stop.and_then(|stop| bytes.split_at_checked(stop + 1)) else {
            self.keep(bytes);
            return &[];
        };
        self.keep(run);
        if run.last() == Some(&b'\\') {
            self.text = Text::AfterBackslash;
        } else {
            self.text = Text::Outside;
            self.string_ended();
        }
        after
    }

    /// One byte outside any string.
    fn structure(&mut self, byte: u8) {
        if self.depth > 1 {
            match byte {
                b'"' => self.text = Text::Inside,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.container_ended(),
                _ => {}
            }
            return;
        }
        match (byte, self.place) {
            (b' ' | b'\t' | b'\r', _) => self.scalar_ended(),
            (b'{', Place::Start) => {
                self.depth = 1;
                self.place = Place::Key;
            }
            (b'"', Place::Key | Place::Value) => {
                self.start_token();
                self.keep(b"\"");
                self.text = Text::Inside;
            }
            (b':', Place::Colon) => {
                self.place = Place::Value;
                self.start_token();
            }
            (b',', Place::Value | Place::AfterValue) => {
                self.scalar_ended();
                self.place = Place::Key;
            }
            (b'{' | b'[', Place::Value) => {
                self.fill(None);
                self.depth = 2;
            }
            // `{}`, or the end of the last value.
            (b'}', Place::Key | Place::Value | Place::AfterValue) => {
                self.scalar_ended();
                self.container_ended();
            }
            (_, Place::Value) => self.keep(&[byte]),
            _ => self.broken = true,
        }
    }

    fn container_ended(&mut self) {
        self.depth -= 1;
        match self.depth {
            0 => self.place = Place::End,
            1 => self.place = Place::AfterValue,
            _ => {}
        }
    }

    fn string_ended(&mut self) {
        if self.depth != 1 {
            return;
        }
        let text = self.token_is_whole.then(|| serde_json::from_slice::<String>(&self.token).ok()).flatten();
        if self.place == Place::Key {
            self.wanted = match text.as_deref() {
                Some("id") => Some(Wanted::Id),
                Some("method") => Some(Wanted::Method),
                _ => None,
            };
            self.place = Place::Colon;
            return;
        }
        let raw = text.as_ref().and_then(|_| String::from_utf8(self.token.clone()).ok());
        self.fill(match self.wanted {
            Some(Wanted::Method) => text,
            Some(Wanted::Id) | None => raw,
        });
        self.place = Place::AfterValue;
    }

    /// White space or a delimiter after a number, `true`, `false` or `null`.
    fn scalar_ended(&mut self) {
        if self.place != Place::Value || self.token.is_empty() {
            return;
        }
        let number = self.token_is_whole && serde_json::from_slice::<serde_json::Number>(&self.token).is_ok();
        let raw = number.then(|| String::from_utf8(mem::take(&mut self.token)).ok()).flatten();
        let is_id = matches!(self.wanted, Some(Wanted::Id));
        self.fill(raw.filter(|_| is_id));
        self.place = Place::AfterValue;
    }

    fn fill(&mut self, value: Option<String>) {
        match self.wanted.take() {
            Some(Wanted::Id) => self.id.fill(value),
            Some(Wanted::Method) => self.method.fill(value),
            None => {}
        }
    }

    fn start_token(&mut self) {
        self.token.clear();
        self.token_is_whole = true;
    }

    /// Remembers bytes of a top-level token, up to the bound.
    fn keep(&mut self, bytes: &[u8]) {
        if self.depth != 1 || !self.token_is_whole {
            return;
        }
        if self.token.len() + bytes.len() > MAX_TOKEN {
            self.token_is_whole = false;
        } else {
            self.token.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skim(line: &[u8], piece: usize) -> Skimmed {
        let mut skimmer = Skimmer::new();
        line.chunks(piece).for_each(|bytes| skimmer.push(bytes));
        skimmer.finish()
    }

    #[test]
    fn finds_the_top_level_id_and_method_wherever_the_line_is_cut() {
        let long_id = format!(r#"{{"id":"{}"}}"#, "x".repeat(300));
        let cases: &[(&str, Option<&str>, Option<&str>)] = &[
            (r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#, Some("7"), Some("tools/call")),
            (r#"{ "method" : "a\/b" , "id" : "q\"\u0031" }"#, Some(r#""q\"\u0031""#), Some("a/b")),
            (r#"{"params":{"id":1,"x":["}",{"id":2}]},"id":3}"#, Some("3"), None),
            (r#"{"result":"{\"id\":9}","id":18446744073709551616}"#, Some("18446744073709551616"), None),
            (r#"{"i\u0064":4}"#, Some("4"), None),
            (r#"{"id":-1}"#, Some("-1"), None),
            ("{\"id\":1}\r", Some("1"), None),
            (r#"{"id":5,"params":{"text":"cut he"#, Some("5"), None),
            // Nothing to answer to.
            (r#"{"id":null,"method":1}"#, None, None),
            (r#"{"id":true}"#, None, None),
            (r#"{"id":{"a":1}}"#, None, None),
            (r#"{"id":1,"id":2}"#, None, None),
            (r#"{"id":1,"id":{}}"#, None, None),
            (r#"[{"id":1}]"#, None, None),
            (r#"{"id":1}{"id":2}"#, None, None),
            (r#"{"id":1]"#, None, None),
            (r#""id":1"#, None, None),
            (r"{}", None, None),
            ("", None, None),
            ("garbage", None, None),
            (&long_id, None, None),
        ];
        for &(line, id, method) in cases {
            let want = Skimmed { id: id.map(str::to_owned), method: method.map(str::to_owned) };
            for piece in [1, 2, 3, 7, 1000] {
                assert_eq!(skim(line.as_bytes(), piece), want, "{line} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn big_numbers_are_kept_as_written() {
        let line = br#"{"id":12345678901234567890123}"#;
        assert_eq!(skim(line, 5).id.as_deref(), Some("12345678901234567890123"));
    }

    #[test]
    fn memory_does_not_grow_with_the_line() {
        let mut skimmer = Skimmer::new();
        skimmer.push(br#"{"k":""#);
        for _ in 0..10_000 {
            skimmer.push(&[b'x'; 1000]);
        }
        skimmer.push(br#"","deep":"#);
        for _ in 0..100_000 {
            skimmer.push(b"[");
        }
        assert!(skimmer.token.capacity() <= 2 * MAX_TOKEN);
    }
}
