//! How strong an isolation is, and what was really enforced.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How strong an isolation is; a later one holds at least what an earlier one holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It runs like any other program of the user.
    #[default]
    None,
    /// Landlock and seccomp: it sees the host's processes and files by name, and reaches none that was not named.
    Lite,
    /// Namespaces and a root of its own on top: nothing of the host exists in it that was not named.
    Box,
    /// A second kernel between it and the host's, as gVisor has.
    Kernel,
    /// A virtual machine.
    Machine,
}

impl Level {
    /// All, the weakest first.
    pub const ALL: [Self; 5] = [Self::None, Self::Lite, Self::Box, Self::Kernel, Self::Machine];

    /// The name in configuration, messages and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lite => "lite",
            Self::Box => "box",
            Self::Kernel => "kernel",
            Self::Machine => "machine",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|level| level.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("no such level; there are {names}")
        })
    }
}

/// What was enforced, each point read back from the kernel after it was set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement {
    /// What all of it together amounts to.
    pub level: Level,
    /// The namespaces that are the program's own, by the names of `/proc/self/ns`.
    pub namespaces: Vec<String>,
    /// The user id that the program has.
    pub uid: u32,
    /// Whether a root of its own holds only what was named.
    pub own_root: bool,
    /// No capability is left, in any set, and none can come back.
    pub no_capabilities: bool,
    /// No program can give more rights than its caller has.
    pub no_new_privileges: bool,
    /// The version of Landlock's interface whose rights were all handled; 0 without Landlock.
    pub landlock_abi: u8,
    /// The number of seccomp filters in force.
    pub seccomp_filters: u32,
    /// The controllers of the control group that bound it; empty without one.
    pub cgroup: Vec<String>,
}
