//! A counter: the smallest server that says something about state and arguments, and the one to compare with.
//!
//!     counter [--bare]
//!
//! With `--bare` it is served as it was before Airlock: the difference between the two is one line.

use std::{
    error::Error,
    sync::atomic::{AtomicI64, Ordering},
};

use airlock_rmcp::Airlocked;
use rmcp::{
    ServerHandler, ServiceExt as _, handler::server::wrapper::Parameters, schemars, tool, tool_handler,
    tool_router, transport::stdio,
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Summands {
    /// The left one.
    a: i32,
    /// The right one.
    b: i32,
}

#[derive(Default)]
struct Counter {
    value: AtomicI64,
}

#[tool_router]
impl Counter {
    #[tool(description = "Increment the counter by 1")]
    fn increment(&self) -> String {
        (self.value.fetch_add(1, Ordering::Relaxed) + 1).to_string()
    }

    #[tool(description = "Decrement the counter by 1")]
    fn decrement(&self) -> String {
        (self.value.fetch_sub(1, Ordering::Relaxed) - 1).to_string()
    }

    #[tool(description = "Get the current value of the counter")]
    fn get_value(&self) -> String {
        self.value.load(Ordering::Relaxed).to_string()
    }

    #[tool(description = "Calculate the sum of two numbers")]
    fn sum(Parameters(Summands { a, b }): Parameters<Summands>) -> String {
        (i64::from(a) + i64::from(b)).to_string()
    }
}

#[tool_handler]
impl ServerHandler for Counter {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let counter = Counter::default();
    match std::env::args().nth(1).as_deref() {
        Some("--bare") => counter.serve(stdio()).await?.waiting().await?,
        Some(_) => return Err("usage: counter [--bare]".into()),
        // The one line.
        None => Airlocked::new(counter).serve(stdio()).await?.waiting().await?,
    };
    Ok(())
}
