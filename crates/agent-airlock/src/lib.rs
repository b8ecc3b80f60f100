//! Guard the tools of an AI agent.
#![forbid(unsafe_code)]

mod bound;
mod current;
mod outcome;
mod output;
mod policies;
mod schema;
mod shared;
mod stream;
mod tool;
mod toolbox;

pub use airlock_engine as engine;
pub use airlock_engine::{
    AgentId, Airlock, Caller, Code, Layer, OutputReport, Rejection, Role, SandboxNeed, SessionId,
    ToolSettings,
    config::{
        AirlockConfig, Config, Injection, Sanitization as SanitizationConfig, Strategy as MaskingStrategy,
    },
    policy::{ArgumentRule, SecurityPolicy, UrlRule},
};
pub use airlock_host as host;
#[cfg(feature = "macros")]
pub use airlock_macros::airlock;
pub use bound::Bound;
pub use current::get_current_caller;
pub use outcome::{IntoOutcome, Outcome, ToolOutput};
pub use output::Output;
pub use policies::{BUSINESS_HOURS_POLICY, PERMISSIVE_POLICY, READ_ONLY_POLICY, STRICT_POLICY};
pub use shared::{install, start};
pub use stream::{ProtectedChunks, TextStream};
pub use tool::Tool;
pub use toolbox::{Observer, Toolbox, ToolboxBuilder, ToolboxError};

/// What the code of `#[airlock]` uses; not for people.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;

    pub use crate::outcome::{PlainValue, Value};
}
