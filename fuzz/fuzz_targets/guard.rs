//! A session of arbitrary lines in both directions through a strict guard.
//!
//! The first byte of the input tells whether the tools are listed first; the first byte of each line tells
//! who sends it. Another JSON parser judges what reaches either side.
#![no_main]

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use airlock_engine::{Airlock, Providers, config::Config};
use airlock_mcp::{Guard, GuardSettings, Outcome};
use airlock_testkit::{FakeAudit, config, providers};
use libfuzzer_sys::fuzz_target;
use pollster::block_on;
use serde_json::Value;

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    config(
        "[airlock]\nstrict_mode = true\n[policy]\ndenied_tools = [\"delete_*\"]\ndenied_prompts = [\"delete_*\"]",
    )
});

const LIST: &str = r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#;
const TOOLS: &str = r#"{"jsonrpc":"2.0","id":"list","result":{"tools":[{"name":"read_file","inputSchema":{"type":"object","properties":{"path":{"type":"string"},"limit":{"type":"integer","maximum":100},"options":{"type":"object","properties":{"deep":{"type":"boolean"}}}},"required":["path"]}},{"name":"delete_file","inputSchema":{"type":"object","properties":{"path":{"type":"string"}}}}]}}"#;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, lines)) = bytes.split_first() else { return };
    let mut session = Session::new();
    if first % 2 == 1 {
        session.client(LIST.as_bytes());
        session.server(TOOLS.as_bytes());
        session.only_known_tools = true;
    }
    for line in lines.split(|byte| *byte == b'\n') {
        match line.split_first() {
            Some((direction, line)) if direction % 2 == 0 => session.client(line),
            Some((_, line)) => session.server(line),
            None => {}
        }
    }
    session.end();
});

struct Session {
    guard: Guard,
    audit: Arc<FakeAudit>,
    /// The names of all tools that the server ever listed, and some that only look like it.
    listed: HashSet<String>,
    /// The only listing so far is ours.
    only_known_tools: bool,
    calls: usize,
}

impl Session {
    fn new() -> Self {
        let audit = Arc::new(FakeAudit::default());
        let providers = Providers { audit: Arc::clone(&audit) as _, ..providers() };
        let guard = Guard::new(Airlock::new(&CONFIG, providers, [0; 32]), GuardSettings::default());
        Self { guard, audit, listed: HashSet::new(), only_known_tools: false, calls: 0 }
    }

    fn client(&mut self, line: &[u8]) {
        let Outcome { forward, to_client, to_server, .. } = block_on(self.guard.on_client(line));
        forward.iter().for_each(|message| self.reaches_server(message));
        to_server.iter().for_each(|message| self.reaches_server(message));
        to_client.iter().for_each(|message| reaches_client(message));
    }

    fn server(&mut self, line: &[u8]) {
        self.note_listing(line);
        let Outcome { forward, to_client, to_server, .. } = block_on(self.guard.on_server(line));
        forward.iter().for_each(|message| reaches_client(message));
        to_client.iter().for_each(|message| reaches_client(message));
        to_server.iter().for_each(|message| self.reaches_server(message));
    }

    fn note_listing(&mut self, line: &[u8]) {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { return };
        let tools = message["result"]["tools"].as_array().into_iter().flatten();
        self.listed.extend(tools.filter_map(|tool| tool["name"].as_str()).map(str::to_owned));
        if message["result"].get("tools").is_some() {
            self.only_known_tools = false;
        }
    }

    /// Nothing denied, nothing unlisted, no ghost, nothing that two readers could understand in two ways.
    fn reaches_server(&mut self, message: &[u8]) {
        let message = read(message);
        if message["method"] == "prompts/get" {
            assert!(!is_denied(&message["params"]), "a denied prompt reached the server");
        }
        if message["method"] != "tools/call" {
            return;
        }
        self.calls += 1;
        let params = &message["params"];
        assert!(message.get("id").is_some(), "a call without an id reached the server");
        assert!(!is_denied(params), "a denied call reached the server");
        let name = params["name"].as_str().expect("a call without a name reached the server");
        assert!(self.listed.contains(name), "a call of an unlisted tool reached the server");
        if self.only_known_tools {
            assert_eq!(name, "read_file");
            let arguments = params["arguments"].as_object().expect("arguments are an object");
            assert!(arguments.keys().all(|key| ["path", "limit", "options"].contains(&&**key)), "a ghost");
            assert!(arguments["path"].is_string(), "a wrong type");
            assert!(
                arguments.get("limit").is_none_or(|limit| limit.as_f64().is_some_and(|limit| limit <= 100.0))
            );
            if let Some(options) = arguments.get("options") {
                let options = options.as_object().expect("options are an object");
                assert!(
                    options.iter().all(|(key, value)| key == "deep" && value.is_boolean()),
                    "a nested ghost"
                );
            }
        }
    }

    /// Every call that reached the server has left a record when the session has ended.
    fn end(self) {
        for message in block_on(self.guard.on_server_closed()).to_client {
            reaches_client(&message);
        }
        block_on(self.guard.on_client_closed());
        let records = self.audit.records();
        records.iter().for_each(|record| assert!(read(record.as_bytes()).is_object()));
        assert!(records.len() >= self.calls, "{} calls, {} records", self.calls, records.len());
    }
}

fn is_denied(params: &Value) -> bool {
    params["name"].as_str().is_some_and(|name| name.to_lowercase().starts_with("delete_"))
}

fn reaches_client(message: &[u8]) {
    assert!(read(message).is_object());
}

/// One JSON value on one line.
fn read(message: &[u8]) -> Value {
    assert!(!message.contains(&b'\n'), "a line break inside a message");
    // Deep nesting and numbers beyond f64 are JSON all the same; `RawValue` only reads the grammar.
    let raw: &serde_json::value::RawValue = serde_json::from_slice(message).expect("what goes on is JSON");
    serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::Object(serde_json::Map::new()))
}
