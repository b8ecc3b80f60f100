//! `airlock run` around the demo's server: what the command adds to the guard.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Ran, airlock, converse, feed};

const SERVER: [&str; 2] = [env!("CARGO_BIN_EXE_airlock"), "__demo-server"];

/// A whole session: greeting, one call, end of input.
fn session(tool: &str, arguments: &Value) -> String {
    let initialize = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}),
    ]
    .map(|message| format!("{message}\n"))
    .concat()
}

fn guarded(home: &std::path::Path, flags: &[&str], input: &str) -> Ran {
    converse(airlock(home).arg("run").args(flags).arg("--").args(SERVER), input, r#""id":2"#)
}

/// The answer to the call.
fn answer(ran: &Ran) -> Value {
    let answers = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    answers.into_iter().find(|answer| answer["id"] == 2).unwrap_or_else(|| panic!("{ran:?}"))
}

#[test]
fn it_works_without_any_configuration() {
    let home = tempfile::tempdir().unwrap();
    let ran = guarded(home.path(), &[], &session("get_customer", &json!({"id": 7, "invented": true})));
    assert_eq!(ran.code, 0, "{ran:?}");
    let answer = answer(&ran).to_string();
    assert!(
        answer.contains("Ada Lovelace") && !answer.contains("123-45-6789") && !answer.contains("sk-live"),
        "{answer}"
    );
    assert!(ran.err.starts_with("airlock: guarding `"), "{}", ran.err);
    assert!(
        ran.err.contains("· mode permissive ·") && ran.err.contains("· agent anonymous ·"),
        "{}",
        ran.err
    );
    let audit = home.path().join(".local/state/airlock/audit.jsonl");
    let record: Value = serde_json::from_str(fs::read_to_string(&audit).unwrap().trim()).unwrap();
    assert_eq!((&record["tool"], &record["result"]), (&json!("get_customer"), &json!("allowed")));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&audit).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn flags_decide_who_calls_and_what_holds() {
    let home = tempfile::tempdir().unwrap();
    let call = session("delete_database", &json!({"confirm": true}));
    let code = |flags: &[&str]| {
        let answer = answer(&guarded(home.path(), flags, &call));
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        serde_json::from_str::<Value>(&text).map_or(text, |refusal| refusal["block_reason"].to_string())
    };
    assert_eq!(code(&[]), "database `acme` deleted");
    assert_eq!(code(&["--policy", "read_only"]), "\"tool_denied\"");
    assert_eq!(code(&["--policy", "strict"]), "\"agent_required\"");
    assert_eq!(code(&["--policy", "strict", "--agent-id", "a"]), "database `acme` deleted");
}

#[test]
fn quiet_is_quiet_but_for_what_weakens_protection() {
    let home = tempfile::tempdir().unwrap();
    let call = session("read_file", &json!({"path": "notes.txt"}));
    let quiet = guarded(home.path(), &["--quiet"], &call);
    assert_eq!((quiet.code, &*quiet.err), (0, ""));
    fs::write(home.path().join("weak.toml"), "[airlock]\nmask_pii = false\n").unwrap();
    let weak = guarded(home.path(), &["--quiet", "--config", "weak.toml"], &call);
    assert!(weak.err.contains("airlock.mask_pii: personal data is not masked"), "{weak:?}");
}

/// One file for two entries of a client's configuration.
#[test]
fn servers_of_the_configuration_are_started_by_name() {
    let home = tempfile::tempdir().unwrap();
    let [program, argument] = SERVER.map(|part| format!("{part:?}"));
    let text = format!(
        "[servers.demo]\ncommand = [{program}, {argument}]\n[servers.gone]\ncommand = [\"no-such-server\"]\n\
         [servers.open]\ncommand = [{program}, {argument}]\nsandbox = {{ writable = [\"/tmp\"] }}\n"
    );
    fs::write(home.path().join("servers.toml"), text).unwrap();
    let started = |name: &str| {
        let mut command = airlock(home.path());
        command.args(["run", "--config", "servers.toml", "--server", name]);
        converse(&mut command, &session("get_customer", &json!({"id": 7})), r#""id":2"#)
    };
    let ran = started("demo");
    assert!(ran.code == 0 && answer(&ran).to_string().contains("Ada Lovelace"), "{ran:?}");
    assert!(ran.err.starts_with("airlock: guarding demo, `"), "no warning of another server: {}", ran.err);

    let ran = started("open");
    assert!(ran.code == 0 && answer(&ran).to_string().contains("Ada Lovelace"), "{ran:?}");
    assert!(
        ran.err
            .contains("servers.toml:7:1: warning: servers.open.sandbox.required: this server runs outside"),
        "{}",
        ran.err
    );

    let refused = |arguments: &[&str]| feed(airlock(home.path()).arg("run").args(arguments), b"");
    let gone = refused(&["--config", "servers.toml", "--server", "gone"]);
    assert!(gone.code == 127 && gone.err.contains("cannot start `no-such-server`"), "{gone:?}");
    let unknown = refused(&["--config", "servers.toml", "--server", "dmeo"]);
    assert_eq!((unknown.code, &*unknown.out), (3, ""), "{unknown:?}");
    assert!(unknown.err.contains("did you mean `demo`? there are `demo`, `gone` and `open`"), "{unknown:?}");
    let without = refused(&["--server", "demo"]);
    assert!(without.code == 3 && without.err.contains("there is no `[servers.NAME]`"), "{without:?}");
    let both = refused(&["--config", "servers.toml", "--server", "demo", "--", "cat"]);
    assert!(both.code == 64 && both.err.contains("--server"), "{both:?}");

    // Without one of them, what they weaken is nobody's concern; `check` shows all of it.
    let plain =
        guarded(home.path(), &["--config", "servers.toml"], &session("get_customer", &json!({"id": 7})));
    assert!(plain.code == 0 && !plain.err.contains("servers."), "{plain:?}");
    let check = feed(airlock(home.path()).args(["check", "servers.toml"]), b"");
    assert!(check.code == 0 && check.out.contains("servers.open.sandbox.required: this server"), "{check:?}");
    assert!(
        check.out.contains("servers.gone.command") && check.out.contains("[no-such-server]"),
        "{check:?}"
    );
}

#[test]
fn what_cannot_be_started_is_said() {
    let home = tempfile::tempdir().unwrap();
    let missing = feed(airlock(home.path()).args(["run", "--", "no-such-server"]), b"");
    assert_eq!((missing.code, &*missing.out), (127, ""), "{missing:?}");
    assert!(missing.err.contains("cannot start `no-such-server`: not found on PATH"), "{missing:?}");
    fs::write(home.path().join("bad.toml"), "[nonsense]\n").unwrap();
    let bad = feed(airlock(home.path()).args(["run", "--config", "bad.toml", "--"]).args(SERVER), b"");
    assert_eq!((bad.code, &*bad.out), (3, ""), "{bad:?}");
    let stdout =
        feed(airlock(home.path()).env("AIRLOCK_AUDIT_PATH", "stdout").args(["run", "--"]).args(SERVER), b"");
    assert!(
        stdout.code == 3 && stdout.out.is_empty() && stdout.err.contains("carries the protocol"),
        "{stdout:?}"
    );
    let nowhere = feed(
        airlock(home.path()).env("AIRLOCK_AUDIT_PATH", "/dev/null/x").args(["run", "--"]).args(SERVER),
        b"",
    );
    assert!(nowhere.code == 1 && nowhere.err.contains("audit records cannot be written"), "{nowhere:?}");
}

#[cfg(unix)]
#[test]
fn a_server_that_fails_is_reported() {
    use std::process::Stdio;
    let home = tempfile::tempdir().unwrap();
    let mut command = airlock(home.path());
    command.args(["run", "--quiet", "--", "sh", "-c", "exit 3"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // The client stays, so that it is the server that ends the session.
    let client = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(client);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && err.contains("the server exited with code 3"), "{err}");
}
