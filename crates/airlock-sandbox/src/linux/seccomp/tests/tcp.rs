//! What a box with a network allows beyond one without, and nothing else.

use super::super::{Beside, instead, rule::Rule};
use super::EPERM;
use super::calls::{BAD, NO_FILE, all_allowed_beside, all_refused_beside, attempts};

/// The upper half of a register, which the kernel does not look at.
const UPPER: u64 = 1 << 32;

#[test]
fn sockets_for_the_proxy() {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    all_allowed_beside(
        Beside::NamespacesAndProxy,
        &attempts![
            SYS_socket(libc::AF_UNIX, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0),
            SYS_socket(libc::AF_INET, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_INET, libc::SOCK_STREAM | flags, libc::IPPROTO_TCP),
            SYS_socket(libc::AF_INET as u64 | UPPER, libc::SOCK_STREAM as u64 | UPPER, UPPER),
            SYS_socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, BAD),
            SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 0, 0),
            SYS_setsockopt(NO_FILE, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0, 0),
            SYS_setsockopt(NO_FILE, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 0, 0),
            SYS_getsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_ERROR, 0, 0),
            SYS_getsockopt(NO_FILE, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0, 0),
            SYS_sendto(NO_FILE, 0, 0, libc::MSG_NOSIGNAL, 0, 0),
            SYS_sendmsg(NO_FILE, BAD, libc::MSG_NOSIGNAL),
            SYS_sendmmsg(NO_FILE, BAD, 1, libc::MSG_DONTWAIT),
        ],
    );
    all_refused_beside(
        Beside::NamespacesAndProxy,
        &attempts![
            SYS_socket(libc::AF_INET, libc::SOCK_DGRAM, 0),
            SYS_socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
            SYS_socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
            SYS_socket(libc::AF_INET, libc::SOCK_STREAM, 262), // MPTCP
            SYS_socket(libc::AF_INET, libc::SOCK_STREAM, 132), // SCTP
            SYS_socket(libc::AF_INET, libc::SOCK_STREAM, 256), // SMC
            SYS_socket(libc::AF_INET, libc::SOCK_SEQPACKET, 0),
            SYS_socket(libc::AF_INET6, libc::SOCK_DGRAM, 0),
            SYS_socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6),
            SYS_socket(libc::AF_NETLINK, libc::SOCK_RAW, 0),
            SYS_socket(libc::AF_PACKET, libc::SOCK_RAW, 0),
            SYS_socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0),
            SYS_socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
            SYS_socket(43, libc::SOCK_STREAM, 0), // AF_SMC
            SYS_socket(libc::AF_UNSPEC, libc::SOCK_STREAM, 0),
            SYS_socketpair(libc::AF_INET, libc::SOCK_STREAM, 0, BAD),
            SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, 0, 0),
            SYS_setsockopt(NO_FILE, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, 0, 0),
            SYS_setsockopt(NO_FILE, libc::IPPROTO_TCP, libc::TCP_ULP, 0, 0),
            SYS_setsockopt(NO_FILE, libc::IPPROTO_TCP, libc::TCP_REPAIR, 0, 0),
            SYS_setsockopt(NO_FILE, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 0, 0),
            SYS_setsockopt(NO_FILE, libc::IPPROTO_IP, 64, 0, 0), // IPT_SO_SET_REPLACE
            SYS_getsockopt(NO_FILE, libc::IPPROTO_IP, 64, 0, 0), // IPT_SO_GET_INFO
            SYS_getsockopt(NO_FILE, libc::IPPROTO_TCP, 35, 0, 0), // TCP_ZEROCOPY_RECEIVE
            SYS_sendto(NO_FILE, 0, 0, libc::MSG_FASTOPEN, 0, 0),
            SYS_sendmsg(NO_FILE, BAD, libc::MSG_FASTOPEN | libc::MSG_NOSIGNAL),
            SYS_sendmmsg(NO_FILE, BAD, 1, libc::MSG_FASTOPEN),
        ],
        EPERM,
    );
}

/// A new condition is to be tried above, too.
#[test]
fn every_condition_is_tried() {
    let groups = instead(Beside::NamespacesAndProxy);
    let entries = groups.iter().flat_map(|group| group.entries);
    let mut listed: Vec<_> =
        entries.filter(|entry| matches!(entry.rule, Rule::Cases(_))).map(|entry| entry.name).collect();
    listed.sort_unstable();
    assert_eq!(listed, ["getsockopt", "sendmmsg", "sendmsg", "sendto", "setsockopt", "socket", "socketpair"]);
}
