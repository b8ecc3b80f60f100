//! Files: two tools that read what a model names. Which folders it may name is no business of this code.
//!
//!     AIRLOCK_CONFIG=files.toml files
//!
//! `files.toml` keeps paths within the folder `shared`, with `..` and links resolved. Between that check and the use here
//! a link could still be changed by somebody who may write to the folder; where that is to be feared, give the server a
//! user of its own.

use std::{
    error::Error,
    fs::{self, File},
    io::{self, Read as _},
};

use airlock_rmcp::Airlocked;
use rmcp::{
    ServerHandler, handler::server::wrapper::Parameters, schemars, tool, tool_handler, tool_router,
    transport::stdio,
};

/// A longer file is cut here. What the model gets of it is bounded by `max_output_chars`, anyway.
const MAX_BYTES: u64 = 1 << 20;

/// A folder with more entries is cut here.
const MAX_ENTRIES: usize = 1000;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    /// A path, such as `shared/notes.txt`.
    path: String,
}

struct Files;

#[tool_router]
impl Files {
    #[tool(description = "Reads a text file", annotations(read_only_hint = true))]
    fn read_file(Parameters(Place { path }): Parameters<Place>) -> Result<String, String> {
        read(&path).map_err(|error| format!("the file cannot be read: {error}"))
    }

    #[tool(
        description = "Lists the names in a folder, one a line; those of folders end with `/`",
        annotations(read_only_hint = true)
    )]
    fn list_folder(Parameters(Place { path }): Parameters<Place>) -> Result<String, String> {
        list(&path).map_err(|error| format!("the folder cannot be listed: {error}"))
    }
}

fn read(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn list(path: &str) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)?.take(MAX_ENTRIES) {
        let entry = entry?;
        let mark = if entry.file_type()?.is_dir() { "/" } else { "" };
        names.push(format!("{}{mark}", entry.file_name().to_string_lossy()));
    }
    names.sort();
    Ok(names.join("\n"))
}

#[tool_handler]
impl ServerHandler for Files {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The one line: without `Airlocked::new` any file of this machine could be read.
    Airlocked::new(Files).serve(stdio()).await?.waiting().await?;
    Ok(())
}
