//! A session as a whole: both directions, cancellation, ends.

use airlock_engine::{Code, Rejection};
use airlock_mcp::Id;

use crate::harness::{Seen, Session};

#[test]
fn requests_of_the_server_and_their_answers_pass() {
    let session = Session::strict();
    // The id spaces of the two directions overlap.
    session.call("1", r#"{"path":"a"}"#);
    assert!(session.server(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#).untouched);
    assert!(session.client(r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[{"uri":"file:///x"}]}}"#).untouched);
    assert!(session.server(r#"{"jsonrpc":"2.0","id":"s","method":"ping"}"#).untouched);
    assert!(session.client(r#"{"jsonrpc":"2.0","id":"s","error":{"code":-1,"message":"no"}}"#).untouched);
    assert!(session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#).untouched);
}

#[test]
fn a_server_cannot_reuse_an_id_under_way() {
    let session = Session::strict();
    assert!(session.server(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#).untouched);
    let seen = session.server(r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#);
    assert_eq!(seen.forward, None);
    assert!(seen.to_server[0].contains("malformed_message"));
}

#[test]
fn progress_and_cancellation_pass_and_late_answers_are_still_masked() {
    let session = Session::strict();
    session.call("1", r#"{"path":"a"}"#);
    assert!(session.server(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":0.5,"total":1}}"#).untouched);
    assert!(session.client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"x"}}"#).untouched);
    let late = session
        .server(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"123-45-6789"}]}}"#);
    assert!(late.forward.unwrap().contains("***-**-6789"));
    assert_eq!(session.results().len(), 1);
}

#[test]
fn the_end_of_the_server_answers_everything() {
    let session = Session::strict();
    session.call("1", r#"{"path":"a"}"#);
    session.client(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
    let seen = Seen::of(pollster::block_on(session.guard.on_server_closed()));
    assert_eq!(seen.to_client.len(), 2);
    assert!(seen.to_client.iter().all(|line| line.contains("internal_upstream")));
    assert_eq!(session.results(), [("failed".to_owned(), Some("internal_upstream".to_owned()))]);
    assert_eq!(session.call("3", r#"{"path":"a"}"#).block_reason(), "internal_upstream");
}

#[test]
fn the_end_of_the_server_answers_nothing_that_was_cancelled() {
    let session = Session::strict();
    session.call("1", r#"{"path":"a"}"#);
    session.call("2", r#"{"path":"a"}"#);
    session.client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#);
    let seen = Seen::of(pollster::block_on(session.guard.on_server_closed()));
    assert_eq!(seen.answer()["id"], 2);
    let results = session.results();
    assert!(results.contains(&("abandoned".to_owned(), None)) && results.len() == 2, "{results:?}");
}

/// A host that has a server for each call: one of them cannot be started, or ends.
#[test]
fn one_call_can_be_refused_or_lost_while_others_go_on() {
    let session = Session::strict();
    for id in ["1", "2", "3", "4"] {
        session.call(id, r#"{"path":"a"}"#);
    }
    let id = |number| Id::Number(number);
    let refused = session.guard.on_call_not_run(&id(1), Rejection::new(Code::SandboxUnavailable));
    assert_eq!(Seen::of(refused).block_reason(), "sandbox_unavailable");
    let lost = session.guard.on_call_lost(&id(2), Rejection::new(Code::InternalUpstream));
    assert_eq!(Seen::of(lost).block_reason(), "internal_upstream");
    session.client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#);
    let cancelled = session.guard.on_call_lost(&id(3), Rejection::new(Code::InternalUpstream));
    assert!(Seen::of(cancelled).to_client.is_empty(), "nobody waits for it");
    // Once each, and never an answer to what nobody asked.
    for (number, again) in [(1, "1"), (9, "9")] {
        let outcome = session.guard.on_call_not_run(&id(number), Rejection::new(Code::SandboxUnavailable));
        assert!(Seen::of(outcome).to_client.is_empty(), "{again}");
    }
    assert!(session.server(r#"{"jsonrpc":"2.0","id":4,"result":{"content":[]}}"#).untouched);
    let result = |result: &str, reason: Option<&str>| (result.to_owned(), reason.map(str::to_owned));
    assert_eq!(
        session.results(),
        [
            result("blocked", Some("sandbox_unavailable")),
            result("failed", Some("internal_upstream")),
            result("abandoned", None),
            result("allowed", None),
        ]
    );
}

#[test]
fn the_end_of_the_server_answers_what_waits_for_a_list() {
    let session = Session::new("");
    session.call("1", r#"{"path":"a"}"#);
    let seen = Seen::of(pollster::block_on(session.guard.on_server_closed()));
    assert_eq!(seen.block_reason(), "internal_upstream");
}

#[test]
fn the_end_of_the_client_closes_the_records() {
    let session = Session::strict();
    session.call("1", r#"{"path":"a"}"#);
    pollster::block_on(session.guard.on_client_closed());
    assert_eq!(session.results(), [("abandoned".to_owned(), None)]);
}

#[test]
fn a_client_that_never_reads_costs_bounded_memory() {
    let session = Session::strict();
    for id in 0..4096 {
        assert!(session.call(&id.to_string(), r#"{"path":"a"}"#).untouched);
    }
    assert_eq!(session.call("5000", r#"{"path":"a"}"#).block_reason(), "limit_exceeded");
    let waiting = Session::new("");
    for id in 0..256 {
        waiting.call(&id.to_string(), r#"{"path":"a"}"#);
    }
    assert_eq!(waiting.call("5000", r#"{"path":"a"}"#).block_reason(), "limit_exceeded");
}
