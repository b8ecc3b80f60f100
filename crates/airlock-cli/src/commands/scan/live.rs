//! Where text comes from: a file, or a stream on which somebody waits.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// Bytes read at once.
pub(crate) const CHUNK: usize = 256 << 10;

/// After so long without input, whole lines are judged as they are.
const QUIET: Duration = Duration::from_millis(200);

/// A slow stream that is never quiet is judged at least so often.
const PATIENCE: Duration = Duration::from_secs(1);

/// What more comes in within [`PATIENCE`] moves what is held back by itself.
const SLOW: usize = 64 << 10;

/// What happens next in a text.
pub(crate) enum Event<'s> {
    Bytes(&'s [u8]),
    /// Nothing for a while: whoever reads along wants to see what there is.
    Quiet,
    End,
}

/// A text that is read from the start to the end.
pub(crate) trait Source {
    fn next(&mut self) -> io::Result<Event<'_>>;
}

/// A file, or whatever is read as fast as it comes.
pub(crate) struct Reading<R> {
    input: R,
    chunk: Vec<u8>,
    /// How much of `chunk` was read before anybody asked.
    ahead: Option<usize>,
}

impl<R: Read> Reading<R> {
    /// `chunk` is the memory to use, and begins with so many bytes of the input that were read before.
    pub(crate) fn new(input: R, mut chunk: Vec<u8>, ahead: usize) -> Self {
        chunk.resize(chunk.len().max(CHUNK), 0);
        Self { input, chunk, ahead: Some(ahead).filter(|ahead| *ahead > 0) }
    }
}

impl<R: Read> Source for Reading<R> {
    fn next(&mut self) -> io::Result<Event<'_>> {
        let read = match self.ahead.take() {
            Some(ahead) => ahead,
            None => read(&mut self.input, self.chunk.get_mut(..CHUNK).unwrap_or_default())?,
        };
        Ok(if read == 0 { Event::End } else { Event::Bytes(self.chunk.get(..read).unwrap_or_default()) })
    }
}

/// Reads once, whatever signals come in between.
fn read(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A stream such as a pipe or a terminal, read by a thread of its own, so that waiting for it can end.
pub(crate) struct Live {
    filled: Receiver<io::Result<(Vec<u8>, usize)>>,
    emptied: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    /// Since when something waits to be judged, and how much came since.
    waiting: Option<(Instant, usize)>,
}

impl Live {
    /// Starts reading. The thread ends with the input, or with the process.
    pub(crate) fn start(input: impl Read + Send + 'static) -> Self {
        let (fill, filled) = sync_channel(1);
        let (emptied, empty) = channel();
        for _ in 0..2 {
            // The receiver is in this function; it cannot be gone.
            let _ = emptied.send(vec![0; CHUNK]);
        }
        thread::spawn(move || pump(input, &empty, &fill));
        Self { filled, emptied, chunk: Vec::new(), waiting: None }
    }

    /// `None` when nothing came in time.
    fn receive(&mut self) -> Option<io::Result<(Vec<u8>, usize)>> {
        // The thread is gone at the end of the input only.
        let end = || Ok((Vec::new(), 0));
        let Some((since, bytes)) = self.waiting else {
            return Some(self.filled.recv().unwrap_or_else(|_| end()));
        };
        let patience = if bytes < SLOW { PATIENCE.saturating_sub(since.elapsed()) } else { QUIET };
        match self.filled.recv_timeout(QUIET.min(patience)) {
            Ok(received) => Some(received),
            Err(RecvTimeoutError::Disconnected) => Some(end()),
            Err(RecvTimeoutError::Timeout) => None,
        }
    }
}

impl Source for Live {
    fn next(&mut self) -> io::Result<Event<'_>> {
        if !self.chunk.is_empty() {
            // A thread that has ended needs no memory.
            let _ = self.emptied.send(std::mem::take(&mut self.chunk));
        }
        let Some(received) = self.receive() else {
            self.waiting = None;
            return Ok(Event::Quiet);
        };
        let (chunk, read) = received?;
        self.chunk = chunk;
        if read == 0 {
            return Ok(Event::End);
        }
        let (since, bytes) = self.waiting.unwrap_or_else(|| (Instant::now(), 0));
        let long_ago = since.elapsed() > PATIENCE;
        self.waiting = Some(if long_ago { (Instant::now(), read) } else { (since, bytes + read) });
        Ok(Event::Bytes(self.chunk.get(..read).unwrap_or_default()))
    }
}

fn pump(mut input: impl Read, empty: &Receiver<Vec<u8>>, fill: &SyncSender<io::Result<(Vec<u8>, usize)>>) {
    for mut chunk in empty {
        let result = read(&mut input, &mut chunk).map(|read| (chunk, read));
        let more = matches!(result, Ok((_, read)) if read > 0);
        if fill.send(result).is_err() || !more {
            return;
        }
    }
}
