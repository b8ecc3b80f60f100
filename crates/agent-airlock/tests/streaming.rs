//! Tools whose output comes in chunks.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use agent_airlock::{Caller, Code, Rejection, TextStream, Tool, Toolbox, airlock, get_current_caller};
use airlock_testkit::{FakeAudit, engine};
use futures_core::Stream;
use serde_json::{Value, json};

/// Chunks that are not there at once.
struct Slow(Vec<&'static str>, bool);

impl Stream for Slow {
    type Item = Result<String, String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.1 = !self.1;
        if self.1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        assert!(get_current_caller().is_some(), "the caller is known while chunks are made");
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(match self.0.remove(0) {
            "fail" => Err("no connection to postgres://a:hunter2hunter2@db/x".to_owned()),
            "crash" => panic!("with a secret"),
            chunk => Ok(chunk.to_owned()),
        }))
    }
}

#[airlock]
fn follow(how: String) -> TextStream {
    let mut chunks = vec!["ssn 123-", "45-67", "89, and "];
    match &*how {
        "fails" => chunks.push("fail"),
        "crashes" => chunks.push("crash"),
        _ => chunks.push("no more"),
    }
    TextStream::fallible(Slow(chunks, false))
}

#[airlock(max_output_chars = 1000)]
fn endless(chunks: usize) -> Result<TextStream, String> {
    if chunks == 0 {
        return Err("nothing to follow".to_owned());
    }
    Ok(std::iter::repeat_n("0123456789 ", chunks).collect())
}

fn toolbox(tool: Tool) -> (Toolbox, Arc<FakeAudit>) {
    let (airlock, audit) = engine("");
    (Toolbox::builder().engine(airlock).tool(tool).build().unwrap(), audit)
}

fn result(audit: &FakeAudit) -> Value {
    let record: Value = serde_json::from_str(audit.records().last().unwrap()).unwrap();
    record["result"].clone()
}

fn chunks(toolbox: &Toolbox, name: &str, arguments: &Value) -> Vec<Result<String, Rejection>> {
    pollster::block_on(async {
        let mut stream = toolbox.stream(name, arguments.to_string(), &Caller::anonymous()).await.unwrap();
        let mut all = Vec::new();
        while let Some(chunk) = stream.next().await {
            all.push(chunk);
        }
        assert!(stream.next().await.is_none());
        all
    })
}

#[test]
fn a_secret_over_chunks_is_masked() {
    let (toolbox, audit) = toolbox(follow());
    let output = toolbox.call_blocking("follow", json!({"how": "well"}), &Caller::anonymous()).unwrap();
    assert_eq!((output.text(), output.is_error()), ("ssn ***-**-6789, and no more", false));
    assert_eq!((audit.records().len(), result(&audit)), (1, json!("allowed")));
    let text: String =
        chunks(&toolbox, "follow", &json!({"how": "well"})).into_iter().map(Result::unwrap).collect();
    assert_eq!(text, output.text());
}

#[test]
fn an_error_in_the_middle_is_masked_and_recorded() {
    let (toolbox, audit) = toolbox(follow());
    let output = toolbox.call_blocking("follow", json!({"how": "fails"}), &Caller::anonymous()).unwrap();
    assert!(output.is_error() && output.text().contains("no connection to postgres://"), "{}", output.text());
    assert!(!output.text().contains("hunter2"));
    assert_eq!((audit.records().len(), result(&audit)), (1, json!("failed")));
}

#[test]
fn a_crash_in_the_middle_ends_the_stream() {
    let (toolbox, audit) = toolbox(follow());
    let crashed = toolbox.call_blocking("follow", json!({"how": "crashes"}), &Caller::anonymous());
    assert_eq!(crashed.unwrap_err().code(), Code::ToolPanicked);
    assert_eq!((audit.records().len(), result(&audit)), (1, json!("failed")));
    let last = chunks(&toolbox, "follow", &json!({"how": "crashes"})).pop().unwrap();
    assert_eq!(last.unwrap_err().code(), Code::ToolPanicked);
}

#[test]
fn the_length_is_bounded_and_chunks_come_early() {
    let (toolbox, _) = toolbox(endless());
    let all = chunks(&toolbox, "endless", &json!({"chunks": 10_000}));
    let text: String = all.into_iter().map(Result::unwrap).collect();
    assert!(text.ends_with("[airlock: 109000 characters cut]"), "{}", text.len());
    assert!(text.chars().count() < 1100);
    let none = toolbox.call_blocking("endless", json!({"chunks": 0}), &Caller::anonymous()).unwrap();
    assert_eq!((none.text(), none.is_error()), ("nothing to follow", true));
}

#[test]
fn who_stops_listening_leaves_an_abandoned_record() {
    let (toolbox, audit) = toolbox(follow());
    let caller = Caller::anonymous();
    let stream = pollster::block_on(toolbox.stream("follow", r#"{"how":"well"}"#, &caller)).unwrap();
    assert_eq!(audit.records().len(), 0);
    drop(stream);
    assert_eq!(result(&audit), "abandoned");
}

#[test]
fn a_refusal_comes_before_the_first_chunk() {
    let (toolbox, _) = toolbox(follow().strict(true));
    let refused =
        pollster::block_on(toolbox.stream("follow", r#"{"how":"well","x":1}"#, &Caller::anonymous()));
    assert_eq!(refused.unwrap_err().code(), Code::GhostArguments);
}
