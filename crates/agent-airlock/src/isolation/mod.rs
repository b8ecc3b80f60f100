//! Layer 3 in a sandbox: this very program, started anew inside, with one tool to run.
//!
//! | part | owns |
//! |---|---|
//! | [`entry`] | what `main` calls: a worker, or the host of workers |
//! | [`host`] | outside: starting the worker, and what its end means |
//! | [`wire`] | what goes in, and the one line that comes out |
//! | [`worker`] | inside: running the tool |
//! | [`apart`] | waiting for a thread without blocking one |

mod apart;
mod entry;
mod host;
mod wire;
mod worker;

pub(crate) use entry::of_process;
pub use entry::{Work, enter, enter_with};
pub(crate) use host::Isolated;
pub use host::Isolation;
pub(crate) use wire::Answer;
