//! One session, to be driven by a test.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use airlock_engine::Airlock;
use airlock_rmcp::{Airlocked, Shielded};
use airlock_testkit::FakeAudit;
use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt as _, ErrorData, RoleClient, RoleServer,
    ServiceError, ServiceExt as _,
    model::{
        CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientConfig, ClientRequest,
        CreateMessageRequestParams, CreateMessageResult, Implementation, LoggingMessageNotificationParam,
        ProgressNotificationParam, ProtocolVersion, SamplingMessage,
    },
    service::{NotificationContext, RequestContext, RunningService},
};
use serde_json::{Value, json};

use crate::fixture::{Fixture, Runs, SECRETS};

/// Handshake, or metadata in each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    Legacy,
    Modern,
}

/// How the wrapper is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// By itself: `Airlocked::serve`.
    Transport,
    /// As a handler by rmcp, as its HTTP service does it.
    Handler,
}

/// How client and server meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) era: Era,
    served: Served,
}

impl Door {
    pub(crate) const LEGACY: Self = Self { era: Era::Legacy, served: Served::Transport };
    pub(crate) const MODERN: Self = Self { era: Era::Modern, served: Served::Transport };
    pub(crate) const LEGACY_HANDLER: Self = Self { era: Era::Legacy, served: Served::Handler };
    pub(crate) const MODERN_HANDLER: Self = Self { era: Era::Modern, served: Served::Handler };
}

pub(crate) const DOORS: [Door; 4] = [Door::LEGACY, Door::MODERN, Door::LEGACY_HANDLER, Door::MODERN_HANDLER];
pub(crate) const LEGACY_DOORS: [Door; 2] = [Door::LEGACY, Door::LEGACY_HANDLER];

/// What stands between client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing, for control.
    Bare,
    /// The guard.
    Guarded,
}

/// The client, which keeps what it was told.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Mutex<Vec<Value>>>);

impl Listener {
    fn hear(&self, event: Value) {
        self.0.lock().unwrap().push(event);
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_sampling().build();
        ClientConfig::new(capabilities, Implementation::new("test", "1"))
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.hear(json!({"asked": params}));
        Ok(CreateMessageResult::new(SamplingMessage::assistant_text("forty-two"), "model".to_owned()))
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.hear(json!({"progress": progress}));
    }

    async fn on_logging_message(
        &self,
        message: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.hear(json!({"log": message}));
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.hear(json!("tools changed"));
    }
}

pub(crate) struct Scene {
    pub(crate) client: RunningService<RoleClient, Listener>,
    pub(crate) server: Server,
    pub(crate) listener: Listener,
    pub(crate) audit: Arc<FakeAudit>,
    pub(crate) runs: Arc<Runs>,
}

/// The running server, however it is served.
pub(crate) enum Server {
    Bare(RunningService<RoleServer, Fixture>),
    Guarded(RunningService<RoleServer, Shielded<Fixture>>),
    Handler(RunningService<RoleServer, Airlocked<Fixture>>),
}

impl Server {
    /// Waits until the session is over.
    pub(crate) async fn waiting(self) {
        let waited = match self {
            Self::Bare(running) => running.waiting().await,
            Self::Guarded(running) => running.waiting().await,
            Self::Handler(running) => running.waiting().await,
        };
        waited.unwrap();
    }
}

impl Scene {
    pub(crate) async fn strict(door: Door) -> Self {
        Self::start(Way::Guarded, door, "[airlock]\nstrict_mode = true", Fixture::default()).await
    }

    pub(crate) async fn permissive(door: Door) -> Self {
        Self::start(Way::Guarded, door, "", Fixture::default()).await
    }

    pub(crate) async fn bare(door: Door) -> Self {
        Self::start(Way::Bare, door, "", Fixture::default()).await
    }

    pub(crate) async fn start(way: Way, door: Door, toml: &str, fixture: Fixture) -> Self {
        Self::with(way, door, toml, fixture, |airlocked| airlocked).await
    }

    pub(crate) async fn with(
        way: Way,
        door: Door,
        toml: &str,
        fixture: Fixture,
        adjust: impl FnOnce(Airlocked<Fixture>) -> Airlocked<Fixture> + Send + 'static,
    ) -> Self {
        let (engine, audit): (Airlock, _) = airlock_testkit::engine(toml);
        let runs = Arc::clone(&fixture.runs);
        let listener = Listener::default();
        let lifecycle = match door.era {
            Era::Legacy => ClientLifecycleMode::Initialize,
            Era::Modern => {
                ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
            }
        };
        let (near, far) = tokio::io::duplex(1 << 16);
        // The modern server is not there before the first request.
        let server = tokio::spawn(async move {
            match way {
                Way::Bare => Server::Bare(fixture.serve(far).await.expect("the server starts")),
                Way::Guarded => {
                    let airlocked = adjust(Airlocked::with_engine(fixture, engine));
                    match door.served {
                        Served::Transport => {
                            Server::Guarded(airlocked.serve(far).await.expect("the server starts"))
                        }
                        Served::Handler => Server::Handler(
                            rmcp::serve_server(airlocked, far).await.expect("the server starts"),
                        ),
                    }
                }
            }
        });
        let client = listener.clone().serve_with_lifecycle(near, lifecycle).await.expect("the client starts");
        if door.era == Era::Modern {
            client.list_resources(None).await.expect("the first request");
        }
        let server = server.await.unwrap();
        Self { client, server, listener, audit, runs }
    }

    /// Calls a tool; the result as JSON, or the error.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<Value, Value> {
        let mut params = CallToolRequestParams::new(tool.to_owned());
        params.arguments = arguments.as_object().cloned();
        self.request(CallToolRequest::new(params)).await
    }

    pub(crate) async fn request(&self, request: impl Into<ClientRequest>) -> Result<Value, Value> {
        let answer = tokio::time::timeout(Duration::from_secs(10), self.client.send_request(request.into()));
        match answer.await.expect("an answer in time") {
            Ok(result) => Ok(serde_json::to_value(result).unwrap()),
            Err(ServiceError::McpError(error)) => Err(serde_json::to_value(error).unwrap()),
            Err(other) => panic!("{other}"),
        }
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        self.audit.records().iter().map(|record| serde_json::from_str(record).unwrap()).collect()
    }

    /// The tool, the result and the reason of the last record.
    pub(crate) fn last_record(&self) -> (String, String, Option<String>) {
        let records = self.records();
        let record = records.last().expect("a record");
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        (text("tool").unwrap(), text("result").unwrap(), text("reason"))
    }

    /// Waits for a record that may come a little later than the answer.
    pub(crate) async fn record(&self, tool: &str, result: &str) -> Value {
        for _ in 0..500 {
            let found = self
                .records()
                .into_iter()
                .find(|record| record["tool"] == tool && record["result"] == result);
            if let Some(record) = found {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no record of `{tool}` with the result `{result}`: {:?}", self.records())
    }

    /// Waits until the client was told something.
    pub(crate) async fn event(&self, name: &str) -> Value {
        for _ in 0..500 {
            let events = self.listener.events();
            let found = events.iter().find(|event| event.get(name).is_some() || *event == name);
            if let Some(event) = found {
                return event.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody said `{name}`: {:?}", self.listener.events())
    }
}

/// The refusal inside the tool result that refuses a call.
#[track_caller]
pub(crate) fn refusal(answer: &Result<Value, Value>) -> Value {
    let result = answer.as_ref().expect("a refused call is a tool result");
    assert_eq!(result["isError"], true, "{result}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).expect("a refusal")
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Result<Value, Value>, reason: &str) {
    assert_eq!(refusal(answer)["block_reason"], reason);
}

#[track_caller]
pub(crate) fn assert_leaks(text: &impl ToString) {
    let text = text.to_string();
    assert!(SECRETS.iter().all(|secret| text.contains(secret)), "the control does not leak: {text}");
}

#[track_caller]
pub(crate) fn assert_masked(text: &impl ToString) {
    let text = text.to_string();
    assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "a secret came through: {text}");
    assert!(text.contains("***REDACTED***") && text.contains("***-**-6789"), "nothing was masked: {text}");
}
