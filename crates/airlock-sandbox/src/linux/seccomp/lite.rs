//! Where the list is shorter without namespaces: calls that Landlock does not look at, by which a program could reach
//! files and processes of its user.

#![allow(
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "the kernel's constants, whose types differ by C library; it takes 32 bits of each itself"
)]

use super::{
    rule::{
        Check, Group,
        Rule::{self, Cases, Refused, Unsupported},
        one_of,
    },
    table::{BECOME_UNREADABLE, OWN_OPTIONS, OWN_PRIORITY, group},
};

/// The first version of Landlock that keeps sockets with names out of reach.
const SOCKETS_BY_LANDLOCK: u8 = 9;

/// What takes the place of the entries in the table.
pub(super) fn groups(landlock: u8) -> Vec<&'static Group> {
    let mut groups = vec![&FILES, &PROCESSES];
    #[cfg(target_arch = "x86_64")]
    groups.push(&OLDER_FORMS);
    if landlock < SOCKETS_BY_LANDLOCK {
        groups.push(&SOCKETS);
    }
    groups
}

/// But by which signal it ends with the helper.
const PRCTL: Rule = Cases(&[&[OWN_OPTIONS], &BECOME_UNREADABLE]);
const ITSELF: Rule = Cases(&[&[one_of(0, &[0])]]);

/// Kinds of sockets that belong to their other end for good; one for datagrams can send to any name.
const JOINED: Check =
    Check { arg: 1, mask: 0xf, values: &[libc::SOCK_STREAM as u32, libc::SOCK_SEQPACKET as u32] };
const PAIR: Rule = Cases(&[&[one_of(0, &[libc::AF_UNIX as u32]), JOINED]]);

group! { FILES, "files that are the user's and were not named":
    SYS_fchmod SYS_fchmodat SYS_fchmodat2 => Refused, "who may use any file of the user";
    SYS_utimensat => Refused, "times of any file of the user";
    SYS_getxattr SYS_lgetxattr SYS_fgetxattr SYS_listxattr SYS_llistxattr SYS_flistxattr
        => Unsupported, "labels of any file";
    SYS_inotify_init1 SYS_inotify_add_watch SYS_inotify_rm_watch
        => Refused, "what is done in any folder of the user, by name";
}

group! { PROCESSES, "processes of the host":
    SYS_getsid SYS_getpgid => ITSELF, "own numbers, and those of nobody else";
    SYS_sched_getparam SYS_sched_getscheduler => ITSELF, "how it is scheduled, and nobody else";
    SYS_getpriority => OWN_PRIORITY, "its own";
    SYS_prctl => PRCTL, "as in the table, but that it ends with the helper, which nothing else would see to";
}

group! { SOCKETS, "sockets of the host, which have names among its files":
    SYS_socket SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_connect
        => Refused, "before its version 9 Landlock lets everybody connect who may write to the socket's file";
    SYS_socketpair => PAIR, "two ends that know only each other: event loops, and programs that Node starts";
}

#[cfg(target_arch = "x86_64")]
group! { OLDER_FORMS, "older forms of them":
    SYS_chmod => Refused, "fchmodat";
    SYS_utime SYS_utimes SYS_futimesat => Refused, "utimensat";
    SYS_inotify_init => Refused, "inotify_init1";
}
