//! The process between us and the command. It outlives both by as much as it takes to end the command's
//! process group, and exits with the command's code.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::{self, Read},
    os::unix::{net::UnixStream, process::CommandExt},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{
        Pid, Signal, WaitOptions, WaitStatus, getppid, kill_process_group, test_kill_process_group, wait,
    },
};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    low_level::pipe,
};

use super::reexec;

/// How often the group is looked at while only processes are left that we are not told about, and, where the
/// kernel does not tell, our parent.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_FOR_PARENT: Duration = Duration::from_secs(1);

/// How long the system gets to carry out a kill.
const REAP: Duration = Duration::from_secs(1);

/// As a shell reports SIGKILL.
const KILLED: u8 = 128 + 9;

/// Runs `command` in a process group of its own and returns its exit code when nothing of the group is left.
pub(super) fn supervise(parent: Pid, grace: Duration, command: &[OsString]) -> u8 {
    match start(parent, grace, command) {
        Ok(supervisor) => supervisor.run(),
        Err(error) => reexec::not_started(command, &error),
    }
}

fn start(parent: Pid, grace: Duration, command: &[OsString]) -> io::Result<Supervisor> {
    let signals = Signals::catch()?;
    adopt_orphans()?;
    reexec::die_with_parent(Signal::TERM)?;
    let server = reexec::server_command(command)?.process_group(0).spawn()?;
    let leader = i32::try_from(server.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    let supervisor = Supervisor { parent, grace, leader, signals, stage: Stage::Running, code: None };
    let_go_of_pipes()?;
    Ok(supervisor)
}

/// Orphans of the group become our children, so that we hear of their end and reap them, also in a container
/// whose first process does not.
#[cfg(target_os = "linux")]
fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// The pipes are the command's: as long as we held them, nobody would see that it closed its side.
fn let_go_of_pipes() -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

struct Supervisor {
    parent: Pid,
    grace: Duration,
    /// The command, and its group.
    leader: Pid,
    signals: Signals,
    stage: Stage,
    code: Option<u8>,
}

#[derive(Clone, Copy)]
enum Stage {
    Running,
    Terminating { until: Instant },
    Killing { until: Instant },
}

impl Supervisor {
    fn run(mut self) -> u8 {
        loop {
            self.reap();
            let empty = test_kill_process_group(self.leader) == Err(Errno::SRCH);
            if let (Some(code), true) = (self.code, empty) {
                return code;
            }
            let now = Instant::now();
            match self.stage {
                Stage::Killing { until } if now >= until => return self.code.unwrap_or(KILLED),
                Stage::Killing { .. } => {}
                _ if self.signals.kill.load(Ordering::SeqCst) => self.kill(now),
                Stage::Terminating { until } if now >= until => self.kill(now),
                Stage::Running if self.should_terminate() => self.terminate(now),
                Stage::Running | Stage::Terminating { .. } => {}
            }
            self.signals.wait(self.patience(now));
        }
    }

    /// Asked to, or alone, or the command left processes behind.
    fn should_terminate(&self) -> bool {
        self.signals.terminate.load(Ordering::SeqCst) || self.code.is_some() || getppid() != Some(self.parent)
    }

    fn terminate(&mut self, now: Instant) {
        self.signal_group(Signal::TERM);
        // A stopped process would sleep through it.
        self.signal_group(Signal::CONT);
        self.stage = Stage::Terminating { until: now + self.grace };
    }

    fn kill(&mut self, now: Instant) {
        self.signal_group(Signal::KILL);
        self.stage = Stage::Killing { until: now + REAP };
    }

    fn signal_group(&self, signal: Signal) {
        // It can only fail because there is nobody left to signal.
        let _ = kill_process_group(self.leader, signal);
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.leader {
                self.code = Some(exit_code(status));
            }
        }
    }

    /// How long nothing needs to be looked at unless a signal comes.
    fn patience(&self, now: Instant) -> Option<Duration> {
        let rest = match self.stage {
            Stage::Running if cfg!(target_os = "linux") => None,
            Stage::Running => Some(LOOK_FOR_PARENT),
            Stage::Terminating { until } | Stage::Killing { until } => {
                Some(until.saturating_duration_since(now))
            }
        };
        if self.code.is_some() { rest.map(|rest| rest.min(LOOK)) } else { rest }
    }
}

fn exit_code(status: WaitStatus) -> u8 {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(KILLED)
}

/// The signals that a supervisor hears. The terminal's are heard and ignored: our parent gets them too, and
/// decides.
struct Signals {
    terminate: Arc<AtomicBool>,
    kill: Arc<AtomicBool>,
    wake: UnixStream,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let signals = Self { terminate: Arc::default(), kill: Arc::default(), wake };
        // Before the pipe: whoever is woken must find the flag set.
        flag::register(SIGTERM, Arc::clone(&signals.terminate))?;
        flag::register(SIGQUIT, Arc::clone(&signals.kill))?;
        for signal in [SIGCHLD, SIGTERM, SIGQUIT, SIGINT, SIGHUP] {
            pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(signals)
    }

    /// Until a signal or the end of `patience`.
    fn wait(&mut self, patience: Option<Duration>) {
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        // Interrupted or not: the caller looks at everything anyway.
        let _ = poll(&mut [PollFd::new(&self.wake, PollFlags::IN)], timeout.as_ref());
        while self.wake.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
    }
}
