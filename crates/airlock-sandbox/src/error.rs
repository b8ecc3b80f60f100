//! Why there is no sandbox. Every one of these refuses the call where a sandbox is required.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::{Backend, Level, Probe};

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A step on the way into the box, for whoever has to find out why it cannot be taken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Step { $($(#[doc = $doc])+ $name,)+ }

        impl Step {
            /// What the step does, to complete "cannot …".
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

steps! {
    /// Starting this program as the helper.
    StartHelper = "start the helper process",
    /// Reading what is asked for.
    ReadPlan = "read the plan of the box",
    /// Closing the descriptors that the helper has no use for.
    CloseDescriptors = "close descriptors",
    /// Joining the control group.
    JoinCgroup = "join the control group",
    /// Taking hold of the paths that are to be visible.
    OpenPaths = "take hold of the visible paths",
    /// Making the folder of a program that has no file systems of its own.
    MakeScratch = "make a folder for the program",
    /// Leaving user 0 and all groups.
    LeaveRoot = "leave the user root",
    /// Making the user namespace.
    UserNamespace = "make a user namespace",
    /// Mapping the one user and group.
    MapUser = "map the user into the namespace",
    /// Making the other namespaces.
    Namespaces = "make namespaces",
    /// Making the way to the proxy, and the proxy.
    Network = "make the way to the network",
    /// Forbidding namespaces within.
    ForbidNamespaces = "forbid further namespaces",
    /// Starting the first process of the box.
    StartInit = "start the first process of the box",
    /// Building the new root.
    BuildRoot = "build the root of the box",
    /// Moving into the new root and letting go of the old one.
    EnterRoot = "enter the root of the box",
    /// Starting gVisor, and the first process in it.
    StartRunsc = "start gVisor",
    /// Setting resource limits.
    ResourceLimits = "set resource limits",
    /// Dropping capabilities.
    DropCapabilities = "drop capabilities",
    /// Ruling out new privileges.
    NoNewPrivileges = "rule out new privileges",
    /// Making the first process unreadable for the program.
    Undumpable = "make the first process unreadable",
    /// Restricting by Landlock.
    Landlock = "restrict files by Landlock",
    /// Restricting by seccomp.
    Seccomp = "restrict system calls by seccomp",
    /// Reading back what is enforced.
    ReadBack = "read back what is enforced",
    /// Starting the program itself.
    StartProgram = "start the program",
}

impl Step {
    /// Whether it is one that containers and some distributions deny.
    pub const fn is_about_namespaces(self) -> bool {
        matches!(self, Self::UserNamespace | Self::MapUser | Self::Namespaces | Self::ForbidNamespaces)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something did not run in a sandbox. It did not run outside of one either.
#[derive(Debug)]
#[non_exhaustive]
pub enum SandboxError {
    /// This system has none.
    Unsupported,
    /// A step on the way failed.
    Failed {
        /// Which.
        step: Step,
        /// What the system said.
        source: io::Error,
    },
    /// The sandbox holds less than was asked for.
    TooWeak {
        /// What was asked for.
        required: Level,
        /// What there is.
        given: Level,
        /// What is missing.
        missing: String,
    },
    /// No backend gives what is required.
    NoneStrongEnough {
        /// What was asked for.
        required: Level,
        /// What those that were tried give.
        probes: Vec<Probe>,
    },
    /// A backend cannot be used: it is not there, or it refused.
    Unavailable {
        /// Which.
        backend: Backend,
        /// Why, and what to do.
        reason: String,
    },
    /// A backend failed while the program ran, so that nobody knows what became of it.
    Broken {
        /// Which.
        backend: Backend,
        /// What it said.
        reason: String,
    },
    /// The sandbox ended by itself, so that nobody knows what became of the program.
    Lost,
    /// It was given up by its [`Stop`](crate::Stop). It may have run until then, and nothing of it runs any more.
    GivenUp,
}

impl SandboxError {
    pub(crate) fn at(step: Step) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Failed { step, source }
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str("this system has no sandbox of its own"),
            Self::Failed { step, source } => write!(f, "cannot {step}: {source}"),
            Self::TooWeak { required, given, missing } => {
                write!(f, "the sandbox would be `{given}` where `{required}` is required: {missing}")
            }
            Self::NoneStrongEnough { required, probes } => {
                write!(f, "no sandbox here gives `{required}`")?;
                for (nth, Probe { backend, level, reasons }) in probes.iter().enumerate() {
                    let reasons = reasons.join(", ");
                    let separator = if nth == 0 { ": " } else { "; " };
                    match level {
                        Level::None => write!(f, "{separator}`{backend}` cannot be used ({reasons})")?,
                        level => write!(f, "{separator}`{backend}` gives `{level}`")?,
                    }
                }
                Ok(())
            }
            Self::Unavailable { backend, reason } => write!(f, "`{backend}` cannot be used: {reason}"),
            Self::Broken { backend, reason } => {
                write!(f, "`{backend}` failed while the program ran: {reason}")
            }
            Self::Lost => f.write_str("the sandbox ended before the program did"),
            Self::GivenUp => f.write_str("the run was given up before its end"),
        }
    }
}

impl std::error::Error for SandboxError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed { source, .. } => Some(source),
            _ => None,
        }
    }
}
