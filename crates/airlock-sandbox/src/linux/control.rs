//! The socket between the host and the box.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use super::plan::{Plan, Report};

/// Longest plan; the host refuses to send more, the helper to read more.
const LONGEST_PLAN: u32 = 4 << 20;
/// Longest report.
const LONGEST_REPORT: u64 = 64 << 10;

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
pub(super) struct Reports(BufReader<UnixStream>);

impl Reports {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// Waits no longer than this for each from now on.
    pub(super) fn give_up_after(&self, time: Duration) -> io::Result<()> {
        self.0.get_ref().set_read_timeout(Some(time))
    }

    /// The next one; `None` when both the helper and the first process are gone.
    pub(super) fn next(&mut self) -> io::Result<Option<Report>> {
        let mut line = Vec::new();
        self.0.by_ref().take(LONGEST_REPORT).read_until(b'\n', &mut line)?;
        if line.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_slice(&line)?)) }
    }
}
