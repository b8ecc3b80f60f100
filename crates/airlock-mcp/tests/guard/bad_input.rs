//! Bad input has a defined answer: no panic, no leak, no bypass.

use airlock_mcp::skim::Skimmed;
use proptest::prelude::*;

use crate::harness::{Seen, Session};

#[track_caller]
fn error_code_of(seen: &Seen) -> String {
    let answer = seen.answer();
    match answer["error"]["data"]["block_reason"].as_str() {
        Some(code) => code.to_owned(),
        // What can be told to be a call of a tool is answered as one.
        None => seen.block_reason(),
    }
}

#[test]
fn lines_from_the_client_that_are_no_message() {
    let deep = "[".repeat(100_000);
    for (line, code) in [
        ("garbage", "malformed_message"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"re"#, "malformed_message"),
        ("{}", "malformed_message"),
        ("[]", "malformed_message"),
        ("null", "malformed_message"),
        (&deep, "limit_exceeded"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "malformed_message"),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "malformed_message"),
        (r#"{"jsonrpc":"2.0","id":18446744073709551616,"method":"ping"}"#, "malformed_message"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, "malformed_message"),
    ] {
        let session = Session::strict();
        let seen = session.client(line);
        assert_eq!(error_code_of(&seen), code, "{line:.60}");
        assert_eq!(session.results().len(), 1, "{line:.60}");
        assert!(session.call("9", r#"{"path":"a"}"#).untouched, "the session goes on");
    }
    let session = Session::strict();
    assert_eq!(
        error_code_of(&session.client_bytes(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}")),
        "malformed_message"
    );
}

#[test]
fn a_message_that_is_not_utf_8_is_answered_under_its_id() {
    let session = Session::strict();
    let seen = session.client_bytes(
        b"{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"x\":\"\xff\"}}",
    );
    assert_eq!(seen.answer()["id"], 77);
    assert_eq!(seen.block_reason(), "malformed_message");
}

#[test]
fn lone_surrogates_and_endless_numbers_do_not_travel_on() {
    let session = Session::strict();
    assert_eq!(session.call("1", r#"{"path":"\ud800"}"#).block_reason(), "validation_error");
    assert_eq!(session.call("1", r#"{"path":"a","limit":1e999}"#).block_reason(), "limit_exceeded");
    let digits = "9".repeat(200);
    assert_eq!(
        session.call("1", &format!(r#"{{"path":"a","limit":{digits}}}"#)).block_reason(),
        "limit_exceeded"
    );
}

#[test]
fn oversize_lines_are_answered_under_their_id() {
    let session = Session::strict();
    let seen = Skimmed { id: Some("5".into()), method: Some("tools/call".into()) };
    let seen = Seen::of(pollster::block_on(session.guard.on_client_oversize(seen)));
    assert_eq!((seen.answer()["id"].as_i64(), seen.block_reason().as_str()), (Some(5), "limit_exceeded"));
    session.call("6", r#"{"path":"a"}"#);
    let answer = Skimmed { id: Some("6".into()), method: None };
    let seen = Seen::of(pollster::block_on(session.guard.on_server_oversize(answer)));
    assert_eq!((seen.answer()["id"].as_i64(), seen.block_reason().as_str()), (Some(6), "internal_upstream"));
    assert_eq!(session.results().len(), 2);
}

#[test]
fn garbage_from_the_server_is_not_forwarded() {
    let session = Session::strict();
    session.call("1", r#"{"path":"a"}"#);
    for line in ["Listening on port 3000", "", "{", "[]", "{\"jsonrpc\":\"2.0\"}", "{\"id\":99,\"result\":1}"]
    {
        let seen = session.server(line);
        assert_eq!((seen.forward, seen.to_client.len(), seen.reports.len()), (None, 0, 1), "{line}");
    }
    assert!(
        session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#).untouched,
        "the call still gets its answer"
    );
}

#[test]
fn an_unreadable_answer_fails_its_call() {
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}"#,
        r#"{"id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"unterminated"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"teleport","content":[]}}"#,
    ] {
        let session = Session::strict();
        session.call("1", r#"{"path":"a"}"#);
        let seen = session.server(line);
        assert_eq!(seen.block_reason(), "internal_upstream", "{line}");
        assert_eq!(session.results(), [("failed".to_owned(), Some("internal_upstream".to_owned()))]);
    }
}

#[test]
fn answers_that_nobody_asked_for_are_dropped() {
    let session = Session::strict();
    session.call("1", r#"{"path":"a"}"#);
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    assert!(session.server(answer).untouched);
    assert_eq!(session.server(answer).forward, None, "answered twice");
    assert_eq!(
        session.server(r#"{"jsonrpc":"2.0","id":"1","result":{}}"#).forward,
        None,
        "an id of another type"
    );
    assert_eq!(session.server(r#"{"jsonrpc":"2.0","id":"airlock-1","result":{"tools":[]}}"#).forward, None);
    assert_eq!(session.client(r#"{"jsonrpc":"2.0","id":3,"result":{}}"#).forward, None);
    assert_eq!(session.results().len(), 1);
}

fn any_message() -> impl Strategy<Value = String> {
    let id =
        prop_oneof![Just("1"), Just("2"), Just("\"a\""), Just("null"), Just("1.5"), Just("\"airlock-1\"")];
    let body = prop_oneof![
        Just(r#""method":"tools/call","params":{"name":"read_file","arguments":{"path":"a"}}"#),
        Just(r#""method":"tools/call","params":{"name":"read_file","arguments":{"path":"a","ghost":1}}"#),
        Just(r#""method":"tools/call","params":{"name":"delete_file"}"#),
        Just(r#""method":"tools/list""#),
        Just(r#""method":"notifications/cancelled","params":{"requestId":1}"#),
        Just(r#""method":"notifications/tools/list_changed""#),
        Just(r#""method":"ping""#),
        Just(
            r#""result":{"tools":[{"name":"read_file","inputSchema":{"type":"object","properties":{"path":{}}}}]}"#
        ),
        Just(r#""result":{"content":[{"type":"text","text":"123-45-6789"}]}"#),
        Just(r#""error":{"code":1,"message":"sk-live-xxxxx"}"#),
    ];
    prop_oneof![
        8 => (proptest::option::of(id), body).prop_map(|(id, body)| match id {
            Some(id) => format!(r#"{{"jsonrpc":"2.0","id":{id},{body}}}"#),
            None => format!(r#"{{"jsonrpc":"2.0",{body}}}"#),
        }),
        1 => "[\\[\\]{}\":,a-z0-9]{0,30}",
    ]
}

proptest! {
    /// Whatever two peers send: no ghost and no denied call reaches the server, no finding reaches the
    /// client, and each admitted or refused call has one record.
    #[test]
    fn no_sequence_of_messages_is_a_way_around(messages in proptest::collection::vec((any::<bool>(), any_message()), 0..40)) {
        let session = Session::new("[airlock]\nstrict_mode = true\n[policy]\ndenied_tools = [\"delete_*\"]");
        let mut answered = 0usize;
        for (from_client, message) in messages {
            let seen = if from_client { session.client(&message) } else { session.server(&message) };
            let (to_server, to_client): (Vec<&String>, Vec<&String>) = if from_client {
                (seen.forward.iter().chain(&seen.to_server).collect(), seen.to_client.iter().collect())
            } else {
                (seen.to_server.iter().collect(), seen.forward.iter().chain(&seen.to_client).collect())
            };
            for line in to_server {
                prop_assert!(!line.contains("ghost") && !line.contains("delete_file"), "{}", line);
            }
            for line in &to_client {
                prop_assert!(!line.contains("123-45-6789") && !line.contains("sk-live-xxxxx"), "{}", line);
                prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok());
            }
            answered += to_client.len();
        }
        pollster::block_on(session.guard.on_client_closed());
        let pending = session.guard.pending();
        prop_assert_eq!(pending.in_flight + pending.held, 0);
        let _ = answered;
    }

    #[test]
    fn bytes_never_panic_the_guard(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let session = Session::strict();
        session.client_bytes(&bytes);
        session.server_bytes(&bytes);
    }
}
