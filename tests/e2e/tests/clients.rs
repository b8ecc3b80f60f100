//! Real clients get along with the guard: the Python SDK, `rmcp` and the MCP inspector, each before the
//! fixture servers. Through a transparent guard they report what they report without one; through a strict one
//! the leaks are masked and the malformed call is refused.
#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use airlock_e2e::{Guarded, Missing, Outcome, Peer, Setting, install, or_skip, session};
use serde_json::Value;

/// A real client, and the session it drives.
#[derive(Clone, Copy, Debug)]
enum Client {
    /// The Python SDK in one of its modes.
    Python(&'static str),
    /// `rmcp` in one of its lifecycles.
    Rmcp(&'static str),
    /// The inspector's command line with these arguments.
    Inspector(&'static [&'static str]),
}

const PYTHON: [Client; 3] = [Client::Python("legacy"), Client::Python("auto"), Client::Python("2026-07-28")];

const RMCP: [Client; 2] = [Client::Rmcp("legacy"), Client::Rmcp("modern")];

const INSPECTOR: [Client; 4] = [
    Client::Inspector(&["--method", "tools/list"]),
    Client::Inspector(&[
        "--method",
        "tools/call",
        "--tool-name",
        "add",
        "--tool-arg",
        "a=2",
        "--tool-arg",
        "b=40",
    ]),
    Client::Inspector(&["--method", "tools/call", "--tool-name", "account"]),
    Client::Inspector(&["--method", "resources/read", "--uri", "memo://account"]),
];

impl Client {
    /// The command line of the client before `server`.
    fn command(self, server: &Path) -> Result<Vec<OsString>, Missing> {
        let mut command = match self {
            Self::Python(mode) => vec![
                install::python()?,
                "-B".into(),
                install::source("python/client.py"),
                "--mode".into(),
                mode.into(),
                "--".into(),
            ],
            Self::Rmcp(lifecycle) => vec![install::sibling("e2e-rmcp-client")?, lifecycle.into()],
            Self::Inspector(_) => vec![
                install::node()?,
                install::npm("@modelcontextprotocol/inspector/clients/launcher/build/index.js")?,
                "--cli".into(),
            ],
        };
        command.push(server.into());
        if let Self::Inspector(arguments) = self {
            command.extend(arguments.iter().map(OsString::from));
        }
        Ok(command)
    }

    /// Runs the client's session and returns its report.
    fn report(self, server: &Path, folder: &Path) -> Outcome<Option<Value>> {
        let Some(command) = or_skip(self.command(server))? else {
            return Ok(None);
        };
        let (program, arguments) = command.split_first().ok_or("no command")?;
        let output = session::isolated(program, folder).args(arguments).output()?;
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?}: {}: {talk}", output.status);
        Ok(Some(
            serde_json::from_slice(&output.stdout).map_err(|error| format!("{self:?}: {error}: {talk}"))?,
        ))
    }
}

/// Writes a command line into a script: a client can then start it without knowing its arguments.
fn executable(path: PathBuf, command: &[OsString]) -> Outcome<PathBuf> {
    let quoted: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    fs::write(&path, format!("#!/bin/sh\nexec {}\n", quoted.join(" ")))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

/// Runs each client before `peer`: directly, behind a transparent guard, and behind a strict one.
fn each_way(clients: &[Client], peer: Peer) -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let Some(server) = or_skip(peer.command(folder))? else {
        return Ok(());
    };
    let direct = executable(folder.join("direct"), &server)?;
    let guarded = |setting: Setting, name: &str| {
        // Each has its own configuration file.
        let folder = folder.join(format!("{name}-files"));
        fs::create_dir(&folder)?;
        let guarded = Guarded::new(setting, &folder, &server)?;
        executable(folder.join(name), &guarded.command)
    };
    let transparent = guarded(Setting::Transparent, "transparent")?;
    let strict = guarded(Setting::Strict, "strict")?;
    for &client in clients {
        let Some(plain) = client.report(&direct, folder)? else {
            continue;
        };
        if let Some(through) = client.report(&transparent, folder)? {
            reports_the_same(client, &plain, &through);
        }
        if let Some(through) = client.report(&strict, folder)? {
            guards(client, &plain, &through);
        }
    }
    Ok(())
}

#[test]
fn python_client_before_python() -> Outcome {
    each_way(&PYTHON, Peer::Python)
}

#[test]
fn python_client_before_rmcp() -> Outcome {
    each_way(&PYTHON, Peer::Rmcp)
}

#[test]
fn rmcp_client_before_python() -> Outcome {
    each_way(&RMCP, Peer::Python)
}

#[test]
fn rmcp_client_before_rmcp() -> Outcome {
    each_way(&RMCP, Peer::Rmcp)
}

#[test]
fn inspector_before_python() -> Outcome {
    each_way(&INSPECTOR, Peer::Python)
}

#[test]
fn inspector_before_rmcp() -> Outcome {
    each_way(&INSPECTOR, Peer::Rmcp)
}

/// Nothing differs but the malformed call, which no guard lets pass.
fn reports_the_same(client: Client, direct: &Value, through: &Value) {
    let well_formed = |report: &Value| {
        let mut report = report.clone();
        let steps = report.get_mut("steps").and_then(Value::as_array_mut);
        steps.map(|steps| steps.remove(MALFORMED));
        report
    };
    assert_eq!(well_formed(through), well_formed(direct), "{client:?}");
}

/// The place of the malformed call in the sessions of `client.py` and `e2e-rmcp-client`.
const MALFORMED: usize = 7;

/// What was permitted still works, no secret came back, the malformed call was refused by the guard (and not
/// by the server).
fn guards(client: Client, direct: &Value, through: &Value) {
    let (before, after) = (direct.to_string(), through.to_string());
    let leaks = |report: &str| report.contains("sk-live-xxxxx") || report.contains("123-45-6789");
    assert!(!leaks(&after), "{client:?}: a secret came through: {after}");
    match client {
        Client::Inspector(arguments) => {
            // Some have nothing to mask, and those report what they report without the guard.
            assert!(leaks(&before) == arguments.iter().any(|word| word.contains("account")), "{before}");
            assert!(leaks(&before) || through == direct, "{client:?}: {after}\ninstead of {before}");
        }
        Client::Python(_) | Client::Rmcp(_) => {
            assert!(leaks(&before), "{client:?}: nothing to mask: {before}");
            assert!(!before.contains("AIRLOCK_BLOCK"), "{client:?}: {before}");
            assert!(after.contains("AIRLOCK_BLOCK"), "{client:?}: {after}");
            for step in ["tools/list", "tools/call add", "prompts/list", "resources/list"] {
                assert_eq!(named(through, step), named(direct, step), "{client:?}");
            }
        }
    }
}

/// The first step of this name.
fn named<'a>(report: &'a Value, name: &str) -> Option<&'a Value> {
    let steps = report.get("steps")?.as_array()?;
    steps.iter().find(|step| step.get("step").and_then(Value::as_str) == Some(name))
}
