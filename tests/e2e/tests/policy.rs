//! A policy before a real server: what it does not allow is neither offered nor called, paths stay where they
//! may be, and in permissive mode a ghost argument is taken out of an otherwise good call.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use airlock_e2e::{
    Guarded, Outcome, Peer, Revision, Session, Setting, Tee, install, or_skip, peers, script, wire,
};
use serde_json::{Value, json};

const REVISION: Revision = Revision::V2025Nov;

/// A guarded file system server that has been listed, and the record of what it was sent.
struct Scene {
    session: Session,
    tee: Tee,
    tools: Vec<String>,
}

impl Scene {
    /// `None` when the server is not installed.
    fn start(config: &str, folder: &Path) -> Outcome<Option<Self>> {
        peers::fill(folder)?;
        let Some(server) = or_skip(Peer::Filesystem.command(folder))? else {
            return Ok(None);
        };
        let (tee, recorded) = Tee::before(&server, folder, "guarded")?;
        let guarded = Guarded::configured(config, &["--agent-id", "e2e"], folder, &recorded)?;
        let mut session = Session::start(&guarded.command, folder)?;
        session.play(&script::opening(REVISION, &json!({})))?;
        let list = session.ask_json(&script::request(REVISION, "list", "tools/list", &json!({})))?;
        let tools = list.pointer("/result/tools").and_then(Value::as_array).ok_or("no tools")?;
        let tools = tools.iter().filter_map(|tool| tool.get("name")?.as_str().map(str::to_owned)).collect();
        Ok(Some(Self { session, tee, tools }))
    }

    fn call(&mut self, id: &str, tool: &str, arguments: &Value) -> Outcome<Value> {
        self.session.ask_json(&script::call(REVISION, id, tool, &arguments.to_string()))
    }

    /// The code of the refusal that a call is answered with; an error when it is not refused.
    fn refusal(&mut self, id: &str, tool: &str, arguments: &Value) -> Outcome<String> {
        let answer = self.call(id, tool, arguments)?;
        let refused = || {
            let text = answer.pointer("/result/content/0/text")?.as_str()?;
            let report: Value = serde_json::from_str(text).ok()?;
            report.get("block_reason")?.as_str().map(str::to_owned)
        };
        Ok(refused().ok_or_else(|| format!("{tool} {arguments} was not refused: {answer}"))?)
    }

    /// Ends the session and returns everything that the server was sent.
    fn received(self) -> Outcome<String> {
        self.session.end()?;
        Ok(wire::readable(&self.tee.received()?).concat())
    }
}

#[test]
fn read_only_policy() -> Outcome {
    let folder = tempfile::tempdir()?;
    let served = peers::served(folder.path());
    let Some(mut scene) = Scene::start("[policy]\npreset = \"read_only\"\n", folder.path())? else {
        return Ok(());
    };
    for offered in ["read_text_file", "list_directory", "search_files", "get_file_info"] {
        assert!(
            scene.tools.iter().any(|tool| tool == offered),
            "{offered} is missing from {:?}",
            scene.tools
        );
    }
    let new = served.join("new.txt");
    let attempts = [
        ("write_file", json!({"path": new, "content": "x"})),
        (
            "edit_file",
            json!({"path": served.join("hello.txt"), "edits": [{"oldText": "second", "newText": "x"}]}),
        ),
        ("create_directory", json!({"path": new})),
        ("move_file", json!({"source": served.join("hello.txt"), "destination": new})),
    ];
    for (tool, arguments) in attempts {
        assert!(!scene.tools.iter().any(|offered| offered == tool), "{tool} is offered");
        let code = scene.refusal(&format!("attack-{tool}"), tool, &arguments)?;
        assert!(matches!(code.as_str(), "tool_denied" | "tool_not_allowed"), "{tool}: {code}");
    }
    let answer = scene.call("valid", "read_text_file", &json!({"path": served.join("hello.txt")}))?;
    assert!(answer.to_string().contains("second line"), "{answer}");
    let received = scene.received()?;
    assert!(!received.contains("attack-") && received.contains("valid"), "{received}");
    assert!(!new.exists());
    assert!(fs::read_to_string(served.join("hello.txt"))?.contains("second line"));
    Ok(())
}

#[test]
fn paths_stay_within() -> Outcome {
    let folder = tempfile::tempdir()?;
    let served = peers::served(folder.path());
    // The server may read all it serves, the agent only the letters.
    let letters = served.join("letters");
    let config = format!(
        "[tools.read_text_file]\narguments.path = {{ within = [{:?}] }}\n",
        letters.display().to_string()
    );
    let Some(mut scene) = Scene::start(&config, folder.path())? else {
        return Ok(());
    };
    std::os::unix::fs::symlink(served.join("hello.txt"), letters.join("link.txt"))?;
    let letters = letters.display().to_string();
    let attempts = [
        served.join("hello.txt").display().to_string(),
        format!("{letters}/../hello.txt"),
        format!("{letters}/./../hello.txt"),
        format!("{letters}/%2e%2e/hello.txt"),
        format!("{letters}/link.txt"),
        format!("{letters}2/a.txt"),
        format!("{letters}/a.txt\0.png"),
        "/etc/hostname".to_owned(),
        "letters/a.txt".to_owned(),
    ];
    for (index, path) in attempts.iter().enumerate() {
        let code = scene.refusal(&format!("attack-{index}"), "read_text_file", &json!({"path": path}))?;
        assert!(matches!(code.as_str(), "path_denied" | "argument_denied"), "{path:?}: {code}");
    }
    let answer = scene.call("valid", "read_text_file", &json!({"path": format!("{letters}/a.txt")}))?;
    assert_eq!(answer.pointer("/result/content/0/text"), Some(&json!("a")));
    let received = scene.received()?;
    assert!(!received.contains("attack-") && received.contains("valid"), "{received}");
    Ok(())
}

#[test]
fn permissive_mode_strips_ghosts() -> Outcome {
    for peer in Peer::LEAKING {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        let Some(server) = or_skip(peer.command(folder))? else {
            continue;
        };
        let (tee, recorded) = Tee::before(&server, folder, "guarded")?;
        let guarded = Guarded::new(Setting::Transparent, folder, &recorded)?;
        let mut session = Session::start(&guarded.command, folder)?;
        session.play(&script::opening(REVISION, &json!({})))?;
        let call = |ghosts: &str| {
            script::call(REVISION, "ghosts", "add", &format!(r#"{{"a": 2{ghosts}, "b": 40}}"#))
        };
        let answer = session.ask_json(&call(r#", "verbose": true, "a\u200b": [1]"#))?;
        session.end()?;
        let text = answer.pointer("/result/content/0/text").and_then(Value::as_str).ok_or("no text")?;
        assert_eq!(text, "42", "{answer}");
        let received = tee.received()?;
        let line = received.last().ok_or("the server was sent nothing")?;
        let sent: Value = serde_json::from_slice(line)?;
        assert_eq!(sent, serde_json::from_str::<Value>(&call(""))?, "{peer:?}");
        let audit = fs::read_to_string(&guarded.audit)?;
        assert!(audit.contains("verbose"), "the audit log does not tell what was stripped:\n{audit}");
    }
    Ok(())
}

/// A server that has been trusted with one definition of a tool does not get calls under another one, until the
/// client has seen that one.
#[test]
fn redefined_tool_is_quarantined() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let server = [install::sibling("e2e-faulty-server")?, "redefine".into()];
    let (tee, recorded) = Tee::before(&server, folder, "guarded")?;
    let guarded = Guarded::new(Setting::Strict, folder, &recorded)?;
    let mut session = Session::start(&guarded.command, folder)?;
    session.play(&script::opening(REVISION, &json!({})))?;
    let list = script::request(REVISION, "list", "tools/list", &json!({}));
    let call = |id: &str| script::call(REVISION, id, "echo", r#"{"text":"hi"}"#);
    let is_refused = |answer: &Value| answer.pointer("/result/isError") == Some(&json!(true));

    session.ask(&list)?;
    assert!(!is_refused(&session.ask_json(&call("valid-1"))?));
    session.wait_for_method("notifications/tools/list_changed")?;
    let answer = session.ask_json(&call("attack"))?;
    assert!(is_refused(&answer), "called under a definition that the client has not seen: {answer}");
    session.ask(&list)?;
    assert!(!is_refused(&session.ask_json(&call("valid-2"))?));
    let ended = session.end()?;
    let received = wire::readable(&tee.received()?).concat();
    assert!(!received.contains("attack") && received.contains("valid-2"), "{received}");
    assert!(ended.stderr.contains("echo"), "nobody was told: {}", ended.stderr);
    Ok(())
}
