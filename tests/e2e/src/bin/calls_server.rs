//! The tools of `corpus/calls`, as an MCP server written with the public `rmcp` crate, over stdio.
//!
//! The first argument names a file to which it appends the arguments of every call that it runs, one line each.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use airlock_testkit::calls;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler, ServiceExt as _};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let ran = std::env::args_os().nth(1).ok_or("say where the calls are to be written")?;
    CallsServer { ran: ran.into() }.serve(rmcp::transport::stdio()).await?.waiting().await?;
    Ok(())
}

struct CallsServer {
    ran: PathBuf,
}

impl CallsServer {
    fn note(&self, arguments: &Value) -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.ran)?;
        file.write_all(format!("{arguments}\n").as_bytes())
    }
}

impl ServerHandler for CallsServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = calls::tools().into_iter().map(|(name, schema)| {
            let schema = schema.as_object().cloned().unwrap_or_default();
            Tool::new(name, "A tool of the corpus.", schema)
        });
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        self.note(&arguments).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let result = match calls::behave(&request.name, &arguments) {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        };
        Ok(result.into())
    }
}
