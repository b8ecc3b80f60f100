//! `airlock run`: stands between an MCP client and a server that it starts.
//!
//! stdout belongs to the protocol; everything that is said here goes to stderr.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    process,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use airlock_engine::{
    Airlock, Caller, SessionId,
    config::{Config, Destination, Flags, Problem},
};
use airlock_gateway::{Launcher, SessionEnd, SessionOptions, run_stdio};
use airlock_host::{Audit, hash_key, providers};
use airlock_mcp::{Guard, GuardSettings, Report, Severity};
use jiff::Timestamp;

use crate::{
    args::RunArgs,
    exit::{CommandResult, Exit, Failure},
    render::{Console, Stream, printable},
    sandboxed::{self, Boxed},
    settings,
};

/// Longest part of the server's command that is shown, in characters.
const SHOWN: usize = 60;
/// Longest report, in characters.
const SHOWN_OF_A_REPORT: usize = 1_000;

pub(crate) fn execute(
    args: RunArgs,
    launcher: Launcher,
    sandbox: airlock_sandbox::Launcher,
    console: &mut Console,
) -> CommandResult {
    let flags = Flags {
        server: args.server.clone(),
        sandbox: args.sandbox,
        per_call: args.per_call,
        ..Flags::default()
    };
    let (config, _) = settings::load_with(&args.config, flags)?;
    // What servers of the configuration do without has no effect where none of them is started.
    let about_servers = |warning: &Problem| warning.key.starts_with("servers.");
    for warning in config.warnings.iter().filter(|warning| config.server.is_some() || !about_servers(warning))
    {
        writeln!(console.err, "airlock: {warning}")?;
    }
    let command: Vec<OsString> = match &config.server {
        Some(server) => server.command.iter().map(OsString::from).collect(),
        None => args.command,
    };
    let mut caller = args.caller.caller();
    caller.session_id.get_or_insert_with(new_session_id);
    let audit = open_audit(&config)?;
    if let Some(notice) = &audit.notice {
        writeln!(console.err, "airlock: warning: {notice}")?;
    }
    let boxed = if config.sandbox.required {
        let (asked, limits) = sandboxed::asked(&args.confinement, &config.sandbox)?;
        Some(sandboxed::start(&command, &asked, limits, config.sandbox.mode, sandbox)?)
    } else {
        sandboxed::expect_nothing(&args.confinement)?;
        for warning in sandboxed::missed(&config) {
            writeln!(console.err, "airlock: warning: {warning}")?;
        }
        None
    };
    if !args.quiet {
        let shown = boxed.as_ref().map(Boxed::to_string);
        let line = start_line(&command, shown.as_deref(), &config, &caller, &audit.place);
        writeln!(console.err, "{line}")?;
        if io::stdin().is_terminal() {
            writeln!(
                console.err,
                "airlock: this is a terminal, and an MCP client should start this command; see --help"
            )?;
        }
    }
    let engine = Airlock::new(&config, providers(audit.sink)?, *hash_key(&config)?.bytes());
    let settings = GuardSettings {
        caller: Arc::new(caller),
        hide_denied: config.airlock.hide_denied_tools,
        bounds: config.limits.message,
        sandbox: boxed.as_ref().map(|boxed| boxed.backend().as_str().into()),
    };
    let (options, aftermath) = if let Some(Boxed { server, fresh, aftermath, errors, .. }) = boxed {
        let options = match fresh {
            Some(fresh) => {
                let options = SessionOptions::per_call(server, fresh, config.limits.message)
                    .calls_ahead(config.sandbox.pool_size);
                let limit =
                    config.sandbox.max_call_seconds.map(|seconds| Duration::from_secs(seconds as u64));
                limit.into_iter().fold(options, SessionOptions::call_limit)
            }
            None => SessionOptions::of(server),
        };
        (options, Some((aftermath, errors)))
    } else {
        // Our own keys are no business of somebody else's server.
        let options = SessionOptions::new(launcher, command);
        (sandboxed::OUR_KEYS.into_iter().fold(options, SessionOptions::withhold), None)
    };
    let options = options.max_line(config.limits.message.max_bytes);
    let err = Mutex::new(Stream::stderr());
    let end = run_stdio(Arc::new(Guard::new(engine, settings)), options, move |report| {
        if !args.quiet || report.severity == Severity::Warning {
            tell(&report, &mut err.lock().unwrap_or_else(PoisonError::into_inner));
        }
    });
    match aftermath {
        Some((aftermath, errors)) => {
            sandboxed::ended(&end, aftermath, errors, config.sandbox.limits.memory_mb)
                .map_or_else(|| ended(end), Err)
        }
        None => ended(end),
    }
}

/// How the command ends, given how the session did.
fn ended(end: SessionEnd) -> CommandResult {
    match end {
        SessionEnd::ClientClosed | SessionEnd::ServerExited { code: 0 } => Ok(Exit::Fine),
        // The reason was said by the process that could not become the server.
        SessionEnd::ServerExited { code: code @ (126 | 127) } => {
            Ok(Exit::NotStarted(if code == 126 { 126 } else { 127 }))
        }
        SessionEnd::ServerExited { .. } => Err(Failure::unexpected(end)),
        SessionEnd::Signalled { signal } => Ok(Exit::Signalled(u8::try_from(signal).unwrap_or(u8::MAX))),
        SessionEnd::Failed(error) => Err(Failure::new(
            match error.kind() {
                io::ErrorKind::NotFound => Exit::NotStarted(127),
                io::ErrorKind::PermissionDenied => Exit::NotStarted(126),
                _ => Exit::Unexpected,
            },
            error,
        )),
    }
}

/// Tells the sessions that share an audit file apart.
fn new_session_id() -> SessionId {
    let id = format!("{:x}-{:x}", Timestamp::now().as_millisecond(), process::id());
    SessionId::new(&id).unwrap_or_else(|_| unreachable!("hexadecimal digits are an identifier"))
}

/// Where the records go: not where the protocol is.
fn open_audit(config: &Config) -> Result<Audit, Failure> {
    if config.audit.destination == Destination::Stdout {
        return Err(Failure::new(Exit::ConfigInvalid, "audit.path is `stdout`, which carries the protocol")
            .with_help("choose a file or `stderr`"));
    }
    Ok(Audit::open(config)?)
}

/// One line that says what is guarded, and how.
fn start_line(
    command: &[OsString],
    sandbox: Option<&str>,
    config: &Config,
    caller: &Caller,
    audit: &str,
) -> String {
    let server = config.server.as_ref().map(|server| format!("{}, ", server.name)).unwrap_or_default();
    let sandbox = sandbox.map(|shown| format!(" · sandbox {shown}")).unwrap_or_default();
    let command: Vec<_> = command.iter().map(|part| part.to_string_lossy()).collect();
    let mode = if config.airlock.strict_mode { "strict" } else { "permissive" };
    let agent = caller.agent_id.as_ref().map_or("anonymous", |agent| agent.as_str());
    format!(
        "airlock: guarding {server}`{}`{sandbox} · mode {mode} · policy {} · agent {agent} · audit {audit}",
        printable(&command.join(" "), SHOWN),
        settings::policies(config, caller).join(" and "),
    )
}

/// One write per report, since the server's own messages go to the same place.
fn tell(report: &Report, err: &mut Stream) {
    let severity = match report.severity {
        Severity::Info => "",
        Severity::Warning => "warning: ",
    };
    // If stderr is closed nobody listens, and the session goes on.
    let _ = err
        .write_all(format!("airlock: {severity}{}\n", printable(&report.text, SHOWN_OF_A_REPORT)).as_bytes());
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, io};

    use airlock_engine::{
        AgentId, Caller,
        config::{Config, ConfigInput, ServerConfig, load},
    };
    use airlock_gateway::SessionEnd;

    use super::{ended, start_line};

    #[test]
    fn sessions_map_to_exit_codes() {
        let failed = |kind: io::ErrorKind| SessionEnd::Failed(kind.into());
        let table = [
            (SessionEnd::ClientClosed, 0),
            (SessionEnd::ServerExited { code: 0 }, 0),
            (SessionEnd::ServerExited { code: 2 }, 1),
            (SessionEnd::ServerExited { code: 137 }, 1),
            (SessionEnd::ServerExited { code: 127 }, 127),
            (SessionEnd::ServerExited { code: 126 }, 126),
            (SessionEnd::Signalled { signal: 15 }, 143),
            (failed(io::ErrorKind::NotFound), 127),
            (failed(io::ErrorKind::PermissionDenied), 126),
            (failed(io::ErrorKind::BrokenPipe), 1),
        ];
        for (end, code) in table {
            let shown = format!("{end:?}");
            let exit = ended(end).unwrap_or_else(|failure| failure.exit);
            assert_eq!(exit.code(), code, "{shown}");
        }
    }

    #[test]
    fn the_start_line_says_what_is_guarded() {
        let config = load(&ConfigInput::default(), &jiff::tz::TimeZone::UTC).unwrap();
        let caller = Caller { agent_id: AgentId::new("claude").ok(), ..Caller::anonymous() };
        let command: Vec<OsString> = ["npx", "-y", "some-\u{1b}[2Jserver"].iter().map(Into::into).collect();
        let line = start_line(&command, None, &config, &caller, "/tmp/audit.jsonl");
        assert!(
            line.starts_with("airlock: guarding `npx -y some-\\u{1b}[2Jserver` · mode permissive · policy "),
            "{line}"
        );
        assert!(line.ends_with(" · agent claude · audit /tmp/audit.jsonl"), "{line}");
        let line = start_line(&command, Some("box (reads /opt/x)"), &config, &caller, "stderr");
        assert!(line.contains("server` · sandbox box (reads /opt/x) · mode "), "{line}");
        let server = ServerConfig {
            name: "notes".to_owned(),
            command: vec!["npx".to_owned()],
            sandbox: config.sandbox.clone(),
        };
        let config = Config { server: Some(server), ..config };
        let line = start_line(&command, None, &config, &caller, "stderr");
        assert!(line.starts_with("airlock: guarding notes, `npx -y "), "{line}");
    }
}
