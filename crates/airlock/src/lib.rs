//! placeholder
pub mod caller;
pub mod code;
pub mod json;
pub mod rejection;
pub mod validate;
