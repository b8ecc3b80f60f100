//! What guarding adds to a call of a small tool: beside the plain function, and beside reading its arguments with
//! serde and writing its result, which every host of tools does.
#![expect(clippy::expect_used, reason = "a benchmark whose set-up is broken must stop")]

use agent_airlock::{Caller, Toolbox, airlock};
use airlock_testkit::engine;
use divan::{Bencher, black_box};
use serde::{Deserialize, Serialize};

fn main() {
    divan::main();
}

#[derive(Serialize)]
struct Found {
    id: u32,
    name: String,
    city: &'static str,
    open: bool,
}

#[airlock]
fn find_customer(id: u32, name: String, #[airlock(default)] open: bool) -> Found {
    Found { id, name, city: "London", open }
}

#[derive(Deserialize)]
struct Arguments {
    id: u32,
    name: String,
    #[serde(default)]
    open: bool,
}

const ARGUMENTS: &str = r#"{"id":1042,"name":"Ada Lovelace","open":true}"#;

const FULL_POLICY: &str = r#"
[airlock]
strict_mode = true
[policy]
allowed_tools = ["read_*", "query_*", "find_*"]
denied_tools = ["delete_*", "drop_*", "truncate_*"]
require_agent_id = true
allowed_roles = ["analyst", "developer"]
timezone = "UTC"
[policy.rate_limits]
"*" = "1000000000/second"
[policy.time_restrictions]
"*" = "00:00-23:59"
[tools.find_customer]
arguments.id = { min = 1, max = 1000000 }
"#;

fn guarded(bencher: Bencher, config: &str) {
    let toolbox =
        Toolbox::builder().engine(engine(config).0).tool(find_customer()).build().expect("a toolbox");
    let caller = Caller {
        agent_id: Some("agent-1".parse().expect("an id")),
        roles: vec!["analyst".parse().expect("a role")],
        ..Caller::anonymous()
    };
    bencher.bench(|| {
        pollster::block_on(toolbox.call_json("find_customer", black_box(ARGUMENTS), &caller))
            .expect("an output")
    });
}

mod small_tool {
    use super::{ARGUMENTS, Arguments, Bencher, FULL_POLICY, black_box, find_customer_unguarded, guarded};

    #[divan::bench]
    fn plain_function(bencher: Bencher) {
        bencher.bench(|| find_customer_unguarded(black_box(1042), "Ada Lovelace".to_owned(), true));
    }

    #[divan::bench]
    fn with_serde(bencher: Bencher) {
        bencher.bench(|| {
            let value = serde_json::from_str(black_box(ARGUMENTS)).expect("JSON");
            let Arguments { id, name, open } = serde_json::from_value(value).expect("arguments");
            serde_json::to_string(&find_customer_unguarded(id, name, open)).expect("a result")
        });
    }

    #[divan::bench]
    fn toolbox_call(bencher: Bencher) {
        guarded(bencher, "");
    }

    #[divan::bench]
    fn toolbox_call_full_policy(bencher: Bencher) {
        guarded(bencher, FULL_POLICY);
    }
}
