//! One wrapper per request, as rmcp's HTTP service has it without sessions: what it shares is the engine. The host puts
//! what it knows about the caller beside each request.

use std::sync::Arc;

use airlock_engine::{AgentId, Airlock, Caller, Role};
use airlock_rmcp::Airlocked;
use rmcp::{
    RoleServer,
    model::{
        CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientConfig, ClientJsonRpcMessage,
        ClientRequest, Extensions, GetExtensions as _, GetMeta as _, Implementation, JsonRpcMessage,
        ListToolsRequest, ProtocolVersion, RequestId, RequestMetaObject,
    },
    service::serve_directly,
    transport::OneshotTransport,
};
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, Runs},
    scene::{assert_masked, assert_refused},
};

/// What middleware found in a header.
#[derive(Clone, Debug)]
struct Token(&'static str);

struct Host {
    engine: Airlock,
    runs: Arc<Runs>,
    fixture: Fixture,
}

impl Host {
    fn new(toml: &str) -> Self {
        let fixture = Fixture::default();
        Self { engine: airlock_testkit::engine(toml).0, runs: Arc::clone(&fixture.runs), fixture }
    }

    fn wrapper(&self) -> Airlocked<Fixture> {
        Airlocked::with_engine(self.fixture.clone(), self.engine.clone())
    }

    /// Serves one request of the given revision and gives back its answer.
    async fn serve(
        wrapper: Airlocked<Fixture>,
        version: &ProtocolVersion,
        request: impl Into<ClientRequest>,
        beside: Extensions,
    ) -> Result<Value, Value> {
        let mut request = request.into();
        request.extensions_mut().extend(beside);
        let mut client = ClientConfig::new(ClientCapabilities::default(), Implementation::new("test", "1"));
        client.protocol_version = version.clone();
        if *version == ProtocolVersion::V_2026_07_28 {
            let mut meta = RequestMetaObject::new();
            meta.set_protocol_version(version.clone());
            meta.set_client_info(client.client_info.clone());
            meta.set_client_capabilities(client.capabilities.clone());
            *request.get_meta_mut() = meta;
        }
        let message = ClientJsonRpcMessage::request(request, RequestId::Number(1));
        let (transport, mut answers) = OneshotTransport::<RoleServer>::new(message);
        let running = serve_directly(wrapper, transport, Some(client));
        let answer = loop {
            match answers.recv().await.expect("an answer") {
                JsonRpcMessage::Response(response) => {
                    break Ok(serde_json::to_value(response.result).unwrap());
                }
                JsonRpcMessage::Error(error) => break Err(serde_json::to_value(error.error).unwrap()),
                JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => {}
            }
        };
        running.waiting().await.unwrap();
        answer
    }
}

fn call(tool: &'static str, arguments: &Value) -> CallToolRequest {
    let mut params = CallToolRequestParams::new(tool);
    params.arguments = arguments.as_object().cloned();
    CallToolRequest::new(params)
}

fn beside<T: Clone + Send + Sync + 'static>(data: T) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(data);
    extensions
}

fn caller(agent: &str, role: &str) -> Caller {
    Caller { agent_id: AgentId::new(agent).ok(), session_id: None, roles: vec![Role::new(role).unwrap()] }
}

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

#[tokio::test]
async fn each_request_is_guarded() {
    for version in &VERSIONS {
        let host = Host::new("[airlock]\nstrict_mode = true");
        let serve =
            |request: CallToolRequest| Host::serve(host.wrapper(), version, request, Extensions::new());
        assert_refused(&serve(call("add", &json!({"a": 1, "b": 2, "c": 3}))).await, "ghost_arguments");
        assert_eq!(host.runs.of("add"), 0);
        assert!(serve(call("add", &json!({"a": 1, "b": 2}))).await.unwrap()["isError"] != true);
        assert_eq!(host.runs.of("add"), 1, "positive control");
        assert_masked(&serve(call("account", &json!({}))).await.unwrap());
        assert_masked(&serve(call("account_denied", &json!({}))).await.unwrap_err());
        assert!(serve(call("crash", &json!({}))).await.is_err());
    }
}

#[tokio::test]
async fn rate_limits_count_over_all_requests() {
    for version in &VERSIONS {
        let host = Host::new("[policy.rate_limits]\n\"echo\" = \"2/hour\"");
        let serve = || Host::serve(host.wrapper(), version, call("echo", &json!({})), Extensions::new());
        for _ in 0..2 {
            assert!(serve().await.unwrap()["isError"] != true);
        }
        assert_refused(&serve().await, "rate_limited");
        assert_eq!(host.runs.of("echo"), 2);
    }
}

#[tokio::test]
async fn the_caller_is_who_the_host_says() {
    let toml = "[policy]\nallowed_roles = [\"admin\", \"reader\"]\n[policies.reader]\ndenied_tools = [\"delete_*\"]\n\
                [roles]\nreader = \"reader\"";
    for version in &VERSIONS {
        let host = Host::new(toml);
        let delete = || call("delete_all", &json!({}));
        let serve = |beside: Extensions| Host::serve(host.wrapper(), version, delete(), beside);
        assert_refused(&serve(Extensions::new()).await, "role_required");
        assert_refused(&serve(beside(caller("r", "reader"))).await, "tool_denied");
        assert_refused(&serve(beside(Arc::new(caller("x", "other")))).await, "role_required");
        assert_eq!(host.runs.of("delete_all"), 0);
        for admin in [beside(caller("a", "admin")), beside(Arc::new(caller("a", "admin")))] {
            assert!(serve(admin).await.unwrap()["isError"] != true);
        }
        assert_eq!(host.runs.of("delete_all"), 2, "positive control");

        let list = |who: &str| {
            Host::serve(host.wrapper(), version, ListToolsRequest::default(), beside(caller("l", who)))
        };
        assert!(!list("reader").await.unwrap().to_string().contains("delete_all"));
        assert!(list("admin").await.unwrap().to_string().contains("delete_all"));
    }
}

#[tokio::test]
async fn a_closure_reads_what_the_host_put_beside() {
    let find = |extensions: &Extensions| match extensions.get::<Token>()?.0 {
        "broken" => panic!("cannot read it"),
        token => Some(caller("t", token)),
    };
    for version in &VERSIONS {
        let host = Host::new("[policy]\nallowed_roles = [\"admin\"]");
        let serve =
            |beside| Host::serve(host.wrapper().caller(find), version, call("echo", &json!({})), beside);
        assert!(serve(beside(Token("admin"))).await.unwrap()["isError"] != true);
        assert_refused(&serve(beside(Token("guest"))).await, "role_required");
        assert_refused(&serve(Extensions::new()).await, "role_required");
        assert_refused(&serve(beside(Token("broken"))).await, "internal_panic");
        // What the closure does not know may still be there in its own form.
        assert!(serve(beside(caller("a", "admin"))).await.unwrap()["isError"] != true);
        assert_eq!(host.runs.of("echo"), 2);
    }
}
