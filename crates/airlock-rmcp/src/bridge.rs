//! A session of its own for the server inside, where somebody else's loop drives the wrapper.
//!
//! rmcp's HTTP service owns its transports and calls a handler request by request; the handle through which a server
//! speaks by itself comes with each request. So the server gets a loop and a handle of its own, and between the two
//! loops stands the same guard as anywhere else: requests come in as messages, and what the server says goes out through
//! the outer handle.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::{
    ErrorData, Peer, RoleServer, Service, ServiceError,
    model::{
        CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification,
        ClientRequest, ClientResult, GetMeta as _, InitializeRequestParams, JsonRpcMessage, ProgressToken,
        RequestId, ServerJsonRpcMessage, ServerNotification, ServerRequest, ServerResult,
    },
    serve_server,
    service::{PeerRequestOptions, serve_directly},
    transport::Transport,
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel},
    oneshot,
};

use crate::{Shielded, StartError, setup::Setup, transport::GuardedTransport};

type Answer = Result<ServerResult, ErrorData>;

/// How the session of the server inside begins.
pub(crate) enum Opening {
    /// With a handshake, or with a request that brings all that a handshake would.
    Handshake,
    /// With what the outer loop knows of the client.
    Known(Option<Arc<InitializeRequestParams>>),
}

/// The session of the server inside.
pub(crate) struct Session {
    to_server: UnboundedSender<ClientJsonRpcMessage>,
    shared: Arc<Shared>,
}

/// A request of the server inside that the client has.
#[derive(Clone)]
struct Asked {
    outer: RequestId,
    outer_token: ProgressToken,
    inner_token: Option<ProgressToken>,
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    /// The handle that leads to the client; it may come anew with each request.
    peer: Peer<RoleServer>,
    waiting: HashMap<RequestId, oneshot::Sender<Answer>>,
    asked: HashMap<RequestId, Asked>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // What is kept here decides nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Starts the server inside on tasks of the current runtime; they end when the session is dropped.
    pub(crate) fn start<S: Service<RoleServer>>(
        server: Arc<S>,
        setup: Setup,
        opening: Opening,
        peer: Peer<RoleServer>,
    ) -> Result<Self, StartError> {
        let (to_server, from_client) = unbounded_channel();
        let state = State { peer, waiting: HashMap::new(), asked: HashMap::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        let bridge = Bridge { from_client, to_server: to_server.downgrade(), shared: Arc::clone(&shared) };
        let transport = GuardedTransport::start(bridge, setup)?;
        let server = Shielded::new(server);
        // How a session ended is told by the outer loop.
        match opening {
            Opening::Handshake => drop(tokio::spawn(async {
                if let Ok(running) = serve_server(server, transport).await {
                    drop(running.waiting().await);
                }
            })),
            Opening::Known(client) => {
                let client = client.map(|client| (*client).clone());
                let running = serve_directly(server, transport, client);
                drop(tokio::spawn(running.waiting()));
            }
        }
        Ok(Self { to_server, shared })
    }

    /// The handle that leads to the client from now on.
    pub(crate) fn reach(&self, peer: Peer<RoleServer>) {
        self.shared.state().peer = peer;
    }

    /// Hands over a request and waits for its answer. Dropping the future cancels the request.
    pub(crate) async fn request(&self, request: ClientRequest, id: RequestId) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.shared.state().waiting.insert(id.clone(), answer);
        let _cancel = CancelOnDrop { session: self, id: id.clone() };
        let sent = self.to_server.send(ClientJsonRpcMessage::request(request, id));
        let over = || ErrorData::internal_error("the guarded session is over", None);
        if sent.is_err() {
            return Err(over());
        }
        answered.await.unwrap_or_else(|_| Err(over()))
    }

    /// Hands over a notification.
    pub(crate) fn notify(&self, mut notification: ClientNotification) {
        if let ClientNotification::ProgressNotification(progress) = &mut notification {
            let state = self.shared.state();
            let token = &progress.params.progress_token;
            let asked = state.asked.values().find(|asked| asked.outer_token == *token);
            if let Some(inner) = asked.and_then(|asked| asked.inner_token.clone()) {
                progress.params.progress_token = inner;
            }
        }
        // A session that is over needs no notification.
        drop(self.to_server.send(ClientJsonRpcMessage::notification(notification)));
    }
}

/// A request whose answer nobody waits for is cancelled.
struct CancelOnDrop<'s> {
    session: &'s Session,
    id: RequestId,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if self.session.shared.state().waiting.remove(&self.id).is_some() {
            let cancelled = CancelledNotificationParam::new(Some(self.id.clone()), None);
            self.session.notify(CancelledNotification::new(cancelled).into());
        }
    }
}

/// The transport between the guard and the outer loop.
struct Bridge {
    from_client: UnboundedReceiver<ClientJsonRpcMessage>,
    /// For answers to what the server asks. Weak, so that dropping the session ends it.
    to_server: WeakUnboundedSender<ClientJsonRpcMessage>,
    shared: Arc<Shared>,
}

impl Transport<RoleServer> for Bridge {
    /// What the client did not get, the outer loop reports.
    type Error = Infallible;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        let (shared, to_server) = (Arc::clone(&self.shared), self.to_server.clone());
        async move {
            match message {
                JsonRpcMessage::Response(response) => answer(&shared, &response.id, Ok(response.result)),
                JsonRpcMessage::Error(error) => {
                    if let Some(id) = error.id {
                        answer(&shared, &id, Err(error.error));
                    }
                }
                JsonRpcMessage::Notification(notification) => {
                    tell(&shared, notification.notification).await;
                }
                JsonRpcMessage::Request(request) => {
                    ask(&shared, to_server, request.request, request.id).await;
                }
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.from_client.recv().await
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        self.from_client.close();
        Ok(())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // Whoever still waits for an answer learns that there will be none.
        self.from_client.close();
        self.shared.state().waiting.clear();
    }
}

fn answer(shared: &Shared, id: &RequestId, answer: Answer) {
    let waiting = shared.state().waiting.remove(id);
    if let Some(waiting) = waiting {
        // Who dropped the request does not want the answer.
        drop(waiting.send(answer));
    }
}

async fn tell(shared: &Shared, mut notification: ServerNotification) {
    if let ServerNotification::SubscriptionsAcknowledgedNotification(_) = notification {
        // The outer loop has acknowledged the subscription itself.
        return;
    }
    let peer = {
        let state = shared.state();
        if let ServerNotification::CancelledNotification(cancelled) = &mut notification {
            let inner = cancelled.params.request_id.as_ref();
            if let Some(asked) = inner.and_then(|inner| state.asked.get(inner)) {
                cancelled.params.request_id = Some(asked.outer.clone());
            }
        }
        state.peer.clone()
    };
    // A client that is gone is told nothing.
    drop(peer.send_notification(notification).await);
}

/// Asks the client through the outer loop, under an id of that loop's, and brings the answer back under the server's.
async fn ask(
    shared: &Arc<Shared>,
    to_server: WeakUnboundedSender<ClientJsonRpcMessage>,
    request: ServerRequest,
    id: RequestId,
) {
    let peer = shared.state().peer.clone();
    let inner_token = request.get_meta().get_progress_token();
    match peer.send_request_with_option(request, PeerRequestOptions::no_options()).await {
        Ok(handle) => {
            let outer_token = handle.progress_token.clone();
            let asked = Asked { outer: handle.id.clone(), outer_token, inner_token };
            shared.state().asked.insert(id.clone(), asked);
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                let result = handle.await_response().await;
                shared.state().asked.remove(&id);
                bring_back(&to_server, id, result);
            });
        }
        Err(error) => bring_back(&to_server, id, Err(error)),
    }
}

fn bring_back(
    to_server: &WeakUnboundedSender<ClientJsonRpcMessage>,
    id: RequestId,
    result: Result<ClientResult, ServiceError>,
) {
    let message = match result {
        Ok(result) => ClientJsonRpcMessage::response(result, id),
        Err(ServiceError::McpError(error)) => ClientJsonRpcMessage::error(error, Some(id)),
        Err(_) => {
            let error = ErrorData::internal_error("the client does not answer", None);
            ClientJsonRpcMessage::error(error, Some(id))
        }
    };
    if let Some(to_server) = to_server.upgrade() {
        // A session that is over waits for nothing.
        drop(to_server.send(message));
    }
}
