//! The scenery: a folder, and two copies of the server, one of them behind `airlock run`.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{SERVER, connection::Connection};
use crate::exit::Failure;

/// The policy of the demo, shown to the reader as it is used.
pub(crate) const CONFIG: &str = include_str!("airlock.toml");

/// Who the agent is, as the host vouches for it.
pub(crate) const AGENT_ID: &str = "demo-agent";

/// Everything that has to be cleaned up. The connections close before the folder goes: fields drop in order.
pub(crate) struct Stage {
    pub(crate) direct: Connection,
    pub(crate) guarded: Connection,
    journal: PathBuf,
    audit: PathBuf,
    _folder: TempDir,
}

impl Stage {
    /// Writes the configuration into a new folder, readable by this user alone, and starts both servers.
    pub(crate) fn set() -> Result<Self, Failure> {
        let cannot = |error| Failure::unexpected(format_args!("cannot set the demo up: {error}"));
        let folder = private_folder().map_err(cannot)?;
        let program = env::current_exe().map_err(cannot)?;
        let journal = folder.path().join("calls-the-server-saw.jsonl");
        fs::write(folder.path().join("airlock.toml"), CONFIG).map_err(cannot)?;
        fs::write(&journal, "").map_err(cannot)?;

        let mut direct = command(&program, folder.path());
        direct.arg(SERVER);
        let mut guarded = command(&program, folder.path());
        guarded.args(["run", "--quiet", "--config", "airlock.toml", "--agent-id", AGENT_ID, "--"]);
        guarded.arg(&program).arg(SERVER).arg(&journal);
        // Its warnings are part of the operator's view, not of the story.
        let talk = folder.path().join("stderr.txt");
        guarded.stderr(File::create(&talk).map_err(cannot)?);
        Ok(Self {
            direct: Connection::open(direct)?,
            guarded: Connection::open(guarded).map_err(|failure| failure.with_help(said(&talk)))?,
            journal,
            audit: folder.path().join("audit.jsonl"),
            _folder: folder,
        })
    }

    /// How many calls arrived at the guarded server.
    pub(crate) fn calls_seen(&self) -> Result<usize, Failure> {
        Ok(lines(&self.journal)?.len())
    }

    /// The audit records so far, in order.
    pub(crate) fn audit(&self) -> Result<Vec<Value>, Failure> {
        let invalid = |_| Failure::unexpected("an audit record is not JSON");
        lines(&self.audit)?.iter().map(|line| serde_json::from_str(line).map_err(invalid)).collect()
    }

    /// Ends both servers in an orderly way and removes the folder.
    pub(crate) fn strike(self) {
        self.direct.close();
        self.guarded.close();
    }
}

fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("airlock-demo-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// This program in the demo's folder, without the user's own settings, which would change the story.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for (name, _) in env::vars_os() {
        let own = name.to_str().is_some_and(|name| name.starts_with("AIRLOCK_") || name == "E2B_API_KEY");
        if own {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", folder).env("XDG_STATE_HOME", folder);
    command
}

/// What the guard said before it failed.
fn said(talk: &Path) -> String {
    fs::read_to_string(talk).unwrap_or_default().trim().to_owned()
}

fn lines(path: &Path) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::unexpected(format_args!("cannot read {}: {error}", path.display())))?;
    Ok(text.lines().map(str::to_owned).collect())
}
