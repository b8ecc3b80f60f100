//! The system calls that no safe interface offers, one function each.
#![allow(unsafe_code, reason = "the kernel is spoken to directly where no library does it")]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicI32, Ordering},
};

use rustix::thread::UnshareFlags;

/// The descriptor at which the helper keeps its end of the socket.
pub(super) const CONTROL: RawFd = 3;

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Takes the socket over that is the standard input of a helper, to a place where the program's own input is not in the way.
/// Call it once, before anything else is open. Fails where something else is there: somebody started it by hand.
pub(super) fn take_control() -> io::Result<OwnedFd> {
    if rustix::net::sockopt::socket_domain(rustix::stdio::stdin())? != rustix::net::AddressFamily::UNIX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: whatever has that number was inherited, and nobody owns it: the helper calls this before anything else.
    check(unsafe { libc::dup3(libc::STDIN_FILENO, CONTROL, libc::O_CLOEXEC) }.into())?;
    // SAFETY: it is open, as was just seen, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(CONTROL) })
}

/// Closes every descriptor from `first` on.
pub(super) fn close_from(first: RawFd) -> io::Result<()> {
    let first = libc::c_uint::try_from(first).map_err(io::Error::other)?;
    // SAFETY: nothing above the socket is owned by anybody yet: the helper has opened nothing.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) }).map(drop)
}

/// Moves this process into new namespaces.
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the flags given in this crate make namespaces; none of them unshares the table of descriptors.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Starts a session of this process's own, without a terminal. (gVisor says 0 where the session's number belongs.)
pub(super) fn start_session() -> io::Result<()> {
    // SAFETY: takes nothing and touches no memory of ours.
    check(unsafe { libc::setsid() }.into()).map(drop)
}

/// The two sides of a fork.
pub(super) enum Forked {
    /// In the new process.
    Child,
    /// In the old one: the new one's id.
    Parent(rustix::process::Pid),
}

/// Forks. The process must have one thread.
pub(super) fn fork() -> io::Result<Forked> {
    // SAFETY: the helper and the first process have one thread, so no lock can be held by another one.
    let pid = unsafe { libc::fork() };
    check(pid.into())?;
    Ok(rustix::process::Pid::from_raw(pid).map_or(Forked::Child, Forked::Parent))
}

/// Ends this process at once; nothing is unwound or flushed.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` does not return and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// Whether a mount and all below it are changed, or it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Alone,
    AndBelow,
}

/// Adds attributes (`MOUNT_ATTR_*`) to the mount that `mount` refers to.
pub(super) fn add_mount_attributes(mount: BorrowedFd<'_>, attributes: u64, reach: Reach) -> io::Result<()> {
    // SAFETY: it is a struct of integers.
    let mut change: libc::mount_attr = unsafe { std::mem::zeroed() };
    change.attr_set = attributes;
    let flags = libc::AT_EMPTY_PATH | if reach == Reach::AndBelow { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a C string, and the struct lives through the call and has the size that is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const change,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Gives every signal its default action and blocks none: a program starts with what its parent had.
pub(super) fn reset_signals() {
    // SAFETY: the set is initialised by `sigemptyset` before it is read, and the default action runs no code of ours.
    // Signals that cannot be changed answer with an error, which means nothing here.
    unsafe {
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Whom SIGTERM is passed on to, as `kill` takes it; 0 for nobody.
static HEIR: AtomicI32 = AtomicI32::new(0);

extern "C" fn pass_on(signal: libc::c_int) {
    let heir = HEIR.load(Ordering::Relaxed);
    if heir != 0 {
        // SAFETY: the location of this thread's `errno` is always valid, and `kill` is async-signal-safe; what it says
        // must not be seen by the code that was interrupted.
        unsafe {
            let errno = libc::__errno_location();
            let before = *errno;
            libc::kill(heir, signal);
            *errno = before;
        }
    }
}

/// Passes SIGTERM on from now on, to a process or, where it is negative, to a group; 0 ends that, and SIGTERM means
/// nothing then.
pub(super) fn pass_terminate_on(heir: i32) {
    HEIR.store(heir, Ordering::Relaxed);
    let handler: extern "C" fn(libc::c_int) = pass_on;
    // SAFETY: the handler does nothing that is not allowed in one, and lives as long as the program.
    unsafe {
        libc::signal(libc::SIGTERM, handler as libc::sighandler_t);
    }
}

/// Takes every capability out of the bounding set, those that this program has never heard of, too.
pub(super) fn drop_bounding_set() -> io::Result<()> {
    for capability in 0..=libc::c_ulong::from(63_u8) {
        // SAFETY: this option takes one integer and touches no memory.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        match check(result.into()) {
            // Behind the last one that the kernel knows.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) && capability > 0 => return Ok(()),
            other => other?,
        };
    }
    Ok(())
}

/// Brings the loopback interface of this network namespace up.
pub(super) fn bring_loopback_up() -> io::Result<()> {
    /// `IFF_UP`, in the type of the flags.
    const UP: libc::c_short = 1;
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: it is a struct of integers and a union of such.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = from.cast_signed() as libc::c_char;
    }
    // SAFETY: the name ends with a zero, the kernel writes the flags into the struct, which outlives the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) }.into())?;
    // SAFETY: the flags are what the kernel has just written; all bits mean something.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | UP;
    // SAFETY: the kernel only reads the struct.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }.into()).map(drop)
}

/// The version of Landlock's interface that the kernel offers; 0 when it has none, or it is switched off.
pub(super) fn landlock_abi() -> u8 {
    const VERSION: libc::c_uint = 1;
    let nothing = std::ptr::null::<u8>();
    // SAFETY: with this flag the call takes no memory and makes no descriptor.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    u8::try_from(version).unwrap_or(0)
}

/// Takes this process's hands off the program's streams, so that their ends are seen when the program closes them.
/// `nothing` is `/dev/null`, opened while the host's root was there.
pub(super) fn let_go_of_standard_streams(nothing: &OwnedFd) -> io::Result<()> {
    rustix::stdio::dup2_stdin(nothing)?;
    rustix::stdio::dup2_stdout(nothing)?;
    Ok(rustix::stdio::dup2_stderr(nothing)?)
}

/// A descriptor that can be read when a child has ended. The process must have one thread; what it starts blocks the
/// signal, too, until [`reset_signals`].
pub(super) fn ends_of_children() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by `sigemptyset` before it is read, and the descriptor is owned by nobody else.
    unsafe {
        let mut ends = std::mem::zeroed();
        libc::sigemptyset(&raw mut ends);
        libc::sigaddset(&raw mut ends, libc::SIGCHLD);
        check(libc::sigprocmask(libc::SIG_BLOCK, &raw const ends, std::ptr::null_mut()).into())?;
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        let descriptor = libc::signalfd(-1, &raw const ends, flags);
        check(descriptor.into())?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Reads what is told there: that there is something to wait for, however much.
pub(super) fn take_ends_of_children(ends: &OwnedFd) {
    let mut told = [0; size_of::<libc::signalfd_siginfo>()];
    while rustix::io::read(ends, &mut told).is_ok_and(|length| length > 0) {}
}

/// Kills every process that this one may signal, but itself.
pub(super) fn kill_all_within_reach() {
    // SAFETY: takes numbers. It fails when nobody is left, which is what it is for.
    unsafe {
        libc::kill(-1, libc::SIGKILL);
    }
}
