//! A panic in the server stays in the call that it happened in.

use std::{
    borrow::Cow,
    future::poll_fn,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
};

use rmcp::{
    ErrorData, RoleServer, Service,
    model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult},
    service::{NotificationContext, RequestContext},
};

/// The server inside a guard; derefs to it.
///
/// Without this a panicking handler would end its task and leave its caller without an answer, and the record
/// without an end. With it the call fails: the record says `failed`, and the answer is an error without the text of
/// the panic, which may hold anything.
#[derive(Debug)]
pub struct Shielded<S> {
    server: Arc<S>,
}

impl<S> Shielded<S> {
    pub(crate) fn new(server: Arc<S>) -> Self {
        Self { server }
    }
}

impl<S> Deref for Shielded<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.server
    }
}

impl<S: Service<RoleServer>> Service<RoleServer> for Shielded<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        caught(|| self.server.handle_request(request, context)).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        caught(|| self.server.handle_notification(notification, context)).await
    }

    fn get_info(&self) -> ServerConfig {
        self.server.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.server.supported_protocol_versions()
    }
}

/// Runs a handler; a panic in it is an error. It is not polled again after one.
async fn caught<T, F>(handler: impl FnOnce() -> F) -> Result<T, ErrorData>
where
    F: Future<Output = Result<T, ErrorData>>,
{
    let panicked = || ErrorData::internal_error("the server failed while it handled the request", None);
    let Ok(future) = catch_unwind(AssertUnwindSafe(handler)) else { return Err(panicked()) };
    let mut future = Box::pin(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled,
        Err(_) => Poll::Ready(Err(panicked())),
    })
    .await
}
