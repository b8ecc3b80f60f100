//! The two places messages are written to: the server's input and the client's.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use airlock_host::stream::write_line;

/// A panic cannot leave a half-written state behind any of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes messages one by one.
pub(crate) trait TakesLines {
    /// The whole message, without its line break; or it is not known what of it was taken.
    fn take_line(&mut self, line: &[u8]) -> io::Result<()>;
}

impl<W: Write> TakesLines for W {
    fn take_line(&mut self, line: &[u8]) -> io::Result<()> {
        write_line(self, line)
    }
}

/// Where both directions write what the client is to read. Blocks while the client does not read.
#[derive(Debug)]
pub(crate) struct ClientSink<W> {
    writer: Mutex<W>,
}

impl<W: Write> ClientSink<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer: Mutex::new(writer) }
    }

    /// Writes the messages one after the other, with nothing of the other direction between them.
    pub(crate) fn send(&self, forward: Option<&[u8]>, own: &[Vec<u8>]) -> io::Result<()> {
        if forward.is_none() && own.is_empty() {
            return Ok(());
        }
        let mut writer = lock(&self.writer);
        forward
            .into_iter()
            .chain(own.iter().map(Vec::as_slice))
            .try_for_each(|line| write_line(&mut *writer, line))
    }

    /// Whether somebody is writing right now, perhaps for ever.
    pub(crate) fn is_busy(&self) -> bool {
        self.writer.try_lock().is_err()
    }
}

/// Where both directions write what the server is to read.
///
/// Only the client's direction writes directly. What the server's direction has to say is queued for the
/// injector, because it must go on reading: a server that writes before it reads would wait for us while we
/// wait for it. The queue is bounded in bytes, so a server that never reads ends the session, not our memory.
#[derive(Debug)]
pub(crate) struct ServerSink<W> {
    writer: Mutex<Option<W>>,
    queue: Mutex<Queue>,
    changed: Condvar,
    max_queued: usize,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
    closed: bool,
}

/// More messages wait for the server than are worth keeping.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overfull;

impl<W: TakesLines> ServerSink<W> {
    /// At most `max_queued` bytes wait for the injector, or one batch of messages of any size.
    pub(crate) fn new(writer: W, max_queued: usize) -> Self {
        Self {
            writer: Mutex::new(Some(writer)),
            queue: Mutex::default(),
            changed: Condvar::new(),
            max_queued,
        }
    }

    /// Writes messages of the client's direction, after what was queued before them. Blocks while the server
    /// does not read.
    pub(crate) fn send(&self, forward: Option<&[u8]>, own: &[Vec<u8>]) -> io::Result<()> {
        if forward.is_none() && own.is_empty() {
            return Ok(());
        }
        let mut writer = lock(&self.writer);
        let writer = writer.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        self.write_queued(writer)?;
        forward.into_iter().chain(own.iter().map(Vec::as_slice)).try_for_each(|line| writer.take_line(line))
    }

    /// Hands messages of the server's direction to the injector. Never blocks. After [`close`](Self::close)
    /// they have nowhere to go and are dropped.
    pub(crate) fn queue(&self, messages: Vec<Vec<u8>>) -> Result<(), Overfull> {
        let bytes: usize = messages.iter().map(Vec::len).sum();
        let mut queue = lock(&self.queue);
        if queue.closed || messages.is_empty() {
            return Ok(());
        }
        if !queue.messages.is_empty() && queue.bytes.saturating_add(bytes) > self.max_queued {
            return Err(Overfull);
        }
        queue.bytes += bytes;
        queue.messages.extend(messages);
        self.changed.notify_one();
        Ok(())
    }

    /// The server's input ends after what is queued. Never blocks; the injector does it.
    pub(crate) fn close(&self) {
        lock(&self.queue).closed = true;
        self.changed.notify_one();
    }

    /// Writes what is queued until the sink is closed, then closes the server's input.
    pub(crate) fn inject(&self) -> io::Result<()> {
        loop {
            let queue = self
                .changed
                .wait_while(lock(&self.queue), |queue| queue.messages.is_empty() && !queue.closed)
                .unwrap_or_else(PoisonError::into_inner);
            let closed = queue.closed;
            drop(queue);
            let mut writer = lock(&self.writer);
            let written = writer.as_mut().map_or(Ok(()), |writer| self.write_queued(writer));
            if closed || written.is_err() {
                *writer = None;
                return written;
            }
        }
    }

    fn write_queued(&self, writer: &mut W) -> io::Result<()> {
        loop {
            let mut queue = lock(&self.queue);
            let Some(message) = queue.messages.pop_front() else { return Ok(()) };
            queue.bytes -= message.len();
            drop(queue);
            writer.take_line(&message)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    /// What was written; readable after the sink let go of it.
    #[derive(Clone, Default)]
    struct Shared(std::sync::Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_queued_first_is_written_first() {
        let written = Shared::default();
        let sink = ServerSink::new(written.clone(), 100);
        sink.queue(messages(&["queued"])).unwrap();
        sink.send(Some(b"forward"), &messages(&["own"])).unwrap();
        sink.queue(messages(&["last"])).unwrap();
        sink.close();
        sink.inject().unwrap();
        assert_eq!(*lock(&written.0), b"queued\nforward\nown\nlast\n");
        assert_eq!(sink.send(None, &messages(&["late"])).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(sink.queue(messages(&["late"])), Ok(()));
        assert_eq!(std::sync::Arc::strong_count(&written.0), 1, "the writer is closed");
    }

    #[test]
    fn the_queue_is_bounded_but_takes_one_batch_of_any_size() {
        let sink = ServerSink::new(Vec::new(), 10);
        assert_eq!(sink.queue(messages(&["more than ten bytes"])), Ok(()));
        assert_eq!(sink.queue(messages(&["x"])), Err(Overfull));
        sink.send(Some(b"drains"), &[]).unwrap();
        assert_eq!(sink.queue(messages(&["12345"])), Ok(()));
        assert_eq!(sink.queue(messages(&["12345"])), Ok(()));
        assert_eq!(sink.queue(messages(&["1"])), Err(Overfull));
    }

    #[test]
    fn the_client_gets_the_forwarded_message_before_the_guards_own() {
        let written = Shared::default();
        let sink = ClientSink::new(written.clone());
        sink.send(Some(b"forward"), &messages(&["own", "more"])).unwrap();
        sink.send(None, &[]).unwrap();
        assert_eq!(*lock(&written.0), b"forward\nown\nmore\n");
    }
}
