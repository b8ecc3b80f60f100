//! The wrapper that a server's author writes.

use std::{
    error::Error,
    fmt,
    sync::{Arc, OnceLock},
};

use airlock_engine::{Airlock, Caller};
use airlock_mcp::{GuardSettings, Report};
use rmcp::{
    RoleServer, Service,
    model::Extensions,
    serve_server,
    service::RunningService,
    transport::{IntoTransport, Transport},
};

use crate::{ServeError, Shielded, StartError, bridge::Session, setup::Setup, transport::GuardedTransport};

/// An rmcp server with the guard around it: see the [crate's documentation](crate).
///
/// Around a [`ServerHandler`](rmcp::ServerHandler) it is one itself. [`serve`](Self::serve) is its own, though, and
/// guards more: prefer it where there is a transport to serve.
pub struct Airlocked<S> {
    pub(crate) server: Arc<S>,
    pub(crate) setup: Setup,
    /// Where the wrapper is driven as a handler: the session of the server inside.
    pub(crate) session: OnceLock<Result<Session, StartError>>,
}

impl<S> Airlocked<S> {
    /// Guards `server` by the configuration of this machine: the file that `AIRLOCK_CONFIG` names, or else the user's
    /// own, or else the defaults, as `airlock run` has it. All servers of a process share the engine.
    ///
    /// Where that is invalid, or has no place for audit records, [`serve`](Self::serve) says so: there is no server
    /// without a guard.
    pub fn new(server: S) -> Self {
        Self { server: Arc::new(server), setup: Setup::of_machine(), session: OnceLock::new() }
    }

    /// Guards `server` by an engine of the host's own.
    ///
    /// Servers that share an engine (clones share everything) share its rate limits and its audit records.
    pub fn with_engine(server: S, engine: Airlock) -> Self {
        Self { server: Arc::new(server), setup: Setup::new(engine), session: OnceLock::new() }
    }

    /// Replaces the settings of the guard: the default caller, whether denied tools are hidden from lists, the bounds
    /// of one message.
    #[must_use]
    pub fn settings(mut self, settings: GuardSettings) -> Self {
        self.setup.settings = settings;
        self
    }

    /// Who calls where nothing says otherwise. Without this it is an anonymous caller, whom a policy may refuse.
    #[must_use]
    pub fn default_caller(mut self, caller: Caller) -> Self {
        self.setup.settings.caller = Arc::new(caller);
        self
    }

    /// How to tell who calls, from what the host put beside a request: for HTTP rmcp puts the request's
    /// `http::request::Parts` there, with its headers and what middleware added.
    ///
    /// `None` means that it is not told this way; then a [`Caller`] (or an `Arc` of one) among the extensions counts,
    /// and then the default. A panic refuses the message. Do not take a caller from the `_meta` that is among the
    /// extensions too: whoever sends the request writes it.
    #[must_use]
    pub fn caller(mut self, find: impl Fn(&Extensions) -> Option<Caller> + Send + Sync + 'static) -> Self {
        self.setup.find_caller = Some(Arc::new(find));
        self
    }

    /// Lets a method through that is none of the protocol's, and that therefore nobody judges: its answer is masked,
    /// its parameters are not looked at. Everything else that rmcp does not know is refused.
    #[must_use]
    pub fn allow_custom_method(mut self, method: impl Into<String>) -> Self {
        self.setup.custom_methods.insert(method.into());
        self
    }

    /// Takes what the operator should hear. Without this it goes to [`tracing`], with the target `airlock`.
    #[must_use]
    pub fn on_report(mut self, hear: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.setup.hear = Some(Arc::new(hear));
        self
    }

    /// The server inside.
    pub fn server(&self) -> &S {
        &self.server
    }

    /// Puts the guard around a transport. For hosts that drive rmcp themselves; whatever serves the transport is
    /// guarded, and only by its messages.
    ///
    /// # Errors
    ///
    /// There is no guard; only after [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, on which a task carries the messages.
    pub fn guard<T, E, A>(&self, transport: T) -> Result<GuardedTransport<E>, StartError>
    where
        T: IntoTransport<RoleServer, E, A>,
        E: Error + Send + Sync + 'static,
    {
        fn start<E, T>(transport: T, setup: Setup) -> Result<GuardedTransport<E>, StartError>
        where
            E: Error + Send + Sync + 'static,
            T: Transport<RoleServer, Error = E> + 'static,
        {
            GuardedTransport::start(transport, setup)
        }
        start(transport.into_transport(), self.setup.clone())
    }
}

impl<S: Service<RoleServer>> Airlocked<S> {
    /// Serves `transport`, as rmcp's `ServiceExt::serve` does, with the guard in between.
    ///
    /// # Errors
    ///
    /// When there is no guard, or the handshake fails.
    pub async fn serve<T, E, A>(
        self,
        transport: T,
    ) -> Result<RunningService<RoleServer, Shielded<S>>, ServeError>
    where
        T: IntoTransport<RoleServer, E, A>,
        E: Error + Send + Sync + 'static,
    {
        let transport = self.guard(transport)?;
        let served = serve_server(Shielded::new(self.server), transport).await;
        served.map_err(|error| ServeError::Handshake(Box::new(error)))
    }
}

impl<S> fmt::Debug for Airlocked<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Airlocked").field("setup", &self.setup).finish_non_exhaustive()
    }
}
