//! `airlock exec`: untrusted code runs in the sandbox and nowhere else.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    thread,
    time::Duration,
};

use airlock_e2b::{E2bSandbox, Settings};
use airlock_gateway::{end_by_signal, watch_end_signals};
use airlock_sandbox::{
    Backend, Confinement, End, Gvisor, Job, Launcher, Level, Limits, Outcome, ProcessBox, Sandbox,
    SandboxError, Step, Stop,
};
use serde_json::json;

use crate::{
    args::{ExecArgs, Language, ReportFormat},
    exit::{CommandResult, Exit, Failure},
    render::{Console, without_controls},
    sandboxed::{Prepared, Refused, asked_for, listed, prepare},
};

/// Longest program that is read, in bytes.
const LONGEST_CODE: u64 = 16 << 20;
/// How long a signal waits for a machine of a service to end, and then for this command to say so.
const PATIENCE_TO_END: Duration = Duration::from_secs(10);
const PATIENCE_TO_SAY: Duration = Duration::from_secs(1);

pub(crate) fn execute(args: &ExecArgs, launcher: Launcher, console: &mut Console) -> CommandResult {
    let job = job(args)?;
    let limits = Limits {
        wall: Some(Duration::from_secs(args.timeout.into())),
        cpu: Some(Duration::from_secs(args.timeout.into())),
        memory: u64::from(args.memory) << 20,
        ..Limits::default()
    };
    let Ran { outcome, limits, found } = match args.backend {
        Some(Backend::E2b) => elsewhere(job, args, limits)?,
        #[cfg(all(feature = "microvm", target_os = "linux"))]
        Some(Backend::Microvm) => in_machine(&job, args, limits, launcher)?,
        // Nothing else on this machine is one.
        #[cfg(all(feature = "microvm", target_os = "linux"))]
        None if args.confinement.min_level == Some(Level::Machine) => {
            in_machine(&job, args, limits, launcher)?
        }
        backend => {
            let sandbox = sandbox_of(backend, launcher, args.confinement.min_level)?;
            here(job, args, limits, sandbox.as_ref(), console)?
        }
    };
    match args.format {
        ReportFormat::Text => show(&outcome, console)?,
        ReportFormat::Json => report(&outcome, &found, console)?,
    }
    ended(&outcome, &limits)
}

/// Who runs it on this machine. Whoever names one says that it is enough, but for a level that is named, too.
pub(crate) fn sandbox_of(
    backend: Option<Backend>,
    launcher: Launcher,
    required: Option<Level>,
) -> Result<Box<dyn Sandbox>, Failure> {
    let boxed = |sandbox: ProcessBox| Box::new(sandbox.watched_by(Arc::new(Refused)));
    let at_least = |level| required.unwrap_or(level);
    Ok(match backend {
        // More than a box is, and the least that is.
        None if required == Some(Level::Kernel) => Box::new(Gvisor::new(launcher)),
        None => boxed(ProcessBox::box_or_lite(launcher, at_least(Level::Box))),
        Some(Backend::Box) => boxed(ProcessBox::new(launcher).at_least(at_least(Level::Box))),
        // Whoever names it says that it is enough, but for a level that is named, too.
        Some(Backend::Lite) => boxed(ProcessBox::lite(launcher).at_least(at_least(Level::Lite))),
        Some(Backend::Gvisor) => Box::new(Gvisor::new(launcher).at_least(at_least(Level::Kernel))),
        Some(other) => {
            let reason = "it is not built yet".to_owned();
            return Err(refused(&SandboxError::Unavailable { backend: other, reason }));
        }
    })
}

/// How a program ended, within which limits, and what it was shown without being named.
struct Ran {
    outcome: Outcome,
    limits: Limits,
    found: Vec<PathBuf>,
}

/// On this machine.
fn here(
    job: Job,
    args: &ExecArgs,
    limits: Limits,
    sandbox: &dyn Sandbox,
    console: &mut Console,
) -> Result<Ran, Failure> {
    let Prepared { command, confinement, found } = prepare(&job.command, &args.confinement, limits)?;
    // For whoever looks on; in a pipe it would be taken for what the program says.
    if args.format == ReportFormat::Text && io::stderr().is_terminal() && !found.is_empty() {
        writeln!(console.err, "airlock: the command is shown {}", listed(&found))?;
    }
    let outcome = sandbox.run(&Job { command, ..job }, &confinement).map_err(|error| refused(&error))?;
    Ok(Ran { outcome, limits: confinement.limits, found })
}

/// In a machine of the service: what the command needs is there or not, and this machine has no part in it.
fn elsewhere(job: Job, args: &ExecArgs, limits: Limits) -> Result<Ran, Failure> {
    let confinement = Confinement { limits, ..asked_for(&args.confinement)? };
    let (sandbox, stop) = (E2bSandbox::new(Settings::from_env()), Stop::new());
    let signalled = end_when_signalled(&sandbox, &stop)?;
    let outcome = sandbox.run(&Job { stop, ..job }, &confinement).map_err(|error| match error {
        SandboxError::GivenUp => {
            let signal = u8::try_from(signalled.load(Ordering::Acquire)).unwrap_or_default();
            Failure::new(Exit::Signalled(signal), error)
        }
        error => refused(&error),
    })?;
    Ok(Ran { outcome, limits, found: Vec::new() })
}

/// A machine costs money until it is ended, which nobody but us does before its time limit: so at a signal it is ended
/// first, and then this process. Which signal that was.
fn end_when_signalled(sandbox: &E2bSandbox, stop: &Stop) -> Result<Arc<AtomicI32>, Failure> {
    let (sandbox, stop, signalled) = (sandbox.clone(), stop.clone(), Arc::new(AtomicI32::new(0)));
    let told = Arc::clone(&signalled);
    let end = move |signal| {
        if told.swap(signal, Ordering::AcqRel) != 0 {
            // Somebody who is told twice is not to wait for a service.
            end_by_signal(signal);
        }
        stop.request();
        let sandbox = sandbox.clone();
        // If the service answers, the command ends before this does.
        let ending = thread::Builder::new().name("end".to_owned()).spawn(move || {
            sandbox.shut_down(PATIENCE_TO_END);
            thread::sleep(PATIENCE_TO_SAY);
            end_by_signal(signal);
        });
        if ending.is_err() {
            end_by_signal(signal);
        }
    };
    watch_end_signals(end)
        .map_err(|error| Failure::unexpected(format_args!("cannot watch for signals: {error}")))?;
    Ok(signalled)
}

/// In a virtual machine of this one: what the command needs is in the root file system that was named for it, or not.
#[cfg(all(feature = "microvm", target_os = "linux"))]
fn in_machine(job: &Job, args: &ExecArgs, limits: Limits, launcher: Launcher) -> Result<Ran, Failure> {
    use airlock_sandbox::microvm::{Microvm, MicrovmSettings};

    let confinement = Confinement { limits, ..asked_for(&args.confinement)? };
    let outcome = Microvm::new(launcher, MicrovmSettings::from_env()).run(job, &confinement);
    let outcome = outcome.map_err(|error| match error {
        SandboxError::Failed { step: Step::StartProgram, .. } => refused(&error)
            .with_help("the machine has what its root file system has, and nothing of this one"),
        SandboxError::Unavailable { .. } => {
            refused(&error).with_help("nothing ran; `airlock sandbox doctor` says what is missing")
        }
        error => refused(&error),
    });
    Ok(Ran { outcome: outcome?, limits, found: Vec::new() })
}

fn job(args: &ExecArgs) -> Result<Job, Failure> {
    match (args.lang, args.command.is_empty()) {
        (Some(language), true) => Ok(Job {
            command: interpreter(language),
            input: code(args.code.as_deref().unwrap_or(Path::new("-")))?,
            ..Job::default()
        }),
        (None, false) => Ok(Job { command: args.command.clone(), input: input()?, ..Job::default() }),
        (Some(_), false) => Err(Failure::usage("--lang and a command exclude each other")),
        (None, true) => Err(Failure::usage("there is nothing to run").with_help(
            "give code and its language, as in `airlock exec --lang python -`, or a command after `--`",
        )),
    }
}

/// Each reads its program from standard input, and nothing of the user's settings.
fn interpreter(language: Language) -> Vec<OsString> {
    let words: &[&str] = match language {
        Language::Python => &["python3", "-I", "-"],
        Language::Javascript => &["node", "-"],
        Language::Shell => &["/bin/sh", "-s"],
    };
    words.iter().map(OsString::from).collect()
}

fn code(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut code = Vec::new();
    let read = if path == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err(Failure::usage("the code is read from standard input, which is a terminal")
                .with_help("name a file, or pipe the code in"));
        }
        io::stdin().lock().take(LONGEST_CODE + 1).read_to_end(&mut code)
    } else {
        File::open(path).and_then(|file| file.take(LONGEST_CODE + 1).read_to_end(&mut code))
    };
    read.map_err(|error| Failure::usage(format_args!("cannot read `{}`: {error}", path.display())))?;
    if code.len() as u64 > LONGEST_CODE {
        return Err(Failure::usage(format_args!(
            "`{}` is longer than {} MiB",
            path.display(),
            LONGEST_CODE >> 20
        )));
    }
    Ok(code)
}

/// What a command reads: our input, unless somebody is typing.
fn input() -> Result<Vec<u8>, Failure> {
    if io::stdin().is_terminal() { Ok(Vec::new()) } else { code(Path::new("-")) }
}

/// The streams as they came. On a terminal nothing that would draw or type: the program is not trusted.
fn show(outcome: &Outcome, console: &mut Console) -> io::Result<()> {
    let shown = |bytes: &[u8], terminal: bool| {
        if terminal { without_controls(&String::from_utf8_lossy(bytes)).into_bytes() } else { bytes.to_vec() }
    };
    console.out.write_all(&shown(&outcome.stdout, io::stdout().is_terminal()))?;
    console.out.flush()?;
    console.err.write_all(&shown(&outcome.stderr, io::stderr().is_terminal()))
}

fn report(outcome: &Outcome, found: &[PathBuf], console: &mut Console) -> Result<(), Failure> {
    let (end, number) = match outcome.end {
        End::Exited(code) => ("exited", Some(code)),
        End::Signalled(signal) => ("signalled", Some(signal)),
        End::DeadlineExceeded => ("deadline_exceeded", None),
        End::CpuExceeded => ("cpu_exceeded", None),
        End::MemoryExceeded => ("memory_exceeded", None),
        End::OutputExceeded => ("output_exceeded", None),
    };
    let report = json!({
        "end": end,
        "number": number,
        "stdout": String::from_utf8_lossy(&outcome.stdout),
        "stderr": String::from_utf8_lossy(&outcome.stderr),
        "shown": found.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        "enforcement": outcome.enforcement,
    });
    Ok(writeln!(console.out, "{report}")?)
}

/// How the command ends, given how the program did.
fn ended(outcome: &Outcome, limits: &Limits) -> CommandResult {
    let reached = |what: String, help: &str| Err(Failure::new(Exit::LimitReached, what).with_help(help));
    match outcome.end {
        // Its own business; it has said why itself.
        End::Exited(code) => Ok(Exit::OfProgram(u8::try_from(code).unwrap_or(u8::MAX))),
        End::Signalled(signal) => Ok(Exit::Signalled(u8::try_from(signal).unwrap_or(u8::MAX))),
        End::DeadlineExceeded => {
            let seconds = limits.wall.unwrap_or_default().as_secs();
            reached(format!("the program was ended after {seconds} s"), "--timeout gives it more time")
        }
        End::CpuExceeded => {
            let seconds = limits.cpu.unwrap_or_default().as_secs();
            reached(
                format!("the program used more than {seconds} s of processor time"),
                "--timeout gives it more of that, too",
            )
        }
        End::MemoryExceeded => {
            let mebibytes = limits.memory >> 20;
            reached(
                format!("the program needed more than {mebibytes} MiB of memory"),
                "--memory gives it more",
            )
        }
        End::OutputExceeded => reached(
            format!("the program wrote more than {} bytes and was ended", limits.output),
            "have it write into a file of a folder that is given with --rw",
        ),
    }
}

/// Nothing ran.
pub(crate) fn refused(error: &SandboxError) -> Failure {
    let failure = |exit, help: &str| Failure::new(exit, error).with_help(help);
    match error {
        SandboxError::Failed { step: Step::StartProgram, source } => {
            let code = if source.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            failure(
                Exit::NotStarted(code),
                "the box has the system's programs only; --ro shows it the folder of another one",
            )
        }
        SandboxError::Failed { step: Step::OpenPaths, source }
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            failure(
                Exit::NoSandbox,
                "nothing ran; it is shown to the user that the program runs as, which is not root: run it as its owner, or let \
                 others read it",
            )
        }
        SandboxError::Failed { step: Step::OpenPaths, .. } => failure(Exit::NoSandbox, "see --ro and --rw"),
        SandboxError::TooWeak { .. } => failure(
            Exit::NoSandbox,
            "nothing ran; --min-level says what is enough, and this machine has no more",
        ),
        SandboxError::Unsupported => failure(Exit::NoSandbox, "the box needs Linux"),
        SandboxError::NoneStrongEnough { .. } => {
            failure(Exit::NoSandbox, "nothing ran; `airlock sandbox doctor` says what is missing")
        }
        SandboxError::Unavailable { .. } => failure(Exit::NoSandbox, "nothing ran"),
        SandboxError::Failed { step: Step::ReadBack, .. }
        | SandboxError::GivenUp
        | SandboxError::Lost
        | SandboxError::Broken { .. } => failure(
            Exit::NoSandbox,
            "what the program did until then is not known; it did not run outside of the sandbox",
        ),
        SandboxError::Failed { step, .. } if !step.is_about_namespaces() => {
            failure(Exit::NoSandbox, "nothing ran; `airlock sandbox doctor` says what this machine offers")
        }
        _ => failure(
            Exit::NoSandbox,
            "nothing ran; the box needs user namespaces, which containers and some distributions deny",
        ),
    }
}

#[cfg(test)]
mod tests {
    use airlock_sandbox::{End, Enforcement, Limits, Outcome};

    use super::ended;

    #[test]
    fn ends_map_to_exit_codes() {
        let table = [
            (End::Exited(0), 0),
            (End::Exited(7), 7),
            (End::Signalled(9), 137),
            (End::DeadlineExceeded, 124),
            (End::CpuExceeded, 124),
            (End::MemoryExceeded, 124),
            (End::OutputExceeded, 124),
        ];
        for (end, code) in table {
            let outcome =
                Outcome { end, stdout: Vec::new(), stderr: Vec::new(), enforcement: Enforcement::default() };
            let exit = ended(&outcome, &Limits::default()).unwrap_or_else(|failure| failure.exit);
            assert_eq!(exit.code(), code, "{end:?}");
        }
    }
}
