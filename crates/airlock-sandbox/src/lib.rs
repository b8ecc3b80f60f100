//! Isolated execution for Agent-Airlock: untrusted code runs where it can do no harm.
//!
//! This is the only crate that may contain `unsafe`: it speaks to the kernel where no safe interface exists. Each
//! block states why it is sound, and each step that can fail has a name of its own in [`Step`].
//!
//! | part | owns |
//! |---|---|
//! | [`Sandbox`], [`Backend`], [`strongest`] | the port: who isolates, and which of them is taken |
//! | [`Confinement`], [`Limits`] | what is asked for |
//! | [`Level`], [`Enforcement`] | what was really given, read back from the kernel |
//! | [`enter`] | the processes of the box: this very program, started anew |
//! | [`ProcessBox`], [`Job`], [`Outcome`] | the backend `box`: running one program to its end |
//! | [`Gvisor`] | the backend `gvisor`: the same on a kernel of its own |
//! | [`Stop`] | ending it before that |
//! | `Pool` (Linux) | interpreters that wait for code, each used once |
//!
//! The box shares the kernel of the host: a hole in the kernel is a hole in the box.

#[cfg(target_os = "linux")]
pub mod attempts;
mod confinement;
pub mod doctor;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod error;
mod level;
#[cfg(target_os = "linux")]
mod linux;
mod outcome;
mod port;
#[cfg(target_os = "linux")]
mod profile;
pub mod proxy;
mod stop;

pub use confinement::{Confinement, Limits};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Aftermath, Gvisor, Hold, Launcher, ProcessBox, Running, enter};
pub use error::{SandboxError, Step};
pub use level::{Enforcement, Level};
#[cfg(all(feature = "microvm", target_os = "linux"))]
pub use linux::microvm;
#[cfg(target_os = "linux")]
pub use linux::{
    Aftermath, Gvisor, Hold, Launcher, Pool, ProcessBox, Running, Selftest, SystemCall, enter, selftest,
    selftest_reaching, system_call_filter, system_calls, waiting_python,
};
pub use outcome::{End, Job, Outcome};
pub use port::{Backend, Probe, Sandbox, strongest};
#[cfg(target_os = "linux")]
pub use profile::{Host, Profile, ProfileError};
pub use stop::{Awaited, Stop};
