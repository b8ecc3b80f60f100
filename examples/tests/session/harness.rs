//! One session with a server, in a folder of its own.

use std::{fs, path::Path, time::Duration};

use rmcp::{
    RoleClient, ServiceExt as _, model::CallToolRequestParams, service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server and its client.
pub(crate) struct Session {
    folder: TempDir,
    client: RunningService<RoleClient, ()>,
}

/// What a call has come to.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) is_error: bool,
    pub(crate) text: String,
}

impl Answer {
    /// The code of a refusal; `None` if the tool itself has answered.
    pub(crate) fn refused(&self) -> Option<String> {
        let refusal: Value = serde_json::from_str(&self.text).ok()?;
        refusal["block_reason"].as_str().filter(|_| self.is_error).map(str::to_owned)
    }

    /// The text of a call that ran without an error.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        assert!(!self.is_error, "{}", self.text);
        &self.text
    }
}

/// The configuration that is shipped beside an example.
pub(crate) fn shipped(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

impl Session {
    /// Starts `server` in `folder`, guarded by `config`. What Airlock keeps for its user is kept in the folder, too.
    pub(crate) async fn start(folder: TempDir, server: &str, arguments: &[&str], config: &str) -> Self {
        let file = folder.path().join("airlock.toml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(server);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AIRLOCK_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(folder.path()).env("AIRLOCK_CONFIG", file);
        command.env("HOME", folder.path()).env("XDG_STATE_HOME", folder.path().join("state"));
        let starting = ().serve(TokioChildProcess::new(command).unwrap());
        let client = tokio::time::timeout(PATIENCE, starting).await.unwrap().unwrap();
        Self { folder, client }
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &'static str, arguments: Value) -> Answer {
        let mut call = CallToolRequestParams::new(tool);
        call.arguments = arguments.as_object().cloned();
        let answer = tokio::time::timeout(PATIENCE, self.client.call_tool(call)).await.unwrap();
        let answer = serde_json::to_value(answer.expect("a result")).unwrap();
        Answer {
            is_error: answer["isError"] == true,
            text: answer["content"][0]["text"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The names of the listed tools, sorted.
    pub(crate) async fn tools(&self) -> Vec<String> {
        let tools = tokio::time::timeout(PATIENCE, self.client.list_all_tools()).await.unwrap().unwrap();
        let mut names: Vec<_> = tools.into_iter().map(|tool| tool.name.into_owned()).collect();
        names.sort();
        names
    }

    /// Ends the session: its audit records, and the folder.
    pub(crate) async fn end(self) -> (Vec<Value>, TempDir) {
        self.client.cancel().await.unwrap();
        let file = self.folder.path().join("state/airlock/audit.jsonl");
        // A server without a guard has written none.
        let text = if file.exists() { fs::read_to_string(file).unwrap() } else { String::new() };
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), self.folder)
    }
}

/// What the records say of each call: `tool result reason`.
pub(crate) fn outcomes(records: &[Value]) -> Vec<String> {
    let word = |record: &Value, name: &str| record[name].as_str().unwrap_or("-").to_owned();
    records
        .iter()
        .map(|record| ["tool", "result", "reason"].map(|name| word(record, name)).join(" "))
        .collect()
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
