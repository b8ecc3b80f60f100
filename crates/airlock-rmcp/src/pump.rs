//! Carries the messages of one session between rmcp's loop and the transport, each past the guard.
//!
//! The order in each direction is kept. A decision that has to wait (for a store of rate limits in another process)
//! holds up its own direction only. Nothing grows without a bound: while a client does not read, its messages are
//! not read either.

use std::{
    collections::{HashMap, VecDeque},
    error::Error,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use airlock_mcp::{Guard, Report};
use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientNotification, ErrorData, Extensions, GetExtensions as _, JsonRpcMessage,
        RequestId, ServerJsonRpcMessage,
    },
    transport::Transport,
};
use tokio::{
    sync::mpsc::{OwnedPermit, Sender, UnboundedReceiver},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    judge::{self, Decision, Forward},
    message::{self, Unreadable},
    outbox::{Outbox, Sent},
    setup::Setup,
    transport::Outgoing,
};

/// Most messages of the client that wait before it has to.
const WAITING: usize = 64;
/// How long a client may take to read what is left when the session is over.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message of the server, judged, and who waits for it to be sent.
type FromServer<E> = (Decision<ServerJsonRpcMessage>, Option<Sent<E>>);

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A call that waits for the server's list, as rmcp read it and as the guard was shown it.
struct Held {
    message: ClientJsonRpcMessage,
    line: Vec<u8>,
}

pub(crate) struct Pump<E> {
    setup: Arc<Setup>,
    guard: Arc<Guard>,
    outgoing: UnboundedReceiver<Outgoing<E>>,
    /// `None` when the client has nothing more to say, or the server listens no more.
    to_server: Option<Sender<ClientJsonRpcMessage>>,
    /// For the server, in order.
    inbox: VecDeque<ClientJsonRpcMessage>,
    /// For the client, in order.
    outbox: Outbox<E>,
    held: HashMap<RequestId, Held>,
    /// What the host knows about the call for which the guard asks for a list.
    asking_as: Extensions,
    /// Answers to requests that could not be handed to the server after all; judged like answers of the server.
    failures: VecDeque<ServerJsonRpcMessage>,
    /// The client has nothing more to say; until then the server hears what it said.
    client_is_gone: Option<Instant>,
    /// The server has nothing more to say; until then the client is sent what it said.
    server_is_gone: Option<Instant>,
}

impl<E: Error + Send + Sync + 'static> Pump<E> {
    pub(crate) fn new(
        setup: Setup,
        guard: Guard,
        outgoing: UnboundedReceiver<Outgoing<E>>,
        to_server: Sender<ClientJsonRpcMessage>,
    ) -> Self {
        Self {
            setup: Arc::new(setup),
            guard: Arc::new(guard),
            outgoing,
            to_server: Some(to_server),
            inbox: VecDeque::new(),
            outbox: Outbox::new(),
            held: HashMap::new(),
            asking_as: Extensions::new(),
            failures: VecDeque::new(),
            client_is_gone: None,
            server_is_gone: None,
        }
    }

    pub(crate) async fn run<T>(mut self, mut transport: T) -> Result<(), E>
    where
        T: Transport<RoleServer, Error = E>,
    {
        let mut client: Option<Running<Decision<ClientJsonRpcMessage>>> = None;
        let mut server: Option<Running<FromServer<E>>> = None;
        loop {
            if server.is_none()
                && let Some(failure) = self.failures.pop_front()
            {
                server = Some(Box::pin(judged(Arc::clone(&self.guard), failure, None)));
            }
            if self.client_is_gone.is_some() && client.is_none() && self.has_delivered() {
                self.to_server = None;
            }
            if self.server_is_gone.is_some() && server.is_none() && self.outbox.is_empty() {
                break;
            }
            let room = self.inbox.len() < WAITING && self.outbox.has_room();
            tokio::select! {
                decision = running(&mut client), if client.is_some() => {
                    client = None;
                    self.client_decided(decision, &mut transport);
                }
                (decision, sent) = running(&mut server), if server.is_some() => {
                    server = None;
                    self.server_decided(decision, sent, &mut transport);
                }
                () = self.outbox.send_first(), if !self.outbox.is_empty() => {}
                place = place(self.to_server.as_ref()), if self.to_server.is_some() && !self.inbox.is_empty() => {
                    if let (Some(place), Some(message)) = (place, self.inbox.pop_front()) {
                        place.send(message);
                    } else {
                        self.to_server = None;
                        self.inbox.clear();
                    }
                }
                message = self.outgoing.recv(), if server.is_none() && self.server_is_gone.is_none() && self.outbox.has_room() => {
                    match message {
                        Some(Outgoing { message, sent }) => {
                            server = Some(Box::pin(judged(Arc::clone(&self.guard), message, Some(sent))));
                        }
                        None => self.server_is_gone = Some(Instant::now() + PATIENCE),
                    }
                }
                message = transport.receive(), if client.is_none() && self.client_is_gone.is_none() && room => match message {
                    Some(message) => {
                        let (setup, guard) = (Arc::clone(&self.setup), Arc::clone(&self.guard));
                        client = Some(Box::pin(judge::from_client(setup, guard, message)));
                    }
                    None => self.client_is_gone = Some(Instant::now() + PATIENCE),
                },
                () = until(self.client_is_gone), if self.client_is_gone.is_some() && self.to_server.is_some() => {
                    self.to_server = None;
                    self.inbox.clear();
                }
                () = until(self.server_is_gone), if self.server_is_gone.is_some() => break,
            }
        }
        self.end(transport).await
    }

    /// Whether the server has everything that the client said.
    fn has_delivered(&self) -> bool {
        self.inbox.is_empty() && self.guard.pending().held == 0
    }

    fn client_decided<T>(&mut self, decision: Decision<ClientJsonRpcMessage>, transport: &mut T)
    where
        T: Transport<RoleServer, Error = E>,
    {
        let Decision { message, line, forward, to_client, to_server, reports, release } = decision;
        self.report(&reports);
        if !to_server.is_empty() {
            self.asking_as = message::host_extensions(&message);
        }
        if let JsonRpcMessage::Notification(notification) = &message
            && let ClientNotification::CancelledNotification(cancelled) = &notification.notification
            && let Some(id) = &cancelled.params.request_id
        {
            self.held.remove(id);
        }
        let refused = !to_client.is_empty();
        self.refuse(to_client, transport);
        match forward {
            Forward::Same => self.inbox.push_back(message),
            Forward::Edited(admitted) => self.deliver(message, &admitted),
            Forward::Unreadable => self.fail(message::id_of(&message).cloned()),
            Forward::No => {
                // Neither passed on nor refused: it waits. One that is refused because another of its id waits must not
                // take the other's place.
                if let JsonRpcMessage::Request(request) = &message
                    && !refused
                {
                    self.held.insert(request.id.clone(), Held { message, line });
                }
            }
        }
        self.tell_server(to_server);
        drop(release);
        if !self.held.is_empty() && self.guard.pending().held == 0 {
            self.held.clear();
        }
    }

    fn server_decided<T>(
        &mut self,
        decision: Decision<ServerJsonRpcMessage>,
        sent: Option<Sent<E>>,
        transport: &mut T,
    ) where
        T: Transport<RoleServer, Error = E>,
    {
        let Decision { message, forward, to_client, to_server, reports, release, .. } = decision;
        self.report(&reports);
        self.tell_server(to_server);
        drop(release);
        let forward = match forward {
            Forward::Same => Some(message),
            Forward::Edited(edited) => Some(self.edited(message, &edited)),
            Forward::No | Forward::Unreadable => None,
        };
        match (forward, sent) {
            (Some(message), sent) => self.outbox.push(transport.send(message), sent),
            // Who sent it has nothing to mend.
            (None, Some(sent)) => drop(sent.send(Ok(()))),
            (None, None) => {}
        }
        for refused in self.refuse(to_client, transport) {
            self.held.remove(&refused);
        }
    }

    /// The message with the guard's edits; an error where they cannot be read, which is not to be.
    fn edited(&self, message: ServerJsonRpcMessage, edited: &[u8]) -> ServerJsonRpcMessage {
        let id = message::id_of(&message).cloned();
        message::with_edits(message, edited).unwrap_or_else(|Unreadable| {
            self.report(&[Report::warning("a masked message cannot be read, and was withheld")]);
            ServerJsonRpcMessage::error(ErrorData::internal_error("the answer is withheld", None), id)
        })
    }

    /// Hands the server a request with the arguments that were admitted.
    fn deliver(&mut self, message: ClientJsonRpcMessage, admitted: &[u8]) {
        let id = message::id_of(&message).cloned();
        if let Ok(message) = message::with_admitted(message, admitted) {
            self.inbox.push_back(message);
        } else {
            self.report(&[Report::warning("what was admitted is not what came; it was not passed on")]);
            self.fail(id);
        }
    }

    /// Answers a call that was admitted and that the server cannot be handed.
    fn fail(&mut self, id: Option<RequestId>) {
        let error = ErrorData::invalid_params("the request cannot be read as what it says it is", None);
        self.failures.push_back(ServerJsonRpcMessage::error(error, id));
    }

    /// The guard's own messages to the server: its questions, calls that it lets go, and what it tells the server
    /// about requests that it refused.
    fn tell_server(&mut self, lines: Vec<Vec<u8>>) {
        for line in lines {
            let Ok(mut message) = message::client_message(&line) else {
                self.report(&[Report::warning("a message of the guard's own cannot be read")]);
                continue;
            };
            let held = message::id_of(&message).and_then(|id| self.held.remove(id));
            match held {
                Some(held) if held.line == line => self.inbox.push_back(held.message),
                Some(held) => self.deliver(held.message, &line),
                None => {
                    if let JsonRpcMessage::Request(request) = &mut message {
                        let mut extensions = self.asking_as.clone();
                        extensions.extend(std::mem::take(request.request.extensions_mut()));
                        *request.request.extensions_mut() = extensions;
                    }
                    self.inbox.push_back(message);
                }
            }
        }
    }

    /// The guard's own messages to the client. Says which requests they answer.
    fn refuse<T>(&mut self, lines: Vec<Vec<u8>>, transport: &mut T) -> Vec<RequestId>
    where
        T: Transport<RoleServer, Error = E>,
    {
        let mut answered = Vec::new();
        for line in lines {
            let Ok(message) = message::refusal(&line) else {
                self.report(&[Report::warning("a refusal of the guard's own cannot be read")]);
                continue;
            };
            answered.extend(message::id_of(&message).cloned());
            self.outbox.push(transport.send(message), None);
        }
        answered
    }

    /// Answers what is under way as far as anybody listens, and closes the records.
    async fn end<T>(self, mut transport: T) -> Result<(), E>
    where
        T: Transport<RoleServer, Error = E>,
    {
        if self.client_is_gone.is_none() {
            let outcome = self.guard.on_server_closed().await;
            self.report(&outcome.reports);
            let refusals = outcome.to_client.iter().filter_map(|line| message::refusal(line).ok());
            for refusal in refusals {
                if !matches!(timeout(PATIENCE, transport.send(refusal)).await, Ok(Ok(()))) {
                    break;
                }
            }
        }
        self.guard.on_client_closed().await;
        transport.close().await
    }

    fn report(&self, reports: &[Report]) {
        for report in reports {
            self.setup.report(report);
        }
    }
}

async fn judged<E>(guard: Arc<Guard>, message: ServerJsonRpcMessage, sent: Option<Sent<E>>) -> FromServer<E> {
    (judge::from_server(guard, message).await, sent)
}

/// The result of what runs, if anything does.
async fn running<T>(slot: &mut Option<Running<T>>) -> T {
    poll_fn(|context| slot.as_mut().map_or(Poll::Pending, |future| future.as_mut().poll(context))).await
}

/// A place in rmcp's queue; `None` when rmcp listens no more.
async fn place(
    to_server: Option<&Sender<ClientJsonRpcMessage>>,
) -> Option<OwnedPermit<ClientJsonRpcMessage>> {
    to_server?.clone().reserve_owned().await.ok()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
