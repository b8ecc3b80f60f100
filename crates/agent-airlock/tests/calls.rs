//! `corpus/calls`, decided by a `Toolbox` of `#[airlock]` functions.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;

use agent_airlock::{Toolbox, airlock};
use airlock_testkit::{
    calls::{Seen, check, note, tools},
    engine,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

thread_local! {
    /// The arguments with which tools ran; calls here wait on the thread that makes them.
    static RAN: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

fn ran(arguments: Value) {
    RAN.with_borrow_mut(|ran| ran.push(arguments));
}

#[derive(Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    Up,
    Down,
}

#[derive(Deserialize, Serialize, schemars::JsonSchema)]
struct Filter {
    tags: Vec<String>,
    order: Order,
}

#[airlock]
fn delete_records(
    /// The table to delete from.
    table: String,
    #[schemars(range(min = 1, max = 1000))] limit: u32,
    #[airlock(default)] dry_run: bool,
    note: Option<String>,
) {
    ran(json!({"table": table, "limit": limit, "dry_run": dry_run, "note": note}));
}

#[airlock]
fn search(#[schemars(length(max = 100))] query: String, filter: Filter) {
    ran(json!({"query": query, "filter": filter}));
}

#[airlock]
fn read_note(name: String) -> Result<String, String> {
    ran(json!({"name": name}));
    note(&name)
}

#[test]
fn the_types_say_what_the_schemas_say() {
    for tool in [delete_records(), search(), read_note()] {
        assert_eq!(*tool.input_schema(), tools()[tool.name()], "{}", tool.name());
    }
}

#[test]
fn a_toolbox_decides_the_corpus() {
    check(|case| {
        let tools = [delete_records(), search(), read_note()];
        let toolbox = Toolbox::builder().engine(engine(&case.config).0).tools(tools).build().unwrap();
        RAN.take();
        let call = || pollster::block_on(toolbox.call_json(&case.tool, &*case.arguments, &case.caller()));
        let mut last = call();
        for _ in 1..case.repeat {
            last = call();
        }
        // A typed function sees the defaults of what was left out.
        let ran =
            RAN.take().into_iter().map(|arguments| without_defaults(arguments, &case.arguments)).collect();
        match last {
            Ok(output) => {
                Seen { failed: output.is_error(), shown: Some(output.into_text()), ran, ..Seen::default() }
            }
            Err(rejection) => Seen { ran, ..Seen::refused(rejection.code()) },
        }
    });
}

fn without_defaults(mut arguments: Value, sent: &str) -> Value {
    if let Some(members) = arguments.as_object_mut() {
        let sent: Value = serde_json::from_str(sent).unwrap();
        members
            .retain(|name, value| sent.get(name).is_some() || !(value.is_null() || *value == json!(false)));
    }
    arguments
}
