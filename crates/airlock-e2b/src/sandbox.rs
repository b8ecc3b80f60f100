//! The backend: one program, one machine.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use airlock_sandbox::{
    Awaited, Backend, Confinement, End, Enforcement, Job, Level, Outcome, Probe, Sandbox, SandboxError, Stop,
};

use crate::{
    CallError, Client, Event, Events, Left, Machine, Program, ProgramEnd, Settings, SettingsError,
    client::Version,
    machines::{Fleet, LONGEST_RUN, Lease, MARGIN, Warm},
};

/// How much input is sent at once.
const PIECE: usize = 64 << 10;
/// Since when the service inside a machine can close a program's input, and start one without.
const CLOSES_INPUT: Version = [0, 5, 2];
const KNOWS_NO_INPUT: Version = [0, 3, 0];
/// The signals, as the service calls them.
const SIGNALS: [(&str, i32); 15] = [
    ("hangup", 1),
    ("interrupt", 2),
    ("quit", 3),
    ("illegal instruction", 4),
    ("trace/breakpoint trap", 5),
    ("aborted", 6),
    ("bus error", 7),
    ("floating point exception", 8),
    ("killed", 9),
    ("user defined signal 1", 10),
    ("segmentation fault", 11),
    ("user defined signal 2", 12),
    ("broken pipe", 13),
    ("alarm clock", 14),
    ("terminated", 15),
];

/// Runs each program in a fresh machine of the service, without network, and ends the machine after it.
///
/// The time limit and the limit of output are kept by this client. Processor time, memory, processes and files are
/// those of the template: the limits of them guard the machine that a program runs on, and that is not this one. Nothing
/// of this machine can be shown in it: a [`Confinement`] that names paths, links or hosts is refused, as is one without
/// a time limit.
///
/// A clone shares its machines; with the last one they end. That, and [`Self::shut_down`], also end the machines that
/// were made ahead.
#[derive(Clone, Debug)]
pub struct E2bSandbox {
    client: Result<Client, SettingsError>,
    fleet: Result<Arc<Fleet>, SettingsError>,
    template: String,
}

impl E2bSandbox {
    /// With the template `base`. Settings that make no sense make a sandbox that says so.
    pub fn new(settings: Result<Settings, SettingsError>) -> Self {
        Self::of(settings.map(Client::new), "base".to_owned())
    }

    /// With another template, by its name or its id, and no machines yet.
    #[must_use]
    pub fn with_template(self, template: impl Into<String>) -> Self {
        Self::of(self.client, template.into())
    }

    /// With machines of the template that are made ahead, so that a program need not wait for its own. Each is for one
    /// program all the same, and ended after it. One that turns out to have ended is replaced.
    ///
    /// # Errors
    /// This process cannot have another thread.
    pub fn kept_warm(self, warm: Warm) -> io::Result<Self> {
        let Ok(client) = &self.client else { return Ok(self) };
        let fleet = Ok(Arc::new(Fleet::kept_warm(client.clone(), &self.template, warm)?));
        Ok(Self { fleet, ..self })
    }

    /// How many machines wait to be used at this moment.
    pub fn waiting(&self) -> usize {
        self.fleet.as_ref().map_or(0, |fleet| fleet.machines().state().waiting.len())
    }

    /// Ends all machines, also those in use, whose programs are broken off, and takes no longer than `patience`. Nothing
    /// can be run any more. Those that may live on, until their time limit: tell whoever pays for them.
    ///
    /// For a process that is told to end: one that is killed leaves its machines to their time limit.
    pub fn shut_down(&self, patience: Duration) -> Vec<Left> {
        self.fleet.as_ref().map_or_else(|_| Vec::new(), |fleet| fleet.shut_down(patience))
    }

    /// The machines that were to be ended after their programs, and may live on, because the service did not do it.
    /// [`Self::shut_down`] asks for it once more.
    pub fn left(&self) -> Vec<Left> {
        let left = self.client.as_ref().map(|client| client.left.list()).unwrap_or_default();
        left.into_iter().map(|(machine, until)| Left::new(Some(machine), until)).collect()
    }

    /// Begins something in a machine of its own, which ends with the returned value, and at `stop`. All of it is over
    /// after `wall`, the making of the machine included. `None` if that was over before anybody knew whether it began.
    pub(crate) fn begin<T>(
        &self,
        wall: Duration,
        stop: &Stop,
        begin: impl Fn(&Lease<'_>) -> Result<T, CallError>,
    ) -> Result<Option<Begun<'_, T>>, SandboxError> {
        let deadline = Instant::now() + wall;
        let machines = self.fleet.as_ref().map_err(unavailable)?.machines();
        let no_machine = |error| no_machine(&error, wall);
        let mut lease = machines.lease(wall, deadline, stop).map_err(no_machine)?;
        loop {
            let awaited = lease.end_when(stop);
            match begin(&lease) {
                Ok(what) => return Ok(Some(Begun { what, _awaited: awaited, lease })),
                // It ended while it waited, and nothing ran in it.
                Err(CallError::Gone) if lease.waited => {}
                Err(error) if did_not_run(&error) => return Err(unavailable(error)),
                Err(_) if lease.is_late() => return Ok(None),
                Err(error) => return Err(broken(error)),
            }
            lease = machines.make_lease(wall, deadline, stop).map_err(no_machine)?;
        }
    }

    /// As [`Sandbox::run`], with as much of each stream as `most` says, and after `prepare`.
    pub(crate) fn run_prepared(
        &self,
        job: &Job,
        confinement: &Confinement,
        most: [usize; 2],
        prepare: impl Fn(&Lease<'_>) -> Result<(), CallError>,
    ) -> Result<Outcome, SandboxError> {
        given_up(&job.stop)?;
        let (program, wall) = translate(job, confinement).map_err(unavailable)?;
        let begun = self.begin(wall, &job.stop, |lease| {
            prepare(lease).map_err(|error| match error {
                CallError::Gone => error,
                // Nothing began, whatever became of this.
                error => CallError::NotSent(error.to_string()),
            })?;
            start(lease, &program, !job.input.is_empty())
        });
        let run = Run { most, output: [Vec::new(), Vec::new()] };
        // The machine is ended with it.
        let outcome = begun.and_then(|begun| match begun {
            Some(begun) => run.finish(begun, &job.input),
            None => Ok(run.outcome(End::DeadlineExceeded)),
        });
        given_up(&job.stop).and(outcome)
    }

    fn of(client: Result<Client, SettingsError>, template: String) -> Self {
        let fleet = client.clone().map(|client| Arc::new(Fleet::new(client, &template)));
        Self { client, fleet, template }
    }
}

impl Sandbox for E2bSandbox {
    fn backend(&self) -> Backend {
        Backend::E2b
    }

    fn probe(&self) -> Probe {
        let client = match &self.client {
            Ok(client) => client,
            Err(error) => return Probe::unusable(Backend::E2b, error.to_string()),
        };
        match client.check() {
            Ok(()) => Probe::full(Backend::E2b),
            Err(error) => Probe::unusable(Backend::E2b, error.to_string()),
        }
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        self.run_prepared(job, confinement, [confinement.limits.output; 2], |_| Ok(()))
    }
}

/// An error if nobody waits any more.
pub(crate) fn given_up(stop: &Stop) -> Result<(), SandboxError> {
    if stop.is_requested() { Err(SandboxError::GivenUp) } else { Ok(()) }
}

/// Something that began in a machine. What is first is dropped first.
pub(crate) struct Begun<'a, T> {
    pub(crate) what: T,
    _awaited: Awaited,
    pub(crate) lease: Lease<'a>,
}

#[expect(clippy::needless_pass_by_value, reason = "for errors as they are handed over")]
pub(crate) fn unavailable(reason: impl ToString) -> SandboxError {
    SandboxError::Unavailable { backend: Backend::E2b, reason: reason.to_string() }
}

#[expect(clippy::needless_pass_by_value, reason = "for errors as they are handed over")]
pub(crate) fn broken(reason: impl ToString) -> SandboxError {
    SandboxError::Broken { backend: Backend::E2b, reason: reason.to_string() }
}

/// Nothing runs without a machine; one may have been made all the same.
fn no_machine(error: &CallError, wall: Duration) -> SandboxError {
    match error {
        CallError::Dropped(_) => {
            let seconds = (wall + MARGIN).as_secs();
            unavailable(format_args!(
                "{error}; a machine that was made unheard ends by itself after {seconds} s"
            ))
        }
        error => unavailable(error),
    }
}

/// What is asked for, in the words of the service; or why it cannot be had there.
fn translate(job: &Job, confinement: &Confinement) -> Result<(Program, Duration), &'static str> {
    let Confinement { read_only, writable, links, environment, folder, network, limits } = confinement;
    if !(read_only.is_empty() && writable.is_empty() && links.is_empty()) {
        return Err("no file or folder of this machine can be shown there");
    }
    if !network.hosts().is_empty() {
        return Err("the hosts that it may reach cannot be held to there");
    }
    let wall = limits.wall.ok_or("a program without a time limit is not run there")?;
    if wall > LONGEST_RUN {
        return Err("no machine lives for so long there");
    }
    let text = |text: &OsStr| -> Result<String, &'static str> {
        text.to_str().map(str::to_owned).ok_or("the command or its environment is no text")
    };
    let mut command = job.command.iter().map(|part| text(part));
    let cmd = command.next().ok_or("there is no command")??;
    let args = command.collect::<Result<_, _>>()?;
    let mut envs = BTreeMap::new();
    for (name, value) in environment {
        envs.insert(text(name)?, text(value)?);
    }
    let cwd = folder.as_ref().map(|folder| text(folder.as_os_str())).transpose()?;
    Ok((Program { cmd, args, envs, cwd }, wall))
}

/// Starts a program; what happens to it, and its number.
fn start(lease: &Lease<'_>, program: &Program, stdin: bool) -> Result<(Events, u32), CallError> {
    let need = if stdin { CLOSES_INPUT } else { KNOWS_NO_INPUT };
    if let Some(envd) = lease.machine.envd.filter(|envd| *envd < need) {
        let version = |version: Version| version.map(|part| part.to_string()).join(".");
        return Err(CallError::Incapable(format!(
            "a program's input is never closed by its envd {}, which has to be {} for that: build the template anew",
            version(envd),
            version(need)
        )));
    }
    let mut events = lease.client().start(&lease.machine, program, stdin, lease.time_left())?;
    match events.next()? {
        Some(Event::Started(pid)) => Ok((events, pid)),
        other => {
            let what = other.as_ref().map_or("that nothing follows", Event::kind);
            Err(CallError::Nonsense(format!("the first that it says is {what}")))
        }
    }
}

/// A program on its way.
struct Run {
    most: [usize; 2],
    output: [Vec<u8>; 2],
}

impl Run {
    fn finish(mut self, begun: Begun<'_, (Events, u32)>, input: &[u8]) -> Result<Outcome, SandboxError> {
        let Begun { what: (mut events, pid), _awaited, lease } = begun;
        let feeder = (!input.is_empty()).then(|| Feeder::begin(&lease, pid, input)).transpose();
        let feeder = feeder.map_err(|error| broken(format!("no input can be sent: {error}")))?;
        let end = self.follow(&mut events, &lease);
        // Also when it looks as if all went well: a machine that was ended for that may look so, too.
        if let Some(error) = feeder.and_then(|feeder| feeder.failure()) {
            return Err(broken(error));
        }
        end.map(|end| self.outcome(end))
    }

    fn outcome(self, end: End) -> Outcome {
        let [stdout, stderr] = self.output;
        // As far as the service's word goes; nothing of it can be read back.
        let enforcement = Enforcement { level: Level::Machine, ..Enforcement::default() };
        Outcome { end, stdout, stderr, enforcement }
    }

    /// Until the program has ended, or has to.
    fn follow(&mut self, events: &mut Events, lease: &Lease<'_>) -> Result<End, SandboxError> {
        loop {
            let (stream, text) = match events.next() {
                Ok(Some(Event::Stdout(text))) => (0, text),
                Ok(Some(Event::Stderr(text))) => (1, text),
                Ok(Some(Event::Ended(end))) => return how(&end),
                Ok(Some(Event::Started(_))) => return Err(broken("the program began twice")),
                Ok(None) => return Err(broken("the service said nothing of the program's end")),
                Err(_) if lease.is_late() => return Ok(End::DeadlineExceeded),
                Err(error) => return Err(broken(error)),
            };
            if lease.is_late() {
                return Ok(End::DeadlineExceeded);
            }
            let (Some(output), Some(&most)) = (self.output.get_mut(stream), self.most.get(stream)) else {
                continue;
            };
            output.extend(text);
            if output.len() > most {
                output.truncate(most);
                return Ok(End::OutputExceeded);
            }
        }
    }
}

/// Whether it is certain that the program did not run: the request was not sent, or refused for what is in it. An error
/// that may also arise on the way back leaves it open.
pub(crate) fn did_not_run(error: &CallError) -> bool {
    match error {
        CallError::NotSent(_) | CallError::Gone | CallError::Incapable(_) | CallError::ShutDown => true,
        CallError::Refused { status: 200, code, .. } => code.as_ref().is_some_and(|code| {
            let codes = [
                "invalid_argument",
                "not_found",
                "permission_denied",
                "unauthenticated",
                "resource_exhausted",
                "failed_precondition",
                "unimplemented",
            ];
            codes.contains(&code.as_str())
        }),
        CallError::Refused { status, .. } => (400..500).contains(status) && ![408, 499].contains(status),
        CallError::Dropped(_) | CallError::Nonsense(_) => false,
    }
}

/// How it ended.
fn how(end: &ProgramEnd) -> Result<End, SandboxError> {
    if end.exited {
        return Ok(End::Exited(end.exit_code));
    }
    let name = end.status.strip_prefix("signal: ").unwrap_or_default();
    let name = name.strip_suffix(" (core dumped)").unwrap_or(name);
    let known = SIGNALS.into_iter().find(|(known, _)| *known == name).map(|(_, signal)| signal);
    let numbered = || name.strip_prefix("signal ")?.parse().ok();
    known.or_else(numbered).map(End::Signalled).ok_or_else(|| broken("nobody knows how the program ended"))
}

/// Sends the input while the output is read: a program may wait for either.
struct Feeder {
    over: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<CallError>>>,
}

impl Feeder {
    fn begin(lease: &Lease<'_>, pid: u32, input: &[u8]) -> io::Result<Self> {
        let feeder = Self { over: Arc::default(), failure: Arc::default() };
        let (over, failure) = (Arc::clone(&feeder.over), Arc::clone(&feeder.failure));
        let (client, machine, input) = (lease.client().clone(), lease.machine.clone(), input.to_vec());
        thread::Builder::new().name("e2b-input".to_owned()).spawn(move || {
            match feed(&client, &machine, pid, &input, &over) {
                Ok(()) => {}
                Err(error) if no_longer_reads(&error) => {}
                // Then all is over, and not for a reason of its own.
                Err(_) if client.time_left(Duration::MAX).is_zero() => {}
                // Ended before it does something with half of its input.
                Err(error) => {
                    if !over.load(Ordering::Acquire) {
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        drop(client.kill(&machine));
                    }
                }
            }
        })?;
        Ok(feeder)
    }

    fn failure(&self) -> Option<CallError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}

/// Whether the program has ended, or closed its input: then it needs no more of it. Whatever else went wrong leaves it
/// waiting for the rest.
fn no_longer_reads(error: &CallError) -> bool {
    let CallError::Refused { code: Some(code), message, .. } = error else { return false };
    match code.as_str() {
        "not_found" | "failed_precondition" => true,
        // So `envd` says what it hears from the system.
        "internal" | "unknown" => {
            ["broken pipe", "file already closed"].iter().any(|words| message.contains(words))
        }
        _ => false,
    }
}

fn feed(
    client: &Client,
    machine: &Machine,
    pid: u32,
    input: &[u8],
    over: &AtomicBool,
) -> Result<(), CallError> {
    for piece in input.chunks(PIECE) {
        if over.load(Ordering::Acquire) {
            return Ok(());
        }
        client.send_input(machine, pid, piece)?;
    }
    client.close_stdin(machine, pid)
}

#[cfg(test)]
mod tests {
    use airlock_sandbox::{Confinement, End, Job, Limits};

    use super::{did_not_run, how, translate};
    use crate::{CallError, ProgramEnd};

    #[test]
    fn ends_are_told_apart() {
        let end = |exit_code, exited, status: &str| {
            how(&ProgramEnd { exit_code, exited, status: status.to_owned() }).ok()
        };
        assert_eq!(end(3, true, "exit status 3"), Some(End::Exited(3)));
        assert_eq!(end(-1, false, "signal: killed"), Some(End::Signalled(9)));
        assert_eq!(end(-1, false, "signal: segmentation fault (core dumped)"), Some(End::Signalled(11)));
        assert_eq!(end(-1, false, "signal: signal 34"), Some(End::Signalled(34)));
        assert_eq!(end(0, false, ""), None, "no end is no success");
    }

    #[test]
    fn only_what_is_certain_did_not_run() {
        let refused = |status, code: Option<&str>| {
            let code = code.map(str::to_owned);
            did_not_run(&CallError::Refused { status, code, message: String::new() })
        };
        for status in [400, 401, 403, 404, 429] {
            assert!(refused(status, None), "{status}");
        }
        for status in [307, 408, 499, 500, 502, 503, 504] {
            assert!(!refused(status, None), "{status}");
        }
        assert!(refused(200, Some("invalid_argument")));
        assert!(!refused(200, Some("unavailable")) && !refused(200, None));
        assert!(did_not_run(&CallError::Gone) && did_not_run(&CallError::NotSent(String::new())));
        assert!(!did_not_run(&CallError::Dropped(String::new())));
        assert!(!did_not_run(&CallError::Nonsense(String::new())));
    }

    #[test]
    fn what_cannot_be_had_there_is_refused() {
        let job = Job { command: vec!["true".into()], ..Job::default() };
        let confinement = Confinement::default();
        assert!(translate(&job, &confinement).is_ok());
        assert!(translate(&Job::default(), &confinement).is_err());
        let (path, limits) = (|| "/a".into(), Limits { wall: None, ..Limits::default() });
        for odd in [
            Confinement { read_only: vec![path()], ..confinement.clone() },
            Confinement { writable: vec![path()], ..confinement.clone() },
            Confinement { links: vec![(path(), path())], ..confinement.clone() },
            Confinement { limits, ..confinement },
        ] {
            assert!(translate(&job, &odd).is_err(), "{odd:?}");
        }
    }
}
