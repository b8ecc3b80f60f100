//! A program in the sandbox: what is asked for on the command line, together with what its command needs; and servers,
//! started.
//!
//! Nothing here ever falls back to a server outside of the sandbox.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::{self, Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

#[cfg(target_os = "linux")]
use airlock_engine::{Code, Rejection};
use airlock_engine::{
    SandboxNeed,
    config::{Config, SandboxConfig, SandboxLimits, SandboxMode, ToolRules},
};
use airlock_gateway::{FreshServers, SessionEnd, Started};
use airlock_sandbox::{
    Aftermath, Backend, Confinement, Launcher, Level, Limits, ProcessBox, Sandbox as _,
    proxy::{AllowedHost, Reason, Refusal, Watch},
};
#[cfg(target_os = "linux")]
use airlock_sandbox::{SandboxError, Step};

use crate::{
    args::ConfinementArgs,
    commands::exec::refused,
    exit::{Exit, Failure},
    render::{printable, without_controls},
};

/// Keys of our own, which no server gets.
pub(crate) const OUR_KEYS: [&str; 2] = ["AIRLOCK_HASH_KEY", "E2B_API_KEY"];

/// Longest name that is shown, in characters, and the most of them.
const SHOWN: usize = 80;
const MOST_SHOWN: usize = 6;
/// Longest reason that is shown, in characters.
#[cfg(target_os = "linux")]
const SHOWN_OF_A_REASON: usize = 2_000;

/// Longest line of a server's stderr that is passed on at once, in bytes.
#[cfg(target_os = "linux")]
const LONGEST_LINE: u64 = 16 << 10;
/// How often the end of a server's stderr is looked for, every 5 ms.
const LAST_WORDS: u32 = 40;

/// A server that runs in its sandbox.
pub(crate) struct Boxed {
    pub(crate) server: Started,
    /// Starts others like it, where each call has one of its own.
    pub(crate) fresh: Option<Arc<dyn FreshServers>>,
    pub(crate) aftermath: Aftermath,
    pub(crate) errors: Option<JoinHandle<()>>,
    backend: Backend,
    level: Level,
    read_only: Vec<PathBuf>,
    writable: Vec<PathBuf>,
    environment: Vec<OsString>,
    network: Vec<AllowedHost>,
}

impl Boxed {
    /// Who isolates it.
    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }
}

/// The first few of these, on one line.
pub(crate) fn listed(names: &[impl AsRef<OsStr>]) -> String {
    let shown = names.iter().take(MOST_SHOWN);
    let shown = shown.map(|name| printable(&name.as_ref().to_string_lossy(), SHOWN));
    let more = names.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0);
    shown.chain(more.map(|more| format!("{more} more"))).collect::<Vec<_>>().join(", ")
}

/// What it is, and what can be seen from within.
impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<OsString> = self.network.iter().map(|host| host.to_string().into()).collect();
        let points = [
            ("reads", listed(&self.read_only)),
            ("writes", listed(&self.writable)),
            ("reaches", listed(&hosts)),
            ("environment", listed(&self.environment)),
        ];
        let points = points.iter().filter(|(_, names)| !names.is_empty());
        let points: Vec<_> = points.map(|(what, names)| format!("{what} {names}")).collect();
        write!(f, "{}{}", self.level, if self.fresh.is_some() { " per call" } else { "" })?;
        if points.is_empty() { Ok(()) } else { write!(f, " ({})", points.join("; ")) }
    }
}

/// Tells whoever runs it which hosts its sandbox refused, each once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused;

/// Whether it was said how a host is allowed. Once for all, since the program chooses the names: a line that says how to
/// allow each of them would be the program's own advice.
static ADVISED: AtomicBool = AtomicBool::new(false);

impl Watch for Refused {
    fn refused(&self, refusal: &Refusal) {
        let Refusal { host, port, reason } = refusal;
        let advised = *reason != Reason::NotAllowed || ADVISED.swap(true, Ordering::Relaxed);
        let advice = if advised { "" } else { " (--net HOST allows one)" };
        let what = match reason {
            Reason::NotAllowed => "it is not on the list of hosts",
            Reason::NotPublic => "it leads to this machine or its networks, which no sandbox reaches",
            Reason::Fronted => "it was asked for in a connection to another host",
        };
        tell(&format!("{host}:{port}: {what}{advice}"));
    }

    fn untold(&self, reason: Reason) {
        let which = match reason {
            Reason::NotAllowed => "are not on the list",
            Reason::NotPublic => "lead to this machine or its networks",
            Reason::Fronted => "were asked for in connections to others",
        };
        tell(&format!("more hosts that {which}; they are not shown"));
    }

    fn ended(&self, untold: u64) {
        tell(&format!("{untold} requests for hosts that were not shown"));
    }
}

/// In one piece, since others write, too.
fn tell(what: &str) {
    let line = format!("airlock: the sandbox refused {what}\n");
    // Without stderr nobody is left to tell.
    let _ = io::Write::write_all(&mut io::stderr().lock(), line.as_bytes());
}

/// Without a sandbox there is nothing that could be shown in it.
pub(crate) fn expect_nothing(asked: &ConfinementArgs) -> Result<(), Failure> {
    let ConfinementArgs { read_only, writable, environment, network, min_level: _ } = asked;
    if read_only.is_empty() && writable.is_empty() && environment.is_empty() && network.is_empty() {
        return Ok(());
    }
    let message = "--ro, --rw, --env and --net are about the sandbox";
    Err(Failure::usage(message).with_help("add --sandbox, or set sandbox.required in the configuration"))
}

/// What becomes of the tools that ask for a sandbox, when their server runs in none.
pub(crate) fn missed(config: &Config) -> Vec<String> {
    let consequence = |need| match need {
        SandboxNeed::Required => Some("calls of it are refused"),
        SandboxNeed::Wanted => Some("it runs without one"),
        SandboxNeed::None => None,
    };
    let sentence = |rules: &ToolRules| {
        let consequence = consequence(rules.sandbox)?;
        let name = printable(rules.pattern.as_str(), SHOWN);
        Some(format!(
            "tools.\"{name}\" asks for a sandbox, and the server is in none: {consequence}; see --sandbox"
        ))
    };
    config.tools.iter().filter_map(sentence).collect()
}

/// What the command line asks for a server, on top of what the configuration does, and how much it may use.
pub(crate) fn asked(
    flags: &ConfinementArgs,
    config: &SandboxConfig,
) -> Result<(ConfinementArgs, Limits), Failure> {
    let paths = |filed: &[String], given: &[PathBuf]| {
        filed.iter().map(PathBuf::from).chain(given.iter().cloned()).collect::<Vec<_>>()
    };
    let configured: Level = config.min_level.parse().map_err(|error| {
        Failure::new(Exit::ConfigInvalid, format_args!("sandbox.min_level `{}`: {error}", config.min_level))
    })?;
    let mut environment = config.environment.clone();
    environment.extend(flags.environment.iter().filter(|name| !config.environment.contains(name)).cloned());
    let mut network = Vec::new();
    for host in &config.hosts {
        let host = host.parse().map_err(|error| {
            Failure::new(
                Exit::ConfigInvalid,
                format_args!("sandbox.hosts `{}`: {error}", printable(host, SHOWN)),
            )
        })?;
        network.push(host);
    }
    network.extend(flags.network.iter().cloned());
    let asked = ConfinementArgs {
        read_only: paths(&config.read_only, &flags.read_only),
        writable: paths(&config.writable, &flags.writable),
        environment,
        network,
        min_level: Some(match flags.min_level {
            // What the configuration says no option takes back.
            Some(level) if config.min_level_is_given => level.max(configured),
            Some(level) => level,
            None => configured,
        }),
    };
    let SandboxLimits { memory_mb, processes, tmpfs_mb, files, open_files } = config.limits;
    let few = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    // A server ends when its session does.
    let limits = Limits {
        wall: None,
        cpu: None,
        memory: (memory_mb as u64) << 20,
        processes: few(processes),
        tmpfs: (tmpfs_mb as u64) << 20,
        files: files as u64,
        open_files: few(open_files),
        ..Limits::default()
    };
    Ok((asked, limits))
}

/// A command as it is started in a sandbox.
pub(crate) struct Prepared {
    pub(crate) command: Vec<OsString>,
    pub(crate) confinement: Confinement,
    /// What is shown because the command needs it, and was not named by anybody.
    pub(crate) found: Vec<PathBuf>,
}

/// What `command` really is inside, and all that is to be seen from within: what was asked for, and what the command
/// needs to start.
#[cfg(target_os = "linux")]
pub(crate) fn prepare(
    command: &[OsString],
    asked: &ConfinementArgs,
    limits: Limits,
) -> Result<Prepared, Failure> {
    use airlock_sandbox::{Host, Profile};

    let Confinement { mut read_only, writable, mut environment, network, .. } = asked_for(asked)?;
    let mut host = Host::current()
        .map_err(|error| Failure::unexpected(format_args!("cannot find out the current folder: {error}")))?;
    host.named = read_only.iter().chain(&writable).cloned().collect();
    // What it says of files is their word, which is not to draw on a terminal.
    let profile = Profile::of(command, &host).map_err(|error| {
        let reason = printable(&error.to_string(), SHOWN_OF_A_REASON);
        Failure::new(Exit::NotStarted(127), format_args!("cannot be sandboxed: {reason}"))
    })?;
    // What lies in a folder that was asked for is visible already.
    let is_needed = |path: &PathBuf| !host.named.iter().any(|open| path.starts_with(open));
    let needed: Vec<_> = profile.read_only.into_iter().filter(is_needed).collect();
    read_only.extend(needed.iter().cloned());
    read_only.sort();
    read_only.dedup();
    let words: Vec<_> =
        command.iter().filter_map(|word| host.folder.join(word).canonicalize().ok()).collect();
    let found = needed.into_iter().filter(|path| !words.contains(path)).collect();
    if environment.iter().all(|(name, _)| name != "PATH") {
        environment.push(("PATH".into(), profile.search));
    }
    let is_visible = |folder: &Path| read_only.iter().chain(&writable).any(|path| folder.starts_with(path));
    let folder = Some(host.folder).filter(|folder| is_visible(folder));
    let links = profile.links;
    let confinement = Confinement { read_only, writable, links, environment, folder, network, limits };
    Ok(Prepared { command: profile.command, confinement, found })
}

/// Nothing can be found out here, and nothing will run.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prepare(
    _command: &[OsString],
    _asked: &ConfinementArgs,
    _limits: Limits,
) -> Result<Prepared, Failure> {
    Err(refused(&airlock_sandbox::SandboxError::Unsupported))
}

/// What the program may see, with absolute paths.
pub(crate) fn asked_for(args: &ConfinementArgs) -> Result<Confinement, Failure> {
    use airlock_sandbox::proxy::Network;

    if let Some(key) = args.environment.iter().find(|name| OUR_KEYS.contains(&name.as_str())) {
        return Err(Failure::usage(format_args!(
            "--env {key}: it is Airlock's own, and nothing in a sandbox gets it"
        )));
    }
    let environment = args.environment.iter().map(|name| {
        let value = std::env::var_os(name).ok_or_else(|| {
            Failure::usage(format_args!("--env {name}: there is no such variable"))
                .with_help("set it, or leave it out")
        })?;
        Ok::<_, Failure>((OsString::from(name), value))
    });
    Ok(Confinement {
        read_only: absolute("--ro", &args.read_only)?,
        writable: absolute("--rw", &args.writable)?,
        environment: environment.collect::<Result<_, _>>()?,
        network: Network::of(args.network.clone()),
        ..Confinement::default()
    })
}

fn absolute(flag: &str, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let absolute = |path: &PathBuf| {
        let problem = |error: io::Error| Failure::usage(format_args!("{flag} {}: {error}", path.display()));
        path.metadata().map_err(problem)?;
        // The name stays as it was given, so that the program finds it; only `.` and `..` go.
        let parts = path::absolute(path).map_err(problem)?;
        if parts.components().any(|part| part == path::Component::ParentDir) {
            return parts.canonicalize().map_err(problem);
        }
        Ok(parts)
    };
    paths.iter().map(absolute).collect()
}

/// Starts a server in the sandbox, for a whole session or for all of it but the calls.
#[cfg(target_os = "linux")]
pub(crate) fn start(
    command: &[OsString],
    asked: &ConfinementArgs,
    limits: Limits,
    mode: SandboxMode,
    launcher: Launcher,
) -> Result<Boxed, Failure> {
    let Prepared { command, confinement, .. } = prepare(command, asked, limits).map_err(not_started)?;
    let sandbox = ProcessBox::box_or_lite(launcher, asked.min_level.unwrap_or(Level::Box));
    let backend = sandbox.backend();
    let recipe = Recipe { sandbox: sandbox.watched_by(Arc::new(Refused)), command, confinement };
    let running = recipe.run().map_err(|error| not_started(refused(&error)))?;
    let level = running.enforcement().level;
    let (server, aftermath, errors) = hand_over(running).map_err(|error| {
        not_started(Failure::unexpected(format_args!("cannot read what the server says to stderr: {error}")))
    })?;
    Ok(Boxed {
        errors,
        server,
        aftermath,
        backend,
        level,
        read_only: recipe.confinement.read_only.clone(),
        writable: recipe.confinement.writable.clone(),
        environment: asked.environment.iter().map(OsString::from).collect(),
        network: asked.network.clone(),
        fresh: (mode == SandboxMode::PerCall).then(|| Arc::new(recipe) as Arc<dyn FreshServers>),
    })
}

/// What is needed to start a server once more.
#[cfg(target_os = "linux")]
struct Recipe {
    sandbox: ProcessBox,
    command: Vec<OsString>,
    confinement: Confinement,
}

#[cfg(target_os = "linux")]
impl Recipe {
    fn run(&self) -> Result<airlock_sandbox::Running, SandboxError> {
        self.sandbox.start(&self.command, &self.confinement)
    }
}

#[cfg(target_os = "linux")]
impl FreshServers for Recipe {
    fn start(&self) -> Result<Started, Rejection> {
        let running = self.run().map_err(|error| not_run(&error))?;
        let (server, aftermath, _errors) = hand_over(running)
            .map_err(|error| Rejection::new(Code::SandboxError).with_message(error.to_string()))?;
        // It waits until nothing is left of the box, and removes its control group.
        Ok(server.keeping(aftermath))
    }
}

/// A box as a server that a session can take over.
#[cfg(target_os = "linux")]
fn hand_over(running: airlock_sandbox::Running) -> io::Result<(Started, Aftermath, Option<JoinHandle<()>>)> {
    let (mut process, hold, aftermath) = running.into_parts();
    let errors = process.stderr.take().map(pass_on).transpose()?;
    Ok((Started::new(process, move || drop(hold)), aftermath, errors))
}

/// How a call is refused that no server could be started for. The details are for the operator.
#[cfg(target_os = "linux")]
fn not_run(error: &SandboxError) -> Rejection {
    let failure = refused(error);
    let help = failure.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
    let why = printable(&format!("{}{help}", failure.message), SHOWN_OF_A_REASON);
    let line = format!("airlock: warning: no server could be started for a call: {why}\n");
    // Without stderr nobody is left to tell.
    let _ = io::Write::write_all(&mut io::stderr().lock(), line.as_bytes());
    let step = match error {
        SandboxError::Failed { step, .. } if *step != Step::ReadBack => format!("cannot {step}"),
        SandboxError::Unsupported | SandboxError::TooWeak { .. } | SandboxError::NoneStrongEnough { .. } => {
            "it would be weaker than is required".to_owned()
        }
        SandboxError::Unavailable { backend, .. } => format!("`{backend}` cannot be used"),
        _ => {
            return Rejection::new(Code::SandboxError)
                .with_message("the sandbox that was made for this call was lost");
        }
    };
    Rejection::new(Code::SandboxUnavailable)
        .with_message(format!("no sandbox could be made for this call: {step}"))
        .with_hint("the operator must look at the log; the tool did not run")
}

/// Passes on what the server says to stderr, line by line and without what would draw or type. The server has no hold of
/// our own stderr: that may be a terminal, from which it could read, or a log, which it could cut.
#[cfg(target_os = "linux")]
fn pass_on(from: std::process::ChildStderr) -> io::Result<JoinHandle<()>> {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};

    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    thread::Builder::new().name("server's stderr".to_owned()).spawn(move || {
        loop {
            line.clear();
            match from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            let text = without_controls(&String::from_utf8_lossy(&line));
            // What we say ourselves begins like this.
            let text = if text.starts_with("airlock:") { format!("server: {text}") } else { text };
            // Without stderr nobody is left to tell; the server is not to notice.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    })
}

/// Waits a little for what the server said last; it may have given its stderr to somebody who keeps it open.
fn last_words(errors: Option<JoinHandle<()>>) {
    let Some(errors) = errors else { return };
    for _ in 0..LAST_WORDS {
        if errors.is_finished() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Refuses: there is no sandbox here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start(
    _command: &[OsString],
    _asked: &ConfinementArgs,
    _limits: Limits,
    _mode: SandboxMode,
    _launcher: Launcher,
) -> Result<Boxed, Failure> {
    Err(not_started(refused(&airlock_sandbox::SandboxError::Unsupported)))
}

/// Says that the server did not run instead.
fn not_started(failure: Failure) -> Failure {
    let help = failure.help.map_or_else(
        || "the server was not started".to_owned(),
        |help| format!("the server was not started; {}", help.trim_start_matches("nothing ran; ")),
    );
    Failure { help: Some(help), ..failure }
}

/// What only the sandbox can say about the end of a session: that the server never began, or that it had no memory left.
pub(crate) fn ended(
    end: &SessionEnd,
    mut aftermath: Aftermath,
    errors: Option<JoinHandle<()>>,
    memory_mb: usize,
) -> Option<Failure> {
    last_words(errors);
    // Waits until nothing is left of it.
    let refusal = aftermath.refusal();
    match end {
        SessionEnd::ServerExited { code: 126 | 127 } => refusal.map(|refusal| refused(&refusal)),
        SessionEnd::ServerExited { code } if *code != 0 && aftermath.ran_out_of_memory() => {
            let failure = Failure::unexpected(format_args!(
                "the server needed more than {memory_mb} MiB of memory and was ended"
            ));
            Some(failure.with_help("sandbox.max_memory_mb of the configuration gives it more"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use airlock_sandbox::{SandboxError, Step};

    use super::{not_started, refused};

    #[test]
    fn a_refusal_says_that_the_server_did_not_run() {
        let failure = not_started(refused(&SandboxError::Failed {
            step: Step::UserNamespace,
            source: io::Error::from_raw_os_error(1),
        }));
        assert_eq!(failure.exit.code(), 125);
        let help = failure.help.unwrap();
        assert!(help.starts_with("the server was not started; the box needs user namespaces"), "{help}");
    }
}
