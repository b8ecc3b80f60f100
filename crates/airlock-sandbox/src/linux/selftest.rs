//! The escape suite, run in a box on this machine.

use std::{env, io, process::ExitCode, time::Duration};

use crate::{
    Confinement, End, Enforcement, Job, Level, Limits, Sandbox, SandboxError, Step,
    attempts::{
        ALL, Answer, Attempt, Ground, Outcome, Place, SECRET_VARIABLE, prepare, read_answers, run_child,
    },
    proxy::Network,
};

/// The argument of the process that tries.
pub(super) const TRY: &str = "__try";
/// Some attempts wait in vain, each for seconds.
const WALL: Duration = Duration::from_secs(300);

/// What can be done, where, and why.
struct Declared {
    attempts: &'static [&'static str],
    applies: fn(&Enforcement) -> bool,
    why: &'static str,
}

/// All that is declared; everything else that works is a hole.
const DECLARED: &[Declared] = &[
    Declared {
        attempts: &["memory-processes"],
        applies: |held| !held.cgroup.iter().any(|controller| controller == "memory"),
        why: "without a control group each process is bounded, and their number, but not the memory of all together",
    },
    Declared {
        attempts: &["stat-key", "see-processes"],
        applies: without_namespaces,
        why: "without namespaces the host's files and processes can be asked for by name, and not opened: Landlock has no \
              rule about asking",
    },
    Declared {
        attempts: &["fill-folder", "fill-files"],
        applies: without_namespaces,
        why: "without a file system of its own, a folder is looked at from time to time, and what fills it is ended then",
    },
    Declared {
        attempts: &["bounding-set"],
        applies: |held| without_namespaces(held) && held.no_new_privileges,
        why: "it takes a capability to empty the set; that no program gives any is held by ruling out new privileges",
    },
];

fn without_namespaces(held: &Enforcement) -> bool {
    held.level == Level::Lite
}

/// What the escape suite found.
#[derive(Debug)]
pub struct Selftest {
    /// Every attempt and what became of it.
    pub tried: Vec<(&'static Attempt, Answer)>,
    /// What was changed on the host that must not change; nothing, if all is well.
    pub harm: Vec<String>,
    /// What held the attempts.
    pub enforcement: Enforcement,
}

impl Selftest {
    /// The attempts that worked and should not have, each a hole.
    pub fn open(&self) -> impl Iterator<Item = &(&'static Attempt, Answer)> {
        self.worked().filter(|(attempt, _)| !self.is_declared(attempt))
    }

    /// The attempts that worked, as the documentation says they do on a machine like this.
    pub fn declared(&self) -> impl Iterator<Item = &(&'static Attempt, Answer)> {
        self.worked().filter(|(attempt, _)| self.is_declared(attempt))
    }

    fn worked(&self) -> impl Iterator<Item = &(&'static Attempt, Answer)> {
        self.tried.iter().filter(|(_, answer)| answer.verdict == Outcome::Open)
    }

    fn is_declared(&self, attempt: &Attempt) -> bool {
        self.why_declared(attempt).is_some()
    }

    /// Why it can be done where these things hold it, as the documentation says.
    pub fn why_declared(&self, attempt: &Attempt) -> Option<&'static str> {
        let declared = DECLARED.iter().find(|declared| declared.attempts.contains(&attempt.name));
        declared.filter(|declared| (declared.applies)(&self.enforcement)).map(|declared| declared.why)
    }

    /// Whether nothing worked and nothing was harmed.
    pub fn held(&self) -> bool {
        self.open().next().is_none() && self.harm.is_empty()
    }
}

/// Tries to get out of a sandbox in every way the suite knows. Harmless where one works.
///
/// The environment should have [`SECRET_VARIABLE`], so that there is something to be found in it.
///
/// # Errors
/// The suite could not be prepared, or there was no sandbox.
pub fn selftest(sandbox: &dyn Sandbox) -> Result<Selftest, SandboxError> {
    selftest_reaching(sandbox, Network::None)
}

/// The same in a sandbox that has a network. That a program can make TCP sockets there counts as open, since the suite does
/// not know that they lead to the proxy alone.
///
/// # Errors
/// As [`selftest`].
pub fn selftest_reaching(sandbox: &dyn Sandbox, network: Network) -> Result<Selftest, SandboxError> {
    let failed = SandboxError::at(Step::StartHelper);
    if env::var_os(SECRET_VARIABLE).is_none() {
        return Err(failed(io::Error::other(format!(
            "{SECRET_VARIABLE} has to be set, or some attempts prove nothing"
        ))));
    }
    let program = env::current_exe().map_err(failed)?;
    let mut prepared = prepare().map_err(SandboxError::at(Step::OpenPaths))?;
    let limits = Limits { wall: Some(WALL), ..Limits::default() };
    let ground = prepared.ground(Place::Inside, limits);
    let confinement = Confinement {
        read_only: vec![program.clone(), ground.visible.clone()],
        writable: vec![ground.writable.clone()],
        network,
        limits,
        ..Confinement::default()
    };
    let input =
        serde_json::to_vec(&ground).map_err(|error| SandboxError::at(Step::ReadPlan)(error.into()))?;
    let outcome = sandbox
        .run(&Job { command: vec![program.into(), TRY.into()], input, ..Job::default() }, &confinement)?;
    if outcome.end != End::Exited(0) {
        // What it answered until then counts; what is missing counts as open.
        let text = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let reason = format!("the attempts ended early ({:?}): {text}", outcome.end);
        return Err(SandboxError::at(Step::StartProgram)(io::Error::other(reason)));
    }
    let answers = read_answers(&[], &outcome.stdout);
    let harm = prepared.harm().map_err(SandboxError::at(Step::ReadBack))?;
    Ok(Selftest { tried: ALL.iter().zip(answers).collect(), harm, enforcement: outcome.enforcement })
}

/// What the host says of the ground, with the folder that the sandbox gives.
fn own_ground() -> io::Result<String> {
    let ground: Ground = serde_json::from_str(&io::read_to_string(io::stdin())?)?;
    Ok(serde_json::to_string(&Ground { own: env::temp_dir(), ..ground })?)
}

/// The process that tries, inside.
pub(super) fn attempt() -> ExitCode {
    match own_ground().and_then(|ground| run_child(&[], &ground, &mut io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The host shows it.
            let _ = io::Write::write_all(&mut io::stderr(), error.to_string().as_bytes());
            ExitCode::FAILURE
        }
    }
}
