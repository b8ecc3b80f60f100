//! The client of the E2B service, and the backend `e2b` of `airlock-sandbox`: each program runs in a virtual machine of
//! its own, which is ended after it. Its code, its input and its output leave this machine.
//!
//! | part | owns |
//! |---|---|
//! | [`Settings`] | where the service is, and the key, which is never shown |
//! | [`Client`], [`Machine`], [`Events`] | the calls: machines, programs and files |
//! | [`E2bSandbox`] | the port of `airlock-sandbox`: one program, one machine |
//! | `retry` | whether and when a call is made once more |
//! | `frames` | the messages of a Connect-RPC stream, whatever pieces they come in |
//! | `http` | one request: time limits, no redirects, TLS wherever plain HTTP was not asked for |
//!
//! Nothing here ever runs a program on this machine: what the service does not do is an error.
//!
//! Not built: machines that wait in a pool, the code interpreter (`/execute`), signed addresses of files, payloads under
//! a signature of our own, and forks, snapshots, volumes and the rules of a machine's network beyond “none”.
//!
//! Tested against a service of our own that speaks the protocol, as the official Python client agrees, and not against the
//! one in the cloud: its TLS, its names and addresses, its delays, and which version of a call it knows, are unproven.
#![forbid(unsafe_code)]

mod client;
mod envd;
mod error;
mod execute;
mod frames;
mod http;
mod interpreter;
mod keeper;
mod lines;
mod machines;
mod payload;
mod retry;
mod sandbox;
mod settings;

pub use client::{Client, Machine, State};
pub use envd::{Event, Events, Program, ProgramEnd, Signal};
pub use error::CallError;
pub use execute::{Code, Next, Output, Outputs, RaisedError};
pub use interpreter::{Execution, Finish};
pub use machines::Warm;
pub use payload::PythonCall;
pub use sandbox::E2bSandbox;
pub use settings::{Settings, SettingsError, variables};
