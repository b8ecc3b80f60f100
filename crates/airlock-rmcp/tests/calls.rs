//! `corpus/calls`, decided by the guard inside of an rmcp server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use airlock_rmcp::Airlocked;
use airlock_testkit::{
    calls::{Case, Seen, behave, check, tools},
    engine,
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// A server with the tools of the corpus, which notes with which arguments they ran.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<Value>>>);

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |(name, schema): (String, Value)| Tool::new(name, "", schema.as_object().unwrap().clone());
        Ok(ListToolsResult::with_all_items(tools().into_iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let answer = behave(&call.name, &arguments);
        self.0.lock().unwrap().push(arguments);
        Ok(match answer {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        }
        .into())
    }
}

/// Sends lines as they stand in the corpus, and reads the answer to the last of them.
async fn play(case: &Case) -> Seen {
    let server = Server::default();
    let guarded =
        Airlocked::with_engine(server.clone(), engine(&case.config).0).default_caller(case.caller());
    let (near, far) = tokio::io::duplex(1 << 16);
    let serving = tokio::spawn(guarded.serve(far));
    let (read, mut write) = tokio::io::split(near);
    let mut lines = BufReader::new(read).lines();
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "corpus", "version": "1"}
    }});
    write.write_all(format!("{hello}\n").as_bytes()).await.unwrap();
    lines.next_line().await.unwrap().unwrap();
    let _running = serving.await.unwrap().unwrap();

    let mut answer = Value::Null;
    for id in 1..=case.repeat {
        let Case { tool, arguments, .. } = case;
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        );
        write.write_all(format!("{}\n", call.replace('\n', " ")).as_bytes()).await.unwrap();
        answer = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    }
    let ran = server.0.lock().unwrap().clone();
    let text = answer["result"]["content"][0]["text"].as_str().map(str::to_owned);
    let refusal: Option<Value> = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let code = refusal.and_then(|refusal| refusal["block_reason"].as_str().map(str::to_owned));
    if code.is_some() {
        return Seen { code, ran, ..Seen::default() };
    }
    // Of a long output the rest of its content block counts, too: a few more characters are cut.
    let cut = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("…[airlock: "));
    let shown = if cut(&text) && cut(&case.shown) { case.shown.clone() } else { text };
    Seen { failed: answer["result"]["isError"] == true, shown, ran, ..Seen::default() }
}

#[test]
fn an_rmcp_server_decides_the_corpus() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    check(|case| runtime.block_on(play(case)));
}
