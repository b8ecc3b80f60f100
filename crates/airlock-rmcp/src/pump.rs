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
    sync::{
        mpsc::{OwnedPermit, Sender, UnboundedReceiver},
        oneshot,
    },
    time::{Instant, sleep_until, timeout},
};

use crate::{
    judge::{self, Decision, Forward},
    message::{self, Unreadable},
    setup::Setup,
    transport::Outgoing,
};

/// Most messages that wait in one direction before their sender has to.
const WAITING: usize = 64;
/// How long a client may take to read what is left when the session is over.
const PATIENCE: Duration = Duration::from_secs(5);

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who waits until a message is sent.
type Sent<E> = oneshot::Sender<Result<(), E>>;

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
    outbox: VecDeque<(Running<Result<(), E>>, Option<Sent<E>>)>,
    held: HashMap<RequestId, Held>,
    /// What the host knows about the call for which the guard asks for a list.
    asking_as: Extensions,
    client_is_gone: bool,
    server_is_gone: Option<Instant>,
}

impl<E: Error + Send + Sync + 'static> Pump<E> {
    pub(crate) fn new(
        setup: Setup,
        outgoing: UnboundedReceiver<Outgoing<E>>,
        to_server: Sender<ClientJsonRpcMessage>,
    ) -> Self {
        let guard = Arc::new(setup.guard());
        Self {
            setup: Arc::new(setup),
            guard,
            outgoing,
            to_server: Some(to_server),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            held: HashMap::new(),
            asking_as: Extensions::new(),
            client_is_gone: false,
            server_is_gone: None,
        }
    }

    pub(crate) async fn run<T>(mut self, mut transport: T) -> Result<(), E>
    where
        T: Transport<RoleServer, Error = E>,
    {
        let mut client: Option<Running<Decision<ClientJsonRpcMessage>>> = None;
        let mut server: Option<Running<(Decision<ServerJsonRpcMessage>, Sent<E>)>> = None;
        loop {
            if self.client_is_gone && client.is_none() && self.has_delivered() {
                self.to_server = None;
            }
            if self.server_is_gone.is_some() && server.is_none() && self.outbox.is_empty() {
                break;
            }
            let room = self.inbox.len() < WAITING && self.outbox.len() < WAITING;
            tokio::select! {
                decision = running(&mut client), if client.is_some() => {
                    client = None;
                    self.client_decided(decision, &mut transport);
                }
                (decision, sent) = running(&mut server), if server.is_some() => {
                    server = None;
                    self.server_decided(decision, sent, &mut transport);
                }
                sent = first(&mut self.outbox), if !self.outbox.is_empty() => self.sent(sent),
                place = place(self.to_server.as_ref()), if self.to_server.is_some() && !self.inbox.is_empty() => {
                    match (place, self.inbox.pop_front()) {
                        (Some(place), Some(message)) => drop(place.send(message)),
                        _ => {
                            self.to_server = None;
                            self.inbox.clear();
                        }
                    }
                }
                message = self.outgoing.recv(), if server.is_none() && self.server_is_gone.is_none() && self.outbox.len() < WAITING => {
                    match message {
                        Some(Outgoing { message, sent }) => {
                            let guard = Arc::clone(&self.guard);
                            server = Some(Box::pin(async { (judge::from_server(guard, message).await, sent) }));
                        }
                        None => self.server_is_gone = Some(Instant::now() + PATIENCE),
                    }
                }
                message = transport.receive(), if client.is_none() && !self.client_is_gone && room => match message {
                    Some(message) => {
                        let (setup, guard) = (Arc::clone(&self.setup), Arc::clone(&self.guard));
                        client = Some(Box::pin(judge::from_client(setup, guard, message)));
                    }
                    None => self.client_is_gone = true,
                },
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
        let answered = self.refuse(to_client, transport);
        match forward {
            Forward::Same => self.inbox.push_back(message),
            Forward::Edited(admitted) => self.deliver(message, &admitted, transport),
            Forward::No => {
                if let JsonRpcMessage::Request(request) = &message
                    && !answered.contains(&request.id)
                {
                    self.held.insert(request.id.clone(), Held { message, line });
                }
            }
        }
        self.tell_server(to_server, transport);
        drop(release);
        if !self.held.is_empty() && self.guard.pending().held == 0 {
            self.held.clear();
        }
    }

    fn server_decided<T>(
        &mut self,
        decision: Decision<ServerJsonRpcMessage>,
        sent: Sent<E>,
        transport: &mut T,
    ) where
        T: Transport<RoleServer, Error = E>,
    {
        let Decision { message, forward, to_client, to_server, reports, release, .. } = decision;
        self.report(&reports);
        self.tell_server(to_server, transport);
        drop(release);
        let forward = match forward {
            Forward::Same => Some(message),
            Forward::Edited(edited) => match message::with_edits(message, &edited) {
                Ok(message) => Some(message),
                Err(Unreadable) => {
                    self.report(&[Report::warning("a masked message cannot be read, and was withheld")]);
                    None
                }
            },
            Forward::No => None,
        };
        match forward {
            Some(message) => self.outbox.push_back((Box::pin(transport.send(message)), Some(sent))),
            // Who sent it has nothing to mend; and nobody waits for an answer to a message that is withheld.
            None => drop(sent.send(Ok(()))),
        }
        self.refuse(to_client, transport);
    }

    /// Hands the server a request with the arguments that were admitted.
    fn deliver<T>(&mut self, message: ClientJsonRpcMessage, admitted: &[u8], transport: &mut T)
    where
        T: Transport<RoleServer, Error = E>,
    {
        let id = message::id_of(&message).cloned();
        match message::with_admitted(message, admitted) {
            Ok(message) => self.inbox.push_back(message),
            Err(Unreadable) => {
                self.report(&[Report::warning("what was admitted is not what came; it was not passed on")]);
                let error = ErrorData::internal_error("the admitted call cannot be passed on", None);
                self.outbox
                    .push_back((Box::pin(transport.send(ServerJsonRpcMessage::error(error, id))), None));
            }
        }
    }

    /// The guard's own messages to the server: its questions, calls that it lets go, and what it tells the server
    /// about requests that it refused.
    fn tell_server<T>(&mut self, lines: Vec<Vec<u8>>, transport: &mut T)
    where
        T: Transport<RoleServer, Error = E>,
    {
        for line in lines {
            let Ok(mut message) = message::client_message(&line) else {
                self.report(&[Report::warning("a message of the guard's own cannot be read")]);
                continue;
            };
            let held = message::id_of(&message).and_then(|id| self.held.remove(id));
            match held {
                Some(held) if held.line == line => self.inbox.push_back(held.message),
                Some(held) => self.deliver(held.message, &line, transport),
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
            if let Some(id) = message::id_of(&message) {
                self.held.remove(id);
                answered.push(id.clone());
            }
            self.outbox.push_back((Box::pin(transport.send(message)), None));
        }
        answered
    }

    fn sent(&mut self, result: Result<(), E>) {
        if let Some((_, Some(waiting))) = self.outbox.pop_front() {
            // Nobody waits any more where a task was dropped.
            drop(waiting.send(result));
        }
    }

    /// Answers what is under way as far as anybody listens, and closes the records.
    async fn end<T>(self, mut transport: T) -> Result<(), E>
    where
        T: Transport<RoleServer, Error = E>,
    {
        if !self.client_is_gone {
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
        reports.iter().for_each(|report| self.setup.report(report));
    }
}

/// The result of what runs, if anything does.
async fn running<T>(slot: &mut Option<Running<T>>) -> T {
    poll_fn(|context| slot.as_mut().map_or(Poll::Pending, |future| future.as_mut().poll(context))).await
}

/// The result of what is sent first; what comes after it waits.
async fn first<E>(outbox: &mut VecDeque<(Running<Result<(), E>>, Option<Sent<E>>)>) -> Result<(), E> {
    poll_fn(|context| outbox.front_mut().map_or(Poll::Pending, |(sending, _)| sending.as_mut().poll(context)))
        .await
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
