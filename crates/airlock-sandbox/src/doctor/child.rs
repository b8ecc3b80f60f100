//! A process that tries one thing and is thrown away: what it did to itself ends with it, and so does a hang.

#![allow(unsafe_code, reason = "fork has no safe interface: the child may only do what a signal handler may")]

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, set_parent_process_death_signal, waitpid},
};

/// How long a killed child has to go. One that the kernel holds on to is left to whoever inherits it.
const TO_GO: Duration = Duration::from_millis(500);

/// What a child says: a number of its own choosing, and a value.
pub(super) type Message = (u64, u64);

/// What became of a child.
#[derive(Debug)]
pub(super) struct Told {
    /// What it said, in order.
    pub(super) messages: Vec<Message>,
    /// How it ended.
    pub(super) end: End,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself.
    Itself,
    /// By this signal, such as `SIGSYS` of a seccomp filter that was there before.
    Signal(i32),
    /// Not within its time; it was killed.
    Late,
}

/// Where a child says something.
pub(super) struct Voice(OwnedFd);

impl Voice {
    /// Says something. Allocates nothing.
    pub(super) fn say(&self, (number, value): Message) {
        let message = (u128::from(number) << 64 | u128::from(value)).to_ne_bytes();
        // Nobody to tell means that the parent has given up, or is gone.
        let _ = rustix::io::write(&self.0, &message);
    }
}

/// Ends a child even if it panics: it must never go on with what its parent was doing.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        leave()
    }
}

fn leave() -> ! {
    // SAFETY: ends this process at once, running nothing of it.
    unsafe { libc::_exit(0) }
}

/// Does `work` in a child, for at most `time`, and gathers what it says.
///
/// # Safety
///
/// Other threads do not exist in the child, but their locks do: `work` may only make system calls, and must neither
/// allocate nor free memory, nor panic.
pub(super) unsafe fn in_child(time: Duration, work: impl FnOnce(&Voice)) -> io::Result<Told> {
    let deadline = Instant::now() + time;
    let (ear, voice) = pipe_with(PipeFlags::CLOEXEC)?;
    // SAFETY: the child does nothing but `work`, of which the caller vouches, and leaves by `_exit`.
    let raw = unsafe { libc::fork() };
    if raw == 0 {
        let _leave = Leave;
        die_with_parent();
        work(&Voice(voice));
        leave();
    }
    let Some(pid) = (raw > 0).then(|| Pid::from_raw(raw)).flatten() else {
        return Err(io::Error::last_os_error());
    };
    // Only the child holds the other end now, so that its end is the end of what is said.
    drop(voice);
    let mut said = Vec::new();
    let all = listen(&ear, deadline, &mut said);
    if !all {
        let _ = kill_process(pid, Signal::KILL);
    }
    let end = match (all, gone(pid, if all { time } else { TO_GO })) {
        (false, _) => End::Late,
        // Nobody says how it ended where `SIGCHLD` is ignored.
        (true, None) => End::Itself,
        (true, Some(status)) => status.terminating_signal().map_or(End::Itself, End::Signal),
    };
    let messages = said.chunks_exact(16).filter_map(|chunk| <[u8; 16]>::try_from(chunk).ok());
    let messages = messages.map(u128::from_ne_bytes).map(|message| {
        let low = u64::try_from(message & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        (u64::try_from(message >> 64).unwrap_or(u64::MAX), low)
    });
    Ok(Told { messages: messages.collect(), end })
}

/// A child of a child, for what has to be the first process of a namespace. Waits for its end.
///
/// # Safety
///
/// As for [`in_child`], for this process and for `work`.
pub(super) unsafe fn in_grandchild(work: impl FnOnce()) -> Result<(), Errno> {
    // SAFETY: the caller vouches for `work`, after which the child leaves by `_exit`.
    let raw = unsafe { libc::fork() };
    if raw == 0 {
        let _leave = Leave;
        die_with_parent();
        work();
        leave();
    }
    let Some(pid) = (raw > 0).then(|| Pid::from_raw(raw)).flatten() else {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::AGAIN));
    };
    while matches!(waitpid(Some(pid), WaitOptions::empty()), Err(Errno::INTR)) {}
    Ok(())
}

/// Whoever started the probe may be killed while it runs.
fn die_with_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

/// Reads until the end; false when the deadline came first.
fn listen(ear: &OwnedFd, deadline: Instant, said: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 256];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut watched = [PollFd::new(ear, PollFlags::IN)];
        match poll(&mut watched, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return false,
        }
        match rustix::io::read(ear.as_fd(), &mut buffer) {
            Ok(0) => return true,
            Ok(count) => said.extend(buffer.iter().take(count)),
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// Waits for the end of a child; `None` when it does not come.
fn gone(pid: Pid, time: Duration) -> Option<WaitStatus> {
    let deadline = Instant::now() + time;
    loop {
        match waitpid(Some(pid), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => return Some(status),
            Err(error) if error != Errno::INTR => return None,
            Ok(None) | Err(_) if Instant::now() >= deadline => return None,
            Ok(None) | Err(_) => thread::sleep(Duration::from_micros(200)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::{End, in_child};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_child_is_heard_until_its_end() {
        // SAFETY: writes to a pipe, nothing else.
        let told = unsafe { in_child(SECOND, |voice| (1..=20).for_each(|n| voice.say((n, u64::MAX - n)))) };
        let told = told.unwrap();
        assert_eq!(told.end, End::Itself);
        assert_eq!(told.messages, (1..=20).map(|n| (n, u64::MAX - n)).collect::<Vec<_>>());
    }

    #[test]
    fn a_child_that_hangs_is_killed_and_what_it_said_stays() {
        let start = Instant::now();
        // SAFETY: writes to a pipe and sleeps, nothing else.
        let told = unsafe {
            in_child(Duration::from_millis(50), |voice| {
                voice.say((7, 7));
                thread::sleep(Duration::from_secs(60));
            })
        };
        let told = told.unwrap();
        assert_eq!((told.end, &*told.messages), (End::Late, &[(7, 7)][..]));
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }

    #[test]
    fn a_child_that_is_killed_says_by_what() {
        // SAFETY: sends itself a signal, nothing else.
        let told = unsafe { in_child(SECOND, |_| assert!(libc::kill(libc::getpid(), libc::SIGTERM) == 0)) };
        assert_eq!(told.unwrap().end, End::Signal(libc::SIGTERM));
    }
}
