//! The engine's ports on a real machine.
//!
//! The engine does no I/O; what it cannot compute are ports, and these are their real ones, which every host needs:
//! the command, the transports, and whoever runs tools in their own process.
//!
//! | part | owns |
//! |---|---|
//! | [`SystemClock`], [`HostFiles`] | time and paths |
//! | [`AuditFile`], [`AuditStderr`], [`AuditStdout`] | where records go |
//! | [`state_dir`], [`load_or_create_hash_key`] | what is kept for the user |
//! | [`Source`], [`load`] | the configuration that the machine has |
//! | [`Audit`], [`providers`], [`hash_key`], [`start`] | an engine for a configuration |
//! | [`stream`] | the standard streams, patient and unbuffered |

#![forbid(unsafe_code)]

mod audit_file;
mod audit_stream;
mod clock;
mod error;
mod files;
mod hash_key;
mod settings;
mod start;
mod state;
pub mod stream;

pub use audit_file::AuditFile;
pub use audit_stream::{AuditStderr, AuditStdout};
pub use clock::SystemClock;
pub use error::HostError;
pub use files::HostFiles;
pub use hash_key::load_or_create_hash_key;
pub use settings::{Source, load, usual_path};
pub use start::{Audit, hash_key, providers, start};
pub use state::{audit_path, state_dir};
