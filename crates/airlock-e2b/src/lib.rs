//! The client of the E2B service: so far its settings, its rules and its requests.
//!
//! | part | owns |
//! |---|---|
//! | [`Settings`] | where the service is, and the key, which is never shown |
//! | [`Retry`] | whether and when a call is made once more |
//! | [`Frames`] | the messages of a Connect-RPC stream, whatever pieces they come in |
//! | [`Http`] | one request: time limits, no redirects, TLS wherever plain HTTP was not asked for |
//!
//! No call of the service is made yet, and there is no backend: `airlock_sandbox::Sandbox` is not implemented.
#![forbid(unsafe_code)]

mod frames;
mod http;
mod retry;
mod settings;

pub use frames::{Frame, FrameError, Frames};
pub use http::{Failure, Http, Plain};
pub use retry::{Answered, Retry};
pub use settings::{Settings, SettingsError, variables};
