//! Outside: starts a worker for a call, and says what its end means.

use std::{
    collections::BTreeMap,
    env, fmt, io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use airlock_engine::{Caller, Code, Rejection};
use airlock_sandbox::{
    Confinement, End, Job, Launcher, Level, Outcome, Probe, ProcessBox, Sandbox, SandboxError, Step, Stop,
};

use super::{
    apart::apart,
    entry::WORKER,
    wire::{Answer, Request},
};
use crate::Tool;

/// How the sandboxed tools of this process are isolated: what [`enter`](crate::enter) returns. Cheap to clone.
///
/// A box of this machine, unless [`sandbox`](Self::sandbox) brings another. What tools see and how much they may use says
/// [`confinement`](Self::confinement): by default nothing but the system's programs and libraries, and a minute.
#[derive(Clone)]
pub struct Isolation(Arc<Inside>);

#[derive(Clone)]
struct Inside {
    source: Source,
    min_level: Level,
    confinement: Arc<Confinement>,
    tools: BTreeMap<String, Known>,
    chosen: OnceLock<Arc<dyn Sandbox>>,
    probe: OnceLock<Probe>,
}

#[derive(Clone)]
enum Source {
    /// This machine's box.
    Own(Launcher),
    Other(Arc<dyn Sandbox>),
}

/// A tool that the worker would find.
#[derive(Clone)]
struct Known {
    input_schema: String,
    twice: bool,
}

/// What became of a call in the sandbox.
pub(crate) enum Isolated {
    /// The worker ended in order and said this.
    Answered(Answer),
    /// The tool ran, or may have run, and there is no result.
    Lost(Rejection),
    /// The tool did not run. The sentence is for whoever called.
    NotRun(String),
}

impl Isolation {
    pub(super) fn new(launcher: Launcher, tools: &[fn() -> Tool]) -> Self {
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for tool in tools.iter().map(|tool| tool()) {
            let schema = tool.schema_text().to_owned();
            let twice = known.contains_key(tool.name());
            known.insert(tool.name().to_owned(), Known { input_schema: schema, twice });
        }
        Self(Arc::new(Inside {
            source: Source::Own(launcher),
            min_level: Level::Box,
            confinement: Arc::default(),
            tools: known,
            chosen: OnceLock::new(),
            probe: OnceLock::new(),
        }))
    }

    fn change(&self, change: impl FnOnce(&mut Inside)) -> Self {
        let mut inside = Inside { chosen: OnceLock::new(), probe: OnceLock::new(), ..(*self.0).clone() };
        change(&mut inside);
        Self(Arc::new(inside))
    }

    /// What is weaker than `level` is no sandbox: instead of [`Level::Box`]. With [`Level::Lite`], which [`Level::None`]
    /// means too, the backend `lite` takes the place of the box where that cannot be had.
    #[must_use]
    pub fn at_least(&self, level: Level) -> Self {
        self.change(|inside| inside.min_level = level.max(Level::Lite))
    }

    /// Another sandbox than the box of this machine. It must show the program the files that a confinement names, under
    /// their names, as this program's own file is one of them.
    #[must_use]
    pub fn sandbox(&self, sandbox: Arc<dyn Sandbox>) -> Self {
        self.change(|inside| inside.source = Source::Other(sandbox))
    }

    /// What tools see, and how much they may use. This program's own file is always shown.
    #[must_use]
    pub fn confinement(&self, confinement: Confinement) -> Self {
        self.change(|inside| inside.confinement = Arc::new(confinement))
    }

    /// What this machine really gives. Tried once, by running a program that does nothing.
    pub fn probe(&self) -> &Probe {
        self.0.probe.get_or_init(|| self.chosen().probe())
    }

    /// The sandbox for calls, chosen once.
    fn chosen(&self) -> &Arc<dyn Sandbox> {
        self.0.chosen.get_or_init(|| match &self.0.source {
            Source::Own(launcher) => Arc::new(ProcessBox::box_or_lite(launcher.clone(), self.0.min_level)),
            Source::Other(sandbox) => Arc::clone(sandbox),
        })
    }

    /// Who isolates, as records say it.
    pub(crate) fn name(&self) -> &'static str {
        self.chosen().backend().as_str()
    }

    /// Why a worker could not run this tool, if it could not: the list that `enter` was given is wrong.
    pub(crate) fn problem_with(&self, tool: &Tool) -> Option<&'static str> {
        match self.0.tools.get(tool.name()) {
            None => Some("it is not in the list that `agent_airlock::enter` was given"),
            Some(Known { twice: true, .. }) => {
                Some("the list that `agent_airlock::enter` was given has two of this name")
            }
            Some(known) if known.input_schema != tool.schema_text() => {
                Some("the list that `agent_airlock::enter` was given has another tool of this name")
            }
            Some(_) => None,
        }
    }

    /// Whether there is a sandbox, by the probe. Then a call that cannot be isolated has met a failure that may pass, and
    /// does not run elsewhere for that: whoever makes many calls at once could bring it about.
    pub(crate) fn is_there(&self) -> bool {
        self.shortcoming().is_none()
    }

    /// Why calls would not run isolated here, if that can be told beforehand.
    pub(crate) fn shortcoming(&self) -> Option<String> {
        let backend = self.chosen().backend();
        if !backend.shows_files() {
            return Some(format!("`{backend}` cannot be shown this program's file, which the worker is"));
        }
        let probe = self.probe();
        let required = self.0.min_level;
        (probe.level < required).then(|| {
            let reasons = probe.reasons.join(", ");
            let separator = if reasons.is_empty() { "" } else { ": " };
            format!(
                "`{}` gives `{}` here, and `{required}` is needed{separator}{reasons}",
                probe.backend, probe.level
            )
        })
    }

    /// Runs a call of `tool` in the sandbox, on a thread of its own. It is never run twice, and never outside.
    ///
    /// Where nobody waits for the end any more, because the future is dropped, the worker is ended.
    pub(crate) async fn run(&self, tool: &Tool, arguments: String, caller: &Caller) -> Isolated {
        let sandbox = Arc::clone(self.chosen());
        let required = self.0.min_level;
        if sandbox.backend().level() < required {
            return Isolated::NotRun(format!("`{}` is weaker than `{required}`", sandbox.backend()));
        }
        let prepared = self.prepare(tool, arguments, caller);
        let (job, confinement) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Isolated::NotRun(error.to_string()),
        };
        let _unless_dropped = GivenUp(job.stop.clone());
        let running = apart(move || sandbox.run(&job, &confinement));
        let Ok(running) = running else {
            return Isolated::NotRun("no thread can be started for it".to_owned());
        };
        match running.await {
            Some(Ok(outcome)) => judge(&outcome, required),
            Some(Err(error)) => refused(&error),
            None => lost("the sandbox crashed, and nobody knows what became of the call"),
        }
    }

    fn prepare(&self, tool: &Tool, arguments: String, caller: &Caller) -> io::Result<(Job, Confinement)> {
        let program = program()?;
        let job = Job {
            command: vec![program.clone().into(), WORKER.into(), tool.name().into()],
            input: serde_json::to_vec(&Request::new(arguments, caller))?,
            stop: Stop::new(),
        };
        let mut confinement = Confinement::clone(&self.0.confinement);
        confinement.read_only.push(program);
        Ok((job, confinement))
    }
}

/// Ends a worker for whose result nobody waits. After its end it does nothing.
struct GivenUp(Stop);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// The file of this program, if it is still the one that runs: another one would be another tool.
fn program() -> io::Result<PathBuf> {
    let path = env::current_exe()?;
    #[cfg(target_os = "linux")]
    {
        use std::{fs::metadata, os::unix::fs::MetadataExt as _};

        let identity = |path| metadata(path).map(|file| (file.dev(), file.ino()));
        let running = identity("/proc/self/exe".as_ref())?;
        if identity(path.as_path()).ok() != Some(running) {
            return Err(io::Error::other(
                "the program's file is not the one that runs: start the program anew",
            ));
        }
    }
    Ok(path)
}

/// What the end of a worker means.
fn judge(outcome: &Outcome, required: Level) -> Isolated {
    if outcome.enforcement.level < required {
        return lost("the sandbox held less than is required");
    }
    match outcome.end {
        End::Exited(0) => match Answer::read(&outcome.stdout) {
            Some(answer) => Isolated::Answered(answer),
            None => lost("the tool's process gave no valid result"),
        },
        End::Exited(_) | End::Signalled(_) => lost("the tool's process ended without a result"),
        End::DeadlineExceeded | End::CpuExceeded => Isolated::Lost(Rejection::new(Code::Timeout)),
        End::MemoryExceeded => lost("the tool used more memory than it may"),
        End::OutputExceeded => lost("the tool wrote more than it may"),
    }
}

fn lost(message: &str) -> Isolated {
    Isolated::Lost(Rejection::new(Code::SandboxError).with_message(message))
}

/// What a sandbox without an outcome means. Only where it is certain that nothing ran may something else be done.
fn refused(error: &SandboxError) -> Isolated {
    // Paths and texts of the system are for the operator: `Isolation::probe` and `airlock sandbox doctor` have them.
    Isolated::NotRun(match error {
        SandboxError::Unsupported => "this system has no sandbox of its own".to_owned(),
        // The name of a step before the program was there.
        SandboxError::Failed { step, .. } if *step != Step::ReadBack => format!("cannot {step}"),
        SandboxError::TooWeak { required, given, .. } => {
            format!("the sandbox would be `{given}` where `{required}` is required")
        }
        SandboxError::NoneStrongEnough { required, .. } => format!("no sandbox here gives `{required}`"),
        SandboxError::Unavailable { backend, .. } => format!("`{backend}` cannot be used"),
        _ => return lost("the sandbox was lost, and nobody knows what became of the call"),
    })
}

impl fmt::Debug for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isolation")
            .field("min_level", &self.0.min_level)
            .field("tools", &self.0.tools.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use airlock_engine::Code;
    use airlock_sandbox::{Backend, End, Enforcement, Level, Outcome, SandboxError, Step};

    use super::{Isolated, judge, refused};

    fn ended(end: End, stdout: &[u8]) -> Outcome {
        let enforcement = Enforcement { level: Level::Box, ..Enforcement::default() };
        Outcome { end, stdout: stdout.to_vec(), stderr: Vec::new(), enforcement }
    }

    fn code(isolated: Isolated) -> Option<Code> {
        match isolated {
            Isolated::Answered(_) => None,
            Isolated::Lost(rejection) => Some(rejection.code()),
            Isolated::NotRun(sentence) => panic!("it ran: {sentence}"),
        }
    }

    #[test]
    fn only_an_orderly_end_with_an_answer_has_a_result() {
        let answer = b"{\"text\":\"done\"}\n";
        assert_eq!(code(judge(&ended(End::Exited(0), answer), Level::Box)), None, "positive control");
        for (end, expected) in [
            (End::Exited(1), Code::SandboxError),
            (End::Signalled(9), Code::SandboxError),
            (End::CpuExceeded, Code::Timeout),
            (End::DeadlineExceeded, Code::Timeout),
            (End::MemoryExceeded, Code::SandboxError),
            (End::OutputExceeded, Code::SandboxError),
        ] {
            assert_eq!(code(judge(&ended(end, answer), Level::Box)), Some(expected), "{end:?}");
        }
        assert_eq!(code(judge(&ended(End::Exited(0), b"done\n"), Level::Box)), Some(Code::SandboxError));
        let weaker = judge(&ended(End::Exited(0), answer), Level::Machine);
        assert_eq!(code(weaker), Some(Code::SandboxError), "it was held by less than was required");
    }

    #[test]
    fn what_may_have_run_is_never_taken_for_what_did_not() {
        let broken = || io::Error::other("/home/ann: broken");
        let (backend, reason) = (Backend::Gvisor, "secret".to_owned());
        for error in [
            SandboxError::Lost,
            SandboxError::Broken { backend, reason: reason.clone() },
            // The host's loop around a running program says it this way.
            SandboxError::Failed { step: Step::ReadBack, source: broken() },
        ] {
            assert_eq!(code(refused(&error)), Some(Code::SandboxError), "{error:?}");
        }
        for error in [
            SandboxError::Unsupported,
            SandboxError::Failed { step: Step::UserNamespace, source: broken() },
            SandboxError::Failed { step: Step::StartProgram, source: broken() },
            SandboxError::TooWeak { required: Level::Box, given: Level::Lite, missing: reason.clone() },
            SandboxError::NoneStrongEnough { required: Level::Machine, probes: Vec::new() },
            SandboxError::Unavailable { backend, reason },
        ] {
            let Isolated::NotRun(sentence) = refused(&error) else { panic!("{error:?}") };
            assert!(!sentence.contains("home") && !sentence.contains("secret"), "{sentence}");
        }
    }
}
