//! The engine in process: one call through all four layers, and layer 1 alone.
//!
//! Budgets: whole pipeline at most 15 µs at the median, 4 µs is the aim (validate, policy, rate limit, mask
//! 1 KB, audit record built).
#![expect(clippy::expect_used, reason = "a benchmark whose set-up is broken must stop")]

use std::sync::Arc;

use airlock_engine::{
    Airlock, Caller, Contract, Part, RawCall, RawOutput, TargetKind, Tool,
    json::{Bounds, Document},
};
use airlock_testkit::engine;
use divan::{Bencher, black_box, counter::BytesCount};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

const SCHEMA: &str = r#"{"type":"object","properties":{"path":{"type":"string","maxLength":4096},"query":{"type":"string"},
    "limit":{"type":"integer","minimum":1,"maximum":1000},"options":{"type":"object","properties":{"deep":{"type":"boolean"},
    "tags":{"type":"array","items":{"type":"string"}}}}},"required":["path"]}"#;

const ARGUMENTS: &str = r#"{"path":"/data/reports/2026/summary.txt","query":"revenue by region","limit":50,"options":{"deep":true,"tags":["a","b"]}}"#;

const CONFIG: &str = r#"
[airlock]
strict_mode = true
[policy]
allowed_tools = ["read_*", "query_*", "get_*"]
denied_tools = ["delete_*", "drop_*", "truncate_*"]
timezone = "UTC"
[policy.rate_limits]
"*" = "1000000000/second"
[policy.time_restrictions]
"*" = "00:00-23:59"
"#;

/// An answer of 1 KB as a database tool gives it, with an SSN and an address in it.
fn answer() -> String {
    let row = r#"{"id":1042,"name":"Ada Lovelace","city":"London","note":"prefers letters to telegrams and tea to coffee","balance":1204.50}"#;
    let rows = [row; 6].join(",");
    format!(
        r#"{{"content":[{{"type":"text","text":"6 rows, contact ada@example.com, SSN 523-45-6789"}}],"structuredContent":{{"rows":[{rows}]}}}}"#
    )
}

fn set_up() -> (Airlock, Arc<Tool>, Arc<Caller>) {
    let (airlock, _) = engine(CONFIG);
    let tool = airlock.tool(TargetKind::Tool, "read_report", Some(SCHEMA));
    (airlock, tool, Arc::new(Caller::anonymous()))
}

#[divan::bench]
fn whole_pipeline_1_kb(bencher: Bencher) {
    let (airlock, tool, caller) = set_up();
    let answer = answer();
    bencher.counter(BytesCount::of_str(&answer)).bench(|| {
        let call = RawCall::new(Arc::clone(&tool), black_box(ARGUMENTS), Arc::clone(&caller));
        let permit = pollster::block_on(airlock.admit(call)).expect("admitted");
        let doc = Document::parse(answer.as_bytes(), &Bounds::DEFAULT).expect("JSON");
        let parts = doc.root().members().map(|(key, value)| Part::Member(doc.root(), key, value)).collect();
        let output =
            pollster::block_on(permit.release(RawOutput::Parts(doc.text(), parts))).expect("released");
        output.edits().apply(doc.text())
    });
}

#[divan::bench]
fn admit_and_abandon(bencher: Bencher) {
    let (airlock, tool, caller) = set_up();
    bencher.bench(|| {
        let call = RawCall::new(Arc::clone(&tool), black_box(ARGUMENTS), Arc::clone(&caller));
        pollster::block_on(airlock.admit(call)).expect("admitted")
    });
}

#[divan::bench]
fn refuse_a_ghost(bencher: Bencher) {
    let (airlock, tool, caller) = set_up();
    bencher.bench(|| {
        let call =
            RawCall::new(Arc::clone(&tool), black_box(r#"{"path":"a","force":true}"#), Arc::clone(&caller));
        pollster::block_on(airlock.admit(call)).expect_err("refused")
    });
}

#[divan::bench]
fn parse_1_kb(bencher: Bencher) {
    let answer = answer();
    bencher
        .counter(BytesCount::of_str(&answer))
        .bench(|| Document::parse(black_box(answer.as_bytes()), &Bounds::DEFAULT).expect("JSON").len());
}

#[divan::bench]
fn mask_1_kb(bencher: Bencher) {
    let (airlock, ..) = set_up();
    let answer = answer();
    let doc = Document::parse(answer.as_bytes(), &Bounds::DEFAULT).expect("JSON");
    bencher
        .counter(BytesCount::of_str(&answer))
        .bench(|| airlock.protect(&RawOutput::Parts(doc.text(), vec![Part::Json(doc.root())])).edits().len());
}

#[divan::bench]
fn compile_a_contract(bencher: Bencher) {
    bencher.bench(|| Contract::compile(black_box(SCHEMA)).expect("a contract"));
}
