//! `airlock demo`: six attacks, each carried out for real, with Airlock and without.
//!
//! ```text
//! connection ──────────────────────► server        what would have happened
//! connection ──► `airlock run` ───► server        what happens
//! ```
//!
//! [`threats`] is the script, [`stage`] starts the processes, [`act`] carries the script out and judges what
//! came back, [`story`] tells it. Nothing is pretended: an attack that gets through ends the demo with exit code 1.

mod act;
mod connection;
mod server;
mod stage;
mod story;
mod threats;

use std::io::Write as _;

use self::stage::Stage;
use crate::{
    args::{DemoArgs, ReportFormat},
    exit::{CommandResult, Exit},
    render::Console,
};

pub(crate) use server::serve;

/// The first argument with which this program plays the demo's server; a second one names the journal.
pub(crate) const SERVER: &str = "__demo-server";

pub(crate) fn execute(args: &DemoArgs, console: &mut Console) -> CommandResult {
    let mut stage = Stage::set()?;
    let report = act::play(&mut stage)?;
    stage.strike();
    match args.format {
        ReportFormat::Text => story::tell(&report, &mut console.out)?,
        ReportFormat::Json => writeln!(console.out, "{}", report.to_json())?,
    }
    Ok(if report.all_stopped() { Exit::Fine } else { Exit::Unexpected })
}
