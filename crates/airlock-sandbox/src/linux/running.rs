//! A box from outside: starting its helper, talking to it, and ending it in time.

use std::{
    env, io,
    net::{Shutdown, TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};

use super::{
    cgroup::Group,
    control::{Reports, say_served, send_plan},
    entry::BOX,
    plan::{Plan, Report},
    scratch::Scratch,
};
use crate::{
    Awaited, Backend, Enforcement, SandboxError, Step, Stop,
    proxy::{AllowedHost, Doorway, Outside, Proxy},
};

/// How long a box that was told to end may take before its helper is killed, which ends it, too.
const GRACE: Duration = Duration::from_secs(2);
/// How long the box may take to be made.
const SET_UP: Duration = Duration::from_secs(10);
/// And what `runsc` makes, which starts three processes and a kernel, at most; and no longer than the program has, and this.
const SET_UP_BY_RUNSC: Duration = Duration::from_secs(30);
pub(super) const LATE: Duration = Duration::from_secs(1);
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
    /// The first process of a box. The kernel ends all others of it before that has ended.
    first: Option<OwnedFd>,
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
            first: None,
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
        let awaited = usize::from(plan.network) + usize::from(self.backend == Backend::Box);
        let reports = Reports::new(reading, awaited);
        let reports = self.reports.insert(reports);
        let mut report = reports.next().map_err(|error| started(in_words(error, patience)))?;
        if plan.network && matches!(report, Some(Report::Listening)) {
            let proxy = reports.take_descriptor().ok_or_else(|| io::Error::other("there is no listener"));
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
                self.first = reports.take_descriptor();
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

    /// Waits, not for long, until no process of the box is left. `false`: nobody but its helper can tell, or one is.
    pub(super) fn is_emptied(&mut self) -> bool {
        let is_emptied = self.first.as_ref().is_some_and(|first| ended_within(first, GRACE));
        if is_emptied {
            // Nobody is left to use it, and what was sent and not yet passed on is not.
            self.proxy = None;
        }
        is_emptied
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
        ended_within(&helper, patience);
    }
    !matches!(child.try_wait(), Ok(None))
}

/// Whether a process ends in that time.
fn ended_within(process: &OwnedFd, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).ok();
    let mut watched = [PollFd::new(process, PollFlags::IN)];
    loop {
        match poll(&mut watched, patience.as_ref()) {
            Err(Errno::INTR) => {}
            ready => return ready.is_ok_and(|ready| ready > 0),
        }
    }
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
