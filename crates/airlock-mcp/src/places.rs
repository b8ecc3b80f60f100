//! Where text that the model reads hides in a message.
//!
//! The walk starts from "everything" and takes out what only machines read: ids, cursors, opaque state and
//! encoded media. A block or a member that the protocol does not know yet is therefore protected too.

use agent_airlock::{Part, json::Value};

/// Members that must come back exactly as they were sent; nobody reads them.
const OPAQUE: &[&str] =
    &["nextCursor", "requestState", "progressToken", "taskId", "requestId", "protocolVersion", "resultType"];

/// What kind of answer a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `tools/call`, `tasks/result`: content blocks and structured content.
    Tool,
    /// `resources/read`: resource contents.
    Resource,
    /// `prompts/get`: messages.
    Prompt,
    /// Anything else.
    Other,
}

/// The places in a result.
pub(crate) fn of_result(answer: Answer, result: Value<'_>) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let list = match answer {
        Answer::Tool => "content",
        Answer::Resource => "contents",
        Answer::Prompt => "messages",
        Answer::Other => "",
    };
    if !result.is_object() {
        parts.push(Part::Json(result));
        return parts;
    }
    for (key, value) in result.members() {
        let name = key.as_str().unwrap_or_default();
        if !list.is_empty() && name == list && value.is_array() {
            for item in value.elements() {
                match answer {
                    Answer::Tool => block(item, &mut parts),
                    Answer::Resource => contents(item, &mut parts),
                    _ => message(item, &mut parts),
                }
            }
        } else if !OPAQUE.contains(&&*name) {
            member(key, value, &mut parts);
        }
    }
    parts
}

/// The places in an error answer.
pub(crate) fn of_error(error: Value<'_>) -> Vec<Part<'_>> {
    vec![Part::Json(error)]
}

/// The places in the parameters of a server's request or notification.
pub(crate) fn of_params(params: Value<'_>) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (key, value) in params.members() {
        let name = key.as_str().unwrap_or_default();
        if name == "messages" && value.is_array() {
            value.elements().for_each(|item| message(item, &mut parts));
        } else if !OPAQUE.contains(&&*name) {
            member(key, value, &mut parts);
        }
    }
    parts
}

/// One member with its key, which tells what the value is.
fn member<'d>(key: Value<'d>, value: Value<'d>, parts: &mut Vec<Part<'d>>) {
    parts.push(Part::Member(key, value));
}

/// One content block.
fn block<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    let is = |kind: &str| item.get("type").is_some_and(|own| own.is_text(kind));
    let media = is("image") || is("audio");
    let text = is("text");
    for (key, value) in item.members() {
        match key.as_str().as_deref() {
            Some("data") if media => {}
            Some("text") if text => push_text(value, parts),
            Some("resource") if is("resource") => contents(value, parts),
            // A tool's result inside a message has blocks of its own.
            Some("content") if value.is_array() => {
                value.elements().for_each(|inner| block_shallow(inner, parts));
            }
            _ => member(key, value, parts),
        }
    }
    if !item.is_object() {
        parts.push(Part::Json(item));
    }
}

/// A block inside a block: its text is text, the rest is protected as a whole.
fn block_shallow<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    let is_media = item.get("type").is_some_and(|own| own.is_text("image") || own.is_text("audio"));
    for (key, value) in item.members() {
        match key.as_str().as_deref() {
            Some("data") if is_media => {}
            Some("text") => push_text(value, parts),
            _ => member(key, value, parts),
        }
    }
    if !item.is_object() {
        parts.push(Part::Json(item));
    }
}

/// The contents of a resource: text, or a blob of base64.
fn contents<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    for (key, value) in item.members() {
        match key.as_str().as_deref() {
            Some("text") => push_text(value, parts),
            Some("blob") => parts.push(Part::Blob(value)),
            _ => member(key, value, parts),
        }
    }
    if !item.is_object() {
        parts.push(Part::Json(item));
    }
}

/// A message of a prompt or of sampling: a role and one content block, or several.
fn message<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    for (key, value) in item.members() {
        match key.as_str().as_deref() {
            Some("content") if value.is_array() => value.elements().for_each(|inner| block(inner, parts)),
            Some("content") if value.is_object() => block(value, parts),
            _ => member(key, value, parts),
        }
    }
    if !item.is_object() {
        parts.push(Part::Json(item));
    }
}

fn push_text<'d>(value: Value<'d>, parts: &mut Vec<Part<'d>>) {
    parts.push(if value.raw_string_content().is_some() { Part::Text(value) } else { Part::Json(value) });
}
