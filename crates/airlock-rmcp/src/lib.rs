//! Guards an MCP server written with [rmcp]: one changed line.
//!
//! ```text
//! Server::new().serve(stdio()).await?                    // before
//! Airlocked::new(Server::new()).serve(stdio()).await?    // after
//! ```
//!
//! From then on every call of a tool, prompt, resource or completion is validated against what the server itself
//! declares, authorized by the policy, and recorded; what comes back is masked wherever a model may read it. The rules are
//! those of the machine's configuration, as `airlock run` has it: the file that `AIRLOCK_CONFIG` names, or else the user's
//! own, or else the defaults. [`Airlocked::with_engine`] takes an engine of the host's own instead.
//!
//! # Example: ghosts, types and secrets
//!
//! ```
//! use airlock_rmcp::Airlocked;
//! use rmcp::{
//!     ServerHandler, ServiceExt as _, handler::server::wrapper::Parameters, model::CallToolRequestParams,
//!     schemars, tool, tool_handler, tool_router,
//! };
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Lookup {
//!     id: u32,
//! }
//!
//! #[derive(Clone)]
//! struct Customers;
//!
//! #[tool_router]
//! impl Customers {
//!     #[tool(description = "Reads what is known of a customer")]
//!     fn customer(Parameters(Lookup { id }): Parameters<Lookup>) -> String {
//!         format!("customer {id}: Zoe, SSN 123-45-6789")
//!     }
//! }
//!
//! #[tool_handler]
//! impl ServerHandler for Customers {}
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (engine, _audit) = airlock_testkit::engine("[airlock]\nstrict_mode = true");
//! # let (client, server) = tokio::io::duplex(4096);
//! // In a program: Airlocked::new(Customers).serve(rmcp::transport::stdio())
//! let serving = tokio::spawn(Airlocked::with_engine(Customers, engine).serve(server));
//! let client = ().serve(client).await?;
//!
//! // A proper call runs; the model does not see the number.
//! let call = |arguments: serde_json::Value| {
//!     let mut call = CallToolRequestParams::new("customer");
//!     call.arguments = arguments.as_object().cloned();
//!     client.call_tool(call)
//! };
//! let text = serde_json::to_string(&call(serde_json::json!({"id": 7})).await?)?;
//! assert!(text.contains("customer 7: Zoe, SSN ***-**-6789"), "{text}");
//!
//! // An argument that the model made up, and one of the wrong type: refused, with a hint how to mend the call.
//! let text = serde_json::to_string(&call(serde_json::json!({"id": 7, "admin": true})).await?)?;
//! assert!(text.contains("ghost_arguments"), "{text}");
//! let text = serde_json::to_string(&call(serde_json::json!({"id": "7"})).await?)?;
//! assert!(text.contains("validation_error"), "{text}");
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! # What is guarded
//!
//! The guard is a transport around the transport: it sees every message in both directions, whichever handle of rmcp it
//! was sent through. So these are masked as well: progress and log messages, questions that the server asks the model or
//! the user, errors with their data, lists and instructions; and what the host sends through
//! [`RunningService::peer`](rmcp::service::RunningService::peer).
//!
//! It learns the contracts by asking the server for its lists, all pages, before the first call, and again when the server
//! says that they changed. A tool whose definition changed is not called until the client has seen the new one.
//!
//! What rmcp does not know as a request of the protocol is refused, not passed around the guard;
//! [`Airlocked::allow_custom_method`] makes exceptions by name.
//!
//! All revisions that rmcp speaks are guarded alike. The value that is judged is the value that rmcp has read: of two
//! equal keys in one object it keeps one, and numbers beyond 64 bits are floating-point numbers by then. `airlock run` in
//! front of a server judges the bytes themselves.
//!
//! # Isolation
//!
//! The tools of a server share its state, so that none of them can be run in a sandbox by itself. The whole server can:
//! `airlock run --sandbox` starts it in a box. A tool written with `agent_airlock::airlock(sandbox)` runs in one of its own.
//!
//! # HTTP
//!
//! [`Airlocked`] around a [`ServerHandler`](rmcp::ServerHandler) is one itself, so that rmcp's HTTP service takes it:
//!
//! ```text
//! StreamableHttpService::new(|| Ok(Airlocked::new(Server::new())), sessions, config)
//! ```
//!
//! One wrapper serves one session (or one request, where there are no sessions); rate limits and records belong to the
//! engine, which all wrappers of a process share after [`Airlocked::new`]. Served this way, what the host itself sends
//! through the handle of rmcp's own loop is not the server's, and does not pass the guard.
//!
//! # Who calls
//!
//! The caller never comes from arguments. It is what [`Airlocked::caller`] finds in the extensions of the request (for
//! HTTP rmcp puts the head of the HTTP request there), or a [`Caller`] among them, or else
//! [`Airlocked::default_caller`]:
//!
//! ```
//! # #[derive(Clone)] struct Token(String);
//! # fn verify(token: &Token) -> Option<airlock_rmcp::AgentId> { airlock_rmcp::AgentId::new(&token.0).ok() }
//! use airlock_rmcp::{Airlocked, Caller};
//!
//! # fn guard<S>(server: S, engine: airlock_rmcp::Airlock) -> Airlocked<S> {
//! Airlocked::with_engine(server, engine).caller(|extensions| {
//!     let agent_id = verify(extensions.get::<Token>()?)?;
//!     Some(Caller { agent_id: Some(agent_id), ..Caller::anonymous() })
//! })
//! # }
//! ```
//!
//! # When things go wrong
//!
//! | what | the client gets | the record says |
//! |---|---|---|
//! | a refused call | a tool result with `isError` that a model can correct itself by | `blocked` and the reason |
//! | another refused request | a JSON-RPC error with the same data | `blocked` and the reason |
//! | the handler returns an error | the error, masked | `failed` |
//! | the handler panics | an error without the text of the panic | `failed` |
//! | the client cancels, or goes | nothing | `abandoned` |
//! | no record can be written | a refusal; the handler does not run | |
//! | the configuration is invalid | no server: [`ServeError::Start`] | |
//!
//! rmcp does not stop a handler whose request was cancelled; a handler that should stop looks at the token of its context.
//!
//! # What this crate does not do
//!
//! It holds no rule: it carries messages between rmcp and the guard of `airlock-mcp`. It does not work with rmcp's
//! feature `local`, whose handlers cannot move between threads.

#![forbid(unsafe_code)]

mod airlocked;
mod bridge;
mod handler;
mod judge;
mod message;
mod outbox;
mod pump;
mod setup;
mod shield;
mod start;
mod transport;

pub use airlock_engine::{AgentId, Airlock, Caller, Role, SessionId};
pub use airlock_host::HostError;
pub use airlock_mcp::{GuardSettings, Report, Severity};
pub use airlocked::Airlocked;
pub use shield::Shielded;
pub use start::{ServeError, StartError};
pub use transport::{GuardedError, GuardedTransport};
