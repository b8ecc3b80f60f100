//! For each call with conditions: what comes through, and what does not.

use std::{ffi::CString, os::fd::AsRawFd, os::unix::ffi::OsStrExt, path::Path};

use super::super::{rule::Rule, table};
use super::calls::{Attempt, BAD, NO_FILE, NOBODY, all_allowed, all_refused, attempts, int};
use super::{Beside, EPERM, call, compile, no_new_privileges};

/// The upper half of a register, which the kernel does not look at.
const UPPER: u64 = 1 << 32;

/// A new condition in the table is to be tried here too.
#[test]
fn every_condition_is_tried() {
    let mut tried = vec![
        "openat",
        "mknodat",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "fcntl",
        "ioctl",
        "clone",
        "prctl",
        "setpriority",
        "setrlimit",
        "prlimit64",
        "renameat2",
        "socket",
        "socketpair",
        "setsockopt",
    ];
    if cfg!(target_arch = "x86_64") {
        tried.extend(["open", "creat", "chmod", "mknod", "arch_prctl"]);
    }
    let entries = table().iter().flat_map(|group| group.entries);
    let listed = entries.filter(|entry| matches!(entry.rule, Rule::Cases(_))).map(|entry| entry.name);
    let mut listed = listed.collect::<Vec<_>>();
    listed.sort_unstable();
    tried.sort_unstable();
    assert_eq!(listed, tried);
}

#[test]
fn sockets() {
    all_allowed(&attempts![
        SYS_socket(libc::AF_UNIX, libc::SOCK_STREAM, 0),
        SYS_socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0),
        SYS_socket(libc::AF_UNIX as u64 | UPPER, libc::SOCK_STREAM, 0),
        SYS_socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, BAD),
        SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_REUSEADDR, 0, 0),
        SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_RCVTIMEO, 0, 0),
    ]);
    all_refused(
        &attempts![
            SYS_socket(libc::AF_INET, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_INET, libc::SOCK_DGRAM, 0),
            SYS_socket(libc::AF_INET as u64 | UPPER, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_INET6, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_NETLINK, libc::SOCK_RAW, 0),
            SYS_socket(libc::AF_PACKET, libc::SOCK_RAW, 0),
            SYS_socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
            SYS_socket(libc::AF_XDP, libc::SOCK_RAW, 0),
            SYS_socket(libc::AF_TIPC, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_UNSPEC, libc::SOCK_STREAM, 0),
            SYS_socketpair(libc::AF_INET, libc::SOCK_STREAM, 0, BAD),
            SYS_socketpair(libc::AF_TIPC, libc::SOCK_STREAM, 0, BAD),
            SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, 0, 0),
            SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_ATTACH_BPF, 0, 0),
            SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, 0, 0),
            SYS_setsockopt(NO_FILE, libc::SOL_TCP, libc::SO_REUSEADDR, 0, 0),
        ],
        EPERM,
    );
}

#[test]
fn descriptors() {
    let file = tempfile::tempfile().unwrap();
    let file = file.as_raw_fd();
    all_allowed(&attempts![
        SYS_fcntl(file, libc::F_GETFD),
        SYS_fcntl(file, libc::F_SETFD, libc::FD_CLOEXEC),
        SYS_fcntl(file, libc::F_GETFL),
        SYS_fcntl(file, libc::F_SETFL, libc::O_NONBLOCK),
        SYS_fcntl(NO_FILE, libc::F_DUPFD, 0),
        SYS_fcntl(NO_FILE, libc::F_DUPFD_CLOEXEC, 0),
        SYS_fcntl(file, libc::F_GETLK, BAD),
        SYS_fcntl(file, libc::F_SETLK, BAD),
        SYS_fcntl(file, libc::F_SETLKW, BAD),
        SYS_fcntl(file, libc::F_OFD_GETLK, BAD),
        SYS_fcntl(file, libc::F_OFD_SETLK, BAD),
        SYS_fcntl(file, libc::F_OFD_SETLKW, BAD),
        SYS_fcntl(file, libc::F_GETPIPE_SZ),
        SYS_ioctl(file, libc::TCGETS, BAD),
        SYS_ioctl(file, libc::TCGETS2, BAD),
        SYS_ioctl(file, libc::TIOCGWINSZ, BAD),
        SYS_ioctl(file, libc::FIONREAD, BAD),
        SYS_ioctl(file, libc::FIONBIO, BAD),
        SYS_ioctl(file, libc::FIOCLEX),
        SYS_ioctl(file, libc::FIONCLEX),
        SYS_ioctl(file, libc::FIOCLEX as u64 | UPPER),
    ]);
    all_refused(
        &attempts![
            SYS_fcntl(NO_FILE, libc::F_SETOWN, 0),
            SYS_fcntl(NO_FILE, 10, 0), // F_SETSIG
            SYS_fcntl(NO_FILE, 15, 0), // F_SETOWN_EX
            SYS_fcntl(NO_FILE, libc::F_SETLEASE, 0),
            SYS_fcntl(NO_FILE, libc::F_NOTIFY, 0),
            SYS_fcntl(NO_FILE, libc::F_SETPIPE_SZ, 0),
            SYS_fcntl(NO_FILE, libc::F_ADD_SEALS, 0),
            SYS_ioctl(NO_FILE, libc::TIOCSTI, BAD),
            SYS_ioctl(NO_FILE, libc::TIOCSTI as u64 | UPPER, BAD),
            SYS_ioctl(NO_FILE, 0x541c, BAD), // TIOCLINUX
            SYS_ioctl(NO_FILE, libc::TIOCSCTTY, 0),
            SYS_ioctl(NO_FILE, libc::TIOCSETD, BAD),
            SYS_ioctl(NO_FILE, libc::TIOCCONS, 0),
            SYS_ioctl(NO_FILE, libc::TCSETS, BAD),
            SYS_ioctl(NO_FILE, libc::FIOASYNC, BAD),
            SYS_ioctl(NO_FILE, 0x8912, BAD),      // SIOCGIFCONF
            SYS_ioctl(NO_FILE, 0xc004_5877, BAD), // FIFREEZE
            SYS_ioctl(NO_FILE, 0x4004_9409, BAD), // FICLONE
            SYS_ioctl(NO_FILE, int(-1), BAD),
        ],
        EPERM,
    );
}

#[test]
fn processes() {
    // A thread that does not share its signal handlers is not a thing: nothing is made, and the kernel says so.
    const NOTHING: i32 = libc::CLONE_THREAD;
    all_allowed(&attempts![
        SYS_clone(NOTHING, 0, 0, 0, 0),
        SYS_clone(NOTHING | libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD, 0, 0, 0, 0),
        SYS_clone(NOTHING as u64 | UPPER, 0, 0, 0, 0),
    ]);
    all_refused(
        &attempts![
            SYS_clone(NOTHING | libc::CLONE_NEWUSER, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_NEWNS, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_NEWPID, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_NEWNET, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_NEWIPC, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_NEWUTS, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_NEWCGROUP, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_PARENT, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_PTRACE, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_UNTRACED, 0, 0, 0, 0),
            SYS_clone(NOTHING | libc::CLONE_PIDFD, 0, 0, 0, 0),
        ],
        EPERM,
    );
}

#[test]
fn options_of_the_process() {
    let mut name = *b"airlock-test\0\0\0\0";
    let name = name.as_mut_ptr() as u64;
    all_allowed(&attempts![
        SYS_prctl(libc::PR_SET_NAME, name),
        SYS_prctl(libc::PR_GET_NAME, name),
        SYS_prctl(libc::PR_SET_PDEATHSIG, 0),
        SYS_prctl(libc::PR_GET_PDEATHSIG, BAD),
        SYS_prctl(libc::PR_GET_DUMPABLE),
        SYS_prctl(libc::PR_SET_VMA, u64::MAX),
        SYS_prctl(libc::PR_CAPBSET_READ, 0),
        SYS_prctl(libc::PR_SET_NO_NEW_PRIVS, 1),
        SYS_prctl(libc::PR_GET_NO_NEW_PRIVS),
        SYS_prctl(libc::PR_GET_TIMERSLACK),
    ]);
    all_refused(
        &attempts![
            SYS_prctl(libc::PR_SET_DUMPABLE, 1),
            SYS_prctl(libc::PR_SET_SECCOMP, NOBODY),
            SYS_prctl(libc::PR_SET_KEEPCAPS, 2),
            SYS_prctl(libc::PR_SET_CHILD_SUBREAPER, 0),
            SYS_prctl(libc::PR_SET_PTRACER, NOBODY),
            SYS_prctl(libc::PR_CAP_AMBIENT, NOBODY),
            SYS_prctl(libc::PR_CAPBSET_DROP, NOBODY),
            SYS_prctl(libc::PR_SET_MM, NOBODY, 0, 0, 1),
            SYS_prctl(libc::PR_SET_TSC, NOBODY),
            SYS_prctl(53, NOBODY, 0, 1), // PR_SET_SPECULATION_CTRL
            SYS_prctl(int(-1)),
        ],
        EPERM,
    );
}

/// Asking outside for what changes the whole process would change the other tests: no control for this one.
#[test]
fn a_process_may_make_itself_unreadable() {
    let filters = compile(Beside::Namespaces).unwrap();
    // SAFETY: the child calls nothing but the kernel.
    let child = unsafe { libc::fork() };
    if child == 0 {
        no_new_privileges();
        let refused = filters.apply().is_err()
            || call(libc::SYS_prctl, [int(libc::PR_SET_DUMPABLE), 0, 0, 0, 0, 0]) != 0;
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(refused)) };
    }
    let mut status = -1;
    // SAFETY: writes the status only.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}

#[test]
fn limits_and_priorities() {
    let mut limit = [0_u64; 2];
    let limit = limit.as_mut_ptr() as u64;
    let own = std::process::id();
    // SAFETY: touches no memory.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    all_allowed(&attempts![
        SYS_prlimit64(0, libc::RLIMIT_NOFILE, 0, limit),
        SYS_prlimit64(UPPER, libc::RLIMIT_NOFILE, 0, limit),
        SYS_setrlimit(libc::RLIMIT_NOFILE, BAD),
        SYS_setpriority(libc::PRIO_PROCESS, 0, int(nice)),
    ]);
    all_refused(
        &attempts![
            SYS_prlimit64(own, libc::RLIMIT_NOFILE, 0, limit),
            SYS_prlimit64(1, libc::RLIMIT_NOFILE, 0, BAD),
            SYS_prlimit64(NOBODY, libc::RLIMIT_NOFILE, 0, limit),
            SYS_prlimit64(0, libc::RLIMIT_CORE, 0, limit),
            SYS_prlimit64(0, libc::RLIMIT_CORE | 0x1000_0000, 0, limit),
            SYS_setrlimit(libc::RLIMIT_CORE, BAD),
            SYS_setpriority(libc::PRIO_PROCESS, own, int(nice)),
            SYS_setpriority(libc::PRIO_PGRP, NOBODY, int(nice)),
            SYS_setpriority(libc::PRIO_USER, NOBODY, int(nice)),
        ],
        EPERM,
    );
}

#[test]
fn renaming_leaves_no_device() {
    let here = int(libc::AT_FDCWD);
    all_allowed(&attempts![
        SYS_renameat2(here, BAD, here, BAD, 0),
        SYS_renameat2(here, BAD, here, BAD, libc::RENAME_NOREPLACE),
        SYS_renameat2(here, BAD, here, BAD, libc::RENAME_EXCHANGE),
    ]);
    all_refused(&attempts![SYS_renameat2(here, BAD, here, BAD, libc::RENAME_WHITEOUT)], EPERM);
}

/// The same calls with a mode that lends rights, and with one that does not.
fn with_mode(file: &Path, descriptor: i32, kept: &CString, mode: u32) -> Vec<Attempt> {
    let there = CString::new(file.as_os_str().as_bytes()).unwrap();
    let there = there.into_raw() as u64; // Kept for good: the tests are few.
    let here = int(libc::AT_FDCWD);
    let makes = libc::O_CREAT | libc::O_WRONLY;
    let mut all = Vec::from(attempts![
        SYS_fchmod(descriptor, mode),
        SYS_fchmodat(here, there, mode),
        SYS_openat(here, there, makes, mode),
        SYS_openat(here, kept.as_ptr(), libc::O_TMPFILE | libc::O_WRONLY, mode),
        SYS_mknodat(NO_FILE, BAD, libc::S_IFREG | mode, 0),
        SYS_mknodat(NO_FILE, BAD, libc::S_IFIFO | mode, 0),
        SYS_mknodat(NO_FILE, BAD, libc::S_IFSOCK | mode, 0),
    ]);
    all.push(Attempt {
        name: "fchmodat2".into(),
        number: 452,
        args: [here, there, u64::from(mode), 0, 0, 0],
    });
    #[cfg(target_arch = "x86_64")]
    all.extend(attempts![
        SYS_chmod(there, mode),
        SYS_open(there, makes, mode),
        SYS_creat(there, mode),
        SYS_mknod(BAD, libc::S_IFREG | mode, 0),
    ]);
    for attempt in &mut all {
        attempt.name = format!("{} with mode {mode:o}", attempt.name);
    }
    all
}

#[test]
fn modes_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let kept = CString::new(folder.path().as_os_str().as_bytes()).unwrap();
    let path = folder.path().join("file");
    let file = std::fs::File::create(&path).unwrap();
    for mode in [0, 0o644, 0o755, 0o1777] {
        all_allowed(&with_mode(&path, file.as_raw_fd(), &kept, mode));
    }
    for mode in [0o4755, 0o2755, 0o6711, libc::S_ISUID, libc::S_ISGID] {
        all_refused(&with_mode(&path, file.as_raw_fd(), &kept, mode), EPERM);
    }
    // Without a file to be made the kernel does not look at the mode.
    let here = int(libc::AT_FDCWD);
    all_allowed(&attempts![SYS_openat(here, kept.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY, 0o4755),]);
    #[cfg(target_arch = "x86_64")]
    all_allowed(&attempts![SYS_open(kept.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY, 0o4755),]);
}

#[test]
fn devices() {
    all_refused(
        &attempts![
            SYS_mknodat(NO_FILE, BAD, libc::S_IFCHR | 0o600, 0x103),
            SYS_mknodat(NO_FILE, BAD, libc::S_IFBLK | 0o600, 0x800),
        ],
        EPERM,
    );
    #[cfg(target_arch = "x86_64")]
    all_refused(&attempts![SYS_mknod(BAD, libc::S_IFCHR | 0o600, 0x103),], EPERM);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn where_a_thread_keeps_its_data() {
    let mut base = 0_u64;
    let base = &raw mut base as u64;
    all_allowed(&attempts![SYS_arch_prctl(0x1003, base),]); // ARCH_GET_FS; ARCH_SET_FS: static programs
}
