//! The program from its start to its end: what it reads, what it writes, and who is left of it.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::ChildStdin,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Pid, WaitOptions, WaitStatus, wait},
};

use super::{
    super::{
        super::{
            control::Reports,
            drain::{Stream, do_not_block, feed},
            plan::Report,
            running::failed,
            sys::{self, Forked},
        },
        job::Task,
        result::{Account, Ending, Writer},
    },
    program,
};
use crate::{Enforcement, SandboxError, Step};

/// How often what was written is written down while the program runs.
const OFTEN: Duration = Duration::from_millis(200);
/// The host keeps the deadline. Should it be stopped, or hang, the guest does so this much later.
const LATER: Duration = Duration::from_secs(2);
const SIGKILL: i32 = 9;

/// A program that was started.
pub(super) struct Running<'a> {
    enforcement: Enforcement,
    program: Pid,
    /// Says when somebody has ended.
    ends: OwnedFd,
    reports: Option<Reports>,
    input: Option<ChildStdin>,
    unread: &'a [u8],
    streams: [Stream<'static>; 2],
    deadline: Option<Instant>,
}

impl<'a> Running<'a> {
    /// Starts it. Fails only where it has not run.
    pub(super) fn start(task: &'a Task) -> Result<Self, SandboxError> {
        let mut running = Self::try_start(task).map_err(SandboxError::at(Step::StartProgram))?;
        running.enforcement = running.is_held()?;
        Ok(running)
    }

    /// Writes down what it writes until it ends, and how it did.
    pub(super) fn finish(mut self, writer: &mut Writer) -> io::Result<()> {
        let mut until = Instant::now();
        let mut written = None;
        loop {
            let end = self.go_on(until)?;
            until = Instant::now() + OFTEN;
            let over = end.is_some();
            let account = Account { enforcement: Some(self.enforcement.clone()), end };
            let [stdout, stderr] = &self.streams;
            let texts = [stdout.text(), stderr.text()];
            let lengths = texts.map(<[u8]>::len);
            if over {
                return writer.complete(account, texts);
            }
            // The first time also when there is nothing: that it runs.
            if written.replace(lengths) != Some(lengths) {
                writer.running(account, texts)?;
            }
        }
    }

    fn try_start(task: &'a Task) -> io::Result<Self> {
        let pipe = || pipe_with(PipeFlags::CLOEXEC);
        let ((theirs_in, input), (output, theirs_out), (errors, theirs_err)) = (pipe()?, pipe()?, pipe()?);
        let (control, theirs) = UnixStream::pair()?;
        let ends = sys::ends_of_children()?;
        match sys::fork()? {
            Forked::Child => {
                drop((control, input, output, errors, ends));
                sys::exit_now(program::run(&task.plan, [theirs_in, theirs_out, theirs_err], &theirs))
            }
            Forked::Parent(program) => {
                drop((theirs_in, theirs_out, theirs_err, theirs));
                for file in [&input, &output, &errors] {
                    do_not_block(file.as_fd())?;
                }
                let most = usize::try_from(task.output).unwrap_or(usize::MAX);
                let stream = |from: OwnedFd| Stream::new(Some(fs::File::from(from)), most);
                Ok(Self {
                    enforcement: Enforcement::default(),
                    program,
                    ends,
                    reports: Some(Reports::new(control, 0)),
                    input: Some(ChildStdin::from(input)),
                    unread: &task.input,
                    streams: [stream(output), stream(errors)],
                    deadline: task.plan.wall.map(|wall| Instant::now() + wall + LATER),
                })
            }
        }
    }

    /// What holds it, as its process read it back; or why it was not started.
    fn is_held(&mut self) -> Result<Enforcement, SandboxError> {
        let reports = self.reports.as_mut().ok_or(SandboxError::Lost)?;
        match reports.next().map_err(SandboxError::at(Step::ReadBack))? {
            Some(Report::Ready(enforcement)) => Ok(enforcement),
            Some(Report::Failed { step, errno, detail }) => Err(failed(step, errno, &detail)),
            _ => Err(SandboxError::Lost),
        }
    }

    /// Goes on until then, or until the program's end.
    fn go_on(&mut self, until: Instant) -> io::Result<Option<Ending>> {
        loop {
            feed(&mut self.input, &mut self.unread);
            self.streams.iter_mut().try_for_each(Stream::read)?;
            if self.streams.iter().any(Stream::exceeded) {
                return self.end(Ending::TooMuchOutput).map(Some);
            }
            sys::take_ends_of_children(&self.ends);
            if let Some(status) = self.reap() {
                return self.ended(status).map(Some);
            }
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                return self.end(Ending::TooLate).map(Some);
            }
            if now >= until {
                return Ok(None);
            }
            self.wait(until - now)?;
        }
    }

    fn wait(&self, patience: Duration) -> io::Result<()> {
        let mut watched = vec![PollFd::new(&self.ends, PollFlags::IN)];
        watched.extend(self.streams.iter().filter_map(|stream| {
            stream.source().map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
        }));
        if let Some(input) = &self.input {
            watched.push(PollFd::new(input, PollFlags::OUT));
        }
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut watched, Some(&patience)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes note of all that have ended. How the program did, if it is among them.
    fn reap(&self) -> Option<WaitStatus> {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.program {
                return Some(status);
            }
        }
        None
    }

    /// The program has ended by itself, or has it been made to.
    fn ended(&mut self, status: WaitStatus) -> io::Result<Ending> {
        let ran_out = ran_out_of_memory();
        let end = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, Some(SIGKILL)) if ran_out => Ending::OutOfMemory,
            (None, signal) => Ending::Signalled(signal.unwrap_or(0)),
        };
        let end = self.end(end)?;
        // It was not started although its process was ready: it is not there, say.
        let mut refusal = None;
        while let Some(Ok(Some(report))) = self.reports.as_mut().map(Reports::next) {
            if let Report::Failed { step, errno, detail } = report {
                refusal.get_or_insert(Ending::NotStarted { step, errno, detail });
            }
        }
        Ok(refusal.unwrap_or(end))
    }

    /// Kills all that are left of it, and reads what they wrote.
    fn end(&mut self, end: Ending) -> io::Result<Ending> {
        // Everybody but this process, at one moment; those of the kernel do not mind.
        sys::kill_all_within_reach();
        while wait(WaitOptions::empty()).is_ok() {}
        self.input = None;
        self.streams.iter_mut().try_for_each(Stream::read)?;
        let ended_itself = matches!(end, Ending::Exited(_) | Ending::Signalled(_));
        Ok(if ended_itself && self.streams.iter().any(Stream::exceeded) {
            Ending::TooMuchOutput
        } else {
            end
        })
    }
}

/// Whether the kernel has ended somebody for want of memory. It cannot have been the first process.
fn ran_out_of_memory() -> bool {
    let counts = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = counts.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok());
    count.is_some_and(|count| count > 0)
}
