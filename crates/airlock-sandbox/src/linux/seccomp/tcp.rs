//! Where the list is longer for a box with a network: TCP, by which the proxy is reached, and that alone. It is made for
//! clients; Landlock says to which port they connect.

#![allow(
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "the kernel's constants, whose types differ by C library; it takes 32 bits of each itself"
)]

use super::{
    rule::{
        Check, Group,
        Rule::{self, Always, Cases},
        one_of, without,
    },
    table::{LOCAL, SOCKET_OPTIONS, group},
};

const LOCAL_OR_TCP: Rule = Cases(&[
    &[one_of(0, &[libc::AF_UNIX as u32])],
    &[
        one_of(0, &[libc::AF_INET as u32, libc::AF_INET6 as u32]),
        Check {
            arg: 1,
            mask: !((libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) as u32),
            values: &[libc::SOCK_STREAM as u32],
        },
        one_of(2, &[0, libc::IPPROTO_TCP as u32]),
    ],
]);

/// What clients set and ask for; nothing that hands the kernel code, keys, or another protocol above TCP.
const TCP_OPTIONS: &[u32] = &[
    libc::TCP_NODELAY as u32,
    libc::TCP_KEEPIDLE as u32,
    libc::TCP_KEEPINTVL as u32,
    libc::TCP_KEEPCNT as u32,
    libc::TCP_USER_TIMEOUT as u32,
];

const SETSOCKOPT_TCP: Rule = Cases(&[
    &[one_of(1, &[libc::SOL_SOCKET as u32]), one_of(2, SOCKET_OPTIONS)],
    &[one_of(1, &[libc::IPPROTO_TCP as u32]), one_of(2, TCP_OPTIONS)],
]);

const GETSOCKOPT_TCP: Rule = Cases(&[
    &[one_of(1, &[libc::SOL_SOCKET as u32])],
    &[one_of(1, &[libc::IPPROTO_TCP as u32]), one_of(2, TCP_OPTIONS)],
]);

/// A connection is made by sending, which Landlock does not see.
const FAST_OPEN: u32 = libc::MSG_FASTOPEN as u32;
const SEND_FLAGS_THIRD: Rule = Cases(&[&[without(2, FAST_OPEN)]]);
const SEND_FLAGS_FOURTH: Rule = Cases(&[&[without(3, FAST_OPEN)]]);

group! { SOCKETS, "sockets between own processes, and TCP to the proxy":
    SYS_socket
        => LOCAL_OR_TCP, "of the kind that stays on the machine, and TCP for the proxy; no UDP, no raw sockets, and no MPTCP or SMC, which Landlock does not hold";
    SYS_socketpair => LOCAL, "of the kind that stays on the machine";
    SYS_connect SYS_bind
        => Always, "Landlock allows TCP to the port of the proxy and lets no port be bound; with AF_UNIX as without a network";
    SYS_listen SYS_accept SYS_accept4
        => Always, "on sockets with names in files; TCP has no port to listen at that anybody could connect to";
    SYS_sendto SYS_sendmmsg
        => SEND_FLAGS_FOURTH, "on what is connected; not MSG_FASTOPEN, which connects past Landlock";
    SYS_sendmsg => SEND_FLAGS_THIRD, "on what is connected; not MSG_FASTOPEN, which connects past Landlock";
    SYS_recvfrom SYS_recvmsg SYS_recvmmsg SYS_shutdown => Always, "on what is connected";
    SYS_getsockname SYS_getpeername => Always, "asking; clients look where they are connected";
    SYS_getsockopt
        => GETSOCKOPT_TCP, "whether a connection was made (SO_ERROR), and what can be set; no tables of the packet filter, no memory of the kernel mapped (TCP_ZEROCOPY_RECEIVE)";
    SYS_setsockopt
        => SETSOCKOPT_TCP, "times, sizes, TCP_NODELAY and keeping connections alive, as HTTP clients do; no TLS or other protocols in the kernel (TCP_ULP), no TCP_FASTOPEN_CONNECT, no TCP_REPAIR";
}
