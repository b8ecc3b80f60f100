//! Our standard streams without the standard library's buffers, and patient where somebody else made them
//! non-blocking: the flag belongs to the open file, which other processes share.

use std::{
    fs::File,
    io::{self, IoSlice, Read, Write},
};

/// One of our standard streams.
#[derive(Debug)]
pub struct Stream(File);

#[cfg(unix)]
impl Stream {
    /// Standard input, apart from the standard library's buffer. Fails when it cannot be duplicated.
    pub fn stdin() -> io::Result<Self> {
        duplicate(&io::stdin())
    }

    /// Standard output, apart from the standard library's buffer. Fails when it cannot be duplicated.
    pub fn stdout() -> io::Result<Self> {
        duplicate(&io::stdout())
    }

    /// Standard error, apart from the standard library's buffer. Fails when it cannot be duplicated.
    pub fn stderr() -> io::Result<Self> {
        duplicate(&io::stderr())
    }

    /// Waits until the stream can be read or written, or has failed; the next call tells which.
    fn wait(&self, flags: rustix::event::PollFlags) -> io::Result<()> {
        match rustix::event::poll(&mut [rustix::event::PollFd::new(&self.0, flags)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn wait_readable(&self) -> io::Result<()> {
        self.wait(rustix::event::PollFlags::IN)
    }

    fn wait_writable(&self) -> io::Result<()> {
        self.wait(rustix::event::PollFlags::OUT)
    }
}

#[cfg(unix)]
fn duplicate(stream: &impl std::os::fd::AsFd) -> io::Result<Stream> {
    Ok(Stream(stream.as_fd().try_clone_to_owned()?.into()))
}

#[cfg(windows)]
impl Stream {
    /// Standard input, apart from the standard library's buffer. Fails when it cannot be duplicated.
    pub fn stdin() -> io::Result<Self> {
        duplicate(&io::stdin())
    }

    /// Standard output, apart from the standard library's buffer. Fails when it cannot be duplicated.
    pub fn stdout() -> io::Result<Self> {
        duplicate(&io::stdout())
    }

    /// Standard error, apart from the standard library's buffer. Fails when it cannot be duplicated.
    pub fn stderr() -> io::Result<Self> {
        duplicate(&io::stderr())
    }

    fn wait_readable(&self) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn wait_writable(&self) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

#[cfg(windows)]
fn duplicate(stream: &impl std::os::windows::io::AsHandle) -> io::Result<Stream> {
    Ok(Stream(stream.as_handle().try_clone_to_owned()?.into()))
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_readable()?,
                result => return result,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            match self.0.write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_writable()?,
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether nobody reads our standard output any more, told without writing to it.
#[cfg(unix)]
pub fn stdout_hung_up() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok()
        && fds.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

/// Not told here; a write will.
#[cfg(not(unix))]
pub fn stdout_hung_up() -> bool {
    false
}

/// Writes `line` and a line break: one system call, unless the other side takes less.
pub fn write_line(writer: &mut impl Write, line: &[u8]) -> io::Result<()> {
    debug_assert!(memchr::memchr(b'\n', line).is_none(), "a line break inside a message is two messages");
    let mut parts = [IoSlice::new(line), IoSlice::new(b"\n")];
    let mut rest = parts.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match writer.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut rest, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a given number of bytes per call and counts the calls.
    struct Slow {
        taken: Vec<u8>,
        per_call: usize,
        calls: usize,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            self.calls += 1;
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let count = all.len().min(self.per_call);
            self.taken.extend(&all[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_whole_whatever_the_other_side_takes_at_once() {
        for (per_call, calls) in [(100, 1), (6, 1), (5, 2), (2, 3), (1, 6)] {
            let mut slow = Slow { taken: Vec::new(), per_call, calls: 0 };
            write_line(&mut slow, b"hello").unwrap();
            assert_eq!((slow.taken.as_slice(), slow.calls), (b"hello\n".as_slice(), calls));
        }
        let mut stuck = Slow { taken: Vec::new(), per_call: 0, calls: 0 };
        assert_eq!(write_line(&mut stuck, b"hello").unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
