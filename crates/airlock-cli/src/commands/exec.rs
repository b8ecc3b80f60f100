//! `airlock exec`: untrusted code runs in the sandbox and nowhere else.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use airlock_e2b::{E2bSandbox, Left, Settings, variables};
use airlock_engine::config::{Flags, SandboxConfig, Secret};
use airlock_gateway::{end_by_signal, watch_end_signals};
use airlock_host::Source;
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

/// Longest reason that is shown, in characters.
const SHOWN_OF_AN_ERROR: usize = 2_000;
/// Longest program that is read, in bytes.
const LONGEST_CODE: u64 = 16 << 20;
/// What a program may use where nothing else is said, in MiB.
const MEMORY: u32 = 512;
/// How long a signal waits for a machine of a service to end, and then for this command to say so.
const PATIENCE_TO_END: Duration = Duration::from_secs(10);
const PATIENCE_TO_SAY: Duration = Duration::from_secs(1);

pub(crate) fn execute(args: &ExecArgs, launcher: Launcher, console: &mut Console) -> CommandResult {
    let config = configured(args.config.as_deref())?;
    let required = required(args, &config)?;
    if args.backend == Some(Backend::E2b) && args.memory.is_some() {
        return Err(Failure::usage("--memory: what memory there is, the template of `e2b` says")
            .with_help("leave it out"));
    }
    let time = Duration::from_secs(args.timeout.into());
    let begin = Instant::now();
    let job = job(args, time)?;
    let limits = Limits {
        wall: Some(time),
        cpu: Some(time),
        memory: u64::from(args.memory.unwrap_or(MEMORY)) << 20,
        ..Limits::default()
    };
    let left = time.saturating_sub(begin.elapsed());
    if left.is_zero() {
        return Err(endless_input(time));
    }
    let within = Limits { wall: Some(left), ..limits };
    let Ran { outcome, found } = match args.backend {
        Some(Backend::E2b) => elsewhere(job, args, within, config.e2b_api_key.as_ref())?,
        #[cfg(all(feature = "microvm", target_os = "linux"))]
        Some(Backend::Microvm) => in_machine(&job, args, within, launcher)?,
        // Nothing else on this machine is one.
        #[cfg(all(feature = "microvm", target_os = "linux"))]
        None if required == Some(Level::Machine) => in_machine(&job, args, within, launcher)?,
        backend => {
            let sandbox = sandbox_of(backend, launcher, required)?;
            here(job, args, within, sandbox.as_ref(), console)?
        }
    };
    match args.format {
        ReportFormat::Text => show(&outcome, console)?,
        ReportFormat::Json => report(&outcome, &found, console)?,
    }
    ended(&outcome, &limits)
}

/// What the configuration says of the sandbox, if there is a file of it.
fn configured(file: Option<&Path>) -> Result<SandboxConfig, Failure> {
    let source = Source::find(file)?;
    if source.path().is_none() {
        return Ok(SandboxConfig::default());
    }
    let config = source.load(Flags::default()).map_err(|problems| {
        Failure::new(Exit::ConfigInvalid, format_args!("the configuration is invalid\n{problems}"))
    })?;
    Ok(config.sandbox)
}

/// The least that has to isolate, if somebody says so. What the configuration requires no flag lowers.
fn required(args: &ExecArgs, config: &SandboxConfig) -> Result<Option<Level>, Failure> {
    let asked = args.confinement.min_level;
    if !config.required {
        return Ok(asked);
    }
    let floor: Level = config.min_level.parse().map_err(|error| {
        Failure::new(Exit::ConfigInvalid, format_args!("sandbox.min_level `{}`: {error}", config.min_level))
    })?;
    match asked {
        Some(level) if level < floor => {
            let message =
                format!("--min-level {level} is less than the configuration requires, which is {floor}");
            Err(Failure::usage(message).with_help("see sandbox.min_level there"))
        }
        Some(level) => Ok(Some(level)),
        // Nor does it lower what is required without it.
        None => Ok(Some(floor.max(args.backend.map_or(Level::Box, Backend::level)))),
    }
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

/// How a program ended, and what it was shown without being named.
struct Ran {
    outcome: Outcome,
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
    Ok(Ran { outcome, found })
}

/// In a machine of the service: what the command needs is there or not, and this machine has no part in it.
fn elsewhere(job: Job, args: &ExecArgs, limits: Limits, key: Option<&Secret>) -> Result<Ran, Failure> {
    let confinement = Confinement { limits, ..asked_for(&args.confinement)? };
    let settings = Settings::from_variables(|name| {
        let given = std::env::var(name).ok().filter(|value| !value.is_empty());
        let kept = || key.filter(|_| name == variables::API_KEY).map(|key| key.expose().to_owned());
        given.or_else(kept)
    });
    let (sandbox, stop) = (E2bSandbox::new(settings), Stop::new());
    let signalled = end_when_signalled(&sandbox, &stop)?;
    let outcome = sandbox.run(&Job { stop, ..job }, &confinement);
    // Asks once more for what the service did not do.
    tell_of(&sandbox.shut_down(PATIENCE_TO_END));
    let outcome = outcome.map_err(|error| match error {
        SandboxError::GivenUp => {
            let signal = u8::try_from(signalled.load(Ordering::Acquire)).unwrap_or_default();
            Failure::new(Exit::Signalled(signal), error)
        }
        error => refused(&error),
    })?;
    Ok(Ran { outcome, found: Vec::new() })
}

/// Says which machines may live on: somebody pays for them. Once, whoever asked.
fn tell_of(left: &[Left]) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if left.is_empty() || TOLD.swap(true, Ordering::AcqRel) {
        return;
    }
    let lines: Vec<_> = left.iter().map(|left| format!("airlock: warning: {left}\n")).collect();
    // Without stderr nobody is left to tell.
    let _ = io::stderr().write_all(lines.concat().as_bytes());
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
            tell_of(&sandbox.shut_down(PATIENCE_TO_END));
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
    Ok(Ran { outcome: outcome?, found: Vec::new() })
}

/// What is to be run; its input is read for at most `time`.
fn job(args: &ExecArgs, time: Duration) -> Result<Job, Failure> {
    match (args.lang, args.command.is_empty()) {
        (Some(language), true) => Ok(Job {
            command: interpreter(language),
            input: code(args.code.as_deref().unwrap_or(Path::new("-")), time)?,
            ..Job::default()
        }),
        (None, false) => Ok(Job { command: args.command.clone(), input: input(time)?, ..Job::default() }),
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

fn code(path: &Path, time: Duration) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err(Failure::usage("the code is read from standard input, which is a terminal")
                .with_help("name a file, or pipe the code in"));
        }
        standard_input(time)?
    } else {
        File::open(path).and_then(all_of)
    };
    let code =
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

/// As much as is read of it.
fn all_of(from: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from.take(LONGEST_CODE + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Our input to its end, if that comes in time: whoever started us may have left a pipe open that nobody ever closes.
fn standard_input(time: Duration) -> Result<io::Result<Vec<u8>>, Failure> {
    let (read, was_read) = mpsc::sync_channel(1);
    // Left behind if the end does not come; this process ends then.
    let reader = thread::Builder::new().name("input".to_owned()).spawn(move || {
        // Nobody waits any more if that fails.
        let _ = read.send(all_of(io::stdin().lock()));
    });
    reader.map_err(|error| Failure::unexpected(format_args!("cannot read standard input: {error}")))?;
    was_read.recv_timeout(time).map_err(|_| endless_input(time))
}

fn endless_input(time: Duration) -> Failure {
    let seconds = time.as_secs();
    Failure::new(
        Exit::LimitReached,
        format_args!("standard input was not read to its end within {seconds} s, and nothing ran"),
    )
    .with_help("`</dev/null` gives the program none; --timeout gives it more time")
}

/// What a command reads: our input, unless somebody is typing.
fn input(time: Duration) -> Result<Vec<u8>, Failure> {
    if io::stdin().is_terminal() { Ok(Vec::new()) } else { code(Path::new("-"), time) }
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
            reached(
                format!("the program was ended after {seconds} s"),
                "--timeout gives it more time; what was spent on reading its input counts, too",
            )
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
    // A part of it may be the word of a program, or the name of a file that somebody else made.
    let shown = crate::render::printable(&error.to_string(), SHOWN_OF_AN_ERROR);
    let failure = |exit, help: &str| Failure::new(exit, &shown).with_help(help);
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
