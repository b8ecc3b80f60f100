//! One call through the guard, without processes: the request judged and forwarded, the answer protected and
//! released. What `airlock run` adds per call is this and four system calls.
#![expect(clippy::expect_used, reason = "a benchmark whose set-up is broken must stop")]

use airlock_mcp::{Guard, GuardSettings};
use airlock_testkit::engine;
use divan::{Bencher, black_box, counter::BytesCount};
use pollster::block_on;

fn main() {
    divan::main();
}

const TOOLS: &str = r#"{"jsonrpc":"2.0","id":"list","result":{"tools":[{"name":"query","inputSchema":{"type":"object","properties":{"table":{"type":"string"},"where":{"type":"string"},"limit":{"type":"integer"}},"required":["table"]}}]}}"#;
const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"query","arguments":{"table":"customers","where":"city = 'London' and balance > 1000","limit":50}}}"#;

fn listed() -> Guard {
    let guard = Guard::new(engine("").0, GuardSettings::default());
    block_on(guard.on_client(br#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#))
        .forward
        .expect("forwarded");
    block_on(guard.on_server(TOOLS.as_bytes())).forward.expect("forwarded");
    guard
}

/// An answer of about 1 KB in one text, as most servers give it.
fn answer(row: &str) -> String {
    let rows = [row; 8].join("\\n");
    format!(r#"{{"result":{{"content":[{{"type":"text","text":"{rows}"}}]}},"jsonrpc":"2.0","id":7}}"#)
}

fn call(bencher: Bencher, row: &str) {
    let (guard, answer) = (listed(), answer(row));
    bencher.counter(BytesCount::new(CALL.len() + answer.len())).bench(|| {
        block_on(guard.on_client(black_box(CALL))).forward.expect("admitted");
        block_on(guard.on_server(black_box(answer.as_bytes()))).forward.expect("released").len()
    });
}

#[divan::bench]
fn call_1_kb_clean(bencher: Bencher) {
    call(
        bencher,
        "1042 | Ada Lovelace | London | prefers letters to telegrams and tea to coffee, pays on time | 1204.50 | gold plan",
    );
}

#[divan::bench]
fn call_1_kb_with_findings(bencher: Bencher) {
    call(
        bencher,
        "1042 | Ada Lovelace | ada@example.com | 523-45-6789 | prefers letters to telegrams and tea to coffee | 1204.50 | gold",
    );
}

#[divan::bench]
fn notification(bencher: Bencher) {
    let guard = listed();
    let line = br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":50,"total":100,"message":"half way"}}"#;
    bencher.bench(|| block_on(guard.on_server(black_box(line))).forward.expect("forwarded").len());
}
