//! What is stricter where Landlock alone is beside the filter.

use super::super::{Beside, instead, table};
use super::calls::{Attempt, BAD, NO_FILE, NOBODY, attempts};
use super::{EPERM, Errno, call, filtered, filtered_beside};

/// What a call answers under the filter beside that.
fn answer(beside: Beside, attempt: &Attempt) -> Errno {
    let (number, args) = (attempt.number, attempt.args);
    match beside {
        Beside::Namespaces => filtered(|| call(number, args)),
        Beside::NamespacesAndProxy | Beside::Landlock(_) => filtered_beside(beside, || call(number, args)),
    }
}

#[test]
fn what_is_other_takes_the_place_of_something() {
    for beside in [Beside::Landlock(6), Beside::Landlock(9), Beside::NamespacesAndProxy] {
        let listed =
            |number| table().iter().flat_map(|group| group.entries).any(|entry| entry.number == number);
        let instead = instead(beside);
        let entries: Vec<_> = instead.iter().flat_map(|group| group.entries).collect();
        assert!(entries.len() > 10);
        for entry in entries {
            assert!(listed(entry.number), "{} is refused in any case", entry.name);
        }
    }
    assert!(instead(Beside::Namespaces).is_empty());
}

/// Each is refused there alone: beside namespaces the kernel answers something else.
#[test]
fn calls_that_reach_the_user_are_refused() {
    let attempts = attempts![
        SYS_fchmod(NO_FILE, 0o600),
        SYS_fchmodat(NO_FILE, BAD, 0o600),
        SYS_utimensat(NO_FILE, BAD, 0, 0),
        SYS_inotify_add_watch(NO_FILE, BAD, 0),
        SYS_getsid(NOBODY),
        SYS_getpgid(NOBODY),
        SYS_sched_getscheduler(NOBODY),
        SYS_sched_getparam(NOBODY, BAD),
        SYS_getpriority(libc::PRIO_USER, 0),
    ];
    for attempt in &attempts {
        assert_ne!(answer(Beside::Namespaces, attempt), EPERM, "{}", attempt.name);
        assert_eq!(answer(Beside::Landlock(6), attempt), EPERM, "{}", attempt.name);
    }
    for attempt in &attempts![SYS_getsid(0), SYS_getpgid(0), SYS_sched_getscheduler(0)] {
        assert_eq!(answer(Beside::Landlock(6), attempt), 0, "{}", attempt.name);
    }
    let labels = &attempts![SYS_getxattr(BAD, BAD, 0, 0)][0];
    assert_eq!(answer(Beside::Landlock(6), labels), libc::EOPNOTSUPP);
}

#[test]
fn sockets_with_names_wait_for_a_landlock_that_knows_them() {
    let pair = |kind: i32| attempts![SYS_socketpair(libc::AF_UNIX, kind, 0, BAD)];
    for kind in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC] {
        assert_eq!(answer(Beside::Landlock(6), &pair(kind)[0]), libc::EFAULT);
    }
    // One end of such a pair can send to any name.
    for kind in [libc::SOCK_DGRAM, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK] {
        assert_eq!(answer(Beside::Landlock(6), &pair(kind)[0]), EPERM);
    }
    let named = attempts![
        SYS_socket(libc::AF_UNIX, libc::SOCK_STREAM, 0),
        SYS_connect(NO_FILE, BAD, 0),
        SYS_bind(NO_FILE, BAD, 0),
        SYS_listen(NO_FILE, 0),
    ];
    for attempt in &named {
        assert_eq!(answer(Beside::Landlock(8), attempt), EPERM, "{}", attempt.name);
        assert_ne!(answer(Beside::Landlock(9), attempt), EPERM, "{}", attempt.name);
    }
}
