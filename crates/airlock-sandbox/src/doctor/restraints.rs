//! What a process can be held by without namespaces: Landlock, seccomp, and no new privileges.

#![allow(unsafe_code, reason = "the interfaces are tried as they are, in a process of their own")]

use std::{io, time::Duration};

use rustix::{
    fs::{CWD, Mode, OFlags},
    io::Errno,
    thread::{no_new_privs, set_no_new_privs},
};

use super::{
    Fact, State,
    child::{Voice, in_child},
};
use crate::Level;

const TIME: Duration = Duration::from_secs(1);

/// The version of Landlock since which signals and abstract sockets can be held, too.
const SCOPES: i64 = 6;

/// What came of restraining a process and looking whether it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// What was forbidden failed.
    Held,
    /// What was forbidden worked.
    Loose,
    /// The restraint was refused.
    Refused(Errno),
    /// It could not be tried, or the process was ended.
    Unknown,
}

impl Hold {
    const HELD: u64 = 0;
    const LOOSE: u64 = 1;
    const REFUSED: u64 = 2;

    /// What `attempt` says in a child.
    ///
    /// # Safety
    ///
    /// As for [`in_child`].
    unsafe fn of(attempt: impl FnOnce() -> Result<bool, Errno>) -> Self {
        let work = |voice: &Voice| {
            voice.say(match attempt() {
                Ok(true) => (Self::HELD, 0),
                Ok(false) => (Self::LOOSE, 0),
                Err(error) => (Self::REFUSED, u64::from(error.raw_os_error().unsigned_abs())),
            });
        };
        // SAFETY: the caller vouches for `attempt`; the rest is a system call.
        let told = unsafe { in_child(TIME, work) };
        match told.ok().and_then(|told| told.messages.first().copied()) {
            Some((Self::HELD, _)) => Self::Held,
            Some((Self::LOOSE, _)) => Self::Loose,
            Some((Self::REFUSED, error)) => {
                Self::Refused(i32::try_from(error).map_or(Errno::INVAL, Errno::from_raw_os_error))
            }
            _ => Self::Unknown,
        }
    }

    /// Why it does not hold.
    fn because(self) -> String {
        match self {
            Self::Held => "it holds".to_owned(),
            Self::Loose => "it was accepted, and does not hold".to_owned(),
            Self::Refused(error) => format!("it was refused: {}", io::Error::from(error)),
            Self::Unknown => "it could not be tried".to_owned(),
        }
    }
}

pub(super) fn examine() -> [Fact; 3] {
    // SAFETY: all three make system calls and nothing else.
    let (landlocked, filtered, fixed) =
        unsafe { (Hold::of(try_landlock), Hold::of(try_seccomp), Hold::of(try_no_new_privs)) };
    [landlock(landlock_version(), landlocked), seccomp(kills_processes(), filtered), no_new_privileges(fixed)]
}

/// `version` is what the kernel answers, or its error.
fn landlock(version: Result<i64, Errno>, hold: Hold) -> Fact {
    let fact = |state, text: String| Fact::new("landlock", state, text).gives(Level::Lite);
    let version = match version {
        Ok(version) => version,
        Err(Errno::OPNOTSUPP) => {
            return fact(State::Missing, "it is built into this kernel, and switched off".to_owned()).advise(
                "add `landlock` to the list that this shows, as lsm=… on the kernel's command line, and restart:\n\
                 $ cat /sys/kernel/security/lsm",
            );
        }
        Err(Errno::NOSYS) => {
            return fact(State::Missing, "this kernel does not have it".to_owned())
                .advise("Linux 5.13 or later is needed, built with it; 6.12 or later for the level `lite`");
        }
        Err(error) => {
            return fact(State::Missing, format!("it does not answer: {}", io::Error::from(error)))
                .advise("a seccomp filter around Airlock, such as a container's, may forbid it");
        }
    };
    if hold != Hold::Held {
        return fact(State::Missing, format!("version {version}, but {}", hold.because()));
    }
    if version >= SCOPES {
        return fact(State::Good, format!("version {version}: files, TCP, signals and abstract sockets"));
    }
    let holds = match version {
        ..=3 => "files alone",
        _ => "files and TCP alone",
    };
    fact(State::Degraded, format!("version {version}: {holds}, a help within a box"))
        .advise("Linux 6.12 or later holds signals and abstract sockets, too")
}

fn seccomp(kills_processes: bool, hold: Hold) -> Fact {
    let fact = match hold {
        Hold::Held if kills_processes => Fact::new("seccomp", State::Good, "a filter was set and holds"),
        Hold::Held => Fact::new("seccomp", State::Degraded, "filters hold, but cannot end a whole process")
            .advise("Linux 4.14 or later is needed"),
        Hold::Refused(Errno::INVAL | Errno::NOSYS) => {
            Fact::new("seccomp", State::Missing, "this kernel has no filters")
                .advise("a kernel with CONFIG_SECCOMP_FILTER is needed")
        }
        Hold::Loose | Hold::Refused(_) | Hold::Unknown => {
            Fact::new("seccomp", State::Missing, format!("no filter: {}", hold.because()))
                .advise("gVisor, emulators and filters around Airlock may be the cause")
        }
    };
    fact.gives(Level::Lite)
}

fn no_new_privileges(hold: Hold) -> Fact {
    let (state, text) = match hold {
        Hold::Held => (State::Good, "set, and cannot be taken back".to_owned()),
        Hold::Loose | Hold::Refused(_) | Hold::Unknown => (State::Missing, hold.because()),
    };
    Fact::new("no_new_privs", state, text).gives(Level::Lite)
}

/// The version of Landlock's interface.
fn landlock_version() -> Result<i64, Errno> {
    const VERSION: u32 = 1;
    let nothing: *const libc::c_void = std::ptr::null();
    // SAFETY: the flag asks for the version; no memory is named.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    if answer < 0 { Err(last_error()) } else { Ok(answer) }
}

/// In a child: forbids reading of all folders, and reads one.
fn try_landlock() -> Result<bool, Errno> {
    const READ_FOLDERS: u64 = 1 << 3;
    set_no_new_privs(true)?;
    let handled = READ_FOLDERS;
    // SAFETY: the first version of the structure is this one number; the kernel reads its eight bytes.
    let rules = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, &raw const handled, size_of::<u64>(), 0_u32)
    };
    if rules < 0 {
        return Err(last_error());
    }
    // SAFETY: takes a descriptor and no memory.
    if unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, 0_u32) } != 0 {
        return Err(last_error());
    }
    let opened = rustix::fs::openat(CWD, c"/", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
    Ok(matches!(opened, Err(Errno::ACCESS)))
}

/// In a child: forbids one system call, and makes it.
fn try_seccomp() -> Result<bool, Errno> {
    forbid(libc::SYS_getppid, Errno::XDEV)?;
    // SAFETY: takes nothing. By number, because libraries may remember the answer.
    Ok(unsafe { libc::syscall(libc::SYS_getppid) } == -1 && last_error() == Errno::XDEV)
}

/// Lets this process have `error` for one system call from now on. Allocates nothing.
pub(super) fn forbid(call: libc::c_long, error: Errno) -> Result<(), Errno> {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let call = u32::try_from(call).map_err(|_| Errno::INVAL)?;
    let denied = libc::SECCOMP_RET_ERRNO | error.raw_os_error().unsigned_abs();
    let step = |code, jump_false, k| libc::sock_filter { code, jt: 0, jf: jump_false, k };
    let mut program = [
        step(LOAD_NUMBER, 0, 0),
        step(JUMP_IF_EQUAL, 1, call),
        step(RETURN, 0, denied),
        step(RETURN, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    set_no_new_privs(true)?;
    // SAFETY: the kernel copies the four steps that `filter` points to.
    let set =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0_u32, &raw const filter) };
    if set == 0 { Ok(()) } else { Err(last_error()) }
}

/// In a child: rules out new privileges, and tries to allow them again.
fn try_no_new_privs() -> Result<bool, Errno> {
    set_no_new_privs(true)?;
    let back = set_no_new_privs(false);
    Ok(back.is_err() && no_new_privs()?)
}

/// Whether a filter can end the process rather than a thread of it.
fn kills_processes() -> bool {
    let action: u32 = libc::SECCOMP_RET_KILL_PROCESS;
    // SAFETY: the kernel reads the four bytes of `action`.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0_u32, &raw const action) == 0 }
}

fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::{
        Errno, Hold, State, forbid, landlock, no_new_privileges, seccomp, try_landlock, try_seccomp,
    };

    #[test]
    fn landlock_by_version_and_by_what_it_holds() {
        let table = [
            (Ok(7), Hold::Held, State::Good, "version 7: files, TCP, signals"),
            (Ok(6), Hold::Held, State::Good, "version 6"),
            // Ubuntu 24.04, Debian 12.
            (Ok(4), Hold::Held, State::Degraded, "version 4: files and TCP alone"),
            (Ok(2), Hold::Held, State::Degraded, "version 2: files alone"),
            (Ok(7), Hold::Loose, State::Missing, "does not hold"),
            (Ok(7), Hold::Refused(Errno::PERM), State::Missing, "refused"),
            (Ok(7), Hold::Unknown, State::Missing, "could not be tried"),
            (Err(Errno::OPNOTSUPP), Hold::Refused(Errno::OPNOTSUPP), State::Missing, "switched off"),
            (Err(Errno::NOSYS), Hold::Refused(Errno::NOSYS), State::Missing, "does not have it"),
            (Err(Errno::PERM), Hold::Refused(Errno::PERM), State::Missing, "does not answer"),
        ];
        for (version, hold, state, text) in table {
            let fact = landlock(version, hold);
            assert!(fact.state == state && fact.text.contains(text), "{version:?} {hold:?}: {fact:?}");
        }
    }

    #[test]
    fn what_does_not_hold_is_missing() {
        assert_eq!(seccomp(true, Hold::Held).state, State::Good);
        assert_eq!(seccomp(false, Hold::Held).state, State::Degraded);
        for hold in [Hold::Loose, Hold::Refused(Errno::INVAL), Hold::Refused(Errno::PERM), Hold::Unknown] {
            assert_eq!(seccomp(true, hold).state, State::Missing, "{hold:?}");
            assert_eq!(no_new_privileges(hold).state, State::Missing, "{hold:?}");
        }
        assert_eq!(no_new_privileges(Hold::Held).state, State::Good);
    }

    /// A kernel without Landlock, and a container that hides seccomp, as far as one process can see.
    #[test]
    fn what_a_filter_hides_is_not_there() {
        if seccomp(true, Hold::Held) != super::examine()[1] {
            eprintln!("skipped: no seccomp here, so nothing can be hidden");
            return;
        }
        for (call, error) in [
            (libc::SYS_landlock_create_ruleset, Errno::NOSYS),
            (libc::SYS_landlock_restrict_self, Errno::PERM),
        ] {
            // SAFETY: system calls alone.
            let hold = unsafe { Hold::of(|| forbid(call, error).and_then(|()| try_landlock())) };
            let refused =
                [Hold::Refused(error), Hold::Refused(Errno::OPNOTSUPP), Hold::Refused(Errno::NOSYS)];
            assert!(refused.contains(&hold), "{hold:?}");
        }
        // SAFETY: system calls alone.
        let hold =
            unsafe { Hold::of(|| forbid(libc::SYS_seccomp, Errno::PERM).and_then(|()| try_seccomp())) };
        assert_eq!(hold, Hold::Refused(Errno::PERM));
    }

    /// The look whether a restraint holds is worth something only if it can say no.
    #[test]
    fn without_a_restraint_nothing_is_held() {
        // SAFETY: makes one system call.
        let loose =
            unsafe { Hold::of(|| Ok(rustix::fs::access(c"/", rustix::fs::Access::READ_OK).is_err())) };
        assert_eq!(loose, Hold::Loose);
    }
}
