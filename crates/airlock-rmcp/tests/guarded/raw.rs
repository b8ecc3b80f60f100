//! What a real client does not send: lines of the test's own.

use std::{sync::Arc, time::Duration};

use airlock_rmcp::Airlocked;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};

use crate::fixture::{Fixture, Runs};

struct Raw {
    write: WriteHalf<DuplexStream>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    runs: Arc<Runs>,
}

impl Raw {
    /// A session after its handshake.
    async fn start(adjust: impl FnOnce(Airlocked<Fixture>) -> Airlocked<Fixture>) -> Self {
        let fixture = Fixture { thinks: Duration::from_millis(200), ..Fixture::default() };
        let runs = Arc::clone(&fixture.runs);
        let airlocked = adjust(Airlocked::with_engine(fixture, airlock_testkit::engine("").0));
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move { airlocked.serve(far).await.unwrap().waiting().await });
        let (read, write) = tokio::io::split(near);
        let mut raw = Self { write, lines: BufReader::new(read).lines(), runs };
        raw.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}
        }}))
        .await;
        raw.next().await;
        raw
    }

    async fn send(&mut self, message: &Value) {
        self.write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(10), self.lines.next_line());
        serde_json::from_str(&line.await.expect("in time").unwrap().expect("a line")).unwrap()
    }
}

fn call(id: u32, tool: &str, arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

/// While the first waits for the list, the second comes under the same id: it must not run in its place.
#[tokio::test]
async fn two_calls_of_one_id() {
    for second in [
        call(5, "delete_all", &json!({})),
        call(5, "delete_all", &json!({"ghost": 1})),
        json!({"jsonrpc": "2.0", "id": 5, "method": "vendor/thing", "params": {}}),
    ] {
        let mut raw = Raw::start(|airlocked| airlocked).await;
        raw.send(&call(5, "echo", &json!({"ghost": 1}))).await;
        raw.send(&second).await;
        let (refused, ran) = (raw.next().await, raw.next().await);
        assert!(refused.to_string().contains("malformed_message"), "{refused}");
        assert_eq!(ran["result"]["content"][0]["text"], "done", "{ran}");
        assert_eq!((raw.runs.of("echo"), raw.runs.of("delete_all"), raw.runs.of("vendor/thing")), (1, 0, 0));
        assert_eq!(raw.runs.arguments("echo"), json!({}), "without its ghost");
    }
}

#[tokio::test]
async fn two_calls_of_one_id_where_nobody_knows_the_second_caller() {
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let mut raw = Raw::start(|airlocked| {
        airlocked.caller(move |_| {
            // The handshake and the first call.
            let before = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            assert!(before < 2, "cannot tell");
            None
        })
    })
    .await;
    raw.send(&call(5, "echo", &json!({"ghost": 1}))).await;
    raw.send(&call(5, "delete_all", &json!({"ghost": 1}))).await;
    let (refused, ran) = (raw.next().await, raw.next().await);
    assert!(refused.to_string().contains("internal_panic"), "{refused}");
    assert_eq!(ran["result"]["content"][0]["text"], "done", "{ran}");
    assert_eq!((raw.runs.of("echo"), raw.runs.of("delete_all")), (1, 0));
}

/// Order is kept: what comes after a call that waits does not overtake it.
#[tokio::test]
async fn calls_that_wait_keep_their_order() {
    let mut raw = Raw::start(|airlocked| airlocked).await;
    for id in 1..=8 {
        raw.send(&call(id, "add", &json!({"a": id, "b": 1}))).await;
    }
    let mut answered = Vec::new();
    for _ in 1..=8 {
        answered.push(raw.next().await["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(raw.runs.of("add"), 8);
}

/// A client that says everything and closes its side gets all of its answers.
#[tokio::test]
async fn calls_that_wait_when_the_client_closes_its_side_are_answered() {
    let mut raw = Raw::start(|airlocked| airlocked).await;
    raw.send(&call(1, "echo", &json!({}))).await;
    raw.send(&call(2, "nap", &json!({"ms": 100}))).await;
    raw.write.shutdown().await.unwrap();
    let mut answers = [raw.next().await, raw.next().await];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!(answers[0]["result"]["content"][0]["text"], "done");
    assert_eq!(answers[1]["result"]["content"][0]["text"], "rested");
}

/// A call that is taken back while it waits never runs.
#[tokio::test]
async fn a_call_cancelled_while_it_waits_does_not_run() {
    let mut raw = Raw::start(|airlocked| airlocked).await;
    raw.send(&call(1, "delete_all", &json!({}))).await;
    raw.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}))
        .await;
    raw.send(&call(2, "echo", &json!({}))).await;
    let answer = raw.next().await;
    assert_eq!(answer["id"], 2, "{answer}");
    assert_eq!((raw.runs.of("delete_all"), raw.runs.of("echo")), (0, 1));
}
