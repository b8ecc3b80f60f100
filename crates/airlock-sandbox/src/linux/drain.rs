//! Reading a program's output and keeping its time: one loop, so that nothing a program does or keeps open can make the
//! host wait longer than it meant to.

use std::{
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    process::ChildStdin,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
};

use super::{
    control::Reports,
    plan::Report,
    running::{Running, failed},
};
use crate::{Backend, Confinement, End, Job, Outcome, SandboxError, Step, Stop};

/// The kernel's way to end a process.
const SIGKILL: i32 = 9;
/// What a process gets that has used up its processor time; a second later it is killed.
const SIGXCPU: i32 = libc::SIGXCPU;
/// How long the streams may stay open once the program has ended: they end with the box, unless it gave one away.
const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked whether the run was given up.
const LOOK: Duration = Duration::from_secs(1);
/// How much is read at once.
const PIECE: usize = 64 << 10;

/// What is not there any more when a run is over. Of the program nothing is, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// The helper and all that the box was made of, too.
    All,
    /// The processes of a box whose program waited; the rest is taken down by who drops it. That takes the kernel a
    /// millisecond or more.
    Processes,
}

/// Runs what was started to its end.
pub(super) fn run(
    running: &mut Running,
    job: &Job,
    confinement: &Confinement,
    begin: Instant,
    waited_for: Gone,
) -> Result<Outcome, SandboxError> {
    let limits = confinement.limits;
    let reports = running.reports.take().ok_or(SandboxError::Lost)?;
    let awaited = running.end_when(&job.stop).map_err(SandboxError::at(Step::ReadBack))?;
    let (input, output, errors) = running.streams();
    let mut gone = false;
    let pumped = Pump::new(
        reports,
        input,
        &job.input,
        [Stream::new(output, limits.output), Stream::new(errors, limits.output)],
    )
    .and_then(|mut pump| {
        pump.write();
        if waited_for == Gone::Processes {
            // After the program has it: waking the helper first takes a processor from it.
            running.hand_over();
        }
        let deadline = limits.wall.map(|wall| begin + wall);
        let end = pump.until_the_end(deadline, &job.stop)?;
        // Where the host could not keep it, the helper did.
        let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let end = match end {
            None | Some(Ended::Program(End::Signalled(SIGKILL))) if late => {
                Some(Ended::Program(End::DeadlineExceeded))
            }
            end => end,
        };
        // What is killed now can write no more, and what it has written is read.
        gone = match (waited_for, &end) {
            (Gone::Processes, Some(Ended::Program(End::Exited(_) | End::Signalled(_)))) => {
                running.is_emptied() || running.end()
            }
            _ => running.end(),
        };
        if matches!(end, Some(Ended::Program(End::DeadlineExceeded | End::OutputExceeded))) {
            pump.streams.iter_mut().try_for_each(Stream::read)?;
        }
        Ok((end, pump.streams.map(Stream::into_text)))
    });
    // However that went: no process of the box stays.
    let gone = gone || running.end();
    drop(awaited);
    if !gone {
        let reason =
            "processes of the program may be left: their helper did not end when it was told to".to_owned();
        return Err(SandboxError::Broken { backend: running.backend(), reason });
    }
    if job.stop.is_requested() {
        return Err(SandboxError::GivenUp);
    }
    let (end, [stdout, stderr]) = pumped.map_err(SandboxError::at(Step::ReadBack))?;
    let end = match end {
        // The first process, or what ran the program, may have been killed with the others; then it told nothing.
        Some(Ended::Program(End::Signalled(SIGKILL)) | Ended::NotStarted(SandboxError::Broken { .. }))
        | None
            if running.ran_out_of_memory() =>
        {
            End::MemoryExceeded
        }
        Some(Ended::NotStarted(refusal)) => return Err(refusal),
        // Nobody else sends that signal to a program of its own.
        Some(Ended::Program(End::Signalled(SIGXCPU))) if limits.cpu.is_some() => End::CpuExceeded,
        Some(Ended::Program(end)) => end,
        None => return Err(SandboxError::Lost),
    };
    Ok(Outcome { end, stdout, stderr, enforcement: running.enforcement().clone() })
}

/// How it ended.
enum Ended {
    Program(End),
    NotStarted(SandboxError),
}

/// One output stream of the program.
pub(super) struct Stream<'a> {
    from: Option<Box<dyn Source + 'a>>,
    text: Vec<u8>,
    most: usize,
}

/// What can be waited for and read from.
pub(super) trait Source: Read + AsFd {}
impl<T: Read + AsFd> Source for T {}

impl<'a> Stream<'a> {
    pub(super) fn new(from: Option<impl Source + 'a>, most: usize) -> Self {
        Self { from: from.map(|from| Box::new(from) as Box<dyn Source>), text: Vec::new(), most }
    }

    pub(super) fn exceeded(&self) -> bool {
        self.text.len() > self.most
    }

    /// As much of it as is allowed.
    fn into_text(self) -> Vec<u8> {
        let mut text = self.text;
        text.truncate(self.most);
        text
    }

    /// What was read so far, up to one byte more than allowed.
    #[cfg(feature = "microvm")]
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where it comes from, until its end.
    #[cfg(feature = "microvm")]
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.from.as_ref().map(|from| from.as_fd())
    }

    /// Reads what is there, up to one byte more than allowed.
    pub(super) fn read(&mut self) -> io::Result<()> {
        let Some(from) = &mut self.from else { return Ok(()) };
        let mut piece = vec![0; PIECE];
        while self.text.len() <= self.most {
            match from.read(&mut piece) {
                Ok(0) => {
                    self.from = None;
                    break;
                }
                Ok(read) => {
                    let room = (self.most + 1 - self.text.len()).min(read);
                    self.text.extend(piece.iter().take(room));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

struct Pump<'a> {
    reports: Option<Reports>,
    input: Option<ChildStdin>,
    unwritten: &'a [u8],
    streams: [Stream<'a>; 2],
}

impl<'a> Pump<'a> {
    fn new(
        reports: Reports,
        input: Option<ChildStdin>,
        unwritten: &'a [u8],
        streams: [Stream<'a>; 2],
    ) -> io::Result<Self> {
        reports.set_nonblocking()?;
        for stream in &streams {
            stream.from.as_ref().map_or(Ok(()), |from| do_not_block(from.as_fd()))?;
        }
        input.as_ref().map_or(Ok(()), |input| do_not_block(input.as_fd()))?;
        Ok(Self { reports: Some(reports), input, unwritten, streams })
    }

    /// Goes on until the program has ended and its streams with it, or a limit is reached. `None`: nobody knows what
    /// became of it.
    fn until_the_end(&mut self, deadline: Option<Instant>, stop: &Stop) -> io::Result<Option<Ended>> {
        let mut end = None;
        let mut until = deadline;
        // The program has ended, or its helper has, or was told to: from then on nothing is waited for but this long.
        let mut closing = false;
        loop {
            self.write();
            self.streams.iter_mut().try_for_each(Stream::read)?;
            if end.is_none() {
                end = self.report();
                if matches!(end, Some(Ended::NotStarted(_))) {
                    return Ok(end);
                }
            }
            if !closing && (end.is_some() || self.reports.is_none() || stop.is_requested()) {
                closing = true;
                let soon = Instant::now() + GRACE;
                until = Some(deadline.map_or(soon, |deadline| deadline.min(soon)));
            }
            if self.streams.iter().any(Stream::exceeded) {
                return Ok(Some(Ended::Program(End::OutputExceeded)));
            }
            let silent = self.streams.iter().all(|stream| stream.from.is_none());
            if silent && (end.is_some() || self.reports.is_none()) {
                return Ok(end);
            }
            if !self.wait(until, end.is_some(), stop)? {
                // After its end, what somebody else holds open is not waited for.
                return Ok(if end.is_some() || self.reports.is_none() {
                    end
                } else {
                    Some(Ended::Program(End::DeadlineExceeded))
                });
            }
        }
    }

    /// Writes what the program takes. It need not take anything.
    fn write(&mut self) {
        feed(&mut self.input, &mut self.unwritten);
    }

    /// The end, if it was reported.
    fn report(&mut self) -> Option<Ended> {
        let reports = self.reports.as_mut()?;
        match reports.next() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Ok(Some(Report::Exited(code))) => Some(Ended::Program(End::Exited(code))),
            Ok(Some(Report::Signalled(signal))) => Some(Ended::Program(End::Signalled(signal))),
            Ok(Some(Report::Failed { step, errno, detail })) => {
                Some(Ended::NotStarted(failed(step, errno, &detail)))
            }
            Ok(Some(Report::Broken(reason))) => {
                Some(Ended::NotStarted(SandboxError::Broken { backend: Backend::Gvisor, reason }))
            }
            Ok(Some(Report::Listening | Report::Ready(_) | Report::TooWeak { .. })) => {
                Some(Ended::NotStarted(SandboxError::Lost))
            }
            Ok(None) | Err(_) => {
                self.reports = None;
                None
            }
        }
    }

    /// Waits until something happens, or it is time to look for another reason; `false` when it is too late for that.
    fn wait(&self, until: Option<Instant>, ended: bool, stop: &Stop) -> io::Result<bool> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        // A helper that is stopped itself does not hang up when it is told to.
        let look = (*stop != Stop::default()).then_some(LOOK);
        let left = left.into_iter().chain(look).min();
        let outputs = self.streams.iter().filter_map(|stream| stream.from.as_ref().map(|from| from.as_fd()));
        let mut watched: Vec<_> =
            outputs.map(|output| PollFd::from_borrowed_fd(output, PollFlags::IN)).collect();
        if let Some(reports) = self.reports.as_ref().filter(|_| !ended) {
            watched.push(PollFd::from_borrowed_fd(reports.as_fd(), PollFlags::IN));
        }
        if let Some(input) = &self.input {
            watched.push(PollFd::new(input, PollFlags::OUT));
        }
        let left = left.map(|left| Timespec::try_from(left).map_err(io::Error::other)).transpose()?;
        match poll(&mut watched, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Writes what is taken of it, and closes the input when that was all, or it is closed on the other side.
pub(super) fn feed(to: &mut Option<ChildStdin>, unwritten: &mut &[u8]) {
    let Some(input) = to else { return };
    while !unwritten.is_empty() {
        match input.write(unwritten) {
            Ok(written) => *unwritten = unwritten.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => break,
        }
    }
    *to = None;
}

pub(super) fn do_not_block(file: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fcntl_setfl(file, fcntl_getfl(file)? | OFlags::NONBLOCK)?)
}
