//! Where text that the model reads hides in a message.
//!
//! The walk starts from "everything" and takes out only what a machine must get back as it was sent: ids,
//! cursors, opaque state, the protocol's own counts, and encoded media. Each of them is left alone at the
//! place where the protocol has it and with the kind of value that it has there; anything else of that name
//! is protected, and so is a block or a member that the protocol does not know yet.

use airlock_engine::{
    Part,
    json::{Kind, Value},
};

/// Metadata that ties a message to a task.
const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

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
    let is_type = |kind: &str| result.get("resultType").is_some_and(|own| own.is_text(kind));
    let (lists, asks) = (answer == Answer::Other, is_type("input_required"));
    let is_task = (lists || is_type("task")) && describes_task(result);
    each_member(result, &mut parts, |name, value, parts| {
        match name {
            "content" if answer == Answer::Tool && value.is_array() => each(value, parts, block),
            "contents" if answer == Answer::Resource && value.is_array() => each(value, parts, contents),
            "messages" if answer == Answer::Prompt && value.is_array() => each(value, parts, message),
            "resources" if lists && value.is_array() => each(value, parts, resource),
            "tasks" if lists && value.is_array() => each(value, parts, task),
            "task" if describes_task(value) => task(value, parts),
            "_meta" if value.is_object() => meta(value, parts),
            "nextCursor" if lists => return value.kind() == Kind::String,
            "requestState" if asks => return value.kind() == Kind::String,
            // How long the answer may be kept; every result of the later era has it.
            "ttlMs" => return value.kind() == Kind::Number,
            _ => return is_task && is_of_task(name, value),
        }
        true
    });
    parts
}

/// The places in an error answer.
pub(crate) fn of_error(error: Value<'_>) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    each_member(error, &mut parts, |name, value, _| name == "code" && value.kind() == Kind::Number);
    parts
}

/// The places in the parameters of a server's request or notification.
pub(crate) fn of_params(params: Value<'_>) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let reports_progress = params.get("progressToken").is_some_and(is_id);
    let is_task = describes_task(params);
    each_member(params, &mut parts, |name, value, parts| {
        match name {
            "messages" if value.is_array() => each(value, parts, message),
            "_meta" if value.is_object() => meta(value, parts),
            "progressToken" | "requestId" => return is_id(value),
            "elicitationId" => return value.kind() == Kind::String,
            "progress" | "total" if reports_progress => return value.kind() == Kind::Number,
            _ => return is_task && is_of_task(name, value),
        }
        true
    });
    parts
}

/// The places of a message beside its envelope and its payload: members that no version of the protocol has.
pub(crate) fn of_root(root: Value<'_>) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    if root.is_object() {
        each_member(root, &mut parts, |name, _, _| {
            matches!(name, "jsonrpc" | "id" | "method" | "result" | "error" | "params")
        });
    }
    parts
}

/// Walks the members of an object. `taken` tells whether a member is seen to; every other one is protected as
/// a whole with its key, and so is a value that is no object.
fn each_member<'d>(
    object: Value<'d>,
    parts: &mut Vec<Part<'d>>,
    mut taken: impl FnMut(&str, Value<'d>, &mut Vec<Part<'d>>) -> bool,
) {
    if !object.is_object() {
        parts.push(Part::Json(object));
        return;
    }
    for (key, value) in object.members() {
        if !taken(&key.as_str().unwrap_or_default(), value, parts) {
            parts.push(Part::Member(object, key, value));
        }
    }
}

fn each<'d>(list: Value<'d>, parts: &mut Vec<Part<'d>>, place: fn(Value<'d>, &mut Vec<Part<'d>>)) {
    list.elements().for_each(|item| place(item, parts));
}

/// One content block. Blocks nest (a tool's result inside a message); the depth is the document's.
fn block<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    let is = |kind: &str| item.get("type").is_some_and(|own| own.is_text(kind));
    let (text, embedded, link) = (is("text"), is("resource"), is("resource_link"));
    let media = is("image") || is("audio");
    let is_binary = media && !is_textual(item.get("mimeType"));
    each_member(item, parts, |name, value, parts| {
        match name {
            "data" if media && value.kind() == Kind::String => {
                parts.push(if is_binary { Part::Media(value) } else { Part::Blob(value) });
            }
            "text" if text => return push_text(value, parts),
            "resource" if embedded => contents(value, parts),
            "size" if link => return value.kind() == Kind::Number,
            "content" if value.is_array() => each(value, parts, block),
            _ => return false,
        }
        true
    });
}

/// Whether bytes of this type are text to whoever gets them; bytes of no type may be.
fn is_textual(mime: Option<Value<'_>>) -> bool {
    let Some(mime) = mime.and_then(|mime| mime.as_str()) else { return true };
    let mime = mime.to_ascii_lowercase();
    mime.trim_start().starts_with("text/") || ["svg", "json", "xml"].iter().any(|word| mime.contains(word))
}

/// The contents of a resource: text, or a blob of base64.
fn contents<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    each_member(item, parts, |name, value, parts| match name {
        "text" => push_text(value, parts),
        "blob" if value.kind() == Kind::String => {
            parts.push(Part::Blob(value));
            true
        }
        _ => false,
    });
}

/// A resource as a list describes it.
fn resource<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    each_member(item, parts, |name, value, _| name == "size" && value.kind() == Kind::Number);
}

/// A message of a prompt or of sampling: a role and one content block, or several.
fn message<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    each_member(item, parts, |name, value, parts| {
        match name {
            "content" if value.is_array() => each(value, parts, block),
            "content" if value.is_object() => block(value, parts),
            _ => return false,
        }
        true
    });
}

/// Whether the object is a task, and not only has a member that is named like a task's.
fn describes_task(object: Value<'_>) -> bool {
    const STATES: [&str; 5] = ["working", "input_required", "completed", "failed", "cancelled"];
    let state = object.get("status");
    object.get("taskId").is_some() && state.is_some_and(|state| STATES.iter().any(|own| state.is_text(own)))
}

/// A task, or a reference to one.
fn task<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    each_member(item, parts, |name, value, _| is_of_task(name, value));
}

fn is_of_task(name: &str, value: Value<'_>) -> bool {
    match name {
        "taskId" => value.kind() == Kind::String,
        "ttl" | "ttlMs" | "pollInterval" | "pollIntervalMs" => value.kind() == Kind::Number,
        _ => false,
    }
}

/// Metadata of a message.
fn meta<'d>(item: Value<'d>, parts: &mut Vec<Part<'d>>) {
    each_member(item, parts, |name, value, parts| match name {
        RELATED_TASK if value.is_object() => {
            task(value, parts);
            true
        }
        "progressToken" => is_id(value),
        _ => false,
    });
}

/// Ids and tokens are strings or numbers.
fn is_id(value: Value<'_>) -> bool {
    matches!(value.kind(), Kind::String | Kind::Number)
}

fn push_text<'d>(value: Value<'d>, parts: &mut Vec<Part<'d>>) -> bool {
    let is_text = value.kind() == Kind::String;
    if is_text {
        parts.push(Part::Text(value));
    }
    is_text
}
