//! System calls as an attempt makes them: by number, with words as arguments.

use std::{ffi::CStr, io, ptr, time::Duration};

use libc::{c_int, c_long, pid_t};

/// What can be an argument of a system call.
pub(super) trait Word {
    fn word(self) -> usize;
}

macro_rules! word {
    ($($number:ty),+) => {
        $(impl Word for $number {
            // Signed numbers extend their sign, as the C library has them do.
            fn word(self) -> usize {
                self as isize as usize
            }
        })+
    };
}

word!(i32, u32, i64, u64, usize);

impl Word for &CStr {
    fn word(self) -> usize {
        self.as_ptr().expose_provenance()
    }
}

impl<T> Word for *const T {
    fn word(self) -> usize {
        self.expose_provenance()
    }
}

impl<T> Word for *mut T {
    fn word(self) -> usize {
        self.expose_provenance()
    }
}

/// `call!(SYS_kill, pid, 0)`: a system call by its name.
macro_rules! call {
    ($number:ident $(, $argument:expr)* $(,)?) => {
        $crate::attempts::sys::kernel(::libc::$number, &[$($crate::attempts::sys::Word::word($argument)),*])
    };
}
pub(super) use call;

/// Makes a system call. Pointers among the arguments belong to values that live until it returns and are as long as
/// the call says; this holds for every attempt, and no one else can reach this function.
pub(super) fn kernel(number: c_long, arguments: &[usize]) -> io::Result<usize> {
    let mut words = [0_usize; 6];
    for (word, argument) in words.iter_mut().zip(arguments) {
        *word = *argument;
    }
    let [first, second, third, fourth, fifth, sixth] = words;
    // SAFETY: see above; this process was forked for one attempt, and ends with it.
    let answer = unsafe { libc::syscall(number, first, second, third, fourth, fifth, sixth) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer as usize) }
}

/// Opens a file and closes it again.
pub(super) fn open(path: &CStr, flags: c_int) -> io::Result<()> {
    descriptor(path, flags).map(close)
}

/// Opens a file that stays open until the attempt ends or [`close`] is called.
pub(super) fn descriptor(path: &CStr, flags: c_int) -> io::Result<c_int> {
    // `O_NONBLOCK` so that no device and no fifo keeps the attempt waiting, `O_NOCTTY` so that no terminal becomes its own.
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK;
    call!(SYS_openat, libc::AT_FDCWD, path, flags, 0o600).map(|fd| fd as c_int)
}

/// Closes what [`descriptor`] opened.
pub(super) fn close(fd: c_int) {
    // Nothing is left to be done about a descriptor that cannot be closed.
    let _ = call!(SYS_close, fd);
}

/// Forks; the child runs `work` and ends with what that returns.
pub(super) fn fork(work: impl FnOnce() -> c_int) -> io::Result<pid_t> {
    // SAFETY: an attempt runs in a process with one thread, as does whoever starts attempts (see `run_child`).
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = work();
            // SAFETY: ends the child at once; there is nothing of the parent's that it may run.
            unsafe { libc::_exit(code) }
        }
        child => Ok(child),
    }
}

/// Waits for a child and returns its wait status.
pub(super) fn wait(child: pid_t) -> io::Result<c_int> {
    loop {
        let mut status = 0;
        // SAFETY: `status` lives until the call returns.
        if unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) } >= 0 {
            return Ok(status);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Waits until a child has ended, and leaves it to be [waited](wait) for.
pub(super) fn await_end(child: pid_t) {
    // Where this call is not allowed, the other one waits as well.
    let _ = call!(SYS_waitid, libc::P_PID, child, 0, libc::WEXITED | libc::WNOWAIT, 0);
}

/// Whether a child has ended. It is gone then, and its number may be another's.
pub(super) fn has_ended(child: pid_t) -> bool {
    let mut status = 0;
    // SAFETY: `status` lives until the call returns.
    unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) != 0 }
}

/// Does something in a child, which may then be what this process is not, and may die of it.
pub(super) fn in_child(act: impl FnOnce() -> io::Result<usize>) -> io::Result<()> {
    let code = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
    let status = fork(|| act().err().map_or(0, code)).and_then(wait)?;
    if !libc::WIFEXITED(status) {
        return Err(io::Error::other(format!("killed by signal {}", libc::WTERMSIG(status))));
    }
    match libc::WEXITSTATUS(status) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Sends a signal to a process, or to a group if `pid` is negative.
pub(super) fn kill(pid: pid_t, signal: c_int) -> io::Result<()> {
    call!(SYS_kill, pid, signal).map(drop)
}

/// The number of this process.
pub(super) fn own_pid() -> pid_t {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::getpid() }
}

/// The number of the process above this one.
pub(super) fn parent_pid() -> pid_t {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::getppid() }
}

/// Waits until the descriptor can be read or the time is over; whether it can be read.
pub(super) fn readable(fd: c_int, time: Duration) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let time = c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: one entry is given, and it lives until the call returns.
    unsafe { libc::poll(&raw mut poll, 1, time) > 0 }
}

/// A new mapping of this process's own memory.
pub(super) fn map(bytes: usize) -> io::Result<*mut u8> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the kernel chooses the address, so nothing that is mapped is replaced.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address.cast()) }
}

/// Writes into every page of a mapping, so that it has memory behind it.
pub(super) fn touch(address: *mut u8, bytes: usize) {
    for offset in (0..bytes).step_by(4_096) {
        // SAFETY: `address` is a private mapping of `bytes` bytes that nobody else uses.
        unsafe { address.add(offset).write_volatile(1) };
    }
}

/// The name of an error as the manuals have it.
pub(super) fn name(error: &io::Error) -> String {
    macro_rules! names {
        ($($name:ident)+) => {
            match error.raw_os_error() {
                $(Some(libc::$name) => stringify!($name).into(),)+
                _ if error.kind() == io::ErrorKind::NotFound => "not there".into(),
                _ => error.to_string(),
            }
        };
    }
    names! {
        EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY
        EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE
        ERANGE ENAMETOOLONG ENOSYS ELOOP EUSERS ENOTSOCK EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EAFNOSUPPORT
        EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ECONNRESET ENOBUFS ETIMEDOUT ECONNREFUSED EHOSTUNREACH
        EINPROGRESS ESTALE EDQUOT ENOKEY EOVERFLOW
    }
}
