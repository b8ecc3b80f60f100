//! Takes one message to the guard and brings its decision back.

use std::sync::Arc;

use airlock_engine::{Caller, Code, Rejection};
use airlock_mcp::{Guard, Outcome, Release, Report};
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, JsonRpcMessage, ServerJsonRpcMessage,
};

use crate::{message::extensions_of, setup::Setup};

/// What becomes of a message.
pub(crate) enum Forward {
    /// It goes on as it is.
    Same,
    /// It goes on with these bytes.
    Edited(Vec<u8>),
    /// It stops here.
    No,
    /// It might go on, but rmcp could not read it as what it is; it fails.
    Unreadable,
}

/// The guard's decision, with the message that it is about.
pub(crate) struct Decision<M> {
    pub(crate) message: M,
    /// What the guard was shown.
    pub(crate) line: Vec<u8>,
    pub(crate) forward: Forward,
    pub(crate) to_client: Vec<Vec<u8>>,
    pub(crate) to_server: Vec<Vec<u8>>,
    pub(crate) reports: Vec<Report>,
    /// Dropped when `to_server` has its place in the queue to the server.
    pub(crate) release: Release,
}

impl<M> Decision<M> {
    fn new(message: M, line: Vec<u8>, parts: Parts) -> Self {
        let Parts { forward, to_client, to_server, reports, release } = parts;
        Self { message, line, forward, to_client, to_server, reports, release }
    }
}

/// A decision that borrows nothing.
struct Parts {
    forward: Forward,
    to_client: Vec<Vec<u8>>,
    to_server: Vec<Vec<u8>>,
    reports: Vec<Report>,
    release: Release,
}

impl From<Outcome<'_>> for Parts {
    fn from(outcome: Outcome<'_>) -> Self {
        Self {
            forward: match outcome.forward {
                None => Forward::No,
                Some(std::borrow::Cow::Borrowed(_)) => Forward::Same,
                Some(std::borrow::Cow::Owned(bytes)) => Forward::Edited(bytes),
            },
            to_client: outcome.to_client,
            to_server: outcome.to_server,
            reports: outcome.reports,
            release: outcome.release,
        }
    }
}

/// A message from the client.
pub(crate) async fn from_client(
    setup: Arc<Setup>,
    guard: Arc<Guard>,
    message: ClientJsonRpcMessage,
) -> Decision<ClientJsonRpcMessage> {
    let line = written(&message);
    let parts = match setup.caller(extensions_of(&message)) {
        Err(_) => {
            let rejection =
                Rejection::new(Code::InternalPanic).with_message("it cannot be told who the caller is");
            guard.refuse_client(&line, rejection, &setup.settings.caller).into()
        }
        Ok(caller) => match kind(&setup, &message) {
            Kind::Known => guard.on_client_as(&line, &caller).await.into(),
            Kind::Unreadable => {
                let parts: Parts = guard.on_client_as(&line, &caller).await.into();
                match parts.forward {
                    Forward::No => parts,
                    _ => Parts { forward: Forward::Unreadable, ..parts },
                }
            }
            Kind::Unknown => unknown(&guard, &line, &caller),
        },
    };
    Decision::new(message, line, parts)
}

/// A message from the server.
pub(crate) async fn from_server(
    guard: Arc<Guard>,
    message: ServerJsonRpcMessage,
) -> Decision<ServerJsonRpcMessage> {
    let line = written(&message);
    let parts = guard.on_server(&line).await.into();
    Decision::new(message, line, parts)
}

fn unknown(guard: &Guard, line: &[u8], caller: &Arc<Caller>) -> Parts {
    let rejection = Rejection::new(Code::MalformedMessage)
        .with_message("the method is none that can be judged")
        .with_hint("use the methods of the protocol");
    guard.refuse_client(line, rejection, caller).into()
}

/// What a message is to the wrapper.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The guard was written for it.
    Known,
    /// Arguments of the model's, in a form that rmcp cannot read. The guard says best what is wrong with them; whatever
    /// it says, the server is not handed a call as a request of some other kind.
    Unreadable,
    /// Anything else that rmcp could not read as one of the protocol's requests, and what a later rmcp may add: refused
    /// rather than passed around the guard.
    Unknown,
}

fn kind(setup: &Setup, message: &ClientJsonRpcMessage) -> Kind {
    if is_known(setup, message) {
        return Kind::Known;
    }
    match message {
        JsonRpcMessage::Request(request)
            if matches!(request.request.method(), "tools/call" | "prompts/get") =>
        {
            Kind::Unreadable
        }
        _ => Kind::Unknown,
    }
}

fn is_known(setup: &Setup, message: &ClientJsonRpcMessage) -> bool {
    match message {
        JsonRpcMessage::Request(request) => match &request.request {
            ClientRequest::PingRequest(_)
            | ClientRequest::InitializeRequest(_)
            | ClientRequest::DiscoverRequest(_)
            | ClientRequest::CompleteRequest(_)
            | ClientRequest::SetLevelRequest(_)
            | ClientRequest::GetPromptRequest(_)
            | ClientRequest::ListPromptsRequest(_)
            | ClientRequest::ListResourcesRequest(_)
            | ClientRequest::ListResourceTemplatesRequest(_)
            | ClientRequest::ReadResourceRequest(_)
            | ClientRequest::SubscriptionsListenRequest(_)
            | ClientRequest::SubscribeRequest(_)
            | ClientRequest::UnsubscribeRequest(_)
            | ClientRequest::CallToolRequest(_)
            | ClientRequest::ListToolsRequest(_)
            | ClientRequest::GetTaskRequest(_)
            | ClientRequest::UpdateTaskRequest(_)
            | ClientRequest::CancelTaskRequest(_)
            | ClientRequest::ListSkillsRequest(_)
            | ClientRequest::GetSkillRequest(_)
            | ClientRequest::ReadResourceDirectoryRequest(_) => true,
            ClientRequest::CustomRequest(request) => setup.custom_methods.contains(&request.method),
            _ => false,
        },
        JsonRpcMessage::Notification(notification) => match &notification.notification {
            ClientNotification::CancelledNotification(_)
            | ClientNotification::ProgressNotification(_)
            | ClientNotification::InitializedNotification(_)
            | ClientNotification::RootsListChangedNotification(_) => true,
            ClientNotification::CustomNotification(notification) => {
                setup.custom_methods.contains(&notification.method)
            }
            _ => false,
        },
        // Answers to what the server asked.
        JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => true,
    }
}

/// The message as JSON. One that cannot be written is none, and the guard refuses it as such.
fn written(message: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}
