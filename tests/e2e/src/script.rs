//! The sessions that the tests play: for each server and revision, as much of the protocol as it offers, in
//! lines that are as odd as they may be (order of keys, spaces, escapes, exact numbers, fields of a vendor).

use std::path::Path;

use serde_json::{Value, json};

use crate::peers::served;
use crate::{Peer, Revision};

/// One step of a session.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends a line; when it is a request, waits for its answer.
    Send(String),
    /// Waits for a message of this method from the server.
    Await(&'static str),
}

/// Everything a session with `peer` in `revision` does; `folder` is the test's own.
pub fn session(peer: Peer, revision: Revision, folder: &Path) -> Vec<Step> {
    let mut steps = opening(revision, &json!({}));
    match peer {
        Peer::Filesystem => steps.extend(filesystem(folder)),
        Peer::Everything => steps.extend(everything()),
        Peer::Python | Peer::Rmcp => steps.extend(fixture(revision)),
    }
    steps
}

/// The steps before the first call: the handshake, or `server/discover`.
pub fn opening(revision: Revision, capabilities: &Value) -> Vec<Step> {
    if revision == Revision::V2026Jul {
        let discover = modern(json!({"jsonrpc": "2.0", "id": "discover", "method": "server/discover"}));
        return vec![send(&discover)];
    }
    let initialize = format!(
        r#"{{"jsonrpc":"2.0", "id":0, "method":"initialize", "params":{{"protocolVersion":"{}","capabilities":{capabilities},"clientInfo":{{"name":"e2e","version":"1.0","x-vendor":[1e2,0.10]}}}}}}"#,
        revision.as_str()
    );
    vec![
        Step::Send(initialize),
        Step::Send(r#"{"method":"notifications/initialized","jsonrpc":"2.0"}"#.to_owned()),
        Step::Send(r#"{"jsonrpc":"2.0","id":"ping","method":"ping"}"#.to_owned()),
    ]
}

/// A `tools/call` of `arguments`, given as raw JSON, in the form of `revision`.
pub fn call(revision: Revision, id: &str, tool: &str, arguments: &str) -> String {
    let meta =
        if revision == Revision::V2026Jul { format!(r#","_meta":{}"#, modern_meta()) } else { String::new() };
    format!(
        r#"{{"jsonrpc":"2.0","id":"{id}","method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}{meta}}}}}"#
    )
}

/// A request of any other method, in the form of `revision`.
pub fn request(revision: Revision, id: &str, method: &str, params: &Value) -> String {
    let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    if revision == Revision::V2026Jul { modern(message).to_string() } else { message.to_string() }
}

/// A session in which the server asks the client: for its roots, for a completion, for the user's input.
pub fn server_asks() -> Vec<Step> {
    let capabilities = json!({"roots": {"listChanged": true}, "sampling": {}, "elicitation": {}});
    let mut steps = opening(Revision::V2025Nov, &capabilities);
    steps.push(Step::Await("roots/list"));
    steps.extend(
        [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get-roots-list","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"trigger-sampling-request","arguments":{"prompt":"Gr\u00fc\u00dfe","maxTokens":7}}}"#,
            r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"trigger-elicitation-request","arguments":{}}}"#,
        ]
        .map(|line| Step::Send(line.to_owned())),
    );
    steps
}

fn filesystem(folder: &Path) -> Vec<Step> {
    let served = served(folder).display().to_string();
    [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#.to_owned(),
        format!(r#"{{"id":2,"params":{{"arguments":{{"head":2.0,"path":"{served}/hello.txt"}},"name":"read_text_file"}},"method":"tools/call","jsonrpc":"2.0"}}"#),
        format!(r#"{{ "jsonrpc" : "2.0", "id" : "\u0061-3", "method" : "tools/call", "params" : {{ "name" : "list_directory", "arguments" : {{ "path" : "{served}" }}, "_meta" : {{ "x-vendor/exact" : 12345678901234567890123, "small" : 1.0e-400 }} }} }}"#),
        format!(r#"{{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{{"name":"list_directory_with_sizes","arguments":{{"path":"{served}","sortBy":"size"}}}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{{"name":"edit_file","arguments":{{"path":"{served}/hello.txt","edits":[{{"oldText":"second","newText":"2nd \ud83d\ude80"}}],"dryRun":true}}}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{{"name":"read_multiple_files","arguments":{{"paths":["{served}/hello.txt","{served}/letters/a.txt"]}}}}}}"#),
        // The server's own refusal: outside of what it serves.
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read_text_file","arguments":{"path":"/etc/hostname"}}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":8,"method":"x-vendor/unknown","params":{"n":1e2}}"#.to_owned(),
    ]
    .map(Step::Send)
    .to_vec()
}

fn everything() -> Vec<Step> {
    [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"message":"Gr\u00fc\u00dfe \ud83d\ude80 <b>\/<\/b>"}}}"#,
        r#"{ "id" : 3 , "jsonrpc" : "2.0" , "params" : { "arguments" : { "b" : 2.50 , "a" : -0.0 } , "name" : "get-sum" } , "method" : "tools/call" }"#,
        r#"{"jsonrpc":"2.0","id":9007199254740991,"method":"tools/call","params":{"name":"get-structured-content","arguments":{"location":"Chicago"}}}"#,
        r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"get-annotated-message","arguments":{"messageType":"error","includeImage":true}}}"#,
        r#"{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"get-tiny-image","arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get-resource-links","arguments":{"count":2}}}"#,
        r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":0.2,"steps":4},"_meta":{"progressToken":"p-8"}}}"#,
        r#"{"jsonrpc":"2.0","id":9,"method":"logging/setLevel","params":{"level":"debug"}}"#,
        r#"{"jsonrpc":"2.0","id":10,"method":"prompts/list"}"#,
        r#"{"jsonrpc":"2.0","id":11,"method":"prompts/get","params":{"name":"args-prompt","arguments":{"city":"Z\u00fcrich","state":"ZH"}}}"#,
        r#"{"jsonrpc":"2.0","id":12,"method":"resources/list"}"#,
        r#"{"jsonrpc":"2.0","id":13,"method":"resources/templates/list"}"#,
        r#"{"jsonrpc":"2.0","id":14,"method":"resources/read","params":{"uri":"demo://resource/static/document/features.md"}}"#,
        r#"{"jsonrpc":"2.0","id":15,"method":"resources/subscribe","params":{"uri":"demo://resource/static/document/features.md"}}"#,
        r#"{"jsonrpc":"2.0","id":16,"method":"resources/unsubscribe","params":{"uri":"demo://resource/static/document/features.md"}}"#,
        r#"{"jsonrpc":"2.0","id":17,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"completable-prompt"},"argument":{"name":"department","value":"E"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2,"reason":"too late"}}"#,
        r#"{"jsonrpc":"2.0","id":18,"method":"x-vendor/unknown","params":{"n":1e2}}"#,
        r#"{"jsonrpc":"2.0","id":19,"method":"tools/list","params":{"_meta":{"x-vendor":{"k":[true,null]}}}}"#,
    ]
    .map(|line| Step::Send(line.to_owned()))
    .to_vec()
}

fn fixture(revision: Revision) -> Vec<Step> {
    let booking = r#"{ "contact":{"email":"zoe@example.org","phone":null},"seats":4, "area":"hall","guest":"Zo\u00eb" }"#;
    let mut lines = vec![
        request(revision, "list", "tools/list", &json!({})),
        call(revision, "add", "add", r#"{"b":40,"a":2}"#),
        call(revision, "book", "book_table", booking),
        call(revision, "account", "account", "{}"),
        call(revision, "error", "account_error", "{}"),
        call(revision, "denied", "account_denied", "{}"),
        request(
            revision,
            "events",
            "tools/call",
            &json!({"name": "account_events", "arguments": {}, "_meta": {"progressToken": 7}}),
        ),
        request(revision, "prompts", "prompts/list", &json!({})),
        request(revision, "greet", "prompts/get", &json!({"name": "greet", "arguments": {"name": "Zoë"}})),
        request(revision, "prompt", "prompts/get", &json!({"name": "account_prompt"})),
        request(revision, "resources", "resources/list", &json!({})),
        request(revision, "welcome", "resources/read", &json!({"uri": "memo://welcome"})),
        request(revision, "memo", "resources/read", &json!({"uri": "memo://account"})),
        request(revision, "none", "resources/read", &json!({"uri": "memo://none"})),
        request(revision, "vendor", "x-vendor/unknown", &json!({"n": 1})),
    ];
    if revision != Revision::V2026Jul {
        lines.insert(0, request(revision, "level", "logging/setLevel", &json!({"level": "debug"})));
    }
    lines.into_iter().map(Step::Send).collect()
}

fn send(message: &Value) -> Step {
    Step::Send(message.to_string())
}

/// Adds what every request of 2026-07-28 carries; keeps what `_meta` has.
fn modern(mut message: Value) -> Value {
    let mut meta = modern_meta();
    if let (Some(meta), Some(given)) =
        (meta.as_object_mut(), message.pointer("/params/_meta").and_then(Value::as_object))
    {
        meta.extend(given.clone());
    }
    if let Some(object) = message.as_object_mut() {
        let params = object.entry("params").or_insert_with(|| json!({}));
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), meta);
        }
    }
    message
}

fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "e2e", "version": "1.0"},
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/logLevel": "info",
    })
}
