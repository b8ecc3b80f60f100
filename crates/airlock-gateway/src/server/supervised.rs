//! Our side of a server that a process of its own looks after: our supervisor, or what somebody else started.

use std::{
    ffi::OsString,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::{
    Launcher, Pipes, Program, program, reexec,
    started::{Kill, Started, end_or_kill},
};

/// A server under a supervisor. Dropping it kills what still runs.
#[derive(Debug)]
pub(crate) struct Server {
    /// Not reaped before [`Server::reap`], so its pid cannot mean another process.
    supervisor: Child,
    /// Given by whoever started it: how it ends at once. Without one, the supervisor is ours and has a signal for it.
    kill: Option<Kill>,
    reaped: bool,
}

impl Server {
    /// Starts `program`. The calling thread has to live as long as the session: when it ends, Linux takes it
    /// for our death. `grace` is how long the server has to end when it is asked to terminate.
    pub(crate) fn start(
        launcher: &Launcher,
        program: Program<'_>,
        grace: Duration,
    ) -> io::Result<(Self, Pipes)> {
        let search = std::env::var_os("PATH");
        let name = program.command.first().map(OsString::as_os_str).unwrap_or_default();
        program::check(name, search.as_deref())?;
        let supervisor = reexec::supervisor_command(&launcher.program, grace, program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Out of our terminal's foreground group: Ctrl-C is ours to handle.
            .process_group(0)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start the supervisor: {error}")))?;
        Self::over(supervisor, None)
    }

    /// Takes over what was started.
    pub(crate) fn take(started: Started) -> io::Result<(Self, Pipes)> {
        let (process, kill) = started.into_parts();
        Self::over(process, Some(kill))
    }

    fn over(mut supervisor: Child, kill: Option<Kill>) -> io::Result<(Self, Pipes)> {
        let pipes = supervisor.stdin.take().zip(supervisor.stdout.take());
        let server = Self { supervisor, kill, reaped: false };
        let (input, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((server, Pipes { input, output }))
    }

    /// Calls `done` on a thread of its own when the server's processes have ended.
    pub(crate) fn on_exit(&self, done: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let pid = self.pid()?;
        thread::Builder::new().name("exit".to_owned()).spawn(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(pid), options).err() == Some(rustix::io::Errno::INTR) {}
            done();
        })?;
        Ok(())
    }

    /// Asks the server's processes to end; after the grace they are killed.
    pub(crate) fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Kills the server's processes.
    pub(crate) fn kill(&mut self) {
        match &mut self.kill {
            None => self.signal(Signal::QUIT),
            Some(kill) => kill.now(),
        }
    }

    /// The exit code of the server, once it has ended; 128 + n for signal n.
    pub(crate) fn reap(&mut self) -> i32 {
        let status = self.supervisor.wait();
        self.reaped = true;
        if let Some(kill) = &mut self.kill {
            kill.server_ended();
        }
        status.map_or(-1, |status| status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
    }

    fn signal(&self, signal: Signal) {
        if let (false, Ok(pid)) = (self.reaped, self.pid()) {
            // It can only fail because there is nobody left to signal.
            let _ = kill_process(pid, signal);
        }
    }

    fn pid(&self) -> io::Result<Pid> {
        let raw = i32::try_from(self.supervisor.id()).ok().and_then(Pid::from_raw);
        raw.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.reaped {
            let is_ours = self.kill.is_none();
            self.kill();
            if is_ours {
                // For a supervisor that is stopped and cannot act.
                drop(self.supervisor.kill());
            } else {
                end_or_kill(&mut self.supervisor);
            }
        }
    }
}
