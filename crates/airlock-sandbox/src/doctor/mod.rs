//! What this machine offers to a sandbox: each point tried for real, in a process of its own that is thrown away.
//!
//! A version number says what a kernel could do; distributions, containers and security modules decide what it does.
//! So the doctor builds a small box, restrains a process, runs a guest, and looks whether they hold.
//!
//! ```
//! use airlock_sandbox::doctor::{Verdict, examine};
//!
//! let facts = examine();
//! let verdict = Verdict::of(&facts);
//! assert_eq!(verdict.levels.len(), 4);
//! ```

#[cfg(target_os = "linux")]
mod apparmor;
#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod kvm;
#[cfg(target_os = "linux")]
mod namespaces;
mod programs;
#[cfg(target_os = "linux")]
mod restraints;
mod verdict;

use serde::Serialize;

use crate::{Gvisor, Launcher, Level, Probe, Sandbox as _};

#[cfg(all(feature = "microvm", target_os = "linux"))]
pub(crate) use programs::{find, version};
pub use verdict::{Reach, Verdict};

/// One thing that a sandbox is built of, or that runs in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about; stable, such as `user_namespaces`.
    pub subject: &'static str,
    /// How it stands.
    pub state: State,
    /// What was seen.
    pub text: String,
    /// What can be done, line by line; a line that starts with `$ ` is a command to type.
    pub advice: Option<String>,
    /// The level that it takes part in, if it decides about one.
    pub gives: Option<Level>,
}

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is there and works.
    Good,
    /// It is there and does less than it should.
    Degraded,
    /// It is not there, and could be.
    Missing,
    /// This kind of system cannot have it.
    NotHere,
}

impl State {
    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Degraded => "degraded",
            Self::Missing => "missing",
            Self::NotHere => "not here",
        }
    }
}

impl Fact {
    fn new(subject: &'static str, state: State, text: impl Into<String>) -> Self {
        Self { subject, state, text: text.into(), advice: None, gives: None }
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    fn gives(mut self, level: Level) -> Self {
        self.gives = Some(level);
        self
    }
}

/// Tries everything; takes some milliseconds, and at most some seconds where something hangs.
///
/// It leaves nothing behind, but makes a control group for a moment, where it may.
pub fn examine() -> Vec<Fact> {
    let mut facts = platform();
    facts.extend(programs::examine());
    facts
}

/// Tries what [`examine`] only saw to be there: whether gVisor runs a program. It takes as long as that.
pub fn try_out(facts: &mut [Fact], launcher: &Launcher) {
    let Some(fact) = facts.iter_mut().find(|fact| fact.subject == "runsc" && fact.state == State::Good)
    else {
        return;
    };
    let gvisor = Gvisor::new(launcher.clone());
    if let Ok(description) = gvisor.describe() {
        fact.text = description;
    }
    let Probe { level, reasons, .. } = gvisor.probe();
    if level >= Level::Kernel {
        fact.text.push_str("; it runs programs here");
        return;
    }
    fact.state = State::Degraded;
    let reason = reasons.join(", ");
    let words = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    fact.text = format!("{}; it does not run here: {words}", fact.text);
}

#[cfg(target_os = "linux")]
fn platform() -> Vec<Fact> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let text = format!("Linux {} on {}", release.trim(), std::env::consts::ARCH);
    let mut facts = vec![Fact::new("system", State::Good, text), user()];
    facts.extend(restraints::examine());
    facts.extend(namespaces::examine());
    facts.push(cgroup::examine());
    facts.push(kvm::examine());
    #[cfg(feature = "microvm")]
    facts.push(guest());
    facts
}

/// Everything of the box is Linux's own.
#[cfg(not(target_os = "linux"))]
fn platform() -> Vec<Fact> {
    let text = format!("{} has no sandbox that Airlock can build", std::env::consts::OS);
    let system = Fact::new("system", State::NotHere, text)
        .advise("run Airlock on Linux, or in a Linux container or WSL 2");
    let needs = [
        ("landlock", Level::Lite),
        ("seccomp", Level::Lite),
        ("no_new_privs", Level::Lite),
        ("user_namespaces", Level::Box),
        ("mount_api", Level::Box),
        ("kvm", Level::Machine),
    ];
    let rest = needs.map(|(subject, level)| Fact::new(subject, State::NotHere, "Linux only").gives(level));
    std::iter::once(system).chain(rest).collect()
}

/// The kernel and the root file system of virtual machines.
#[cfg(all(feature = "microvm", target_os = "linux"))]
fn guest() -> Fact {
    let settings = crate::microvm::MicrovmSettings::from_env();
    let missing = settings.missing();
    let fact = if missing.is_empty() {
        let shown = |path: Option<std::path::PathBuf>| path.unwrap_or_default().display().to_string();
        Fact::new("guest", State::Good, format!("{}, {}", shown(settings.kernel), shown(settings.rootfs)))
    } else {
        Fact::new("guest", State::Missing, missing.join("; ")).advise("docs/sandbox.md says how to make them")
    };
    fact.gives(Level::Machine)
}

/// Whether guests run here, and quickly.
#[cfg(all(feature = "microvm", target_os = "linux"))]
pub(crate) fn kvm() -> Fact {
    kvm::examine()
}

#[cfg(target_os = "linux")]
fn user() -> Fact {
    let uid = rustix::process::geteuid();
    let text = if uid.is_root() {
        "runs as root, which a box leaves first".to_owned()
    } else {
        format!("runs as user {}, without root", uid.as_raw())
    };
    Fact::new("user", State::Good, text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Verdict, examine};

    #[test]
    fn every_subject_is_there_once_and_says_something() {
        let facts = examine();
        let subjects: BTreeSet<_> = facts.iter().map(|fact| fact.subject).collect();
        assert_eq!(subjects.len(), facts.len(), "{facts:#?}");
        for subject in Verdict::subjects() {
            assert!(subjects.contains(subject), "{subject} is missing: {facts:#?}");
        }
        assert!(facts.iter().all(|fact| !fact.text.is_empty() && !fact.text.contains('\n')), "{facts:#?}");
        assert!(facts.iter().all(|fact| fact.advice.as_deref() != Some("")), "{facts:#?}");
    }
}
