//! A server that is our child, where there are no process groups. Its own children are not known to us.

use std::{
    io,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use super::{
    Launcher, Pipes, Program, cannot_start,
    started::{Kill, Started},
};

/// How often the child is looked at: waiting for it would keep us from ending it.
const LOOK: Duration = Duration::from_millis(50);

/// A server that is our child. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Arc<Mutex<Child>>,
    /// Given by whoever started it: how it ends at once.
    kill: Option<Kill>,
}

impl Server {
    /// Starts `program`.
    pub(crate) fn start(
        _launcher: &Launcher,
        program: Program<'_>,
        _grace: Duration,
    ) -> io::Result<(Self, Pipes)> {
        let (name, arguments) = program.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(name);
        for variable in program.withheld {
            command.env_remove(variable);
        }
        let child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), cannot_start(name, &error)))?;
        Self::over(child, None)
    }

    /// Takes over what was started.
    pub(crate) fn take(started: Started) -> io::Result<(Self, Pipes)> {
        let (process, kill) = started.into_parts();
        Self::over(process, Some(kill))
    }

    fn over(mut child: Child, kill: Option<Kill>) -> io::Result<(Self, Pipes)> {
        let pipes = child.stdin.take().zip(child.stdout.take());
        let server = Self { child: Arc::new(Mutex::new(child)), kill };
        let (input, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((server, Pipes { input, output }))
    }

    /// Calls `done` on a thread of its own when the server has ended.
    pub(crate) fn on_exit(&self, done: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let child = Arc::clone(&self.child);
        thread::Builder::new().name("exit".to_owned()).spawn(move || {
            while matches!(child.lock().unwrap_or_else(PoisonError::into_inner).try_wait(), Ok(None)) {
                thread::sleep(LOOK);
            }
            done();
        })?;
        Ok(())
    }

    /// There is no way to ask.
    pub(crate) fn terminate(&mut self) {
        self.kill();
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        if let Some(kill) = &mut self.kill {
            kill.now();
        }
        // It can only fail because it has ended.
        drop(self.child.lock().unwrap_or_else(PoisonError::into_inner).kill());
    }

    /// The exit code of the server, once it has ended.
    pub(crate) fn reap(&mut self) -> i32 {
        let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).wait();
        if let Some(kill) = &mut self.kill {
            kill.server_ended();
        }
        status.ok().and_then(|status| status.code()).unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
