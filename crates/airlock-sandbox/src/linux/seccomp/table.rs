//! The list: what is let through, by purpose, each with its reason.
//!
//! What is missing is missing on purpose: other programs' memory (`ptrace`, `process_vm_*`, `pidfd_*`), namespaces
//! and mounts, keys, `bpf`, `perf`, `userfaultfd`, `io_uring` and asynchronous I/O, modules, clocks, users, queues of
//! System V and POSIX, NUMA, `memfd_*` (memory that no limit of a file system holds), `open_by_handle_at`, `vmsplice`,
//! and `seccomp` itself.

#![allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast,
    reason = "the kernel's constants, whose types differ by C library; it takes 32 bits of each itself"
)]

use super::rule::{
    Check, Group,
    Rule::{self, Always, Cases, Unknown, Unsupported},
    one_of, within, without,
};

/// The numbers, by the names of the C library, and one that it lacks on some architectures.
pub(super) mod sys {
    pub(in super::super) use libc::*;
    #[allow(non_upper_case_globals, reason = "the other names are written like this")]
    pub(in super::super) const SYS_fchmodat2: c_long = 452;
}

macro_rules! group {
    ($id:ident, $title:literal: $($($call:ident)+ => $rule:expr, $why:literal;)+) => {
        pub(super) const $id: Group = Group {
            title: $title,
            entries: &[$($(super::rule::Entry {
                name: stringify!($call).split_at(4).1,
                number: $crate::linux::seccomp::table::sys::$call,
                rule: $rule,
                why: $why,
            },)+)+],
        };
    };
}

pub(super) use group;

pub(super) const TABLE: &[Group] = &[
    STREAMS,
    OPENING,
    FOLDERS,
    METADATA,
    WATCHING,
    DESCRIPTORS,
    MEMORY,
    PROCESSES,
    IDENTITY,
    SCHEDULING,
    LIMITS,
    SIGNALS,
    TIME,
    WAITING,
    SOCKETS,
    SYSTEM,
    #[cfg(target_arch = "x86_64")]
    OLDER_FORMS,
];

/// Bits by which a file lends its owner's rights to whoever runs it. In a folder that is shared with the host, such a
/// file would be the way out for its owner's rights.
const LENDING: u32 = libc::S_ISUID | libc::S_ISGID;

/// A mode of a file that is made or changed.
const fn mode(arg: u8) -> Check {
    without(arg, LENDING)
}

/// Flags by which `open` makes a file; without them it takes no mode. `O_TMPFILE` holds a bit of its own besides
/// that of `O_DIRECTORY`.
const MAKES: u32 = (libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32;

const OPENAT: Rule = Cases(&[&[without(2, MAKES)], &[mode(3)]]);
const CHMOD: Rule = Cases(&[&[mode(1)]]);
const CHMODAT: Rule = Cases(&[&[mode(2)]]);
const MKNODAT: Rule = Cases(&[&[plain_node(2)]]);

/// A file, a pipe or a socket, but no device.
const fn plain_node(arg: u8) -> Check {
    const KINDS: &[u32] = &[0, libc::S_IFREG, libc::S_IFIFO, libc::S_IFSOCK];
    Check { arg, mask: libc::S_IFMT | LENDING, values: KINDS }
}

const IOCTL: Rule = Cases(&[&[one_of(
    1,
    &[
        libc::TCGETS as u32,  // isatty
        libc::TCGETS2 as u32, // isatty, as newer C libraries ask
        libc::TIOCGWINSZ as u32,
        libc::FIONREAD as u32,
        libc::FIONBIO as u32,
        libc::FIOCLEX as u32,
        libc::FIONCLEX as u32,
    ],
)]]);

const FCNTL: Rule = Cases(&[&[one_of(
    1,
    &[
        libc::F_DUPFD as u32,
        libc::F_DUPFD_CLOEXEC as u32,
        libc::F_GETFD as u32,
        libc::F_SETFD as u32,
        libc::F_GETFL as u32,
        libc::F_SETFL as u32,
        libc::F_GETLK as u32,
        libc::F_SETLK as u32,
        libc::F_SETLKW as u32,
        libc::F_OFD_GETLK as u32,
        libc::F_OFD_SETLK as u32,
        libc::F_OFD_SETLKW as u32,
        libc::F_GETPIPE_SZ as u32,
    ],
)]]);

/// All that threads, `fork`, `vfork` and `posix_spawn` of the C libraries set; no namespace, no parent of another
/// process, no way around a tracer.
const CLONE: Rule = Cases(&[&[within(
    0,
    0xff // The signal at the end.
        | (libc::CLONE_VM
            | libc::CLONE_FS
            | libc::CLONE_FILES
            | libc::CLONE_SIGHAND
            | libc::CLONE_VFORK
            | libc::CLONE_THREAD
            | libc::CLONE_SYSVSEM
            | libc::CLONE_SETTLS
            | libc::CLONE_PARENT_SETTID
            | libc::CLONE_CHILD_CLEARTID
            | libc::CLONE_CHILD_SETTID
            | libc::CLONE_DETACHED) as u32,
)]]);

/// What a process may ask and change of itself.
pub(super) const OWN_OPTIONS: Check = one_of(
    0,
    &[
        libc::PR_SET_NAME as u32,
        libc::PR_GET_NAME as u32,
        libc::PR_GET_PDEATHSIG as u32,
        libc::PR_GET_DUMPABLE as u32,
        libc::PR_SET_VMA as u32,
        libc::PR_CAPBSET_READ as u32,
        libc::PR_SET_NO_NEW_PRIVS as u32,
        libc::PR_GET_NO_NEW_PRIVS as u32,
        libc::PR_GET_SECCOMP as u32,
        libc::PR_GET_TIMERSLACK as u32,
    ],
);
pub(super) const BECOME_UNREADABLE: [Check; 2] =
    [one_of(0, &[libc::PR_SET_DUMPABLE as u32]), one_of(1, &[0])];
const PRCTL: Rule =
    Cases(&[&[OWN_OPTIONS], &[one_of(0, &[libc::PR_SET_PDEATHSIG as u32])], &BECOME_UNREADABLE]);

/// The process itself.
/// All kinds of limits but `RLIMIT_CORE`.
const LIMITS_BUT_CORES: &[u32] = &[0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const NO_CORE: Rule = Cases(&[&[one_of(0, LIMITS_BUT_CORES)]]);
const ITSELF: Rule = Cases(&[&[one_of(0, &[0]), one_of(1, LIMITS_BUT_CORES)]]);
const RENAME: Rule = Cases(&[&[within(4, libc::RENAME_NOREPLACE | libc::RENAME_EXCHANGE)]]);
pub(super) const OWN_PRIORITY: Rule = Cases(&[&[one_of(0, &[libc::PRIO_PROCESS as u32]), one_of(1, &[0])]]);

pub(super) const LOCAL: Rule = Cases(&[&[one_of(0, &[libc::AF_UNIX as u32])]]);

pub(super) const SOCKET_OPTIONS: &[u32] = &[
    libc::SO_REUSEADDR as u32,
    libc::SO_KEEPALIVE as u32,
    libc::SO_LINGER as u32,
    libc::SO_PASSCRED as u32,
    libc::SO_SNDTIMEO as u32,
    libc::SO_RCVTIMEO as u32,
];

const SETSOCKOPT: Rule = Cases(&[&[one_of(1, &[libc::SOL_SOCKET as u32]), one_of(2, SOCKET_OPTIONS)]]);

group! { STREAMS, "reading and writing":
    SYS_read SYS_readv SYS_pread64 SYS_preadv SYS_preadv2 => Always, "input, at most of what is open";
    SYS_write SYS_writev SYS_pwrite64 SYS_pwritev SYS_pwritev2 => Always, "output, at most to what is open";
    SYS_lseek => Always, "moving within an open file";
    SYS_sendfile SYS_copy_file_range SYS_splice SYS_tee
        => Always, "copying between open files: cp, cat, Python's shutil";
    SYS_fsync SYS_fdatasync SYS_sync_file_range
        => Always, "databases and git wait for their files, and no others, to be kept";
    SYS_fadvise64 SYS_readahead => Always, "hints on how a file is going to be read";
    SYS_truncate SYS_ftruncate SYS_fallocate
        => Always, "the size of a file, within the limits of its file system";
    SYS_flock => Always, "locks on open files";
}

group! { OPENING, "opening files":
    SYS_openat => OPENAT, "every file is opened by it; none is made that lends rights";
    SYS_openat2
        => Unknown, "its flags are behind a pointer, where no filter sees them; libraries fall back to openat";
    SYS_close SYS_close_range => Always, "the end of every open file";
}

group! { FOLDERS, "folders and names":
    SYS_getdents64 => Always, "listing a folder";
    SYS_getcwd SYS_chdir SYS_fchdir => Always, "the current folder";
    SYS_mkdirat => Always, "making folders";
    SYS_unlinkat => Always, "removing files and folders";
    SYS_renameat => Always, "moving files";
    SYS_renameat2 => RENAME, "moving files, without overwriting or in exchange; leaving no device behind";
    SYS_linkat SYS_symlinkat SYS_readlinkat => Always, "links: git, packages of Node and Python";
    SYS_mknodat => MKNODAT, "pipes and sockets with names; no devices";
}

group! { METADATA, "what is known of files":
    SYS_fstat SYS_newfstatat SYS_statx => Always, "kind, size and times of a file";
    SYS_statfs SYS_fstatfs => Always, "kind of and room on a file system";
    SYS_faccessat SYS_faccessat2 => Always, "whether a file may be used";
    SYS_fchmod => CHMOD, "who may use an own file; it never lends rights";
    SYS_fchmodat SYS_fchmodat2 => CHMODAT, "who may use an own file; it never lends rights";
    SYS_utimensat => Always, "times of a file: touch, make, tar";
    SYS_umask => Always, "the mode of files to come";
    SYS_getxattr SYS_lgetxattr SYS_fgetxattr SYS_listxattr SYS_llistxattr SYS_flistxattr
        => Always, "ls and cp look for labels of files";
    SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_removexattr SYS_lremovexattr SYS_fremovexattr
        => Unsupported, "nobody needs them, but cp -a fails unless it is told that there are none";
}

group! { WATCHING, "watching files":
    SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch
        => Always, "fs.watch of Node; only what can be read is watched";
}

group! { DESCRIPTORS, "descriptors":
    SYS_dup SYS_dup3 => Always, "redirection";
    SYS_pipe2 => Always, "pipes between own processes";
    SYS_fcntl => FCNTL, "copies, flags and locks; no owner for signals, no leases, no larger pipes";
    SYS_ioctl
        => IOCTL, "whether it is a terminal and how wide, how much can be read, two flags; no input faked on a terminal";
}

group! { MEMORY, "memory":
    SYS_brk SYS_mmap SYS_munmap SYS_mremap SYS_mprotect
        => Always, "every allocation; compilers of JavaScript make memory executable";
    SYS_madvise => Always, "allocators give memory back";
    SYS_msync SYS_mincore => Always, "mapped files; unwinders ask whether an address is mapped";
    SYS_mlock SYS_mlock2 SYS_munlock => Always, "keys kept out of swap, up to the limit of locked memory";
    SYS_membarrier => Always, "runtimes order memory among their threads";
    SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect => Always, "V8 protects its code by them";
    SYS_mseal => Always, "the loader makes mappings final";
}

group! { PROCESSES, "processes and threads":
    SYS_clone => CLONE, "processes and threads, without namespaces";
    SYS_clone3
        => Unknown, "its flags are behind a pointer, where no filter sees them; C libraries fall back to clone";
    SYS_execve SYS_execveat => Always, "starting programs, under this same filter";
    SYS_exit SYS_exit_group => Always, "ending";
    SYS_wait4 SYS_waitid => Always, "how own processes ended";
    SYS_set_tid_address SYS_set_robust_list SYS_rseq
        => Always, "the C library says where it keeps a thread's data";
    SYS_futex SYS_futex_waitv => Always, "every lock between threads";
    SYS_prctl
        => PRCTL, "names of threads, the signal at the parent's end, asking; nothing that loosens the process";
}

group! { IDENTITY, "who one is":
    SYS_getpid SYS_getppid SYS_gettid SYS_getpgid SYS_getsid => Always, "own numbers";
    SYS_setpgid SYS_setsid
        => Always, "shells and subprocess group own processes; all of them end with the box";
    SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_getresuid SYS_getresgid SYS_getgroups
        => Always, "asking for the user; changing it is refused";
    SYS_capget => Always, "asking for capabilities, of which there are none";
}

group! { SCHEDULING, "scheduling":
    SYS_sched_yield => Always, "locks that spin";
    SYS_getcpu SYS_sched_getaffinity
        => Always, "how many processors there are: nproc, os.cpus of Node, thread pools";
    SYS_sched_getparam SYS_sched_getscheduler SYS_sched_get_priority_max SYS_sched_get_priority_min
        => Always, "the C library asks when it makes threads";
    SYS_getpriority => Always, "asking";
    SYS_setpriority => OWN_PRIORITY, "nice, which can only step back";
}

group! { LIMITS, "limits and use":
    SYS_getrlimit SYS_getrusage SYS_times => Always, "own limits and use";
    SYS_setrlimit => NO_CORE, "own limits, which can only sink; that on cores is right as it is";
    SYS_prlimit64 => ITSELF, "own limits, which can only sink, but for that on cores; no other process";
}

group! { SIGNALS, "signals":
    SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_sigaltstack => Always, "handling signals";
    SYS_rt_sigpending SYS_rt_sigsuspend SYS_rt_sigtimedwait SYS_signalfd4 => Always, "waiting for signals";
    SYS_kill SYS_tkill SYS_tgkill
        => Always, "to own processes; the namespace or Landlock keeps all others out of reach";
    SYS_restart_syscall => Always, "the kernel itself has it called after an interruption";
}

group! { TIME, "time":
    SYS_clock_gettime SYS_clock_getres SYS_gettimeofday
        => Always, "the time, where the kernel's page for it cannot be read";
    SYS_nanosleep SYS_clock_nanosleep => Always, "sleeping";
    SYS_getitimer SYS_setitimer => Always, "alarms";
    SYS_timer_create SYS_timer_settime SYS_timer_gettime SYS_timer_getoverrun SYS_timer_delete
        => Always, "timers that send signals";
    SYS_timerfd_create SYS_timerfd_settime SYS_timerfd_gettime => Always, "timers that can be polled";
}

group! { WAITING, "waiting for several things":
    SYS_ppoll SYS_pselect6 => Always, "polling";
    SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2
        => Always, "event loops: asyncio, libuv, tokio";
    SYS_eventfd2 => Always, "event loops are woken by it";
}

group! { SOCKETS, "sockets between own processes":
    SYS_socket SYS_socketpair
        => LOCAL, "of the kind that stays on the machine; no network, no netlink, no kernel's algorithms";
    SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_connect
        => Always, "on such sockets; Landlock and the box's own root keep the host's out of reach";
    SYS_sendto SYS_sendmsg SYS_sendmmsg SYS_recvfrom SYS_recvmsg SYS_recvmmsg SYS_shutdown
        => Always, "on such sockets";
    SYS_getsockname SYS_getpeername SYS_getsockopt => Always, "asking";
    SYS_setsockopt => SETSOCKOPT, "times and sizes; no programs for the kernel (SO_ATTACH_FILTER)";
}

group! { SYSTEM, "the system":
    SYS_uname SYS_sysinfo => Always, "version and memory: Node and Python ask at start";
    SYS_getrandom => Always, "random numbers";
}

#[cfg(target_arch = "x86_64")]
const OPEN: Rule = Cases(&[&[without(1, MAKES)], &[mode(2)]]);
#[cfg(target_arch = "x86_64")]
const MKNOD: Rule = Cases(&[&[plain_node(1)]]);
/// `ARCH_SET_FS` and `ARCH_GET_FS`, which the C library does not name.
#[cfg(target_arch = "x86_64")]
const ARCH_PRCTL: Rule = Cases(&[&[one_of(0, &[0x1002, 0x1003])]]);

#[cfg(target_arch = "x86_64")]
group! { OLDER_FORMS, "older forms of the calls above, which x86-64 keeps":
    SYS_open => OPEN, "openat";
    SYS_creat => CHMOD, "openat";
    SYS_stat SYS_lstat SYS_access SYS_readlink => Always, "newfstatat, faccessat, readlinkat";
    SYS_getdents => Always, "getdents64";
    SYS_mkdir SYS_rmdir SYS_unlink SYS_rename SYS_link SYS_symlink
        => Always, "mkdirat, unlinkat, renameat, linkat, symlinkat";
    SYS_chmod => CHMOD, "fchmodat";
    SYS_mknod => MKNOD, "mknodat";
    SYS_utime SYS_utimes SYS_futimesat => Always, "utimensat";
    SYS_inotify_init => Always, "inotify_init1";
    SYS_dup2 SYS_pipe => Always, "dup3, pipe2";
    SYS_fork SYS_vfork => Always, "clone";
    SYS_arch_prctl => ARCH_PRCTL, "where a thread keeps its data; statically linked programs set it at start";
    SYS_getpgrp => Always, "getpgid";
    SYS_pause SYS_alarm SYS_signalfd => Always, "rt_sigsuspend, setitimer, signalfd4";
    SYS_time => Always, "clock_gettime";
    SYS_poll SYS_select => Always, "ppoll, pselect6";
    SYS_epoll_create SYS_epoll_wait SYS_eventfd => Always, "epoll_create1, epoll_pwait, eventfd2";
}
