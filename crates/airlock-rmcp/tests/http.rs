//! The wrapper in rmcp's HTTP service: with sessions, and one request at a time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use airlock_rmcp::{AgentId, Airlock, Airlocked, Caller, Role};
use airlock_testkit::FakeAudit;
use http::{HeaderMap, Request, request::Parts};
use http_body_util::BodyExt as _;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{ProgressNotificationParam, ServerCapabilities, ServerConfig},
    schemars,
    service::RequestContext,
    tool, tool_handler, tool_router,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService,
        streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Lookup {
    id: u32,
}

#[derive(Clone)]
struct Customers {
    runs: Arc<AtomicUsize>,
    tools: ToolRouter<Self>,
}

#[tool_router(router = tools)]
impl Customers {
    #[tool(description = "Reads what is known of a customer")]
    async fn customer(
        &self,
        Parameters(Lookup { id }): Parameters<Lookup>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        assert!(context.extensions.get::<Parts>().is_some(), "what the host knows reaches the server");
        let token = context.meta.get_progress_token().expect("a token");
        let mut progress = ProgressNotificationParam::new(token, 1.0);
        progress.message = Some("read 123-45-6789".to_owned());
        let told = context.peer.notify_progress(progress).await;
        told.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(format!("customer {id}: Zoe, SSN 123-45-6789"))
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Customers {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

/// The service with a server that is made anew for each session or request, and what it leaves behind.
struct Site {
    service: StreamableHttpService<Airlocked<Customers>, LocalSessionManager>,
    runs: Arc<AtomicUsize>,
    audit: Arc<FakeAudit>,
}

/// Only those whose header says so may call, and twice an hour.
const CONFIG: &str = r#"
[airlock]
strict_mode = true
[policy]
allowed_roles = ["clerk"]
[policy.rate_limits]
"*" = "2/hour"
"#;

/// A stand-in for the verification of a token: the header says who it is.
fn by_header(extensions: &rmcp::model::Extensions) -> Option<Caller> {
    let (agent, role) =
        extensions.get::<Parts>()?.headers.get("authorization")?.to_str().ok()?.split_once('/')?;
    Some(Caller { agent_id: AgentId::new(agent).ok(), session_id: None, roles: vec![Role::new(role).ok()?] })
}

impl Site {
    fn new() -> Self {
        let (engine, audit): (Airlock, _) = airlock_testkit::engine(CONFIG);
        let runs = Arc::new(AtomicUsize::new(0));
        let server = Customers { runs: Arc::clone(&runs), tools: Customers::tools() };
        let make = move || Ok(Airlocked::with_engine(server.clone(), engine.clone()).caller(by_header));
        let config = StreamableHttpServerConfig::default().with_sse_keep_alive(None);
        Self { service: StreamableHttpService::new(make, Arc::default(), config), runs, audit }
    }

    /// Posts a message; gives back the messages of the answer, and its headers.
    async fn post(&self, headers: &[(&str, &str)], message: &Value) -> (Vec<Value>, HeaderMap) {
        let mut request = Request::post("http://localhost/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.service.handle(request.body(message.to_string()).unwrap()).await;
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let is_stream = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let messages = if is_stream {
            let data = body.lines().filter_map(|line| line.strip_prefix("data:").map(str::trim));
            data.filter(|data| !data.is_empty()).map(|data| serde_json::from_str(data).unwrap()).collect()
        } else {
            serde_json::from_str(&body).into_iter().collect()
        };
        (messages, parts.headers)
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

fn call(arguments: &Value, modern: bool) -> Value {
    let mut params = json!({"name": "customer", "arguments": arguments, "_meta": {"progressToken": "p"}});
    if modern {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
            "progressToken": "p",
        });
    }
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

/// Where a session is to be had, its headers; else those of a request by itself.
async fn headers(site: &Site, modern: bool) -> Vec<(&'static str, String)> {
    if modern {
        let own =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "customer")];
        return own.map(|(name, value)| (name, value.to_owned())).to_vec();
    }
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
    }});
    let (answer, headers) = site.post(&[], &initialize).await;
    assert_eq!(answer.last().expect("an answer")["result"]["protocolVersion"], "2025-11-25");
    let session = headers["mcp-session-id"].to_str().unwrap().to_owned();
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let own = vec![("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25".to_owned())];
    let borrowed: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    site.post(&borrowed, &initialized).await;
    own
}

async fn guards(modern: bool) {
    let site = Site::new();
    let own = headers(&site, modern).await;
    let post = async |who: Option<&str>, arguments: Value| {
        let mut headers: Vec<(&str, &str)> =
            own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.extend(who.map(|who| ("authorization", who)));
        let (messages, _) = site.post(&headers, &call(&arguments, modern)).await;
        messages
    };
    let refused = |messages: &[Value], reason: &str| {
        let result = &messages.last().expect("an answer")["result"];
        assert_eq!(result["isError"], true, "{messages:?}");
        assert!(result.to_string().contains(reason), "{result}");
    };
    refused(&post(None, json!({"id": 7})).await, "role_required");
    refused(&post(Some("bob/guest"), json!({"id": 7})).await, "role_required");
    refused(&post(Some("zoe/clerk"), json!({"id": 7, "role": "clerk"})).await, "ghost_arguments");
    refused(&post(Some("zoe/clerk"), json!({"id": "7"})).await, "validation_error");
    assert_eq!(site.runs(), 0);

    for number in 1..=2 {
        let messages = post(Some("zoe/clerk"), json!({"id": number})).await;
        let text = format!("{messages:?}");
        assert!(!text.contains("123-45-6789"), "{text}");
        let progress = messages.iter().find(|message| message["method"] == "notifications/progress");
        assert_eq!(progress.expect("progress")["params"]["message"], "read ***-**-6789");
        let answer = messages.last().unwrap()["result"]["content"][0]["text"].clone();
        assert_eq!(answer, format!("customer {number}: Zoe, SSN ***-**-6789"));
        assert_eq!(site.runs(), number, "positive control");
    }
    refused(&post(Some("zoe/clerk"), json!({"id": 3})).await, "rate_limited");
    assert!(post(Some("ann/clerk"), json!({"id": 3})).await.last().unwrap()["result"]["isError"] != true);
    assert_eq!(site.runs(), 3);
    let records = site.audit.records().join("\n");
    assert_eq!(records.matches(r#""result":"allowed""#).count(), 3, "{records}");
    assert_eq!(records.matches(r#""agent_id":"zoe""#).count(), 5, "{records}");
}

#[tokio::test]
async fn a_session_is_guarded() {
    guards(false).await;
}

#[tokio::test]
async fn a_request_by_itself_is_guarded() {
    guards(true).await;
}
