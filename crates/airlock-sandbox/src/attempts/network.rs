//! Whatever can be spoken to: services of the host, kinds of sockets that nobody needs. No address but loopback's.

use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsRawFd as _,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixStream},
    },
    path::Path,
    time::Duration,
};

use libc::{SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot},
    Ground, Theme, Verdict,
    sys::call,
};

const fn network(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Network, name, what, control, run)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Services of the host.
    network("connect-tcp", "connects to a service on 127.0.0.1", Outside, |ground| {
        ground.tell(TcpStream::connect((Ipv4Addr::LOCALHOST, ground.tcp)), "connected")
    }),
    network("connect-tcp-any", "connects to a service by the address 0.0.0.0", Outside, |ground| {
        ground.tell(TcpStream::connect((Ipv4Addr::UNSPECIFIED, ground.tcp)), "connected")
    }),
    network(
        "connect-tcp-other-loopback",
        "connects to 127.1.2.3, which is this machine as well",
        Outside,
        |ground| {
            // Nobody listens there: the refusal of a machine that was reached tells it from one that was not.
            let connected =
                TcpStream::connect_timeout(&(Ipv4Addr::new(127, 1, 2, 3), ground.tcp).into(), SOON);
            ground.tell_passed(connected, &[libc::ECONNREFUSED])
        },
    ),
    network("connect-tcp6", "connects to a service on ::1", Outside, |ground| match ground.tcp6 {
        None => Verdict::NotHere("no IPv6".into()),
        Some(port) => ground.tell(TcpStream::connect((Ipv6Addr::LOCALHOST, port)), "connected"),
    }),
    network("connect-tcp-mapped", "connects to a service on 127.0.0.1 by IPv6", Outside, |ground| {
        let address = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        match ground.tcp6 {
            None => Verdict::NotHere("no IPv6".into()),
            Some(_) => ground.tell(TcpStream::connect((address, ground.tcp)), "connected"),
        }
    }),
    network("fast-open", "sends to a service without connecting first", Outside, |ground| {
        let address = loopback(ground.tcp);
        let sent = socket(libc::AF_INET, SOCK_STREAM, 0).and_then(|fd| {
            let (to, length) = (&raw const address, size_of_val(&address));
            call!(SYS_sendto, fd, c"".as_ptr(), 0, libc::MSG_FASTOPEN, to, length)
        });
        ground.tell_passed(sent, &[libc::EOPNOTSUPP])
    }),
    network("send-udp", "sends a datagram to a service on 127.0.0.1", Outside, |ground| {
        let sent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|socket| socket.send_to(b"airlock", (Ipv4Addr::LOCALHOST, ground.udp)));
        ground.tell(sent, "sent")
    }),
    network("send-udp-many", "sends datagrams by the call for many", Outside, |ground| {
        let sent = socket(libc::AF_INET, SOCK_DGRAM, 0).and_then(|fd| {
            let address = loopback(ground.udp);
            call!(SYS_connect, fd, &raw const address, size_of_val(&address))?;
            let mut byte = *b"x";
            let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
            // SAFETY: all fields of the header are numbers and pointers, for which zero is a value.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_iov = &raw mut part;
            message.msg_hdr.msg_iovlen = 1;
            call!(SYS_sendmmsg, fd, &raw mut message, 1, 0)
        });
        ground.tell(sent, "sent")
    }),
    network("listen", "offers a service on 127.0.0.1", Outside, |ground| {
        ground.tell(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), "listens")
    }),
    network("listen-unbound", "offers a service without asking for a port", Outside, |ground| {
        let listening = socket(libc::AF_INET, SOCK_STREAM, 0).and_then(|fd| {
            // Named first, so that the control listens on loopback only.
            let address = loopback(0);
            if ground.outside() {
                call!(SYS_bind, fd, &raw const address, size_of_val(&address))?;
            }
            call!(SYS_listen, fd, 1)
        });
        ground.tell(listening, "listens")
    }),
    network("connect-abstract", "connects to an abstract Unix socket of the host", Outside, |ground| {
        ground.tell(abstract_stream(ground), "connected")
    }),
    network("connect-path", "connects to a Unix socket in the home", Outside, |ground| {
        ground.tell(UnixStream::connect(&ground.path_socket), "connected")
    }),
    network("send-descriptor", "hands an open file to a process of the host", Outside, |ground| {
        let sent = abstract_stream(ground).and_then(|stream| send_descriptor(&stream));
        ground.tell(sent, "sent")
    }),
    network("connect-docker", "connects to the maker of containers", OutsideAsRoot, |ground| {
        service(
            ground,
            &[
                "/run/docker.sock",
                "/var/run/docker.sock",
                "/run/containerd/containerd.sock",
                "/run/podman/podman.sock",
                "/run/crio/crio.sock",
            ],
        )
    }),
    network("connect-bus", "connects to the bus of the system", OutsideAsRoot, |ground| {
        service(ground, &["/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"])
    }),
    network("connect-systemd", "connects to the manager of services", OutsideAsRoot, |ground| {
        service(ground, &["/run/systemd/private", "/run/systemd/journal/stdout"])
    }),
    network("connect-display", "connects to the screen", OutsideAsRoot, |ground| {
        service(ground, &["/tmp/.X11-unix/X0", "/tmp/.X11-unix/X1"])
    }),
    network("connect-names", "connects to the service for host names", OutsideAsRoot, |ground| {
        service(
            ground,
            &["/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket", "/var/run/nscd/socket"],
        )
    }),
    network("see-connections", "sees a listening port of the host in `/proc`", Outside, |ground| {
        let port = format!("0100007F:{:04X}", ground.tcp);
        let seen = fs::read_to_string("/proc/self/net/tcp").and_then(|table| {
            if table.contains(&port) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        });
        ground.tell(seen, "seen")
    }),
    network("see-sockets", "sees a Unix socket of the host in `/proc`", Outside, |ground| {
        let seen = fs::read_to_string("/proc/self/net/unix").and_then(|table| {
            if table.contains(&ground.token) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        });
        ground.tell(seen, "seen")
    }),
    // Kinds of sockets.
    network("socket-tcp", "makes a TCP socket", Outside, |ground| {
        kind(ground, libc::AF_INET, SOCK_STREAM, 0)
    }),
    network("socket-udp", "makes a UDP socket", Outside, |ground| kind(ground, libc::AF_INET, SOCK_DGRAM, 0)),
    network(
        "socket-tcp-high-bits",
        "makes a TCP socket, with bits that the kernel ignores",
        Outside,
        |ground| {
            let family = libc::AF_INET as u64 | 1 << 32;
            ground.tell(call!(SYS_socket, family, SOCK_STREAM, 0), "made")
        },
    ),
    network("socket-pair-tcp", "makes a pair of TCP sockets", Outside, |ground| {
        // There is no such pair; who says so has looked at it.
        let mut pair = [0_i32; 2];
        let made = call!(SYS_socketpair, libc::AF_INET, SOCK_STREAM, 0, pair.as_mut_ptr());
        if ground.outside() {
            ground.tell_passed(made, &[libc::EOPNOTSUPP])
        } else {
            ground.tell_passed(made, &[libc::EOPNOTSUPP, libc::EFAULT])
        }
    }),
    network("socket-tcp6", "makes a TCP socket of IPv6", Outside, |ground| {
        kind(ground, libc::AF_INET6, SOCK_STREAM, 0)
    }),
    network("socket-udp6", "makes a UDP socket of IPv6", Outside, |ground| {
        kind(ground, libc::AF_INET6, SOCK_DGRAM, 0)
    }),
    network("socket-multipath", "makes a multipath TCP socket", OutsideAsRoot, |ground| {
        kind(ground, libc::AF_INET, SOCK_STREAM, 262)
    }),
    network("socket-ping", "makes a socket for echo requests", OutsideAsRoot, |ground| {
        // Only groups that a setting names may; root may always make a raw one.
        match call!(SYS_socket, libc::AF_INET, SOCK_DGRAM, libc::IPPROTO_ICMP) {
            Err(error) if ground.outside() && error.raw_os_error() == Some(libc::EACCES) => {
                Verdict::NotHere("no group may".into())
            }
            result => ground.tell(result, "made"),
        }
    }),
    network("socket-raw", "makes a raw socket", OutsideAsRoot, |ground| {
        kind(ground, libc::AF_INET, SOCK_RAW, libc::IPPROTO_ICMP)
    }),
    network("socket-packet", "makes a socket that sees every packet", OutsideAsRoot, |ground| {
        kind(ground, libc::AF_PACKET, SOCK_RAW, 0)
    }),
    network("socket-netlink", "makes a socket to the network's settings", Outside, |ground| {
        kind(ground, libc::AF_NETLINK, SOCK_RAW, libc::NETLINK_ROUTE)
    }),
    network("socket-audit", "makes a socket to the kernel's audit", Outside, |ground| {
        kind(ground, libc::AF_NETLINK, SOCK_RAW, libc::NETLINK_AUDIT)
    }),
    network("socket-uevent", "makes a socket to the kernel's device events", Outside, |ground| {
        kind(ground, libc::AF_NETLINK, SOCK_RAW, libc::NETLINK_KOBJECT_UEVENT)
    }),
    network("socket-netfilter", "makes a socket to the packet filter", OutsideAsRoot, |ground| {
        kind(ground, libc::AF_NETLINK, SOCK_RAW, libc::NETLINK_NETFILTER)
    }),
    network("socket-vsock", "makes a socket from a machine to its host", OutsideAsRoot, |ground| {
        kind(ground, libc::AF_VSOCK, SOCK_STREAM, 0)
    }),
    network("socket-alg", "makes a socket to the kernel's ciphers", OutsideAsRoot, |ground| {
        kind(ground, libc::AF_ALG, libc::SOCK_SEQPACKET, 0)
    }),
    network("socket-xdp", "makes a socket that shares memory with a network card", OutsideAsRoot, |ground| {
        kind(ground, libc::AF_XDP, SOCK_RAW, 0)
    }),
];

const SOON: Duration = Duration::from_millis(500);

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<usize> {
    call!(SYS_socket, family, kind | libc::SOCK_CLOEXEC, protocol)
}

fn kind(ground: &Ground, family: i32, kind: i32, protocol: i32) -> Verdict {
    ground.tell_if_any(socket(family, kind, protocol), "made")
}

fn loopback(port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be() },
        sin_zero: [0; 8],
    }
}

fn abstract_stream(ground: &Ground) -> io::Result<UnixStream> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(&ground.abstract_socket)?)
}

/// Connects to whichever of the services is there first.
fn service(ground: &Ground, paths: &[&str]) -> Verdict {
    let mut last = Err(io::ErrorKind::NotFound.into());
    for path in paths {
        last = UnixStream::connect(path).map(drop);
        if last.is_ok() {
            break;
        }
    }
    match last {
        // Left behind by a service that has ended.
        Err(error) if ground.outside() && error.kind() == io::ErrorKind::ConnectionRefused => {
            Verdict::NotHere("nobody listens".into())
        }
        Err(_) if ground.outside() && !paths.iter().any(|path| Path::new(path).exists()) => {
            Verdict::NotHere("no such service".into())
        }
        result => ground.tell(result, "connected"),
    }
}

/// Sends a copy of standard error.
fn send_descriptor(stream: &UnixStream) -> io::Result<usize> {
    // `struct cmsghdr` with one descriptor behind it, as long as its alignment makes it.
    #[repr(C)]
    struct Control {
        header: libc::cmsghdr,
        fd: i32,
    }
    // SAFETY: all fields are numbers and pointers, for which zero is a value.
    let (mut control, mut message): (Control, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    control.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<i32>()) as _;
    control.header.cmsg_level = libc::SOL_SOCKET;
    control.header.cmsg_type = libc::SCM_RIGHTS;
    control.fd = 2;
    let mut byte = *b"x";
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>() as _;
    call!(SYS_sendmsg, stream.as_raw_fd(), &raw const message, 0)
}
