//! Many inputs side by side, their output in order, and a bounded part of it in memory.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel},
    },
    thread,
};

use super::{Plan, inputs::Input, progress::STEP, tally::Tally};
use crate::exit::{Exit, Failure};

/// Output is handed over in blocks of about so many bytes.
const BLOCK: usize = 64 << 10;

/// Blocks of one input that may wait for their turn.
const BLOCKS: usize = 4;

/// Inputs per thread that may be done before their turn.
const AHEAD: usize = 16;

/// What comes of an input, in order.
pub(crate) enum Message {
    Block(Vec<u8>),
    Done(Result<Tally, Failure>),
    /// Nothing more for now: whoever reads along wants to see what there is.
    Idle,
}

struct Job {
    input: Input,
    reply: SyncSender<Message>,
}

/// Scans all inputs on so many threads, and hands everything to `take` in the order of the inputs.
pub(crate) fn run(
    plan: &Plan,
    threads: usize,
    mut inputs: impl Iterator<Item = Result<Input, Failure>>,
    mut take: impl FnMut(Message) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (jobs, queue) = channel();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        // Moved in here, so that the threads see its end however this ends.
        let jobs = jobs;
        for _ in 0..threads {
            scope.spawn(|| work(plan, &queue));
        }
        let mut waiting = VecDeque::new();
        loop {
            while waiting.len() < threads.saturating_mul(AHEAD) {
                let Some(input) = inputs.next() else { break };
                waiting.push_back(hand_out(input, &jobs));
            }
            // Jobs are taken in order, so somebody works on the first one, and it never waits for another.
            let Some(first) = waiting.pop_front() else { return Ok(()) };
            all_of(&first, &mut take)?;
        }
    })
}

fn hand_out(input: Result<Input, Failure>, jobs: &Sender<Job>) -> Receiver<Message> {
    let (reply, answer) = sync_channel(BLOCKS);
    match input {
        // The queue outlives all threads.
        Ok(input) => drop(jobs.send(Job { input, reply })),
        Err(failure) => drop(reply.send(Message::Done(Err(failure)))),
    }
    answer
}

fn all_of(
    answer: &Receiver<Message>,
    take: &mut impl FnMut(Message) -> Result<(), Failure>,
) -> Result<(), Failure> {
    loop {
        let message = match answer.try_recv() {
            Ok(message) => Ok(message),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {
                take(Message::Idle)?;
                answer.recv_timeout(STEP)
            }
        };
        match message {
            Ok(Message::Done(result)) => return take(Message::Done(result)),
            Ok(message) => take(message)?,
            Err(RecvTimeoutError::Timeout) => {}
            // The panic has been reported where it happened.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new(Exit::ScanFailed, "the scan broke off"));
            }
        }
    }
}

/// Takes jobs until there are no more, or nobody wants the results.
fn work(plan: &Plan, queue: &Mutex<Receiver<Job>>) {
    // Used again for every file.
    let mut memory = Vec::new();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { input, reply }) = job else { return };
        let mut outlet = Outlet { reply: &reply, block: Vec::new() };
        let result = plan.scan(&input, &mut memory, &mut outlet);
        let flushed = outlet.flush();
        let result = result.and_then(|tally| flushed.map(|()| tally).map_err(Failure::from));
        if let Ok(tally) = &result {
            plan.done.input(tally);
        }
        if reply.send(Message::Done(result)).is_err() {
            return;
        }
    }
}

/// Collects output to blocks.
struct Outlet<'r> {
    reply: &'r SyncSender<Message>,
    block: Vec<u8>,
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() + bytes.len() > BLOCK {
            self.flush()?;
        }
        if self.block.is_empty() {
            self.block.reserve(bytes.len().max(1 << 10));
        }
        self.block.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = Message::Block(mem::take(&mut self.block));
        self.reply.send(block).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
