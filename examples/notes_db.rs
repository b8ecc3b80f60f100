//! A database: notes in `SQLite`, which a model may search and add to.
//!
//!     AIRLOCK_CONFIG=notes_db.toml notes_db [--role ROLE] [FILE]
//!
//! Without FILE the notes are in memory. Some of them hold what no model should see; nothing here knows that, it is masked
//! on its way out. Who may delete stands in `notes_db.toml`: the tool is there for everybody, and listed for keepers only.

use std::{
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
};

use airlock_rmcp::{Airlocked, Caller, Role};
use rmcp::{
    Json, ServerHandler, handler::server::wrapper::Parameters, schemars, tool, tool_handler, tool_router,
    transport::stdio,
};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// What is in a new database. The number and the key are made up.
const FIRST_NOTES: &str = "
    CREATE TABLE notes (id INTEGER PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL);
    INSERT INTO notes (author, text) VALUES
        ('zoe', 'lunch with Ada on Monday'),
        ('zoe', 'for the payroll: my SSN is 123-45-6789'),
        ('ada', 'the invoices need api_key=sk-live-xxxxx');
";

#[derive(Deserialize, schemars::JsonSchema)]
struct Query {
    /// Text that a note contains; without it all notes are meant.
    text: Option<String>,
    /// How many notes at most.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
}

fn ten() -> u32 {
    10
}

#[derive(Deserialize, schemars::JsonSchema)]
struct NewNote {
    #[schemars(length(min = 1, max = 50))]
    author: String,
    #[schemars(length(min = 1, max = 2000))]
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Deletion {
    /// Whose notes.
    author: String,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Notes {
    notes: Vec<Note>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Note {
    id: i64,
    author: String,
    text: String,
}

struct Database {
    connection: Mutex<Connection>,
}

// Values are bound, never put into the text of a statement: Airlock checks what a value is, not what SQL makes of it.
#[tool_router]
impl Database {
    #[tool(description = "Searches the notes", annotations(read_only_hint = true))]
    fn query_notes(&self, Parameters(query): Parameters<Query>) -> Result<Json<Notes>, String> {
        Ok(Json(Notes { notes: self.find(&query).map_err(explain)? }))
    }

    #[tool(description = "Adds a note, and says its number")]
    fn add_note(&self, Parameters(note): Parameters<NewNote>) -> Result<String, String> {
        let connection = self.connection();
        let insert = "INSERT INTO notes (author, text) VALUES (?1, ?2)";
        connection.execute(insert, params![note.author, note.text]).map_err(explain)?;
        Ok(format!("note {}", connection.last_insert_rowid()))
    }

    #[tool(
        description = "Deletes all notes of an author, and says how many",
        annotations(destructive_hint = true)
    )]
    fn delete_notes(&self, Parameters(Deletion { author }): Parameters<Deletion>) -> Result<String, String> {
        let delete = "DELETE FROM notes WHERE author = ?1";
        let count = self.connection().execute(delete, params![author]).map_err(explain)?;
        Ok(format!("{count} notes deleted"))
    }
}

impl Database {
    fn open(file: Option<&str>) -> rusqlite::Result<Self> {
        let connection = file.map_or_else(Connection::open_in_memory, Connection::open)?;
        if !connection.table_exists(None, "notes")? {
            connection.execute_batch(FIRST_NOTES)?;
        }
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn find(&self, query: &Query) -> rusqlite::Result<Vec<Note>> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT id, author, text FROM notes WHERE ?1 IS NULL OR instr(text, ?1) > 0 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query_map(params![query.text, query.limit], |row| {
            Ok(Note { id: row.get(0)?, author: row.get(1)?, text: row.get(2)? })
        })?;
        rows.collect()
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of an error is masked like any other output.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn explain(error: rusqlite::Error) -> String {
    format!("the database says: {error}")
}

#[tool_handler]
impl ServerHandler for Database {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    // Who calls is said by whoever starts the server; a model has no way to say it.
    let mut caller = Caller::anonymous();
    if arguments.next_if_eq("--role").is_some() {
        caller.roles.push(Role::new(&arguments.next().ok_or("`--role` needs a role")?)?);
    }
    let database = Database::open(arguments.next().as_deref())?;
    // The one line, and who calls.
    Airlocked::new(database).default_caller(caller).serve(stdio()).await?.waiting().await?;
    Ok(())
}
