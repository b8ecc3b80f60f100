//! The backend `microvm`: a virtual machine on this machine for each program.
//!
//! ```text
//! host ── monitor (`airlock __monitor`, then `firecracker`) ══ guest: first process (`airlock __guest`) ── the program
//!   └ job ────────────────── read-only drive ────────────────────────┘                                        │
//!   └ result ─────────────── drive of a fixed size ──────────────────┴──── its output, and what became of it ─┘
//! ```
//!
//! No network, no socket and no console leads into the machine or out of it: only drives, whose sizes are fixed before it
//! starts. What is on the one that comes out is read after the machine has ended, and bounded by what was asked for.
//!
//! | part | owns |
//! |---|---|
//! | [`Microvm`], [`MicrovmSettings`] | the backend |
//! | [`Vmm`], [`Machine`], [`Drive`] | who runs a machine, and what that is |
//! | [`Firecracker`] | the one that does |
//! | `boot`, `cpio`, `elf` | what it starts with: this program and its libraries |
//! | `job`, `result`, `wire` | the two drives |
//! | `guest` | the first process within |
//! | `confine`, `process` | the process of a machine on the host |

mod api;
mod boot;
mod confine;
mod cpio;
mod elf;
mod firecracker;
mod guest;
mod host;
mod image;
mod job;
mod process;
mod result;
mod vmm;
mod wire;

pub use firecracker::Firecracker;
pub use host::{Microvm, MicrovmSettings};
pub use vmm::{Access, Drive, Machine, Vmm};

pub(super) use boot::GUEST;
pub(super) use confine::{MONITOR, become_monitor};
pub(super) use guest::run as run_guest;
