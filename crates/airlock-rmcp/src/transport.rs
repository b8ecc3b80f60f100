//! The guard as rmcp sees it: a transport around the transport.
//!
//! Everything that server and client say to each other passes here, whichever handle of rmcp it was said through:
//! requests, results, errors, and what the server sends by itself.

use std::{error::Error, fmt};

use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::Transport,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{StartError, pump::Pump, setup::Setup};

/// Most messages that wait for rmcp's loop to take them.
const TAKEN_AHEAD: usize = 16;

/// A message of the server on its way, and who waits for it to be sent.
pub(crate) struct Outgoing<E> {
    pub(crate) message: ServerJsonRpcMessage,
    pub(crate) sent: oneshot::Sender<Result<(), E>>,
}

/// A transport whose messages were judged; made by [`Airlocked::guard`](crate::Airlocked::guard).
///
/// Sending succeeds also where the guard withholds a message: its sender has nothing to mend.
pub struct GuardedTransport<E> {
    /// `None` once it is closed.
    to_client: Option<mpsc::UnboundedSender<Outgoing<E>>>,
    from_client: mpsc::Receiver<ClientJsonRpcMessage>,
    pump: Option<JoinHandle<Result<(), E>>>,
}

impl<E: Error + Send + Sync + 'static> GuardedTransport<E> {
    /// Starts to carry messages, on a task of the current runtime.
    pub(crate) fn start<T>(transport: T, setup: Setup) -> Result<Self, StartError>
    where
        T: Transport<RoleServer, Error = E> + 'static,
    {
        let guard = setup.guard()?;
        let (to_client, outgoing) = mpsc::unbounded_channel();
        let (to_server, from_client) = mpsc::channel(TAKEN_AHEAD);
        let pump = tokio::spawn(Pump::new(setup, guard, outgoing, to_server).run(transport));
        Ok(Self { to_client: Some(to_client), from_client, pump: Some(pump) })
    }
}

impl<E: Error + Send + Sync + 'static> Transport<RoleServer> for GuardedTransport<E> {
    type Error = GuardedError<E>;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (sent, answer) = oneshot::channel();
        if let Some(to_client) = &self.to_client {
            // A pump that is gone drops the message, which ends the wait below.
            drop(to_client.send(Outgoing { message, sent }));
        }
        async move {
            match answer.await {
                Ok(sent) => sent.map_err(GuardedError::Transport),
                Err(_) => Err(GuardedError::Closed),
            }
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.from_client.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.to_client = None;
        self.from_client.close();
        let Some(pump) = self.pump.take() else { return Ok(()) };
        match pump.await {
            Ok(closed) => closed.map_err(GuardedError::Transport),
            Err(_) => Err(GuardedError::Closed),
        }
    }
}

impl<E> fmt::Debug for GuardedTransport<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedTransport").field("closed", &self.to_client.is_none()).finish_non_exhaustive()
    }
}

/// Why a message was not sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum GuardedError<E> {
    /// The transport inside failed.
    Transport(E),
    /// The session is over.
    Closed,
}

impl<E: fmt::Display> fmt::Display for GuardedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Closed => f.write_str("the guarded session is over"),
        }
    }
}

impl<E: Error + 'static> Error for GuardedError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            Self::Closed => None,
        }
    }
}
