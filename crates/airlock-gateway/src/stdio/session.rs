//! The two directions of a session, each on a thread of its own.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ChildStdin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
    thread,
};

use airlock_engine::Rejection;
use airlock_host::stream::Stream;
use airlock_mcp::{Id, Report};
use pollster::block_on;

use super::sink::{ClientSink, ServerSink, TakesLines};
use crate::{
    Gate,
    line::{Line, LineReader},
    per_call::{self, Downstream, Multiplexer, Stop},
};

/// Where reports go.
pub(super) type Reports = Box<dyn Fn(Report) + Send + Sync>;

/// What the conductor has to know.
#[derive(Debug)]
pub(super) enum Event {
    /// The client closed its side of our input.
    ClientClosed,
    /// Nobody reads our output any more.
    ClientUnreachable,
    /// The server does not take input any more.
    ServerUnreachable,
    /// Everything the server wrote was delivered and what was in flight was answered.
    ServerDrained,
    /// The server's processes have ended; they are not reaped yet.
    ServerGone,
    /// We got a signal.
    Signal(i32),
    /// The session cannot go on.
    Failed(io::Error),
}

/// What the server is written to.
#[derive(Debug)]
pub(super) enum ServerInput {
    /// One server for the whole session.
    Process(ChildStdin),
    /// One for each call.
    PerCall(per_call::Input),
}

impl TakesLines for ServerInput {
    fn take_line(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Process(process) => process.take_line(line),
            Self::PerCall(input) => input.take(line),
        }
    }
}

/// What the threads of a session share.
pub(super) struct Session<G> {
    gate: Arc<G>,
    reports: Reports,
    to_client: ClientSink<Stream>,
    to_server: ServerSink<ServerInput>,
    server_closed: AtomicBool,
    /// A message of the server is being decided: calls that were held may be on their way to the queue.
    deciding: AtomicBool,
    /// Messages of the server's direction are decided one after the other, whichever thread reads them.
    server_turn: Mutex<()>,
    client_reads: AtomicBool,
    max_line: usize,
    events: SyncSender<Event>,
}

impl<G: Gate> Session<G> {
    pub(super) fn new(
        gate: Arc<G>,
        reports: Reports,
        output: Stream,
        server_input: ServerInput,
        max_line: usize,
        events: SyncSender<Event>,
    ) -> Self {
        Self {
            gate,
            reports,
            to_client: ClientSink::new(output),
            // A few of the longest messages: nobody who reads at all gets there.
            to_server: ServerSink::new(server_input, max_line.saturating_mul(4)),
            server_closed: AtomicBool::new(false),
            deciding: AtomicBool::new(false),
            server_turn: Mutex::new(()),
            client_reads: AtomicBool::new(true),
            max_line,
            events,
        }
    }

    /// Runs `work` on a thread and passes its event on. A panic in it ends the session instead of leaving one
    /// direction dead.
    pub(super) fn spawn(
        self: &Arc<Self>,
        name: &str,
        work: impl FnOnce(&Self) -> Option<Event> + Send + 'static,
    ) -> io::Result<()> {
        let session = Arc::clone(self);
        let failure = format!("internal error: the {name} thread panicked");
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let event = catch_unwind(AssertUnwindSafe(|| work(&session)))
                .unwrap_or_else(|_panic| Some(Event::Failed(io::Error::other(failure))));
            event.map(|event| session.events.send(event))
        })?;
        Ok(())
    }

    /// Carries the client's messages to the server until one of them is gone.
    pub(super) fn client_to_server(&self, input: impl Read) -> Event {
        let mut lines = LineReader::new(input, self.max_line);
        loop {
            let outcome = match lines.next_line() {
                Ok(Some(Line::Whole(line))) => block_on(self.gate.on_client(line)),
                Ok(Some(Line::Oversize(seen))) => block_on(self.gate.on_client_oversize(seen)),
                Ok(None) => return Event::ClientClosed,
                Err(error) => return Event::Failed(error),
            };
            self.report(outcome.reports);
            if self.to_client.send(None, &outcome.to_client).is_err() {
                return Event::ClientUnreachable;
            }
            if self.to_server.send(outcome.forward.as_deref(), &outcome.to_server).is_err() {
                return Event::ServerUnreachable;
            }
        }
    }

    /// Carries the server's messages to the client until the server closes its output, then answers what is
    /// in flight. Goes on reading when the client is gone, so that the server can end in peace. With a server for
    /// each call it is the primary one, and the others end with it.
    pub(super) fn server_to_client(&self, output: impl Read, per_call: Option<&Arc<Multiplexer>>) -> Event {
        let mut lines = LineReader::new(output, self.max_line);
        loop {
            let delivered = match lines.next_line() {
                Ok(Some(line)) => match per_call {
                    Some(servers) => servers.primary_says(line),
                    None => self.deliver_line(line),
                },
                Ok(None) => break,
                Err(error) => {
                    self.report(vec![Report::warning(format!("cannot read from the server: {error}"))]);
                    break;
                }
            };
            if delivered.is_err() {
                break;
            }
        }
        if let Some(servers) = per_call {
            servers.stop();
        }
        self.answer_in_flight()
    }

    /// One message of the server, decided and sent.
    fn deliver_line(&self, line: Line<'_>) -> Result<(), Stop> {
        let _turn = self.server_turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.deciding.store(true, Ordering::SeqCst);
        let outcome = match line {
            Line::Whole(line) => block_on(self.gate.on_server(line)),
            Line::Oversize(seen) => block_on(self.gate.on_server_oversize(seen)),
        };
        self.report(outcome.reports);
        let queued = self.to_server.queue(outcome.to_server);
        // The client's direction may go on; before we write, because the client may not read.
        drop(outcome.release);
        self.deciding.store(false, Ordering::SeqCst);
        if queued.is_err() {
            // Said before our end of the pipe closes, which ends the server too.
            drop(self.events.send(Event::Failed(io::Error::other("the server does not read its input"))));
            return Err(Stop);
        }
        self.tell_client(outcome.forward.as_deref(), &outcome.to_client);
        Ok(())
    }

    /// Writes to the client; one that is gone ends the session, once.
    fn tell_client(&self, forward: Option<&[u8]>, own: &[Vec<u8>]) {
        let sent = self.to_client.send(forward, own);
        if sent.is_err() && self.client_reads.swap(false, Ordering::SeqCst) {
            drop(self.events.send(Event::ClientUnreachable));
        }
    }

    /// Writes what the server's direction has to say to the server, so that this direction never waits.
    pub(super) fn inject(&self) -> Option<Event> {
        self.to_server.inject().err().map(|_closed| Event::ServerUnreachable)
    }

    /// Answers what is in flight, once, now that the server cannot.
    pub(super) fn answer_in_flight(&self) -> Event {
        if !self.server_closed.swap(true, Ordering::SeqCst) {
            let outcome = block_on(self.gate.on_server_closed());
            self.report(outcome.reports);
            // A client that is gone needs no answer.
            drop(self.to_client.send(outcome.forward.as_deref(), &outcome.to_client));
        }
        Event::ServerDrained
    }

    pub(super) fn close_client_side(&self) {
        block_on(self.gate.on_client_closed());
    }

    pub(super) fn close_server_input(&self) {
        self.to_server.close();
    }

    pub(super) fn gate(&self) -> &G {
        &self.gate
    }

    /// Whether calls are kept back, or have just been let go and are not queued yet. The order of the two
    /// questions matters: the gate lets go only while a message is being decided.
    pub(super) fn holds_calls(&self) -> bool {
        self.gate.pending().held > 0 || self.deciding.load(Ordering::SeqCst)
    }

    /// Whether a thread waits for the client to read.
    pub(super) fn waits_for_client(&self) -> bool {
        self.to_client.is_busy()
    }

    fn report(&self, reports: Vec<Report>) {
        reports.into_iter().for_each(&self.reports);
    }
}

impl<G: Gate> Downstream for Session<G> {
    fn deliver(&self, line: Line<'_>) -> Result<(), Stop> {
        self.deliver_line(line)
    }

    fn not_run(&self, call: &Id, rejection: Rejection) {
        let outcome = self.gate.on_call_not_run(call, rejection);
        self.report(outcome.reports);
        self.tell_client(None, &outcome.to_client);
    }

    fn lost(&self, call: &Id, rejection: Rejection) {
        let outcome = self.gate.on_call_lost(call, rejection);
        self.report(outcome.reports);
        self.tell_client(None, &outcome.to_client);
    }

    fn report(&self, report: Report) {
        self.report(vec![report]);
    }

    fn failed(&self, error: io::Error) {
        drop(self.events.send(Event::Failed(error)));
    }
}
