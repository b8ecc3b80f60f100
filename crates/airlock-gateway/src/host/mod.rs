//! The engine's ports on a real machine.

mod audit_file;
mod audit_stream;
mod clock;
mod files;
mod hash_key;
mod state;

pub use audit_file::AuditFile;
pub use audit_stream::{AuditStderr, AuditStdout};
pub use clock::SystemClock;
pub use files::HostFiles;
pub use hash_key::load_or_create_hash_key;
pub use state::{audit_path, state_dir};
