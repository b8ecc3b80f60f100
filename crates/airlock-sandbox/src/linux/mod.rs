//! The box, on Linux.
//!
//! Three processes, each this very program:
//!
//! ```text
//! host ── helper (`airlock __box`) ── first process of the box ── the program
//!         waits; outside of the        builds the root, drops       untrusted
//!         process namespace            every right, reaps
//! ```
//!
//! The host keeps one end of a socket whose other end the helper has: the plan goes in, reports come out, and its end
//! means that the host is gone, however that happened. When the helper goes, the kernel kills the first process; when
//! the first process goes, the kernel kills everything in the box.

pub(crate) mod cgroup;
mod control;
mod drain;
mod entry;
mod files;
mod gvisor;
mod helper;
mod host;
mod identity;
mod init;
mod interpreters;
mod landlock;
mod limits;
mod lite;
#[cfg(feature = "microvm")]
pub mod microvm;
mod paths;
mod plan;
mod pool;
mod privileges;
mod root;
mod running;
mod scratch;
mod seccomp;
mod selftest;
mod sys;
mod watch;

pub use entry::enter;
pub(crate) use files::SYSTEM;
pub use gvisor::Gvisor;
pub use host::{Launcher, ProcessBox};
pub use interpreters::waiting_python;
pub use pool::Pool;
pub use running::{Aftermath, Hold, Running};
pub use seccomp::{SystemCall, system_call_filter, system_calls};
pub use selftest::{Selftest, selftest, selftest_reaching};
