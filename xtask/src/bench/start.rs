//! The time from starting `airlock run` to the first byte of the first answer, the memory of an idle session,
//! and the size of the binary.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::{Programs, SERVER, Session, median, process};

/// Starts of each kind, in turns.
const STARTS: usize = 40;

/// What was measured.
pub(super) struct Start {
    /// Milliseconds to the first answer, guarded.
    pub(super) guarded: f64,
    /// Milliseconds to the first answer of the server by itself.
    pub(super) direct: f64,
    /// Milliseconds that airlock adds, the median of the pairs.
    pub(super) added: f64,
    /// Bytes of resident memory: airlock, then its supervisor.
    pub(super) resident: Vec<u64>,
    /// Bytes of the release binary.
    pub(super) binary: u64,
}

pub(super) fn measure(programs: &Programs) -> Result<Start, String> {
    let (mut guarded, mut direct) = (Vec::new(), Vec::new());
    let mut resident = Vec::new();
    for _ in 0..STARTS {
        let (session, took) = Session::start(&mut programs.direct())?;
        direct.push(took.as_secs_f64() * 1e3);
        session.end()?;
        let (session, took) = Session::start(&mut programs.guarded())?;
        guarded.push(took.as_secs_f64() * 1e3);
        if resident.is_empty() {
            // Idle: everything has been said, nobody asks.
            sleep(Duration::from_millis(500));
            resident = process::below(session.pid(), SERVER)?.0.resident()?;
        }
        session.end()?;
    }
    let mut added: Vec<f64> = guarded.iter().zip(&direct).map(|(guarded, direct)| guarded - direct).collect();
    let binary =
        fs::metadata(&programs.airlock).map_err(|error| format!("the binary is missing: {error}"))?.len();
    Ok(Start {
        added: median(&mut added),
        guarded: median(&mut guarded),
        direct: median(&mut direct),
        resident,
        binary,
    })
}
