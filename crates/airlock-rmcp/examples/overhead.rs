//! What the guard adds to a call, in CPU time of the whole process: client and server over a pipe in memory, on one
//! thread, with the guard and without it, in turns.
//!
//!     cargo run --release -p airlock-rmcp --example overhead -- [ROUNDS]

use std::{error::Error, io::Write as _};

use airlock_rmcp::Airlocked;
use rmcp::{
    ClientServiceExt as _, RoleClient, ServerHandler, ServiceExt as _, handler::server::wrapper::Parameters,
    model::CallToolRequestParams, schemars, serve_server, service::RunningService, tool, tool_handler,
    tool_router,
};
use serde_json::json;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Note {
    name: String,
    lines: usize,
}

#[derive(Clone)]
struct Notes;

#[tool_router]
impl Notes {
    #[tool(description = "Reads a note of about 1 KB")]
    fn note(Parameters(Note { name, lines }): Parameters<Note>) -> String {
        format!("{name}: nothing in it that anybody would hide\n").repeat(lines)
    }
}

#[tool_handler]
impl ServerHandler for Notes {}

/// How the server is served.
#[derive(Clone, Copy, Debug)]
enum Way {
    Bare,
    Guarded,
    Handler,
}

const CALLS: u32 = 2_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(5), |rounds| rounds.parse())?;
    let mut out = std::io::stdout();
    for round in 1..=rounds {
        let mut bare = 0;
        for way in [Way::Bare, Way::Guarded, Way::Handler] {
            let spent = calls(way).await?;
            if let Way::Bare = way {
                bare = spent;
            }
            writeln!(out, "round {round}: {way:?} {spent} ns per call, {} more", spent.saturating_sub(bare))?;
        }
    }
    Ok(())
}

/// CPU time per call in nanoseconds.
async fn calls(way: Way) -> Result<u64, Box<dyn Error>> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (engine, _) = airlock_testkit::engine("");
    let airlocked = Airlocked::with_engine(Notes, engine);
    let server = tokio::spawn(async move {
        match way {
            Way::Bare => drop(Notes.serve(far).await?.waiting().await),
            Way::Guarded => drop(airlocked.serve(far).await?.waiting().await),
            Way::Handler => drop(serve_server(airlocked, far).await?.waiting().await),
        }
        Ok::<(), Box<dyn Error + Send + Sync>>(())
    });
    let client = ().serve_with_lifecycle(near, rmcp::ClientLifecycleMode::Initialize).await?;
    for _ in 0..CALLS / 10 {
        call(&client).await?;
    }
    let start = cpu_time()?;
    for _ in 0..CALLS {
        call(&client).await?;
    }
    let spent = cpu_time()? - start;
    client.cancel().await?;
    server.await?.map_err(|error| error.to_string())?;
    Ok(spent / u64::from(CALLS))
}

async fn call(client: &RunningService<RoleClient, ()>) -> Result<(), Box<dyn Error>> {
    let mut call = CallToolRequestParams::new("note");
    call.arguments = json!({"name": "a note", "lines": 20}).as_object().cloned();
    let result = client.call_tool(call).await?;
    if result.is_error == Some(true) { Err("the call was refused".into()) } else { Ok(()) }
}

/// CPU time of this thread in nanoseconds, as Linux tells it.
fn cpu_time() -> Result<u64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split(' ').next().unwrap_or_default().parse()?)
}
