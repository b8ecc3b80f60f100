//! The process of a machine, on the host: watched, drained, and ended.

use std::{
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    process::{Child, ChildStderr, ChildStdout},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use super::api::printable;
use crate::{Awaited, Stop};

/// How much is kept of what it wrote last, in bytes, and shown of it, in characters.
const KEPT: usize = 4 << 10;
const SHOWN: usize = 1_000;
/// How often is read at once.
const AT_ONCE: usize = 16;

/// A process. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Monitor(Option<Child>);

impl Monitor {
    pub(super) fn of(child: Child) -> Self {
        Self(Some(child))
    }

    /// Lets somebody else take care of it.
    pub(super) fn keep(mut self) -> Option<Child> {
        self.0.take()
    }

    /// Ends it as soon as `stop` is requested.
    pub(super) fn end_when(&self, stop: &Stop) -> io::Result<Awaited> {
        let process = self.descriptor()?;
        // It can only fail because it has ended already.
        Ok(stop.when_requested(move || _ = pidfd_send_signal(&process, Signal::KILL)))
    }

    /// It has not been waited for, so that its number is nobody else's.
    fn descriptor(&self) -> io::Result<OwnedFd> {
        let child = self.0.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        Ok(pidfd_open(child.ok_or(io::ErrorKind::NotFound)?, PidfdFlags::empty())?)
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.0.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until it ends, at most until the deadline. Whether it ended.
    pub(super) fn wait(&mut self, said: &mut Said, deadline: Instant) -> io::Result<bool> {
        if self.has_ended() {
            return Ok(true);
        }
        let process = self.descriptor()?;
        let Some(child) = &mut self.0 else { return Ok(true) };
        said.take_from(child)?;
        loop {
            said.read()?;
            if !matches!(child.try_wait(), Ok(None)) {
                said.read()?;
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Ok(false);
            }
            let mut watched = vec![PollFd::new(&process, PollFlags::IN)];
            watched.extend(
                said.sources.iter().map(|source| PollFd::from_borrowed_fd(source.as_fd(), PollFlags::IN)),
            );
            let patience = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut watched, Some(&patience)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends it, and takes what it has still to say.
    pub(super) fn end(&mut self) -> Said {
        let mut said = Said::default();
        self.end_saying(&mut said);
        said
    }

    /// The same, and adds that to what it said before.
    pub(super) fn end_saying(&mut self, said: &mut Said) {
        if let Some(mut child) = self.0.take() {
            // It can only fail because it has ended already.
            drop(child.kill());
            drop(child.wait());
            // Nobody else has the other ends, unless it gave them away; what is there is read.
            drop(said.take_from(&mut child).and_then(|()| said.read()));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        drop(self.end());
    }
}

trait Source: Read + AsFd {}
impl Source for ChildStdout {}
impl Source for ChildStderr {}

/// What it wrote to its streams, the last of it.
#[derive(Default)]
pub(super) struct Said {
    sources: Vec<Box<dyn Source>>,
    kept: Vec<u8>,
}

impl Said {
    fn take_from(&mut self, child: &mut Child) -> io::Result<()> {
        if let Some(output) = child.stdout.take() {
            self.sources.push(Box::new(output));
        }
        if let Some(errors) = child.stderr.take() {
            self.sources.push(Box::new(errors));
        }
        for source in &self.sources {
            let source = source.as_fd();
            fcntl_setfl(source, fcntl_getfl(source)? | OFlags::NONBLOCK)?;
        }
        Ok(())
    }

    /// Reads what is there.
    fn read(&mut self) -> io::Result<()> {
        let kept = &mut self.kept;
        let mut failed = Ok(());
        self.sources.retain_mut(|source| {
            let mut piece = [0; KEPT];
            // Not without end: one that writes and writes must not keep anybody from looking at the time.
            for _ in 0..AT_ONCE {
                match source.read(&mut piece) {
                    Ok(0) => return false,
                    Ok(read) => {
                        kept.extend(piece.iter().take(read));
                        let over = kept.len().saturating_sub(KEPT);
                        kept.drain(..over);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                    Err(error) => {
                        failed = Err(error);
                        return false;
                    }
                }
            }
            true
        });
        failed
    }
}

/// What can be shown of it. A guest may have written it.
pub(super) fn last_words(said: &Said) -> String {
    let text = String::from_utf8_lossy(&said.kept).into_owned();
    let line = printable(&text, KEPT);
    let before = line.chars().count().saturating_sub(SHOWN);
    line.chars().skip(before).collect()
}
