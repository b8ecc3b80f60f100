//! The socket between the host and the box.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use rustix::{
    cmsg_space,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg,
    },
};

use super::plan::{Plan, Report};

/// Longest plan; the host refuses to send more, the helper to read more.
const LONGEST_PLAN: u32 = 4 << 20;
/// Bytes that say how long it is.
const LENGTH: usize = 4;
/// Longest report.
const LONGEST_REPORT: usize = 64 << 10;

/// Sends the plan, its length and then JSON, and with it what the program reads.
#[expect(
    clippy::needless_pass_by_value,
    reason = "nobody here has it afterwards, or the program would never see its end"
)]
pub(super) fn send_plan(mut to: &UnixStream, plan: &Plan, input: OwnedFd) -> io::Result<()> {
    let mut message = vec![0; LENGTH];
    serde_json::to_writer(&mut message, plan)?;
    let length = u32::try_from(message.len() - LENGTH).ok().filter(|&length| length <= LONGEST_PLAN);
    let length = length
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the plan of the box is too long"))?;
    message.iter_mut().zip(length.to_be_bytes()).for_each(|(byte, length)| *byte = length);
    let sent = send_with(to, &message, input.as_fd())?;
    to.write_all(message.get(sent..).unwrap_or_default())
}

/// Sends the beginning of a message, and a descriptor with it. How much was sent.
fn send_with(to: &UnixStream, message: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<usize> {
    let given = [descriptor];
    let mut room = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut room);
    if !beside.push(SendAncillaryMessage::ScmRights(&given)) {
        return Err(io::Error::other("there is no room for a descriptor"));
    }
    Ok(sendmsg(to, &[IoSlice::new(message)], &mut beside, SendFlags::NOSIGNAL)?)
}

/// Reads what is there, and takes a descriptor that comes with it; more of them are closed.
fn receive_with(from: &UnixStream, piece: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut room = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut room);
    let read = recvmsg(from, &mut [IoSliceMut::new(piece)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let mut given = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((read.bytes, given.by_ref().flatten().next()))
}

/// Receives the plan, and what the program reads.
pub(super) fn receive_plan(mut from: &UnixStream) -> io::Result<(Plan, OwnedFd)> {
    let mut length = [0; LENGTH];
    let (read, input) = receive_with(from, &mut length)?;
    from.read_exact(length.get_mut(read..).unwrap_or_default())?;
    let input = input.ok_or(io::ErrorKind::InvalidData)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST_PLAN {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut json = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    from.read_exact(&mut json)?;
    Ok((serde_json::from_slice(&json)?, input))
}

/// Sends one report. Nobody is left to tell if it fails: the host is gone then, and so will be the box.
pub(super) fn report(mut to: &UnixStream, report: &Report) {
    if let Ok(line) = line(report) {
        drop(to.write_all(&line));
    }
}

/// Sends one report, and a descriptor with it.
pub(super) fn report_with(
    mut to: &UnixStream,
    report: &Report,
    descriptor: BorrowedFd<'_>,
) -> io::Result<()> {
    let line = line(report)?;
    let sent = send_with(to, &line, descriptor)?;
    to.write_all(line.get(sent..).unwrap_or_default())
}

fn line(report: &Report) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    Ok(line)
}

/// What the host answers when the proxy is there.
const SERVED: u8 = b'+';

/// Gives the host the socket by which the proxy is reached from within, and waits until the proxy is there: nothing
/// runs without it.
pub(super) fn give_listener(mut to: &UnixStream, listener: &TcpListener) -> io::Result<()> {
    report_with(to, &Report::Listening, listener.as_fd())?;
    let mut answer = [0];
    to.read_exact(&mut answer)?;
    if answer == [SERVED] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Says that the proxy is there.
pub(super) fn say_served(mut to: &UnixStream) -> io::Result<()> {
    to.write_all(&[SERVED])
}

/// The reports of one box.
#[derive(Debug)]
pub(super) struct Reports {
    from: UnixStream,
    /// What was read and is no whole line yet.
    begun: Vec<u8>,
    /// How many descriptors may still come with reports; more of them are closed.
    awaited: usize,
    /// Those that came, in that order.
    descriptors: VecDeque<OwnedFd>,
}

impl Reports {
    pub(super) fn new(from: UnixStream, awaited: usize) -> Self {
        Self { from, begun: Vec::new(), awaited, descriptors: VecDeque::new() }
    }

    /// The next descriptor, if it came with a report that was read.
    pub(super) fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
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
            match self.read(&mut piece) {
                Ok(0) if self.begun.is_empty() => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.begun.extend(piece.iter().take(read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        if self.awaited == 0 {
            return self.from.read(piece);
        }
        let (read, descriptor) = receive_with(&self.from, piece)?;
        if let Some(descriptor) = descriptor {
            self.awaited -= 1;
            self.descriptors.push_back(descriptor);
        }
        Ok(read)
    }
}

impl AsFd for Reports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.from.as_fd()
    }
}
