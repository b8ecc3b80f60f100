//! When the helper has to end a program that has not ended by itself.

use std::{
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{PidfdFlags, getppid, pidfd_open},
};

use super::plan::{Clock, Plan};

/// How much later than the host the helper is with the deadline: it is there for a host that cannot keep it.
const GRACE: Duration = Duration::from_secs(2);

/// The host, and the time that the program has.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    control: &'a UnixStream,
    /// The host itself: a process that it forked may hold its end of the socket open.
    host: OwnedFd,
    wall: Option<Duration>,
    deadline: Option<Instant>,
    over: bool,
}

impl<'a> Watch<'a> {
    /// Fails if the host that made the plan is gone.
    pub(super) fn new(plan: &Plan, control: &'a UnixStream) -> io::Result<Self> {
        let gone = || io::Error::other("the host is gone");
        let parent = getppid().ok_or_else(gone)?;
        let host = pidfd_open(parent, PidfdFlags::empty())?;
        // As long as it is the parent, its number is nobody else's.
        if u32::try_from(parent.as_raw_nonzero().get()) != Ok(plan.host) || getppid() != Some(parent) {
            return Err(gone());
        }
        let mut watch = Self { control, host, wall: plan.wall, deadline: None, over: false };
        if plan.clock == Clock::FromStart {
            watch.begin();
        }
        Ok(watch)
    }

    /// Whether the program is to end: the host hung up or is gone, or it is too late.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Waits until `program` can be read, for at most so long, or until it is over. Whether it can be.
    pub(super) fn wait(&mut self, program: BorrowedFd<'_>, most: Option<Duration>) -> io::Result<bool> {
        let left = self.deadline.filter(|_| !self.over);
        let left = left.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let time = [left, most].into_iter().flatten().min();
        let time = time.map(|time| Timespec::try_from(time).map_err(io::Error::other)).transpose()?;
        let mut all = [
            PollFd::from_borrowed_fd(program, PollFlags::IN),
            PollFd::from_borrowed_fd(self.control.as_fd(), PollFlags::IN | PollFlags::RDHUP),
            PollFd::new(&self.host, PollFlags::IN),
        ];
        // Once it is over, that would be told again and again.
        let watched = if self.over { all.split_at_mut(1).0 } else { &mut all[..] };
        match poll(watched, time.as_ref()) {
            Err(Errno::INTR) => return Ok(false),
            other => other?,
        };
        let [program, control, host] = all.map(|watched| watched.revents());
        if control.intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR) || !host.is_empty() {
            self.over = true;
        } else if control.contains(PollFlags::IN) {
            self.listen()?;
        }
        self.over |= self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        Ok(!program.is_empty())
    }

    /// The host says one thing: that the program that waited was given what it waited for.
    fn listen(&mut self) -> io::Result<()> {
        match self.control.read(&mut [0; 16])? {
            0 => self.over = true,
            _ => self.begin(),
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.deadline = self.wall.and_then(|wall| Instant::now().checked_add(wall)?.checked_add(GRACE));
    }
}
