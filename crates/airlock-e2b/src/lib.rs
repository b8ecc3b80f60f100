//! The client of the E2B service, and the backend `e2b` of `airlock-sandbox`: each program runs in a virtual machine of
//! its own, which is ended after it. Its code, its input and its output leave this machine.
//!
//! | part | owns |
//! |---|---|
//! | [`Settings`] | where the service is, and the key, which is never shown |
//! | [`Client`], [`Machine`], [`Events`], [`Outputs`] | the calls: machines, programs and files, the code interpreter |
//! | [`E2bSandbox`] | the port of `airlock-sandbox`: one program, one machine |
//! | `machines`, `keeper` | which machines there are, and those that wait ([`Warm`]); all end with their backend |
//! | `left` | those that could not be ended ([`Left`]) |
//! | `interpreter` | code for the interpreter of a machine ([`E2bSandbox::interpret`]) |
//! | `payload` | code with arguments, which runs only if it arrived as it was sent ([`E2bSandbox::call`]) |
//! | `retry` | whether and when a call is made once more |
//! | `frames`, `lines` | the messages of a stream, whatever pieces they come in |
//! | `http` | one request: time limits, no redirects, TLS wherever plain HTTP was not asked for |
//!
//! Nothing here ever runs a program on this machine: what the service does not do is an error.
//!
//! Machines cost money while they live. They end with their program, when it is given up, and with their backend; a host
//! that catches signals calls [`E2bSandbox::shut_down`]. One that could not be ended is named by that, and by
//! [`E2bSandbox::left`]. Whatever happens to this process, the service ends a machine in
//! use a minute after the time limit of its program, and one that waits after [`Warm::lifetime`].
//!
//! # Example: code that somebody else wrote, with a machine that waits for it
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use airlock_e2b::{Code, E2bSandbox, Settings, Warm};
//! use airlock_sandbox::{Limits, Stop};
//!
//! let sandbox = E2bSandbox::code_interpreter(Settings::from_env()).kept_warm(Warm::default())?;
//! let code = Code { text: "6 * 7".to_owned(), ..Code::default() };
//! let done = sandbox.interpret(&code, Limits::default(), &Stop::default())?;
//! assert_eq!(done.text.as_deref(), Some("42"));
//! for left in sandbox.shut_down(Duration::from_secs(10)) {
//!     eprintln!("warning: {left}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Not built: contexts of the code interpreter, signed addresses of files, and forks, snapshots, volumes and the rules of a
//! machine's network beyond “none”.
//!
//! Tested against a service of our own that speaks the protocol, as the official Python clients agree, and not against the
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
mod left;
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
pub use left::Left;
pub use machines::Warm;
pub use payload::PythonCall;
pub use sandbox::E2bSandbox;
pub use settings::{Settings, SettingsError, variables};
