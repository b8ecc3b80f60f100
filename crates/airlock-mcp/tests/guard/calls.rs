//! Calls of tools: what is stopped, what passes, and what the server gets to see.

use crate::harness::{Session, agent, call_line};

#[test]
fn a_valid_call_passes_byte_for_byte() {
    let session = Session::strict();
    let seen = session.call("1", r#"{ "path" : "a\u0062c" , "limit":1e1}"#);
    assert!(seen.untouched, "{seen:?}");
    let seen =
        session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}}"#);
    assert!(seen.untouched);
    assert_eq!(session.results(), [("allowed".to_owned(), None)]);
}

#[test]
fn the_twelve_kinds_of_malformed_calls_are_stopped() {
    for (what, arguments, code) in [
        ("ghost", r#"{"path":"a","force":true}"#, "ghost_arguments"),
        ("wrong type", r#"{"path":5}"#, "validation_error"),
        ("missing", r#"{"limit":5}"#, "validation_error"),
        ("extra nested", r#"{"path":"a","options":{"deep":true,"evil":1}}"#, "ghost_arguments"),
        ("null", r#"{"path":null}"#, "validation_error"),
        ("null arguments", "null", "validation_error"),
        ("array for object", r#"{"path":"a","options":[]}"#, "validation_error"),
        ("arguments as array", r#"["a"]"#, "validation_error"),
        ("number as string", r#"{"path":"a","limit":"5"}"#, "validation_error"),
        ("bool as number", r#"{"path":"a","limit":true}"#, "validation_error"),
        ("out of range", r#"{"path":"a","limit":101}"#, "validation_error"),
        ("enum miss", r#"{"path":"a","mode":"x"}"#, "validation_error"),
        ("duplicate key", r#"{"path":"a","path":"b"}"#, "malformed_message"),
    ] {
        let session = Session::strict();
        let seen = session.call("1", arguments);
        assert_eq!(seen.block_reason(), code, "{what}");
        assert!(seen.to_server.is_empty());
        assert_eq!(session.results(), [("blocked".to_owned(), Some(code.to_owned()))], "{what}");
        // The positive control: the same session lets a proper call through, under the same id.
        assert!(
            session.call("1", r#"{"path":"a","limit":100,"options":{"deep":true},"mode":"r"}"#).untouched,
            "{what}"
        );
    }
}

#[test]
fn a_batch_is_refused_for_each_of_its_members() {
    let session = Session::strict();
    let batch = format!(
        "[{},{}]",
        call_line("1", "delete_file", "{}"),
        call_line("\"b\"", "read_file", r#"{"path":"a"}"#)
    );
    let seen = session.client(&batch);
    assert_eq!(seen.forward, None);
    let ids: Vec<serde_json::Value> = seen
        .to_client
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, [serde_json::json!(1), serde_json::json!("b")]);
    assert!(seen.to_client.iter().all(|line| line.contains("malformed_message")));
    assert!(session.call("1", r#"{"path":"a"}"#).untouched);
}

#[test]
fn permissive_mode_strips_ghosts_and_forwards_the_rest() {
    let session = Session::new("").listed(crate::harness::TOOLS);
    let seen = session.call(
        "7",
        r#"{"force":true, "path":"a", "options":{"x":1,"deep":false}, "n":12345678901234567890123}"#,
    );
    let expected = call_line("7", "read_file", r#"{"path":"a", "options":{"deep":false}}"#);
    assert_eq!(seen.forward.as_deref(), Some(expected.as_str()));
    session.server(r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#);
    let record = &session.records()[0];
    assert_eq!(record["ghost_arguments"], serde_json::json!(["force", "options.x", "n"]));
    assert_eq!(record["stripped"], true);
    assert_eq!(record["result"], "allowed");
}

#[test]
fn denied_allowed_and_look_alike_names() {
    let config =
        "[policy]\ndenied_tools = [\"delete_*\"]\nallowed_tools = [\"read_*\", \"delete_*\", \"Delete*\"]";
    let tools = r#"[{"name":"read_file","inputSchema":{"type":"object"}},{"name":"delete_file","inputSchema":{"type":"object"}},
        {"name":"Delete_file","inputSchema":{"type":"object"}},{"name":"d\u0435lete_file","inputSchema":{"type":"object"}},
        {"name":"write_file","inputSchema":{"type":"object"}},{"name":"r\u0435ad_file","inputSchema":{"type":"object"}}]"#;
    let session = Session::new(config).listed(&tools.replace('\n', " "));
    for (name, expected) in [
        ("delete_file", Some("tool_denied")),
        ("Delete_file", Some("tool_denied")),
        ("d\\u0435lete_file", Some("tool_denied")),
        ("write_file", Some("tool_not_allowed")),
        ("r\\u0435ad_file", Some("tool_not_allowed")),
        ("read_file", None),
    ] {
        let seen = session.call_tool("1", name, "{}");
        match expected {
            Some(code) => assert_eq!(seen.block_reason(), code, "{name}"),
            None => assert!(seen.untouched, "{name}"),
        }
    }
}

#[test]
fn who_calls_comes_from_the_host_never_from_arguments() {
    let config = "[policy]\npreset = \"strict\"";
    let tools = r#"[{"name":"t","inputSchema":{"type":"object","properties":{"agent_id":{}}}}]"#;
    let anonymous = Session::new(config).listed(tools);
    assert_eq!(anonymous.call_tool("1", "t", r#"{"agent_id":"root"}"#).block_reason(), "agent_required");
    let known = Session::with(config, agent("a-1", &[]), true).listed(tools);
    assert!(known.call_tool("1", "t", "{}").untouched);
    known.server(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(known.records()[0]["agent_id"], "a-1");
    assert_eq!(known.records()[0]["policy"], anonymous.records()[0]["policy"]);
}

#[test]
fn rate_limits_tell_the_wait() {
    let session =
        Session::new("[policy.rate_limits]\n\"read_*\" = \"2/minute\"").listed(crate::harness::TOOLS);
    assert!(session.call("1", r#"{"path":"a"}"#).untouched);
    assert_eq!(session.call("2", r#"{"path":7}"#).block_reason(), "validation_error", "costs no quota");
    assert!(session.call("3", r#"{"path":"a"}"#).untouched);
    let refusal = session.call("4", r#"{"path":"a"}"#).refusal();
    assert_eq!(refusal["block_reason"], "rate_limited");
    assert_eq!(refusal["metadata"]["retry_after_ms"], 30_000);
}

#[test]
fn a_request_without_an_id_is_not_carried_out() {
    let session = Session::strict();
    let seen = session.client(
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"read_file","arguments":{"path":"a"}}}"#,
    );
    assert_eq!((seen.forward.as_ref(), seen.to_client.len()), (None, 0));
    assert_eq!(seen.reports.len(), 1);
    assert_eq!(session.results(), [("blocked".to_owned(), Some("malformed_message".to_owned()))]);
}

#[test]
fn an_id_under_way_cannot_be_used_again() {
    let session = Session::strict();
    assert!(session.call("1", r#"{"path":"a"}"#).untouched);
    assert_eq!(session.call("1", r#"{"path":"b"}"#).block_reason(), "malformed_message");
    session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#);
    assert!(session.call("1", r#"{"path":"b"}"#).untouched);
}

#[test]
fn a_method_spelled_with_escapes_is_the_same_method() {
    let session = Session::strict();
    let seen = session.client(r#"{"jsonrpc":"2.0","id":1,"method":"tools\/c\u0061ll","params":{"name":"read_file","arguments":{"path":1}}}"#);
    assert_eq!(seen.block_reason(), "validation_error");
}

#[test]
fn vendor_members_and_unknown_methods_stay() {
    let session = Session::strict();
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":{"path":"a"},"task":{"ttl":1},"_meta":{"progressToken":"t"}},"x-vendor":1}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"vendor/thing","params":{"anything":[1,2.50,{"a":null}]}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/vendor"}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":4,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"x":{}},"clientInfo":{"name":"c","version":"1","extra":1}}}"#,
    ] {
        assert!(session.client(line).untouched, "{line}");
    }
}

#[test]
fn prompts_resources_and_completions_are_judged_too() {
    let session = Session::new(
        "[airlock]\nstrict_mode = true\n[policy]\ndenied_resources = [\"file:///etc/*\"]\ndenied_prompts = [\"evil*\"]",
    );
    assert!(session.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#).untouched);
    let listed = session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"prompts":[{"name":"review","arguments":[{"name":"code","required":true}]},{"name":"evil_one"}]}}"#);
    assert!(!listed.forward.unwrap().contains("evil_one"), "denied prompts disappear");
    let prompt = |id: u32, name: &str, arguments: &str| {
        session.client(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"prompts/get","params":{{"name":"{name}","arguments":{arguments}}}}}"#))
    };
    assert!(prompt(2, "review", r#"{"code":"x"}"#).untouched);
    for (name, arguments, code) in [
        ("review", "{}", "validation_error"),
        ("review", r#"{"code":1}"#, "validation_error"),
        ("review", r#"{"code":"x","ghost":"y"}"#, "ghost_arguments"),
        ("evil_one", "{}", "tool_denied"),
        ("unheard_of", "{}", "tool_unknown"),
    ] {
        let answer = prompt(3, name, arguments).answer();
        assert_eq!(answer["error"]["data"]["block_reason"], code, "{name} {arguments}");
        let error_code = answer["error"]["code"].as_i64().unwrap();
        assert!(!(-32768..=-32000).contains(&error_code));
    }
    let read = |uri: &str| {
        session.client(&format!(
            r#"{{"jsonrpc":"2.0","id":9,"method":"resources/read","params":{{"uri":{uri}}}}}"#
        ))
    };
    assert_eq!(read("\"file:///etc/passwd\"").answer()["error"]["data"]["block_reason"], "tool_denied");
    assert_eq!(read("5").answer()["error"]["data"]["block_reason"], "validation_error");
    assert!(read("\"file:///tmp/a\"").untouched);
    let complete = |argument: &str| {
        session.client(&format!(r#"{{"jsonrpc":"2.0","id":10,"method":"completion/complete","params":{{"ref":{{"type":"ref/prompt","name":"review"}},"argument":{argument}}}}}"#))
    };
    assert_eq!(
        complete(r#"{"name":"code","value":1}"#).answer()["error"]["data"]["block_reason"],
        "validation_error"
    );
    assert!(complete(r#"{"name":"code","value":"x"}"#).untouched);
}

#[test]
fn a_line_break_inside_a_message_smuggles_nothing() {
    for inner in ["\r", "\n", "\r\n"] {
        let session = Session::strict();
        let smuggled = call_line("8", "delete_file", r#"{"path":"/"}"#);
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":3,"method":"ping","params":{{"x":[{inner}{smuggled}{inner}]}}}}"#
        );
        let seen = session.client(&line);
        assert_eq!(seen.answer()["error"]["data"]["block_reason"], "malformed_message");
        assert!(
            session.client("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"ping\"}\r").untouched,
            "CRLF is a line break"
        );
        let answer = session.server(&format!(r#"{{"jsonrpc":"2.0","id":4,"result":{{"x":[{inner}1]}}}}"#));
        assert_eq!(answer.forward, None);
    }
}

#[test]
fn names_that_a_lenient_reader_would_take_for_the_protocols_are_refused() {
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":{"path":"a"},"Name":"delete_file"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"delete_file","arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method\u0000":"tools/call","params":{"name":"delete_file"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/x","Method":"tools/call","ID":5,"params":{"name":"delete_file"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"delete_file"}}"#,
    ] {
        let session = Session::strict();
        let seen = session.client(line);
        assert_eq!(seen.forward, None, "{line}");
        assert_eq!(session.results().len(), 1, "{line}");
    }
}

#[test]
fn rules_for_resources_hold_in_any_spelling_and_by_any_way() {
    let session = Session::new(
        "[policy]\nallowed_resources = [\"file:///srv/*\"]\ndenied_resources = [\"file:///srv/secret/*\"]",
    );
    let read = |uri: &str| {
        session.client(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"{uri}"}}}}"#
        ))
    };
    for uri in [
        "file:///srv/../etc/passwd",
        "file:///srv/%2e%2e/etc/passwd",
        "file:///srv/./secret/x",
        "file:///srv//secret/x",
        "file:///srv/%73ecret/x",
        "file:///srv/secret/x",
        "file:///etc/passwd",
    ] {
        assert_eq!(read(uri).forward, None, "{uri}");
    }
    let complete = |uri: &str| {
        session.client(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{{"ref":{{"type":"ref/resource","uri":"{uri}"}},"argument":{{"name":"p","value":"x"}}}}}}"#
        ))
    };
    assert_eq!(complete("file:///etc/{p}").forward, None);
    let listen = |uris: &str| {
        session.client(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{{"notifications":{{"resourceSubscriptions":{uris}}}}}}}"#
        ))
    };
    for uris in [r#"["file:///srv/a","file:///etc/passwd"]"#, "[5]", r#""file:///etc/passwd""#] {
        assert_eq!(listen(uris).forward, None, "{uris}");
    }
    assert!(read("file:///srv/a.txt").untouched, "positive control");
    session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[]}}"#);
    assert!(complete("file:///srv/{p}").untouched, "positive control");
    session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"completion":{"values":[]}}}"#);
    assert!(listen(r#"["file:///srv/a","file:///srv/b"]"#).untouched, "positive control");
    let before = session.results().len();
    session.server(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(session.results().len(), before + 2, "one record per resource");
}

#[test]
fn a_completion_is_sent_as_it_was_admitted() {
    let session = Session::new("");
    let seen = session.client(r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"v","ghost":"evil"}}}"#);
    let forward = seen.forward.unwrap();
    assert!(
        !forward.contains("evil") && forward.contains(r#""argument":{"name":"a","value":"v"}"#),
        "{forward}"
    );
}

#[test]
fn modern_refusals_say_what_kind_of_result_they_are() {
    let session = Session::strict();
    let seen = session.client(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#);
    assert_eq!(seen.answer()["result"]["resultType"], "complete");
    let legacy = session.call("2", "{}");
    assert!(legacy.answer()["result"].get("resultType").is_none());
}

#[test]
fn without_an_audit_record_nothing_runs() {
    let session = Session::strict();
    assert!(session.call("1", r#"{"path":"a"}"#).untouched, "positive control");
    session.audit.break_down();
    assert_eq!(session.call("2", r#"{"path":"a"}"#).block_reason(), "internal_audit");
    // The call that is under way comes back without a record: its output is withheld.
    let seen =
        session.server(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x"}]}}"#);
    assert_eq!(seen.block_reason(), "internal_audit");
}
