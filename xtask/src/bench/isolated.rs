//! A server of npm in the box beside the same one outside of it, both behind `airlock run`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::budget::{Unit, say};
use super::{Programs, Session, clean, median};
use crate::setup;

/// Starts of each kind, in turns.
const STARTS: usize = 25;
/// Calls of each kind that are not counted, and that are, in turns.
const FIRST: usize = 200;
const CALLS: usize = 2_000;
/// Characters of the file that each call reads.
const LENGTH: usize = 1_000;

/// What was measured; milliseconds, medians.
pub(super) struct Isolated {
    starts: [f64; 2],
    calls: [f64; 2],
}

impl Isolated {
    /// How many times as long a start takes in the box.
    pub(super) fn start_ratio(&self) -> f64 {
        ratio(self.starts)
    }

    /// How many times as long a call takes there.
    pub(super) fn call_ratio(&self) -> f64 {
        ratio(self.calls)
    }

    /// The section of the page.
    pub(super) fn section(&self) -> String {
        let mut section = format!(
            "## A server in the box\n\n\
             `@modelcontextprotocol/server-filesystem`, on Node.js, behind `airlock run` with `--sandbox` and without it, in turns:\n\
             the time to its first answer, medians of {STARTS} starts, and that of a call which reads a file of {LENGTH}\n\
             characters, medians of {CALLS} calls.\n\n\
             | | outside | in the box | ratio |\n|---|---|---|---|\n"
        );
        for (what, [outside, inside]) in [("start", self.starts), ("call", self.calls)] {
            let ratio = ratio([outside, inside]);
            let [outside, inside] = [outside, inside].map(|figure| say(figure, Unit::Milliseconds));
            // Writing to a string does not fail.
            let _ = writeln!(section, "| {what} | {outside} | **{inside}** | {ratio:.2}× |");
        }
        section.push('\n');
        section
    }
}

fn ratio([outside, inside]: [f64; 2]) -> f64 {
    inside / outside
}

pub(super) fn measure(programs: &Programs) -> Result<Isolated, String> {
    let server = setup::home().join("npm/node_modules/.bin/mcp-server-filesystem");
    if !server.exists() {
        return Err("the server of npm is not there; `cargo xtask setup` installs it".to_owned());
    }
    let (folder, params) = prepare(&programs.folder)?;
    let command = |sandbox: &[&str]| {
        let mut command: Command = clean(&programs.airlock);
        command.args(["run", "--quiet", "--config"]).arg(programs.config()).args(sandbox);
        if !sandbox.is_empty() {
            command.arg("--ro").arg(&folder);
        }
        command.arg("--").arg(&server).arg(&folder).stderr(Stdio::null());
        command
    };
    let kinds: [&[&str]; 2] = [&[], &["--sandbox"]];
    let mut starts = [Vec::new(), Vec::new()];
    for _ in 0..STARTS {
        for (kind, starts) in kinds.iter().zip(&mut starts) {
            let (session, took) = Session::start(&mut command(kind))?;
            starts.push(took.as_secs_f64() * 1e3);
            session.end()?;
        }
    }
    let mut sessions = Vec::new();
    for kind in kinds {
        sessions.push(Session::start(&mut command(kind))?.0);
    }
    let mut calls = [Vec::new(), Vec::new()];
    for turn in 0..FIRST + CALLS {
        for (session, calls) in sessions.iter_mut().zip(&mut calls) {
            let took = session.call(&params)?;
            if turn >= FIRST {
                calls.push(took.as_secs_f64() * 1e3);
            }
        }
    }
    sessions.into_iter().try_for_each(Session::end)?;
    Ok(Isolated {
        starts: starts.map(|mut all| median(&mut all)),
        calls: calls.map(|mut all| median(&mut all)),
    })
}

/// A folder with a file, and the call that reads it.
fn prepare(below: &Path) -> Result<(PathBuf, String), String> {
    let folder = below.join("served");
    let file = folder.join("file.txt");
    let failed = |error| format!("cannot write to `{}`: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::write(&file, "twelve words of prose ".repeat(LENGTH).get(..LENGTH).unwrap_or_default())
        .map_err(failed)?;
    // Debug is how JSON writes a path without anything odd in it.
    let path = format!("{:?}", file.to_string_lossy());
    let call = format!(
        r#""method":"tools/call","params":{{"name":"read_text_file","arguments":{{"path":{path}}}}}"#
    );
    Ok((folder, call))
}
