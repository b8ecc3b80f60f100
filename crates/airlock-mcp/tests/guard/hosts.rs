//! What a host may tell the guard beyond the bytes: who calls, message by message, what it refuses by itself, and how it
//! treats late answers.

use std::sync::Arc;

use airlock_engine::{Caller, Code, Rejection};
use airlock_mcp::{Guard, GuardSettings, LateAnswers};
use airlock_testkit::{FakeAudit, engine};
use serde_json::{Value, json};

use crate::harness::{Seen, Session, TOOLS, agent, call_line};

const ROLES: &str = r#"
[policy]
allowed_roles = ["reader", "admin"]
denied_tools = ["delete_*"]
[policies.admin]
preset = "permissive"
[roles]
admin = "admin"
"#;

const LIST: &str = r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#;

fn client(session: &Session, line: &str, caller: &Arc<Caller>) -> Seen {
    Seen::of(pollster::block_on(session.guard.on_client_as(line.as_bytes(), caller)))
}

fn answer(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{TOOLS}}}}}"#)
}

#[test]
fn each_message_has_its_caller() {
    let session = Session::new(ROLES).listed(TOOLS);
    let (reader, admin) = (Arc::new(agent("r", &["reader"])), Arc::new(agent("a", &["admin"])));
    let delete = |id: &str| call_line(id, "delete_file", r#"{"path":"a"}"#);
    assert_eq!(client(&session, &delete("1"), &reader).block_reason(), "tool_denied");
    assert!(client(&session, &delete("2"), &admin).untouched);
    assert_eq!(session.client(&delete("3")).block_reason(), "role_required", "the settings' own caller");
    let agents: Vec<Value> =
        session.records().into_iter().map(|mut record| record["agent_id"].take()).collect();
    assert_eq!(agents, [json!("r"), Value::Null]);
}

#[test]
fn each_caller_is_shown_its_own_list() {
    let session = Session::new(ROLES);
    for (role, shown) in [("reader", false), ("admin", true)] {
        assert!(client(&session, LIST, &Arc::new(agent("x", &[role]))).untouched);
        let list = session.server(&answer("\"list\"")).forward.unwrap();
        assert_eq!(list.contains("delete_file"), shown, "{role}");
        assert!(list.contains("read_file"));
    }
}

#[test]
fn a_call_that_waits_keeps_its_caller() {
    let session = Session::new(ROLES);
    let (reader, admin) = (Arc::new(agent("r", &["reader"])), Arc::new(agent("a", &["admin"])));
    let asked = client(&session, &call_line("1", "delete_file", r#"{"path":"a"}"#), &admin);
    assert_eq!((asked.forward, asked.to_server.len()), (None, 1));
    assert_eq!(
        client(&session, &call_line("2", "delete_file", r#"{"path":"b"}"#), &reader).to_client.len(),
        0
    );
    let question: Value = serde_json::from_str(&asked.to_server[0]).unwrap();
    let released = session.server(&answer(&question["id"].to_string()));
    assert_eq!(released.to_server, [call_line("1", "delete_file", r#"{"path":"a"}"#)]);
    assert_eq!(released.to_client.len(), 1);
    assert!(released.to_client[0].contains("tool_denied"));
}

#[test]
fn the_host_refuses_by_itself() {
    let session = Session::strict();
    let caller = Arc::new(agent("r", &[]));
    let refuse = |line: &str| {
        let rejection = Rejection::new(Code::MalformedMessage).with_message("no such thing here");
        Seen::of(session.guard.refuse_client(line.as_bytes(), rejection, &caller))
    };
    let error = refuse(r#"{"jsonrpc":"2.0","id":"x","method":"vendor/thing","params":{}}"#).answer();
    assert_eq!(
        (&error["id"], &error["error"]["data"]["block_reason"]),
        (&json!("x"), &json!("malformed_message"))
    );
    assert_eq!(refuse(&call_line("7", "read_file", "{}")).block_reason(), "malformed_message");
    let silent = refuse(r#"{"jsonrpc":"2.0","method":"vendor/note"}"#);
    assert_eq!((silent.forward, silent.to_client.len(), silent.reports.len()), (None, 0, 1));
    let records = session.records();
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record["result"] == "blocked" && record["agent_id"] == "r"));
}

#[test]
fn where_late_answers_never_come_a_cancelled_call_is_over() {
    let session = |late_answers: LateAnswers| {
        let (engine, audit): (_, Arc<FakeAudit>) = engine("");
        let guard = Guard::new(engine, GuardSettings::default()).with_late_answers(late_answers);
        Session { guard, audit }.listed(TOOLS)
    };
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let late = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    for (late_answers, records, forwarded) in [(LateAnswers::Never, 1, false), (LateAnswers::Come, 0, true)] {
        let session = session(late_answers);
        assert!(session.call("1", r#"{"path":"a"}"#).untouched);
        assert!(session.client(cancel).untouched, "the server hears of it");
        assert_eq!(session.records().len(), records, "{late_answers:?}");
        assert_eq!(session.server(late).forward.is_some(), forwarded, "{late_answers:?}");
    }
    let session = session(LateAnswers::Never);
    assert!(session.call("1", r#"{"path":"a"}"#).untouched);
    assert!(session.client(cancel).untouched);
    assert_eq!(session.results(), [("abandoned".to_owned(), None)]);
    assert!(session.call("1", r#"{"path":"a"}"#).untouched, "the id is free again");
}

#[test]
fn what_a_uri_names_is_judged_by_it() {
    let session = Session::new("[policy]\ndenied_resources = [\"file:///secret/*\"]");
    for method in ["resources/read", "resources/directory/read", "skills/get"] {
        let read = |id: u8, uri: &str| {
            session.client(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"uri":"{uri}"}}}}"#
            ))
        };
        let refused = read(1, "file:///secret/a").answer();
        assert_eq!(refused["error"]["data"]["block_reason"], "tool_denied", "{method}");
        assert!(read(2, "file:///open/a").untouched, "{method}");
        session.server(r#"{"jsonrpc":"2.0","id":2,"result":{}}"#);
    }
}
