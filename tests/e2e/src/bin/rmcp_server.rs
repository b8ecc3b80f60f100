//! The Rust fixture: an MCP server written with the public `rmcp` crate, over stdio.
//!
//! Its tools, prompts and resources are the same as those of `python/server.py`, so that one test table fits
//! both. Everything it leaks is made up.
//!
//!     e2e-rmcp-server [--airlocked [AGENT]]
//!
//! With `--airlocked` the guard is inside, by the one line that an author changes.
#![expect(deprecated, reason = "log messages are deprecated since 2026-07-28, and still to be guarded")]

use std::error::Error;
use std::time::Duration;

use airlock_rmcp::{AgentId, Airlocked, Caller};
use rmcp::handler::server::router::prompt::PromptRouter;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{
    CallToolResult, ContentBlock, ErrorCode, ErrorData, ListResourcesResult, LoggingLevel,
    LoggingMessageNotificationParam, PaginatedRequestParams, ProgressNotificationParam, PromptMessage,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, Role,
    ServerCapabilities, ServerConfig, SetLevelRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{
    RoleServer, ServerHandler, ServiceExt as _, prompt, prompt_handler, prompt_router, schemars, tool,
    tool_handler, tool_router,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The product document's example; the values look like placeholders, the prefix and the keys give them away.
const LEAK_TEXT: &str = r#"{"api_key": "sk-live-xxxxx", "user_ssn": "123-45-6789"}"#;

fn leak() -> serde_json::Value {
    json!({"api_key": "sk-live-xxxxx", "user_ssn": "123-45-6789"})
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => Fixture::new().serve(rmcp::transport::stdio()).await?.waiting().await?,
        Some("--airlocked") => {
            let mut guarded = Airlocked::new(Fixture::new());
            if let Some(agent) = arguments.next() {
                guarded = guarded
                    .default_caller(Caller { agent_id: Some(AgentId::new(&agent)?), ..Caller::anonymous() });
            }
            guarded.serve(rmcp::transport::stdio()).await?.waiting().await?
        }
        Some(_) => return Err("usage: e2e-rmcp-server [--airlocked [AGENT]]".into()),
    };
    Ok(())
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Summands {
    a: i64,
    b: i64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Booking {
    guest: String,
    #[schemars(range(min = 1, max = 12))]
    seats: u8,
    area: Area,
    contact: Contact,
    note: Option<String>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Area {
    Terrace,
    Hall,
    Bar,
}

/// Who to call about a booking.
#[derive(Deserialize, schemars::JsonSchema)]
struct Contact {
    email: String,
    phone: Option<String>,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Nap {
    #[schemars(range(max = 60_000))]
    milliseconds: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Greeting {
    name: String,
}

/// What a careless back end returns about a user.
#[derive(Serialize, schemars::JsonSchema)]
struct Account {
    api_key: String,
    user_ssn: String,
}

struct Fixture {
    tools: ToolRouter<Self>,
    prompts: PromptRouter<Self>,
}

#[tool_router]
impl Fixture {
    fn new() -> Self {
        Self { tools: Self::tool_router(), prompts: Self::prompt_router() }
    }

    #[tool(description = "Add two integers")]
    fn add(Parameters(Summands { a, b }): Parameters<Summands>) -> String {
        a.saturating_add(b).to_string()
    }

    #[tool(description = "Book a table")]
    fn book_table(Parameters(booking): Parameters<Booking>) -> String {
        let Booking { guest, seats, area, contact, note } = booking;
        let phone = contact.phone.as_deref().unwrap_or("no phone");
        let note = note.as_deref().unwrap_or("no note");
        format!("booked {seats} seats, {area:?}, for {guest}: {}, {phone}, {note}", contact.email)
    }

    #[tool(description = "Read an account; leaks a key and a social security number")]
    fn account() -> Json<Account> {
        Json(Account { api_key: "sk-live-xxxxx".to_owned(), user_ssn: "123-45-6789".to_owned() })
    }

    #[tool(description = "Fail as a tool result with the leak in its text")]
    fn account_error() -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text(format!("cannot open {LEAK_TEXT}"))])
    }

    #[tool(description = "Fail as a JSON-RPC error with the leak in its message and its data")]
    fn account_denied() -> Result<CallToolResult, ErrorData> {
        Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, format!("cannot open {LEAK_TEXT}"), Some(leak())))
    }

    #[tool(
        description = "Report the leak in log messages and, when asked for progress, in a progress message"
    )]
    async fn account_events(&self, context: RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
        let failed = |error: rmcp::ServiceError| ErrorData::internal_error(error.to_string(), None);
        if let Some(token) = context.meta.get_progress_token() {
            let mut progress = ProgressNotificationParam::new(token, 1.0).with_total(2.0);
            progress.message = Some(format!("read {LEAK_TEXT}"));
            context.peer.notify_progress(progress).await.map_err(failed)?;
        }
        for data in [leak(), json!(format!("read {LEAK_TEXT}"))] {
            let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, data);
            context.peer.notify_logging_message(message).await.map_err(failed)?;
        }
        Ok(CallToolResult::success(vec![ContentBlock::text("reported")]))
    }

    #[tool(description = "Answer after a while")]
    async fn nap(&self, Parameters(Nap { milliseconds }): Parameters<Nap>) -> String {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        "rested".to_owned()
    }
}

#[expect(clippy::unused_self, reason = "the router of prompts takes methods only")]
#[prompt_router]
impl Fixture {
    #[prompt(description = "Greet somebody")]
    fn greet(&self, Parameters(Greeting { name }): Parameters<Greeting>) -> Vec<PromptMessage> {
        vec![PromptMessage::new_text(Role::User, format!("Say hello to {name}."))]
    }

    #[prompt(description = "A prompt with the leak in it")]
    fn account_prompt(&self) -> Vec<PromptMessage> {
        vec![PromptMessage::new_text(Role::User, format!("Summarise {LEAK_TEXT}"))]
    }
}

#[tool_handler(router = self.tools)]
#[prompt_handler(router = self.prompts)]
impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_prompts()
            .enable_resources()
            .enable_tools()
            .build();
        ServerConfig::new(capabilities).with_instructions("Books tables and leaks secrets.")
    }

    /// Every level is sent; the inspector insists on setting one.
    async fn set_level(
        &self,
        _: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![
            Resource::new("memo://welcome", "welcome"),
            Resource::new("memo://account", "account_memo"),
        ]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let text = match request.uri.as_str() {
            "memo://welcome" => "Grüß Gott \u{2014} welcome.",
            "memo://account" => LEAK_TEXT,
            _ => return Err(ErrorData::resource_not_found("no such memo", None)),
        };
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, request.uri)]).into())
    }
}
