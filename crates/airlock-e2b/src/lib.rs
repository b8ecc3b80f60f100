//! The client of the E2B service: so far what is decided without a connection.
//!
//! | part | owns |
//! |---|---|
//! | [`Settings`] | where the service is, and the key, which is never shown |
//! | [`Retry`] | whether and when a call is made once more |
//! | [`Frames`] | the messages of a Connect-RPC stream, whatever pieces they come in |
//!
//! Nothing here sends anything yet, and there is no backend: `airlock_sandbox::Sandbox` is not implemented.
#![forbid(unsafe_code)]

mod frames;
mod retry;
mod settings;

pub use frames::{Frame, FrameError, Frames};
pub use retry::{Answered, Retry};
pub use settings::{Settings, SettingsError, variables};
