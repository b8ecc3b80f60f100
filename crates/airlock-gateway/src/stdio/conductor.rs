//! The end of a session: which event ends it, and the steps until the server's processes are gone.
//!
//! ```text
//! Serving ─► Holding ─► Draining ─► Terminating ─► Killing ─► Gone
//!            the gate    input is    asked to       killed     delivering what
//!            asks first  closed      terminate                 is left
//! ```
//!
//! Every step has a deadline, so every session ends, whatever the server does. The server's exit leads from
//! anywhere to `Gone`; a signal during the shutdown takes the next step at once.

use std::{
    io,
    sync::{Arc, mpsc::Receiver},
    time::{Duration, Instant},
};

use airlock_host::stream::stdout_hung_up;

use super::{
    SessionEnd,
    session::{Event, Session},
};
use crate::{Gate, per_call::Multiplexer, server::Server};

/// How often the gate is asked what is pending, while that decides.
const TICK: Duration = Duration::from_millis(10);

/// How long the system gets to carry out a kill.
const REAP: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) grace: Duration,
    pub(super) drain: Duration,
}

/// Runs the event loop of one session.
pub(super) struct Conductor<G> {
    session: Arc<Session<G>>,
    server: Server,
    /// With a server for each call: the others, of which `server` is the primary one.
    per_call: Option<Arc<Multiplexer>>,
    events: Receiver<Event>,
    patience: Patience,
    stage: Stage,
    cause: Option<Cause>,
    client: Client,
    drained: bool,
    /// What is in flight is being answered by a thread of its own.
    answering: bool,
    server_code: i32,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Serving,
    Holding { until: Instant },
    Draining { quiet_since: Instant, until: Instant },
    Terminating { until: Instant },
    Killing { until: Instant },
    Gone { until: Instant },
    Over,
}

/// What ended the session; the first one counts.
#[derive(Debug)]
enum Cause {
    Client,
    Server,
    Signal(i32),
    Failure(io::Error),
}

/// Whether the client can still read answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Reads,
    Unreachable,
}

impl<G: Gate> Conductor<G> {
    pub(super) fn new(
        session: Arc<Session<G>>,
        server: Server,
        per_call: Option<Arc<Multiplexer>>,
        events: Receiver<Event>,
        patience: Patience,
    ) -> Self {
        Self {
            session,
            server,
            per_call,
            events,
            patience,
            stage: Stage::Serving,
            cause: None,
            client: Client::Reads,
            drained: false,
            answering: false,
            server_code: 0,
        }
    }

    /// Waits for the end of the session and carries it out.
    pub(super) fn conduct(mut self) -> SessionEnd {
        while !matches!(self.stage, Stage::Over) {
            if let Some(event) = self.next_event() {
                self.on_event(event);
            }
            self.on_time(Instant::now());
        }
        if let Some(servers) = &self.per_call {
            servers.end();
        }
        self.session.close_client_side();
        match self.cause {
            Some(Cause::Client) => SessionEnd::ClientClosed,
            Some(Cause::Signal(signal)) => SessionEnd::Signalled { signal },
            Some(Cause::Failure(error)) => SessionEnd::Failed(error),
            Some(Cause::Server) | None => SessionEnd::ServerExited { code: self.server_code },
        }
    }

    fn next_event(&self) -> Option<Event> {
        let wait = match self.stage {
            Stage::Serving => return self.events.recv().ok(),
            Stage::Holding { .. } | Stage::Draining { .. } => TICK,
            Stage::Terminating { until } | Stage::Killing { until } | Stage::Gone { until } => {
                until.saturating_duration_since(Instant::now())
            }
            Stage::Over => Duration::ZERO,
        };
        self.events.recv_timeout(wait).ok()
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::ClientClosed => self.begin(Cause::Client),
            Event::ClientUnreachable => {
                self.client = Client::Unreachable;
                self.begin(Cause::Client);
            }
            Event::ServerUnreachable => self.begin(Cause::Server),
            Event::ServerDrained => {
                self.drained = true;
                self.begin(Cause::Server);
            }
            Event::ServerGone => {
                self.begin(Cause::Server);
                self.server_code = self.server.reap();
                self.session.close_server_input();
                self.stage = Stage::Gone { until: Instant::now() + self.patience.grace };
            }
            Event::Signal(_) if self.cause.is_some() => self.escalate(),
            Event::Signal(signal) => self.begin(Cause::Signal(signal)),
            Event::Failed(error) => self.fail(error),
        }
    }

    /// A failure of ours can end the server before we hear of it, so it counts also when it comes second.
    fn fail(&mut self, error: io::Error) {
        if matches!(self.cause, Some(Cause::Server)) {
            self.cause = Some(Cause::Failure(error));
        } else {
            self.begin(Cause::Failure(error));
        }
    }

    /// Starts the shutdown, unless it is under way.
    fn begin(&mut self, cause: Cause) {
        if self.cause.is_some() {
            return;
        }
        self.stage = match cause {
            Cause::Client => Stage::Holding { until: Instant::now() + self.patience.drain },
            Cause::Server | Cause::Signal(_) | Cause::Failure(_) => self.close_input(),
        };
        self.cause = Some(cause);
    }

    /// What the stage does when nothing happens.
    fn on_time(&mut self, now: Instant) {
        match self.stage {
            Stage::Holding { until } => {
                if now >= until || !self.session.holds_calls() || self.nobody_reads() {
                    self.stage = self.close_input();
                }
            }
            Stage::Draining { quiet_since, until } => {
                let waiting = self.session.gate().pending().in_flight > 0 && !self.nobody_reads();
                if waiting && matches!(self.cause, Some(Cause::Client)) && now < until {
                    self.stage = Stage::Draining { quiet_since: now, until };
                } else if now >= quiet_since + self.patience.grace {
                    self.escalate();
                }
            }
            Stage::Terminating { until } | Stage::Killing { until } if now >= until => self.escalate(),
            Stage::Gone { .. } if self.drained => self.stage = Stage::Over,
            Stage::Gone { until } if now >= until => self.give_up_draining(now),
            Stage::Serving
            | Stage::Terminating { .. }
            | Stage::Killing { .. }
            | Stage::Gone { .. }
            | Stage::Over => {}
        }
    }

    fn close_input(&self) -> Stage {
        self.session.close_server_input();
        let now = Instant::now();
        Stage::Draining { quiet_since: now, until: now + self.patience.drain }
    }

    /// Takes the next, harder step.
    fn escalate(&mut self) {
        let now = Instant::now();
        self.stage = match self.stage {
            Stage::Serving | Stage::Holding { .. } | Stage::Draining { .. } => {
                self.session.close_server_input();
                self.server.terminate();
                Stage::Terminating { until: now + self.patience.grace }
            }
            Stage::Terminating { .. } => {
                self.server.kill();
                Stage::Killing { until: now + REAP }
            }
            // Nothing more can be done: the system does not end the processes, or the client does not read.
            Stage::Killing { .. } | Stage::Gone { .. } | Stage::Over => Stage::Over,
        };
    }

    /// The server is gone, but what it wrote is not delivered yet: the client does not read, or a process that
    /// left the server's group holds its output open. A client that may still read is waited for.
    fn give_up_draining(&mut self, now: Instant) {
        let client_remains = matches!(self.cause, Some(Cause::Server)) && !self.nobody_reads();
        let answer = !self.answering && !self.session.waits_for_client();
        self.answering |= answer;
        // On a thread, because the client may stop reading while it gets its answers.
        let failed =
            answer && self.session.spawn("answers", |session| Some(session.answer_in_flight())).is_err();
        self.stage = if failed || !(client_remains || answer) {
            Stage::Over
        } else {
            Stage::Gone { until: now + self.patience.grace }
        };
    }

    fn nobody_reads(&mut self) -> bool {
        if self.client == Client::Reads && stdout_hung_up() {
            self.client = Client::Unreachable;
        }
        self.client == Client::Unreachable
    }
}
