//! Just enough of JSON-RPC to drive and compare sessions of raw lines.

use serde_json::Value;

use crate::Outcome;

/// The JSON of a line, if it is JSON.
pub fn json(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok()
}

/// The id of the response in a line, if it is one.
pub fn response_id(line: &[u8]) -> Option<Value> {
    let message = json(line)?;
    if message.get("method").is_some() { None } else { message.get("id").cloned() }
}

/// The method and the id of the request in a line, if it is one.
pub fn request(line: &[u8]) -> Option<(String, Value)> {
    let message = json(line)?;
    Some((message.get("method")?.as_str()?.to_owned(), message.get("id")?.clone()))
}

/// Whether the line belongs to the guard's own conversation with the server: it asks for `tools/list` itself,
/// under string ids with a prefix of its own.
pub fn is_the_guards_own(line: &[u8]) -> bool {
    json(line)
        .and_then(|message| message.get("id")?.as_str().map(|id| id.starts_with("airlock-")))
        .unwrap_or(false)
}

/// Cuts bytes into lines that keep their line feed.
pub fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// The lines as text, for messages that a person has to read.
pub fn readable(lines: &[Vec<u8>]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// Compares two records byte for byte.
///
/// # Errors
///
/// Shows the first line that differs.
pub fn expect_same(what: &str, found: &[Vec<u8>], wanted: &[Vec<u8>]) -> Outcome {
    let count = found.len().max(wanted.len());
    let Some(at) = (0..count).find(|&at| found.get(at) != wanted.get(at)) else {
        return Ok(());
    };
    let show = |lines: &[Vec<u8>]| {
        lines.get(at).map_or("nothing".to_owned(), |line| String::from_utf8_lossy(line).into_owned())
    };
    Err(format!("{what}: line {at} is {}\ninstead of {}", show(found), show(wanted)).into())
}
