//! What a transport needs of the guard, so that sessions can be tested with a gate of their own.

use std::future::Future;

use airlock_engine::Rejection;
use airlock_mcp::{Guard, Id, Outcome, Pending, skim::Skimmed};

/// Decides about every message of one session.
///
/// Both directions share one gate and call it from their own threads. A future that is not ready blocks its
/// direction only, never the other one.
pub trait Gate: Send + Sync + 'static {
    /// One message from the client, without its line break.
    fn on_client<'m>(&self, line: &'m [u8]) -> impl Future<Output = Outcome<'m>>;

    /// One message from the server, without its line break.
    fn on_server<'m>(&self, line: &'m [u8]) -> impl Future<Output = Outcome<'m>>;

    /// A line of the client was longer than the bound and was skipped.
    fn on_client_oversize(&self, seen: Skimmed) -> impl Future<Output = Outcome<'static>>;

    /// A line of the server was longer than the bound and was skipped.
    fn on_server_oversize(&self, seen: Skimmed) -> impl Future<Output = Outcome<'static>>;

    /// The server never got this call, which was let through to it: answers it.
    fn on_call_not_run(&self, id: &Id, rejection: Rejection) -> Outcome<'static>;

    /// The server got this call and will not answer it, while others go on: answers it.
    fn on_call_lost(&self, id: &Id, rejection: Rejection) -> Outcome<'static>;

    /// The server is gone: answers for everything in flight. Called at most once.
    fn on_server_closed(&self) -> impl Future<Output = Outcome<'static>>;

    /// The client is gone: closes what is still in flight. Called last.
    fn on_client_closed(&self) -> impl Future<Output = ()>;

    /// What is worth waiting for when the client closes its side.
    fn pending(&self) -> Pending;
}

impl Gate for Guard {
    fn on_client<'m>(&self, line: &'m [u8]) -> impl Future<Output = Outcome<'m>> {
        self.on_client(line)
    }

    fn on_server<'m>(&self, line: &'m [u8]) -> impl Future<Output = Outcome<'m>> {
        self.on_server(line)
    }

    fn on_client_oversize(&self, seen: Skimmed) -> impl Future<Output = Outcome<'static>> {
        self.on_client_oversize(seen)
    }

    fn on_server_oversize(&self, seen: Skimmed) -> impl Future<Output = Outcome<'static>> {
        self.on_server_oversize(seen)
    }

    fn on_call_not_run(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        self.on_call_not_run(id, rejection)
    }

    fn on_call_lost(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        self.on_call_lost(id, rejection)
    }

    fn on_server_closed(&self) -> impl Future<Output = Outcome<'static>> {
        self.on_server_closed()
    }

    fn on_client_closed(&self) -> impl Future<Output = ()> {
        self.on_client_closed()
    }

    fn pending(&self) -> Pending {
        self.pending()
    }
}
