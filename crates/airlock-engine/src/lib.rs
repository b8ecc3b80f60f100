//! The engine of Agent-Airlock: the firewall between an AI agent and its tools.
//!
//! Every tool call is validated against the tool's own contract, authorized by policy, run where it can do
//! no harm, and its output is stripped of secrets and personal data, with one audit record per call:
//!
//! ```text
//! RawCall ─► validate ─► authorize ─► Permit ─► (the host runs the tool) ─► RawOutput ─► protect ─► ProtectedOutput
//!            ghosts      lists, roles            sandbox, or not                          mask, cut, screen
//!            schema      windows, rules, rates   ════════════ one audit record, always ════════════
//! ```
//!
//! Each step consumes the value before it and only the engine can make the next one, so that skipping a
//! step does not compile. The engine does no I/O: clock, rate limits, files and audit are ports
//! ([`Providers`]); policy evaluation is a pure function of call, caller and time.
//!
//! # Example: guard one call
//!
//! ```
//! use std::sync::Arc;
//! use airlock_engine::{Airlock, Caller, Code, RawCall, RawOutput, TargetKind, config::{self, ConfigInput, ConfigFile, Flags}};
//! # use airlock_testkit::providers;
//!
//! # pollster::block_on(async {
//! let file = ConfigFile { name: "airlock.toml", text: "[airlock]\nstrict_mode = true", readable_by_others: false };
//! let input = ConfigInput { file: Some(file), environment: &[], flags: Flags::default() };
//! let config = config::load(&input, &jiff::tz::TimeZone::UTC)?;
//! let airlock = Airlock::new(&config, providers(), [0; 32]);
//!
//! let schema = r#"{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}"#;
//! let read_file = airlock.tool(TargetKind::Tool, "read_file", Some(schema));
//! let caller = Arc::new(Caller::anonymous());
//!
//! // A hallucinated argument is refused by name.
//! let call = RawCall::new(read_file.clone(), r#"{"path":"a.txt","force":true}"#, caller.clone());
//! assert_eq!(airlock.admit(call).await.unwrap_err().code(), Code::GhostArguments);
//!
//! // A proper call gets a permit; its output is masked on release.
//! let permit = airlock.admit(RawCall::new(read_file, r#"{"path":"a.txt"}"#, caller)).await?;
//! let output = RawOutput::text("the SSN is 123-45-6789");
//! assert_eq!(permit.release(output).await?.text(), "the SSN is ***-**-6789");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

#![forbid(unsafe_code)]

mod audit;
mod call;
pub mod caller;
pub mod code;
pub mod config;
mod core;
mod engine;
mod explain;
pub mod json;
pub mod memory;
pub mod policy;
pub mod ports;
mod protect;
pub mod rejection;
mod settings;
mod tool;
mod validate;

pub use call::{OutputStream, Permit, RawCall};
pub use caller::{AgentId, Caller, Role, SessionId};
pub use code::{Code, Layer};
pub use engine::Airlock;
pub use explain::{Explanation, Step, StepOutcome};
pub use policy::TargetKind;
pub use ports::Providers;
pub use protect::{Masker, OutputReport, Part, ProtectedOutput, RawOutput};
pub use rejection::Rejection;
pub use settings::{SandboxNeed, ToolSettings};
pub use tool::Tool;
pub use validate::{ArgumentLimits, Contract, ContractError};
