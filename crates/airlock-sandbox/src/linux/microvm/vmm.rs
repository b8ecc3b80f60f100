//! What a machine is, and who runs it.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Child,
    time::Instant,
};

use crate::{SandboxError, Stop};

/// A machine that is to be started. It has no network, and nothing of this machine but what stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// A folder of its own, for nobody but this user; removed with all in it as soon as it has started.
    pub folder: PathBuf,
    /// The kernel, uncompressed (`vmlinux`).
    pub kernel: PathBuf,
    /// The first file system, which the kernel unpacks.
    pub initramfs: PathBuf,
    /// What the kernel is told.
    pub arguments: String,
    /// Its memory, in MiB.
    pub memory: u64,
    /// Its disks, raw.
    pub drives: Vec<Drive>,
    /// When it has to have been started.
    pub deadline: Instant,
    /// Given up when this is requested, also while it is started.
    pub stop: Stop,
}

/// A disk of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drive {
    /// A name among those of one machine: letters.
    pub name: &'static str,
    /// The file that it is.
    pub path: PathBuf,
    /// Whether the machine may write to it.
    pub access: Access,
}

/// Whether a disk can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It cannot.
    Read,
    /// It can.
    Write,
}

impl Drive {
    pub(super) fn new(name: &'static str, path: &Path, access: Access) -> Self {
        Self { name, path: path.to_owned(), access }
    }
}

/// Who runs a machine.
pub trait Vmm: fmt::Debug + Send + Sync {
    /// What is missing for it on this machine: each a sentence that says what to do. It may try.
    fn missing(&self) -> Vec<String>;

    /// Starts a machine as a process of this machine, which ends when that one does. Its standard output and error are
    /// pipes: the last of what it writes there is shown where something goes wrong. When this returns, it has opened all its
    /// files: they are removed then, since the job may hold secrets, and this process may be killed at any time.
    ///
    /// # Errors
    /// The machine does not run, and nothing in it has ([`SandboxError::Unavailable`]); or nobody knows
    /// ([`SandboxError::Broken`]). No process of it is left.
    fn start(&self, machine: &Machine) -> Result<Child, SandboxError>;
}
