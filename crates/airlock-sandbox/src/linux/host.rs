//! The host's side: starting a box, reading what comes out of it, and ending it in time.

use std::{
    env, io,
    net::{Shutdown, TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Component, Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};

use super::{
    cgroup::Group,
    control::{Reports, say_served, send_plan},
    drain,
    entry::BOX,
    plan::{Clock, Plan, Report},
    scratch::{self, Scratch},
};
use crate::{
    Awaited, Backend, Confinement, Enforcement, Job, Level, Outcome, Probe, Sandbox, SandboxError, Step,
    Stop,
    proxy::{AllowedHost, Dialer, Doorway, Outside, Proxy, Watch},
};

/// How long a box that was told to end may take before its helper is killed, which ends it, too.
const GRACE: Duration = Duration::from_secs(2);
/// How long the box may take to be made.
const SET_UP: Duration = Duration::from_secs(10);
/// And what `runsc` makes, which starts three processes and a kernel, at most; and no longer than the program has, and this.
const SET_UP_BY_RUNSC: Duration = Duration::from_secs(30);
pub(super) const LATE: Duration = Duration::from_secs(1);
/// Folders that belong to the box itself.
const RESERVED: &[&str] = &["/proc", "/sys", "/dev"];

/// The proof that this program can be started as the helper: its `main` calls [`enter`](crate::enter) before anything
/// else. Without that, it would start itself for ever.
#[derive(Clone, Debug)]
pub struct Launcher(());

impl Launcher {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Runs programs in boxes: processes of this machine with namespaces and a root of their own.
///
/// # Example
///
/// ```no_run
/// use airlock_sandbox::{Confinement, Job, Level, ProcessBox, Sandbox as _, enter};
///
/// fn main() -> std::process::ExitCode {
///     let launcher = match enter(std::env::args_os()) {
///         Ok(launcher) => launcher,
///         Err(code) => return code,
///     };
///     let sandbox = ProcessBox::new(launcher).at_least(Level::Box);
///     let job = Job { command: vec!["/bin/id".into()], ..Job::default() };
///     match sandbox.run(&job, &Confinement::default()) {
///         Ok(outcome) => println!("{:?}: {}", outcome.end, String::from_utf8_lossy(&outcome.stdout)),
///         Err(refusal) => eprintln!("{refusal}"),
///     }
///     std::process::ExitCode::SUCCESS
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ProcessBox {
    _launcher: Launcher,
    backend: Backend,
    min_level: Level,
    outside: Outside,
}

impl ProcessBox {
    /// A sandbox that gives a box or nothing.
    pub fn new(launcher: Launcher) -> Self {
        let (backend, min_level) = (Backend::Box, Level::Box);
        Self { _launcher: launcher, backend, min_level, outside: Outside::default() }
    }

    /// The backend `lite`, for machines that deny namespaces: Landlock and seccomp alone.
    ///
    /// The program sees that the host's files and processes are there, and their names where it knows them, and can open
    /// none that was not named. `/tmp` and `/work` are not its own: `HOME`, `TMPDIR` and its folder lie in one that is
    /// made for it and removed afterwards, and that is bounded by the host's disk alone. It can make no sockets but
    /// pairs, change no modes or times of files, and has no links but those of the host. It cannot have a network: it
    /// would be the host's.
    pub fn lite(launcher: Launcher) -> Self {
        let (backend, min_level) = (Backend::Lite, Level::Lite);
        Self { _launcher: launcher, backend, min_level, outside: Outside::default() }
    }

    /// The box; or where namespaces are denied and `required` is no more than that, the backend `lite`. A box that cannot be
    /// made for another reason, which may pass, is no reason for less: it says so when it is used.
    pub fn box_or_lite(launcher: Launcher, required: Level) -> Self {
        let boxed = Self::new(launcher.clone()).at_least(required.max(Level::Box));
        if required >= Level::Box {
            return boxed;
        }
        let denied = match boxed.try_out() {
            Ok(_) => false,
            Err(SandboxError::Failed { step, .. }) => step.is_about_namespaces(),
            Err(error) => matches!(error, SandboxError::TooWeak { .. }),
        };
        if denied { Self::lite(launcher).at_least(required) } else { boxed }
    }

    /// Runs a program that does nothing.
    fn try_out(&self) -> Result<Outcome, SandboxError> {
        self.run(&Job { command: vec!["/bin/true".into()], ..Job::default() }, &Confinement::default())
    }

    /// Refuses whatever turns out to be weaker than `level`; what is weaker than [`Level::Lite`] always.
    #[must_use]
    pub fn at_least(self, level: Level) -> Self {
        Self { min_level: level.max(Level::Lite), ..self }
    }

    /// Has the proxies of its boxes connect by `dialer`.
    #[must_use]
    pub fn with_dialer(self, dialer: Arc<dyn Dialer>) -> Self {
        Self { outside: Outside { dialer, ..self.outside }, ..self }
    }

    /// Tells `watch` which hosts the proxies of its boxes refused.
    #[must_use]
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        Self { outside: Outside { watch, ..self.outside }, ..self }
    }

    /// Starts a program in a box of its own. Its streams are pipes: with a file or a terminal of the host it could do more
    /// than write to it.
    ///
    /// # Errors
    /// No box could be made, or less would have held the program than is required; it did not run then.
    pub fn start(
        &self,
        command: &[std::ffi::OsString],
        confinement: &Confinement,
    ) -> Result<Running, SandboxError> {
        self.start_timed(command, confinement, Clock::FromStart)
    }

    /// The same, with the time that the helper keeps counted from there.
    pub(super) fn start_timed(
        &self,
        command: &[std::ffi::OsString],
        confinement: &Confinement,
        clock: Clock,
    ) -> Result<Running, SandboxError> {
        if self.backend == Backend::Lite && !confinement.network.hosts().is_empty() {
            let reason = "it has the network of the host, and nothing that holds it to some hosts".to_owned();
            return Err(SandboxError::Unavailable { backend: self.backend, reason });
        }
        check(confinement)?;
        let scratch = match self.backend {
            Backend::Lite => {
                check_links(confinement).map_err(SandboxError::at(Step::OpenPaths))?;
                Some(scratch::choose().map_err(SandboxError::at(Step::MakeScratch))?)
            }
            _ => None,
        };
        let mut plan = Plan::new(confinement, self.min_level, command, scratch.clone());
        plan.clock = clock;
        let group = Group::make(&confinement.limits);
        let scratch = scratch.map(Scratch::of);
        Running::start(plan, confinement.network.hosts(), &self.outside, group, scratch, &Stop::default())
    }
}

impl Sandbox for ProcessBox {
    fn backend(&self) -> Backend {
        self.backend
    }

    fn probe(&self) -> Probe {
        match self.try_out() {
            Ok(outcome) => Probe { level: outcome.enforcement.level, ..Probe::full(self.backend) },
            Err(SandboxError::TooWeak { given, missing, .. }) => {
                Probe { level: given, ..Probe::unusable(self.backend, missing) }
            }
            Err(error) => Probe::unusable(self.backend, error.to_string()),
        }
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        let begin = Instant::now();
        if job.stop.is_requested() {
            return Err(SandboxError::GivenUp);
        }
        let running = self.start(&job.command, confinement)?;
        drain::run(running, job, confinement, begin)
    }
}

/// The listener of a box with a network, served here: it belongs to the box's network wherever its descriptor is.
struct Way(TcpListener);

impl Doorway for Way {
    fn accept(&self) -> io::Result<TcpStream> {
        Doorway::accept(&self.0)
    }

    fn close(&self) {
        // Connecting to it would lead to this machine's own port of that number. This wakes whoever waits, too, and
        // fails only where it is closed already.
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both);
    }
}

/// Whether what is asked for can be shown at all.
pub(super) fn check(confinement: &Confinement) -> Result<(), SandboxError> {
    let at = || SandboxError::at(Step::OpenPaths);
    for (path, _) in &confinement.links {
        check_form(path).map_err(at())?;
    }
    for path in confinement.read_only.iter().chain(&confinement.writable).chain(&confinement.folder) {
        check_path(path).map_err(at())?;
    }
    check_overlaps(confinement).map_err(at())
}

/// A path that may not be changed must not lie in one that may: what lies above it could be moved away, and something else
/// put in its place.
fn check_overlaps(confinement: &Confinement) -> io::Result<()> {
    for fixed in &confinement.read_only {
        if let Some(open) = confinement.writable.iter().find(|open| fixed.starts_with(open)) {
            let (fixed, open) = (fixed.display(), open.display());
            let text = format!("`{fixed}` cannot be read-only, since it lies in `{open}`, which is writable");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    Ok(())
}

/// Without a root of its own, the program has the links of the host.
fn check_links(confinement: &Confinement) -> io::Result<()> {
    for (path, target) in &confinement.links {
        if path.read_link().ok().as_ref() != Some(target) {
            let text = format!("`{}` is no such link on the host, and cannot be one here", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    Ok(())
}

/// A path is taken as it is written, inside as outside.
fn check_path(path: &Path) -> io::Result<()> {
    check_form(path)?;
    // A link could have been put there by a program that could write where it lies.
    match path.canonicalize() {
        Ok(real) if real != path => {
            let text = format!("`{}` leads to `{}`: name that", path.display(), real.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
        // What cannot be found says so when it is opened.
        _ => Ok(()),
    }
}

fn check_form(path: &Path) -> io::Result<()> {
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    // Files of its own lie in `/etc`; a part of the host's can be shown.
    let whole = ["/", "/etc"].iter().any(|whole| path == Path::new(whole));
    let reserved = whole || RESERVED.iter().any(|reserved| path.starts_with(reserved));
    let problem = match (path.is_absolute() && plain, reserved) {
        (false, _) => "is not an absolute path without `..`",
        (true, true) => "belongs to the box itself",
        (true, false) => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` {problem}", path.display())))
}

/// What a time that has run out means here.
fn in_words(error: io::Error, patience: Duration) -> io::Error {
    if error.kind() != io::ErrorKind::WouldBlock {
        return error;
    }
    let text = format!("the sandbox was not there within {} s", patience.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Starts the helper, whose standard input is the socket: so nothing is to be done between fork and exec, and there is no
/// fork of a host that may be large. The input of the program comes with the plan; its reading end.
fn start_helper() -> io::Result<(Child, UnixStream, OwnedFd)> {
    let (ours, theirs) = UnixStream::pair()?;
    let (input, from_host) = io::pipe()?;
    let mut helper = Command::new(program()?);
    // Nothing of the host's environment is to be found in the helper.
    helper.arg(BOX).env_clear().current_dir("/");
    helper.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Out of a terminal's foreground group: Ctrl-C is the host's to handle.
    helper.process_group(0);
    let mut child = helper.spawn()?;
    child.stdin = Some(OwnedFd::from(from_host).into());
    Ok((child, ours, input.into()))
}

/// This program. The link leads to it even when its file was replaced since.
pub(super) fn program() -> io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { env::current_exe() }
}

/// A program in its box. Dropping it ends the box.
#[derive(Debug)]
pub struct Running {
    /// `None` once it belongs to somebody else.
    child: Option<Child>,
    control: Option<UnixStream>,
    pub(super) reports: Option<Reports>,
    enforcement: Enforcement,
    /// The way to the network; ends after the box.
    proxy: Option<Proxy>,
    backend: Backend,
    /// It did not end when it had to.
    held: bool,
    /// Removed after the box has ended, see [`Drop`] and the order of fields.
    group: Option<Group>,
    /// The same; the helper removes it, unless it was killed.
    scratch: Option<Scratch>,
}

impl Running {
    /// What holds it.
    pub fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// Whether a program in it was killed because the box had no memory left.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.group.as_ref().is_some_and(Group::ran_out_of_memory)
    }

    /// Whether the box is gone already.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Takes the program's streams.
    pub fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        self.child.as_mut().map_or((None, None, None), |child| {
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        })
    }

    /// For a program that somebody else talks to and waits for, such as a server.
    ///
    /// The process is the helper: it has those streams of the program that are pipes and were not taken, ends when
    /// nothing of the box is left, with the code of the program (128 and its signal), and passes SIGTERM on to the
    /// program. The box is alive as long as the [`Hold`] is. The [`Aftermath`] is kept until it has ended.
    pub fn into_parts(mut self) -> (Child, Hold, Aftermath) {
        let parts = self.child.take().zip(self.control.take()).zip(self.reports.take());
        let Some(((child, control), reports)) = parts else {
            unreachable!("a box that was started has all of them, and they are taken where it is consumed")
        };
        let aftermath = Aftermath { reports, group: self.group.take(), _scratch: self.scratch.take() };
        (child, Hold { control, _proxy: self.proxy.take() }, aftermath)
    }

    /// Starts the helper and has it carry out the plan, unless `stop` is requested meanwhile. What is removed after the box is
    /// given in here, so that it is removed, too, when that fails.
    pub(super) fn start(
        mut plan: Plan,
        hosts: &[AllowedHost],
        outside: &Outside,
        group: Option<Group>,
        scratch: Option<Scratch>,
        stop: &Stop,
    ) -> Result<Self, SandboxError> {
        if let Some(group) = &group {
            plan.entrances = group.entrances();
            plan.controllers = group.controllers().to_vec();
        }
        let backend = match (&plan.runsc, &plan.scratch) {
            (Some(_), _) => Backend::Gvisor,
            (None, Some(_)) => Backend::Lite,
            (None, None) => Backend::Box,
        };
        let (child, control, input) = start_helper().map_err(SandboxError::at(Step::StartHelper))?;
        let mut running = Self {
            child: Some(child),
            control: Some(control),
            reports: None,
            enforcement: Enforcement::default(),
            proxy: None,
            backend,
            held: false,
            group,
            scratch,
        };
        let awaited = running.end_when(stop).map_err(SandboxError::at(Step::StartHelper))?;
        let made = running.set_up(&plan, input, hosts, outside);
        drop(awaited);
        if let Err(error) = made {
            let late = running.was_made_late();
            return Err(match (stop.is_requested(), late) {
                (true, _) => SandboxError::GivenUp,
                (false, true) => SandboxError::Lost,
                (false, false) => error,
            });
        }
        if running.enforcement.level < plan.min_level {
            return Err(SandboxError::TooWeak {
                required: plan.min_level,
                given: running.enforcement.level,
                missing: "the helper accepted it".to_owned(),
            });
        }
        Ok(running)
    }

    fn set_up(
        &mut self,
        plan: &Plan,
        input: OwnedFd,
        hosts: &[AllowedHost],
        outside: &Outside,
    ) -> Result<(), SandboxError> {
        let control = self.control.as_ref().ok_or(SandboxError::Lost)?;
        let started = |error| SandboxError::at(Step::StartHelper)(error);
        let reading = control.try_clone().map_err(started)?;
        let patience = match plan.runsc {
            Some(_) => {
                plan.wall.map_or(SET_UP_BY_RUNSC, |wall| SET_UP_BY_RUNSC.min(wall.saturating_add(LATE)))
            }
            None => SET_UP,
        };
        reading.set_read_timeout(Some(patience)).map_err(started)?;
        control.set_write_timeout(Some(SET_UP)).map_err(started)?;
        send_plan(control, plan, input).map_err(SandboxError::at(Step::ReadPlan))?;
        let reports = if plan.network { Reports::with_listener(reading) } else { Reports::new(reading) };
        let reports = self.reports.insert(reports);
        let mut report = reports.next().map_err(|error| started(in_words(error, patience)))?;
        if plan.network && matches!(report, Some(Report::Listening)) {
            let proxy = reports.take_listener().ok_or_else(|| io::Error::other("there is no listener"));
            let proxy = proxy.and_then(|listener| {
                let way = Way(TcpListener::from(listener));
                let proxy = Proxy::start(way, hosts, outside.clone())?;
                say_served(control)?;
                Ok(proxy)
            });
            self.proxy = Some(proxy.map_err(SandboxError::at(Step::Network))?);
            report = reports.next().map_err(started)?;
        }
        match report {
            Some(Report::Ready(enforcement)) if plan.network == self.proxy.is_some() => {
                self.enforcement = enforcement;
            }
            Some(Report::TooWeak { given, missing }) => {
                return Err(SandboxError::TooWeak { required: plan.min_level, given, missing });
            }
            Some(Report::Failed { step, errno, detail }) => return Err(failed(step, errno, &detail)),
            Some(
                Report::Ready(_)
                | Report::Listening
                | Report::Exited(_)
                | Report::Signalled(_)
                | Report::Broken(_),
            )
            | None => {
                return Err(started(io::Error::other("it ended before the box was made")));
            }
        }
        control.set_read_timeout(None).map_err(started)
    }

    /// Ends what could not be made in time. Whether it was at last, and its program may have begun before its end.
    fn was_made_late(&mut self) -> bool {
        if !self.end() {
            return true;
        }
        let Some(reports) = &mut self.reports else { return false };
        // Its end closes them; nobody waits for one who has them still.
        if reports.give_up_after(GRACE).is_err() {
            return true;
        }
        loop {
            match reports.next() {
                // Where what is said cannot be read, nobody knows.
                Ok(Some(Report::Ready(_))) | Err(_) => return true,
                Ok(Some(_)) => {}
                Ok(None) => return false,
            }
        }
    }

    /// Says that the program is given what it waited for: its time begins.
    pub(super) fn hand_over(&mut self) {
        if let Some(mut control) = self.control.as_ref() {
            // It can only fail because the helper is gone, and is seen by the reports then.
            let _ = io::Write::write_all(&mut control, b"!");
        }
    }

    /// Ends the box as soon as `stop` is requested: the helper sees what it would see if this process ended.
    pub(super) fn end_when(&self, stop: &Stop) -> io::Result<Awaited> {
        let Some(control) = &self.control else { return Ok(stop.when_requested(|| ())) };
        let control = control.try_clone()?;
        // It can only fail because the helper is gone.
        Ok(stop.when_requested(move || drop(control.shutdown(Shutdown::Write))))
    }

    /// Who isolates it.
    pub(super) fn backend(&self) -> Backend {
        self.backend
    }

    /// Tells the helper to end the box, and waits until nothing of it is left. Whether nothing is: the kernel may hold a
    /// process, and where there are no namespaces, somebody may have stopped the helper.
    pub fn end(&mut self) -> bool {
        let gone = self.end_box();
        // Nobody is left in the box to use it.
        self.proxy = None;
        gone
    }

    fn end_box(&mut self) -> bool {
        let Some(child) = &mut self.child else { return !self.held };
        drop(self.control.take().map(|control| control.shutdown(Shutdown::Write)));
        let mut ended = ends_within(child, GRACE);
        if !ended {
            // Somebody may have stopped it.
            signal(child, Signal::CONT);
            ended = ends_within(child, GRACE);
        }
        // The kernel ends a box with its helper. Without namespaces only the helper and the group know who is left, and
        // without a group nobody would once the helper is killed.
        let by_group = self.group.is_some();
        if !ended && (self.backend != Backend::Lite || by_group) {
            drop(child.kill());
            self.group.iter().for_each(Group::kill);
            ended = ends_within(child, GRACE);
        }
        if self.backend == Backend::Lite {
            // Also when it ended by itself: somebody may have killed it.
            self.group.iter().for_each(Group::kill);
        }
        if !ended {
            self.hold();
        }
        ended
    }

    /// Leaves a helper that does not end to a thread of its own, with all that can only be removed after it.
    fn hold(&mut self) {
        let held = (self.child.take(), self.group.take(), self.scratch.take());
        self.held = true;
        let wait = move || {
            let (child, group, scratch) = held;
            // Its code is of no use to anybody any more.
            drop(child.map(|mut child| child.wait()));
            drop((group, scratch));
        };
        drop(thread::Builder::new().name("box-held".to_owned()).spawn(wait));
    }
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It has not been waited for, so that its number is nobody else's.
        let _ = kill_process(pid, signal);
    }
}

/// Waits for the helper, which ends last, and reaps it.
fn ends_within(child: &mut Child, patience: Duration) -> bool {
    if !matches!(child.try_wait(), Ok(None)) {
        return true;
    }
    let helper = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(Ok(helper)) = helper.map(|helper| pidfd_open(helper, PidfdFlags::empty())) {
        let patience = Timespec::try_from(patience).ok();
        let mut watched = [PollFd::new(&helper, PollFlags::IN)];
        while poll(&mut watched, patience.as_ref()) == Err(Errno::INTR) {}
    }
    !matches!(child.try_wait(), Ok(None))
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps a box alive. Dropping it has the helper end the box at once, as the end of this process does, however sudden.
#[derive(Debug)]
pub struct Hold {
    control: UnixStream,
    /// The way to the network; ends after the box was told to.
    _proxy: Option<Proxy>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // It can only fail because the helper is gone.
        drop(self.control.shutdown(Shutdown::Write));
    }
}

/// What a box still has to say when it is over.
#[derive(Debug)]
pub struct Aftermath {
    reports: Reports,
    /// Removed when nothing is in it any more.
    group: Option<Group>,
    /// The same.
    _scratch: Option<Scratch>,
}

impl Aftermath {
    /// Waits until nothing of the box is left. Why the program was not started although its box was made, if that is
    /// so: it does not exist inside, say.
    pub fn refusal(&mut self) -> Option<SandboxError> {
        let mut refusal = None;
        while let Ok(Some(report)) = self.reports.next() {
            if let Report::Failed { step, errno, detail } = report {
                refusal.get_or_insert_with(|| failed(step, errno, &detail));
            }
        }
        refusal
    }

    /// Whether a program in it was killed because the box had no memory left.
    pub fn ran_out_of_memory(&self) -> bool {
        self.group.as_ref().is_some_and(Group::ran_out_of_memory)
    }
}

impl Drop for Aftermath {
    fn drop(&mut self) {
        // A control group can be removed only when it is empty. Not for ever: the box may be held still.
        if self.reports.give_up_after(GRACE).is_ok() {
            let _ = self.refusal();
        }
    }
}

pub(super) fn failed(step: Step, errno: i32, detail: &str) -> SandboxError {
    let kind = if errno == 0 { io::ErrorKind::Other } else { io::Error::from_raw_os_error(errno).kind() };
    let source = io::Error::new(kind, detail.to_owned());
    SandboxError::Failed { step, source }
}
