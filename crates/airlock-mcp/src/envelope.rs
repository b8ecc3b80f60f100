//! The JSON-RPC envelope: what kind of message is this, read in place.
//!
//! A message that cannot be told is refused by the guard, never forwarded: a peer behind it might read it
//! in another way (the first or the last of two members, a batch member by member).

use std::fmt;

use airlock_engine::{
    json::{Document, Kind, Value},
    policy::fold_lenient,
};

use crate::method::ClientMethod;

/// Longest id as it is written, in bytes: ids are kept for as long as nobody answers, and their writers are not trusted.
const MAX_ID_BYTES: usize = 1024;

/// A request id: a string of at most 1 KiB or an integer, compared by what it means and forwarded as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// An integer of at most 64 bits, signed or unsigned.
    Number(i128),
    /// A string, decoded.
    Text(Box<str>),
}

impl Id {
    /// Reads an id; `None` for null, fractions, exponents, more than 64 bits or 1 KiB, and other kinds.
    pub fn read(value: Value<'_>) -> Option<Self> {
        if value.raw().len() > MAX_ID_BYTES {
            return None;
        }
        match value.kind() {
            Kind::String if !value.has_lone_surrogate() => value.as_str().map(|text| Self::Text(text.into())),
            Kind::Number => {
                let number: i128 = value.as_number()?.parse().ok()?;
                let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
                range.contains(&number).then_some(Self::Number(number))
            }
            _ => None,
        }
    }
}

/// One message, classified.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Envelope<'d> {
    Request {
        id: Value<'d>,
        method: Value<'d>,
        params: Option<Value<'d>>,
    },
    Notification {
        method: Value<'d>,
        params: Option<Value<'d>>,
    },
    Result {
        id: Value<'d>,
        result: Value<'d>,
    },
    /// The id is `null` when the peer could not tell which request failed.
    Error {
        id: Value<'d>,
        error: Value<'d>,
    },
}

/// Why a message cannot be classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// An array of messages. It would smuggle calls past a guard that judges one at a time.
    Batch,
    NotAnObject,
    DuplicateKey,
    /// A member or a method that a lenient reader would take for one of the protocol's.
    LookAlike,
    /// `jsonrpc` is not `"2.0"`.
    Version,
    /// Not a string of at most 1 KiB or an integer of at most 64 bits.
    Id,
    /// Neither a request nor a notification nor an answer, or several of them at once.
    Shape,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Batch => "a batch is not accepted: send one message per line",
            Self::NotAnObject => "the message is not an object",
            Self::DuplicateKey => "an object in the message names a member twice",
            Self::LookAlike => {
                "a name in the message looks like one of the protocol and is spelled otherwise"
            }
            Self::Version => "`jsonrpc` is not \"2.0\"",
            Self::Id => "`id` is not a string of at most 1 KiB or an integer of at most 64 bits",
            Self::Shape => "the message is neither a request nor a notification nor an answer",
        })
    }
}

impl<'d> Envelope<'d> {
    pub(crate) fn classify(doc: &'d Document<'_>) -> Result<Self, Malformed> {
        let root = doc.root();
        match root.kind() {
            Kind::Object => {}
            Kind::Array => return Err(Malformed::Batch),
            _ => return Err(Malformed::NotAnObject),
        }
        if doc.has_duplicate_keys() {
            return Err(Malformed::DuplicateKey);
        }
        if !root.get("jsonrpc").is_some_and(|version| version.is_text("2.0")) {
            return Err(Malformed::Version);
        }
        let params = root.get("params");
        let mut members = root.members().chain(params.into_iter().flat_map(|params| params.members()));
        if members.any(|(key, _)| is_look_alike(key)) {
            return Err(Malformed::LookAlike);
        }
        let (id, method) = (root.get("id"), root.get("method"));
        let (result, error) = (root.get("result"), root.get("error"));
        match (id, method, result, error) {
            (Some(id), Some(method), None, None) => {
                Id::read(id).ok_or(Malformed::Id)?;
                let params = well_formed_params(params)?;
                readable(method).map(|method| Self::Request { id, method, params })
            }
            (None, Some(method), None, None) => {
                let params = well_formed_params(params)?;
                readable(method).map(|method| Self::Notification { method, params })
            }
            (Some(id), None, Some(result), None) => {
                Id::read(id).ok_or(Malformed::Id)?;
                Ok(Self::Result { id, result })
            }
            (Some(id), None, None, Some(error)) => {
                if id.kind() != Kind::Null {
                    Id::read(id).ok_or(Malformed::Id)?;
                }
                if error.is_object() { Ok(Self::Error { id, error }) } else { Err(Malformed::Shape) }
            }
            _ => Err(Malformed::Shape),
        }
    }
}

/// MCP has named parameters only.
fn well_formed_params(params: Option<Value<'_>>) -> Result<Option<Value<'_>>, Malformed> {
    match params {
        Some(params) if !params.is_object() => Err(Malformed::Shape),
        params => Ok(params),
    }
}

fn readable(method: Value<'_>) -> Result<Value<'_>, Malformed> {
    if method.kind() != Kind::String || method.has_lone_surrogate() {
        return Err(Malformed::Shape);
    }
    let name = method.as_str().unwrap_or_default();
    let folded = fold_lenient(&name);
    if folded != *name && ClientMethod::of(&folded) != ClientMethod::Other {
        return Err(Malformed::LookAlike);
    }
    Ok(method)
}

/// Members of the envelope and of parameters on which a decision rests.
const WORDS: &[&str] = &[
    "jsonrpc",
    "id",
    "method",
    "params",
    "result",
    "error",
    "name",
    "arguments",
    "uri",
    "ref",
    "argument",
    "cursor",
    "_meta",
    "requestId",
    "task",
    "inputResponses",
    "requestState",
    "notifications",
];

/// Some decoders take names without regard to case or to a trailing NUL (Go's `encoding/json`: CVE-2026-27896,
/// GHSA-q382-vc8q-7jhj). What they would take for a word of the protocol must be spelled as one.
fn is_look_alike(key: Value<'_>) -> bool {
    let name = key.as_str().unwrap_or_default();
    if WORDS.contains(&&*name) {
        return false;
    }
    let folded = fold_lenient(&name);
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(&folded))
}

#[cfg(test)]
mod tests {
    use airlock_engine::json::{Bounds, Document};

    use super::{Envelope, Id, Malformed};

    fn classify(text: &str) -> Result<&'static str, Malformed> {
        let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
        Envelope::classify(&doc).map(|envelope| match envelope {
            Envelope::Request { .. } => "request",
            Envelope::Notification { .. } => "notification",
            Envelope::Result { .. } => "result",
            Envelope::Error { .. } => "error",
        })
    }

    #[test]
    fn tells_the_four_kinds() {
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Ok("request")),
            (r#"{"id":"a","method":"x","params":{},"jsonrpc":"2.0","vendor":1}"#, Ok("request")),
            (r#"{"jsonrpc":"2.0","id":18446744073709551615,"method":"x"}"#, Ok("request")),
            (r#"{"jsonrpc":"2.0","method":"x"}"#, Ok("notification")),
            (r#"{"jsonrpc":"2.0","id":-1,"result":null}"#, Ok("result")),
            (r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}"#, Ok("error")),
            (r#"{"jsonrpc":"\u0032.0","id":1,"method":"ping"}"#, Ok("request")),
            (r#"{"jsonrpc":"2.0","id":1,"method":"Vendor/Thing","params":{"Data":1}}"#, Ok("request")),
        ] {
            assert_eq!(classify(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_another_reader_might_read_otherwise() {
        for (text, expected) in [
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Malformed::Batch),
            ("[]", Malformed::Batch),
            ("1", Malformed::NotAnObject),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, Malformed::DuplicateKey),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":{"y":1,"y":2}}}"#,
                Malformed::DuplicateKey,
            ),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#, Malformed::LookAlike),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method\u0000":"tools/call"}"#, Malformed::LookAlike),
            (r#"{"jsonrpc":"2.0","method":"x","ID":1}"#, Malformed::LookAlike),
            (r#"{"jsonrpc":"2.0","id":1,"Result":{},"result":{}}"#, Malformed::LookAlike),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
                Malformed::LookAlike,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"argument\u017f":{}}}"#,
                Malformed::LookAlike,
            ),
            (r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{}}"#, Malformed::LookAlike),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/cal\u006c\u0000"}"#, Malformed::LookAlike),
            (r#"{"id":1,"method":"a"}"#, Malformed::Version),
            (r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, Malformed::Version),
            (r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, Malformed::Version),
            (r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, Malformed::Id),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#, Malformed::Id),
            (r#"{"jsonrpc":"2.0","id":1e2,"method":"a"}"#, Malformed::Id),
            (r#"{"jsonrpc":"2.0","id":18446744073709551616,"method":"a"}"#, Malformed::Id),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"a"}"#, Malformed::Id),
            (r#"{"jsonrpc":"2.0","id":true,"result":1}"#, Malformed::Id),
            (r#"{"jsonrpc":"2.0","id":null,"result":1}"#, Malformed::Id),
            (r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","result":1}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","id":1}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","result":1}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","id":1,"method":1}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","id":1,"error":"x"}"#, Malformed::Shape),
            (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, Malformed::Shape),
        ] {
            assert_eq!(classify(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn ids_compare_by_meaning() {
        let id = |text: &str| {
            let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
            Id::read(doc.root())
        };
        assert_eq!(id(r#""a""#), id(r#""\u0061""#));
        assert_eq!(id("-0"), id("0"));
        assert_ne!(id("1"), id(r#""1""#));
    }

    #[test]
    fn ids_are_bounded_as_they_are_written() {
        for (length, expected) in [(1022, Ok("request")), (1023, Err(Malformed::Id))] {
            let id = "z".repeat(length);
            let request = format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"ping"}}"#);
            assert_eq!(classify(&request), expected, "{length}");
            let answer = format!(r#"{{"jsonrpc":"2.0","id":"{id}","result":{{}}}}"#);
            assert_eq!(classify(&answer).map(|_| "request"), expected, "{length}");
        }
    }
}
