//! Bytes from one side to the other and back, until both have said everything or nobody says anything.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How much is passed on at once.
const PIECE: usize = 16 << 10;
/// Room for the thread of one direction.
pub(super) const STACK: usize = 256 << 10;

/// Two connections that belong together.
#[derive(Debug)]
pub(super) struct Relay<'a> {
    client: &'a TcpStream,
    server: &'a TcpStream,
    idle: Duration,
    /// When something was passed on last, in either direction.
    last: Mutex<Instant>,
}

impl<'a> Relay<'a> {
    /// Between these; what is silent in both directions for `idle` is ended.
    pub(super) fn new(client: &'a TcpStream, server: &'a TcpStream, idle: Duration) -> io::Result<Self> {
        for stream in [client, server] {
            stream.set_read_timeout(Some(idle))?;
            stream.set_write_timeout(Some(idle))?;
        }
        Ok(Self { client, server, idle, last: Mutex::new(Instant::now()) })
    }

    /// Passes what the server says on, while `up` passes on what the client says. Both connections have ended when it
    /// returns.
    pub(super) fn run(
        &self,
        up: impl FnOnce(&Self) -> io::Result<()>,
        when_answered: AfterAnswer,
    ) -> io::Result<()> {
        thread::scope(|scope| {
            let down = thread::Builder::new().name("airlock-proxy".to_owned()).stack_size(STACK);
            let down = down.spawn_scoped(scope, || {
                let passed = self.pass(self.server, self.client, u64::MAX);
                if passed.is_err() || when_answered == AfterAnswer::End {
                    self.end();
                }
                passed
            });
            let up = down.and_then(|down| {
                let up = up(self);
                if up.is_err() {
                    self.end();
                }
                // It ends when its side does, or with both.
                let down = down.join().unwrap_or_else(|_| Err(io::Error::other("a direction was lost")));
                up.and(down)
            });
            self.end();
            up
        })
    }

    /// From the client to the server, up to the end.
    pub(super) fn up(&self) -> io::Result<()> {
        self.pass(self.client, self.server, u64::MAX)
    }

    /// From the client to the server, this many bytes. The server's side stays open: some take its end for a hang-up.
    pub(super) fn up_to(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 { Ok(()) } else { self.pass(self.client, self.server, bytes) }
    }

    /// Reads what the client says next; 0 at its end.
    pub(super) fn hear(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read(self.client, buffer)
    }

    /// Passes on what was read from the client already.
    pub(super) fn say(&self, bytes: &[u8]) -> io::Result<()> {
        self.write(self.server, bytes)
    }

    fn pass(&self, from: &TcpStream, to: &TcpStream, mut most: u64) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            let room = usize::try_from(most).unwrap_or(usize::MAX).min(PIECE);
            let read = self.read(from, buffer.get_mut(..room).unwrap_or_default())?;
            if read == 0 {
                // The other direction may still have something to say.
                return to.shutdown(Shutdown::Write);
            }
            self.write(to, buffer.get(..read).unwrap_or_default())?;
            most -= read as u64;
            if most == 0 {
                return Ok(());
            }
        }
    }

    fn read(&self, mut from: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match from.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The other direction may be busy.
                Err(error) if is_timeout(&error) && self.idle_for() < self.idle => {}
                read => {
                    self.stir();
                    return read;
                }
            }
        }
    }

    fn write(&self, mut to: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        to.write_all(bytes)?;
        self.stir();
        Ok(())
    }

    fn stir(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn idle_for(&self) -> Duration {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    fn end(&self) {
        for stream in [self.client, self.server] {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// What the end of the server's answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterAnswer {
    /// That all is said: one request had one answer.
    End,
    /// Nothing for the other direction.
    GoOn,
}

/// Whether an error says that nothing came in time; systems differ in its name.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
