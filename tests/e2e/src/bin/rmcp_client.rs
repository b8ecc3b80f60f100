//! The Rust client: drives one session against a stdio server with the public `rmcp` crate and prints what it
//! received, like `python/client.py`.
//!
//!     e2e-rmcp-client legacy|modern COMMAND [ARG...]
#![expect(deprecated, reason = "log messages are deprecated since 2026-07-28, and still to be guarded")]

use std::error::Error;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    CallToolRequestParams, GetPromptRequestParams, LoggingMessageNotificationParam,
    ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams,
};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt as _, RoleClient, ServiceError};
use serde::Serialize;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let lifecycle = match arguments.next().as_ref().and_then(|era| era.to_str()) {
        Some("legacy") => ClientLifecycleMode::Initialize,
        Some("modern") => {
            ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
        }
        _ => return Err("usage: e2e-rmcp-client legacy|modern COMMAND [ARG...]".into()),
    };
    let mut command = tokio::process::Command::new(arguments.next().ok_or("no command given")?);
    command.args(arguments);
    let seen = Seen::default();
    let client = seen.clone().serve_with_lifecycle(TokioChildProcess::new(command)?, lifecycle).await?;
    let report = drive(&client, &seen).await?;
    client.cancel().await?;
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// Runs the whole session and collects its report.
async fn drive(client: &RunningService<RoleClient, Seen>, seen: &Seen) -> Result<Value, Box<dyn Error>> {
    let mut steps = vec![step("tools/list", client.list_tools(None).await)?];
    for (tool, arguments) in calls() {
        let mut call = CallToolRequestParams::new(tool);
        call.arguments = arguments.as_object().cloned();
        steps.push(step(&format!("tools/call {tool}"), client.call_tool(call).await)?);
    }
    steps.push(step("prompts/list", client.list_prompts(None).await)?);
    let mut greet = GetPromptRequestParams::new("greet");
    greet.arguments = json!({"name": "Zoë"}).as_object().cloned();
    for prompt in [greet, GetPromptRequestParams::new("account_prompt")] {
        steps.push(step("prompts/get", client.get_prompt(prompt).await)?);
    }
    steps.push(step("resources/list", client.list_resources(None).await)?);
    for uri in ["memo://welcome", "memo://account"] {
        let resource = client.read_resource(ReadResourceRequestParams::new(uri)).await;
        steps.push(step("resources/read", resource)?);
    }
    let events = seen.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(json!({"peer": client.peer_info().as_deref(), "steps": steps, "events": events}))
}

/// The calls of the session: they pass, leak in four ways, and one is malformed.
fn calls() -> Vec<(&'static str, Value)> {
    let booking =
        json!({"guest": "Zoë", "seats": 4, "area": "hall", "contact": {"email": "zoe@example.org"}});
    let malformed = json!({"guest": "Zoë", "seats": "4", "area": "roof", "contact": {}, "vip": true});
    vec![
        ("add", json!({"a": 2, "b": 40})),
        ("book_table", booking),
        ("account", json!({})),
        ("account_error", json!({})),
        ("account_denied", json!({})),
        ("account_events", json!({})),
        ("book_table", malformed),
    ]
}

/// Describes a result, or the error the server answered with; any other failure ends the session.
fn step<T: Serialize>(name: &str, outcome: Result<T, ServiceError>) -> Result<Value, Box<dyn Error>> {
    match outcome {
        Ok(result) => Ok(json!({"step": name, "result": result})),
        Err(ServiceError::McpError(error)) => Ok(json!({"step": name, "error": error})),
        Err(failure) => Err(failure.into()),
    }
}

/// The notifications received on the way, in order.
#[derive(Clone, Default)]
struct Seen {
    events: Arc<Mutex<Vec<Value>>>,
}

impl Seen {
    fn push(&self, event: Value) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl ClientHandler for Seen {
    async fn on_logging_message(
        &self,
        message: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.push(json!({"log": message}));
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.push(json!({"progress": progress.progress, "message": progress.message}));
    }
}
