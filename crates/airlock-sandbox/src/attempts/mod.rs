//! What a sandbox must not allow, each as code that tries it.
//!
//! The host [prepares](prepare) things worth reaching, starts this program inside a sandbox to [try](run_child), and
//! [reads](read_answers) what became of each attempt. An attempt that is [`Open`](Verdict::Open) is a hole. Run
//! outside, attempts must be open: an attempt that fails everywhere shows nothing (see [`Control`]).
//!
//! ```no_run
//! use airlock_sandbox::{Limits, attempts::{Place, prepare, read_answers}};
//!
//! # fn run_in_a_sandbox(_: &[&std::path::Path], _: &[&std::path::Path], _: Limits, _: &[u8]) -> Vec<u8> { Vec::new() }
//! # fn main() -> std::io::Result<()> {
//! // In a process that has `SECRET_VARIABLE` in its environment.
//! let limits = Limits::default();
//! let mut prepared = prepare()?;
//! let ground = prepared.ground(Place::Inside, limits);
//! // This program, with an argument that leads to `run_child`, and the ground as its input.
//! let input = serde_json::to_vec(&ground)?;
//! let output = run_in_a_sandbox(&[&ground.visible], &[&ground.writable], limits, &input);
//! let answers = read_answers(&[], &output);
//! let harm = prepared.harm()?;
//! # Ok(())
//! # }
//! ```
//!
//! An attempt that succeeds does no harm: it opens and closes, connects to the listeners that were made for it, and
//! changes nothing but what was prepared for it.

#![allow(unsafe_code, reason = "system calls as hostile code makes them have no safe interface")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "arguments and answers of system calls are words, read as the manual of each says"
)]

mod files;
mod footing;
mod ground;
mod machine;
mod network;
mod prepare;
mod privilege;
mod processes;
mod resources;
mod run;
mod secrets;
mod sys;
mod terminal;

pub use footing::{Footing, footing};
pub use ground::{Granted, Ground, Place, SECRET_VARIABLE};
pub use prepare::{Prepared, prepare};
pub use run::{Answer, Outcome, judge_control, read_answers, run_child, try_one};

/// One thing that untrusted code might try.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// What it is called, in lower case with hyphens.
    pub name: &'static str,
    /// What it is after.
    pub theme: Theme,
    /// What it tries, in one line.
    pub what: &'static str,
    /// What must hold when it runs outside.
    pub control: Control,
    /// Tries it.
    pub run: fn(&Ground) -> Verdict,
}

/// What attempts are after, as sections of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Files and devices of the host.
    Files,
    /// Secrets of the host in memory, environments and descriptors.
    Secrets,
    /// Other processes.
    Processes,
    /// More rights than were given.
    Privilege,
    /// Whatever can be spoken to.
    Network,
    /// The terminal of the user.
    Terminal,
    /// More of the machine than was granted.
    Resources,
}

impl Theme {
    /// All, in the order of a report.
    pub const ALL: [Self; 7] = [
        Self::Files,
        Self::Secrets,
        Self::Processes,
        Self::Privilege,
        Self::Network,
        Self::Terminal,
        Self::Resources,
    ];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Secrets => "secrets",
            Self::Processes => "processes",
            Self::Privilege => "privilege",
            Self::Network => "network",
            Self::Terminal => "terminal",
            Self::Resources => "resources",
        }
    }
}

/// What became of an attempt, and how that showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was refused.
    Held(String),
    /// It worked.
    Open(String),
    /// This machine does not have what it is after.
    NotHere(String),
}

/// What must hold when an attempt runs outside of any sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It is open for everybody.
    Outside,
    /// It is open for [root](Footing::Root); for others the machine's settings decide.
    OutsideAsRoot,
    /// It is open for root with [every capability](Footing::Privileged), as the first process of a machine has.
    OutsidePrivileged,
    /// It must not run outside, for this reason.
    None(&'static str),
}

/// Every attempt, by theme.
pub const ALL: &[Attempt] = &{
    let groups: [&[Attempt]; 8] = [
        files::ATTEMPTS,
        machine::ATTEMPTS,
        secrets::ATTEMPTS,
        processes::ATTEMPTS,
        privilege::ATTEMPTS,
        network::ATTEMPTS,
        terminal::ATTEMPTS,
        resources::ATTEMPTS,
    ];
    join::<COUNT>(&groups)
};

const COUNT: usize = files::ATTEMPTS.len()
    + machine::ATTEMPTS.len()
    + secrets::ATTEMPTS.len()
    + processes::ATTEMPTS.len()
    + privilege::ATTEMPTS.len()
    + network::ATTEMPTS.len()
    + terminal::ATTEMPTS.len()
    + resources::ATTEMPTS.len();

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which refuses an index that is out of bounds"
)]
const fn join<const COUNT: usize>(groups: &[&[Attempt]]) -> [Attempt; COUNT] {
    let mut all = [groups[0][0]; COUNT];
    let (mut group, mut filled) = (0, 0);
    while group < groups.len() {
        let mut attempt = 0;
        while attempt < groups[group].len() {
            all[filled] = groups[group][attempt];
            filled += 1;
            attempt += 1;
        }
        group += 1;
    }
    assert!(filled == COUNT, "every attempt has its place");
    all
}

const fn attempt(
    theme: Theme,
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    Attempt { name, theme, what, control, run }
}
