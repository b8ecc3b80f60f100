//! The way out of a sandbox: a forward proxy on the host that reaches the hosts of a list, and nothing else.
//!
//! | part | owns |
//! |---|---|
//! | [`Network`], [`AllowedHost`] | what may be reached |
//! | [`Target`] | what is asked for: one spelling for each host |
//! | [`is_public`] | which addresses may ever be reached |
//! | [`Dialer`] | how names become addresses, which of them are near, and connections |
//! | [`Proxy`] | the threads that serve one sandbox |
//! | [`Refusal`], [`Watch`] | what was refused, for whoever is to be told |
//!
//! A name is looked up here, once for each connection, and the connection goes to an address that was checked: what a
//! name means to the program is of no interest, and an answer that changes changes nothing. Redirects are followed by the
//! program, so each new host is judged anew. The proxy does not look into TLS but for the name that a client asks for
//! in the open.

mod address;
mod dial;
mod head;
mod hello;
mod host;
mod lookups;
mod pool;
mod refusal;
mod relay;
#[cfg(target_os = "linux")]
mod route;
mod serve;
#[cfg(test)]
mod tests;

pub use address::is_public;
pub use dial::{Dialer, Direct};
pub use host::{AllowedHost, HostError, Network, Target};
pub use pool::{Doorway, Outside, Proxy};
pub use refusal::{Reason, Refusal, Unwatched, Watch};
