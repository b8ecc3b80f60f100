//! A session over standard input and output.
//!
//! ```text
//!            ┌─ client thread ──► Gate ──► server's input ◄── injector thread ─┐
//! client ◄──►│                     │                                           │◄──► server (child process)
//!            └─ client's output ◄──┴────────── Gate ◄── server thread ─────────┘
//! ```
//!
//! Blocking threads, one per direction, because there is exactly one client and one server: a message costs
//! one read and one write. Nothing is queued without a bound; who does not read stops who writes to him.
//! The thread that calls [`run_stdio`] is the conductor: it waits for what ends a session and ends it.

mod conductor;
mod session;
pub(crate) mod sink;

use std::{
    ffi::OsString,
    fmt, io,
    sync::{Arc, Weak, mpsc},
    time::Duration,
};

use airlock_engine::json::Bounds;
use airlock_host::stream::Stream;
use airlock_mcp::Report;

use crate::{
    FreshServers, Gate,
    per_call::{Multiplexer, PerCall},
    server::{Launcher, Program, Server, Started},
    signals::watch_end_signals,
};
use conductor::{Conductor, Patience};
use session::{Event, ServerInput, Session};

/// How a session is run.
#[derive(Debug)]
pub struct SessionOptions {
    start: Start,
    withheld: Vec<OsString>,
    max_line: usize,
    grace: Duration,
    drain: Duration,
}

/// Where the server comes from.
enum Start {
    Command {
        launcher: Launcher,
        command: Vec<OsString>,
    },
    Done(Started),
    PerCall {
        primary: Started,
        servers: Arc<dyn FreshServers>,
        bounds: Bounds,
        limit: Option<Duration>,
        ahead: usize,
    },
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { command, .. } => f.debug_tuple("Command").field(command).finish(),
            Self::Done(started) => f.debug_tuple("Done").field(started).finish(),
            Self::PerCall { primary, .. } => f.debug_tuple("PerCall").field(primary).finish_non_exhaustive(),
        }
    }
}

impl SessionOptions {
    /// The longest message in bytes when nothing else is said: 16 MiB, room for a screenshot or a document
    /// in base64.
    pub const MAX_LINE: usize = 16 * 1024 * 1024;

    /// How long each step of a shutdown lasts when nothing else is said.
    pub const GRACE: Duration = Duration::from_secs(2);

    /// How long unanswered requests are waited for when nothing else is said.
    pub const DRAIN: Duration = Duration::from_secs(30);

    /// Runs `command` (a program and its arguments) as the server.
    pub fn new(launcher: Launcher, command: Vec<OsString>) -> Self {
        Self::starting(Start::Command { launcher, command })
    }

    /// Takes over a server that was started already.
    pub fn of(server: Started) -> Self {
        Self::starting(Start::Done(server))
    }

    /// Runs every call of a tool on a server of its own, which `servers` starts and which is ended after it, and
    /// everything else on `primary`, which was started already. To the gate it is one server. `bounds` are those within
    /// which the gate reads a message.
    pub fn per_call(primary: Started, servers: Arc<dyn FreshServers>, bounds: Bounds) -> Self {
        Self::starting(Start::PerCall { primary, servers, bounds, limit: None, ahead: 1 })
    }

    /// How long a call may take where each has a server of its own; it is ended then, and its call fails.
    #[must_use]
    pub fn call_limit(mut self, most: Duration) -> Self {
        if let Start::PerCall { limit, .. } = &mut self.start {
            *limit = Some(most);
        }
        self
    }

    /// How many servers are started ahead of their calls, where each call has its own; 1 unless it is said. As many as
    /// eight run at once, these included.
    #[must_use]
    pub fn calls_ahead(mut self, servers: usize) -> Self {
        if let Start::PerCall { ahead, .. } = &mut self.start {
            *ahead = servers;
        }
        self
    }

    fn starting(start: Start) -> Self {
        Self { start, withheld: Vec::new(), max_line: Self::MAX_LINE, grace: Self::GRACE, drain: Self::DRAIN }
    }

    /// Keeps an environment variable of ours, a key say, from the server. The server still runs as the same
    /// user and can find it if it looks for it: this keeps it out of crash reports, not out of reach. A server
    /// that was started already has the environment that it has.
    #[must_use]
    pub fn withhold(mut self, variable: impl Into<OsString>) -> Self {
        self.withheld.push(variable.into());
        self
    }

    /// The longest message that is judged, in bytes; a longer one is skipped and refused.
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// How long the server has to end after its input was closed, and again after it was asked to terminate.
    /// Zero goes on at once.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long requests that are still unanswered keep the server alive after the client closed its side:
    /// a client that pipes its requests in and waits for the answers is not gone yet.
    #[must_use]
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }
}

/// Why a session ended.
#[derive(Debug)]
pub enum SessionEnd {
    /// The client closed its side.
    ClientClosed,
    /// The server ended by itself.
    ServerExited {
        /// Its exit code; 128 + n when signal n ended it, as shells count.
        code: i32,
    },
    /// We were asked to end.
    Signalled {
        /// The number of the signal.
        signal: i32,
    },
    /// The session could not be started or went wrong.
    Failed(io::Error),
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientClosed => f.write_str("the client closed the session"),
            Self::ServerExited { code } => write!(f, "the server exited with code {code}"),
            Self::Signalled { signal } => write!(f, "ended by signal {signal}"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// Runs one session between our standard streams and a server, and returns when it is over: the server's
/// processes are gone, everything in flight was answered, and the gate was told.
///
/// `reports` gets what the operator should hear, from any thread.
///
/// A thread may be left behind that still reads our standard input, so a process should end after its
/// session. On Unix, SIGINT, SIGTERM and SIGHUP are caught from here on: the first one ends the session
/// politely, each further one takes the next, harder step at once.
pub fn run_stdio<G: Gate>(
    gate: Arc<G>,
    options: SessionOptions,
    reports: impl Fn(Report) + Send + Sync + 'static,
) -> SessionEnd {
    start(gate, options, Box::new(reports)).map_or_else(SessionEnd::Failed, Conductor::conduct)
}

fn start<G: Gate>(
    gate: Arc<G>,
    options: SessionOptions,
    reports: session::Reports,
) -> io::Result<Conductor<G>> {
    let (input_of_client, output) = (Stream::stdin()?, Stream::stdout()?);
    let (sender, events) = mpsc::sync_channel(16);
    // Before the server is started: a signal in between must end both of us.
    let told = sender.clone();
    // When nobody listens any more, the session is over.
    watch_end_signals(move |signal| drop(told.send(Event::Signal(signal))))?;
    let mut per_call = None;
    let (server, pipes) = match options.start {
        Start::Command { launcher, command } => {
            let program = Program { command: &command, withheld: &options.withheld };
            Server::start(&launcher, program, options.grace)?
        }
        Start::Done(started) => Server::take(started)?,
        Start::PerCall { primary, servers, bounds, limit, ahead } => {
            let (grace, max_line) = (options.grace, options.max_line);
            per_call = Some(PerCall { servers, bounds, grace, limit, ahead, max_line });
            Server::take(primary)?
        }
    };
    let (per_call, input) = match per_call {
        Some(options) => {
            let (multiplexer, input) = Multiplexer::new(options, pipes.input);
            (Some(multiplexer), ServerInput::PerCall(input))
        }
        None => (None, ServerInput::Process(pipes.input)),
    };
    let session = Arc::new(Session::new(gate, reports, output, input, options.max_line, sender.clone()));
    if let Some(servers) = &per_call {
        let downstream: Weak<Session<G>> = Arc::downgrade(&session);
        servers.begin(downstream)?;
    }
    let exited = sender.clone();
    server.on_exit(move || drop(exited.send(Event::ServerGone)))?;
    let primary = per_call.clone();
    session.spawn("server", move |session| Some(session.server_to_client(pipes.output, primary.as_ref())))?;
    session.spawn("injector", Session::inject)?;
    session.spawn("client", |session| Some(session.client_to_server(input_of_client)))?;
    let patience = Patience { grace: options.grace, drain: options.drain };
    Ok(Conductor::new(session, server, per_call, events, patience))
}
