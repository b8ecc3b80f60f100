//! The socket between the host and the box.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use super::plan::{Plan, Report};

/// Longest plan; the host refuses to send more, the helper to read more.
const LONGEST_PLAN: u32 = 4 << 20;
/// Longest report.
const LONGEST_REPORT: usize = 64 << 10;

/// Sends the plan: its length, then JSON.
pub(super) fn send_plan(mut to: &UnixStream, plan: &Plan) -> io::Result<()> {
    let json = serde_json::to_vec(plan)?;
    let length = u32::try_from(json.len()).ok().filter(|&length| length <= LONGEST_PLAN);
    let length = length
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the plan of the box is too long"))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(&json)
}

/// Receives the plan.
pub(super) fn receive_plan(mut from: &UnixStream) -> io::Result<Plan> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST_PLAN {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut json = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    from.read_exact(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Sends one report. Nobody is left to tell if it fails: the host is gone then, and so will be the box.
pub(super) fn report(mut to: &UnixStream, report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        drop(to.write_all(&line));
    }
}

/// The reports of one box.
#[derive(Debug)]
pub(super) struct Reports {
    from: UnixStream,
    /// What was read and is no whole line yet.
    begun: Vec<u8>,
}

impl Reports {
    pub(super) fn new(from: UnixStream) -> Self {
        Self { from, begun: Vec::new() }
    }

    /// Waits no longer than this for each from now on.
    pub(super) fn give_up_after(&self, time: Duration) -> io::Result<()> {
        self.from.set_read_timeout(Some(time))
    }

    /// Waits for none from now on: [`next`](Self::next) is an error of that kind where it would.
    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        self.from.set_nonblocking(true)
    }

    /// The next one; `None` when both the helper and the first process are gone.
    pub(super) fn next(&mut self) -> io::Result<Option<Report>> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            if self.begun.len() > LONGEST_REPORT {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut piece = [0; 4_096];
            match self.from.read(&mut piece) {
                Ok(0) if self.begun.is_empty() => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.begun.extend(piece.iter().take(read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Reports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.from.as_fd()
    }
}
