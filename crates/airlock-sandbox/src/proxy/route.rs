//! Where an address lies, as the kernel of this machine would route it now: here, at one of its links, or beyond.
//!
//! The kernel is asked; lists of addresses and routes are not read. Only it knows all tables and rules, addresses that no
//! interface shows (`ip route add local`), and prefixes of a link that a router announced without giving an address there.

use std::{io, net::IpAddr, os::fd::OwnedFd};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// Messages, and the error that may come instead (`linux/rtnetlink.h`, `linux/netlink.h`).
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
const ERROR: u16 = 2;
const REQUEST: u16 = 1;

/// Where what a message says begins; where the attributes of a route do; the longest answer that is read.
const HEADER: usize = 16;
const ATTRIBUTES: usize = 12;
const LONGEST: usize = 8 << 10;

/// Families of addresses.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
/// Attributes of a route: the address, the link, and the router, which may be of the other family.
const DESTINATION: u16 = 1;
const LINK: u16 = 4;
const GATEWAYS: [u16; 2] = [5, 18];
/// A route to somebody else; all other kinds lead here, to everybody or nowhere.
const UNICAST: u8 = 1;
/// Asks for the entry of the table and not for what became of it.
const ENTRY: u32 = 0x2000;
/// Who enters the prefixes of links: the kernel, and what does it for announcements of routers and for DHCP.
const OF_LINKS: [u8; 3] = [2, 9, 16];
/// A link has no neighbours: it ends at one other machine, or knows no addresses of links.
const TUNNEL: u32 = 0x10 | 0x80;

/// Whether it is an address of this machine, or of a host that is reached without a router.
pub(super) fn is_near(address: IpAddr) -> io::Result<bool> {
    let kernel = Kernel::new()?;
    let taken = match kernel.route(address, 0) {
        // Nobody is where no way leads, and connecting fails by itself.
        Err(error) if is_unreachable(&error) => return Ok(false),
        route => route?,
    };
    if taken.kind != UNICAST {
        return Ok(true);
    }
    if taken.gateway {
        return Ok(false);
    }
    // Where the whole internet is said to be at a link, or much of it at that of a tunnel, it is no neighbour for that.
    let entry = kernel.route(address, ENTRY)?;
    Ok(entry.prefix > 0 && (OF_LINKS.contains(&entry.origin) || !kernel.is_tunnel(taken.link)?))
}

/// What the kernel says of a route.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    kind: u8,
    /// Length of the prefix of its entry, and who made that; known only where the entry was asked for.
    prefix: u8,
    origin: u8,
    gateway: bool,
    link: u32,
}

/// A socket at which the kernel answers.
struct Kernel(OwnedFd);

impl Kernel {
    fn new() -> io::Result<Self> {
        Ok(Self(socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?))
    }

    fn route(&self, address: IpAddr, flags: u32) -> io::Result<Route> {
        let (family, bits, octets) = match address {
            IpAddr::V4(address) => (IPV4, 32, address.octets().to_vec()),
            IpAddr::V6(address) => (IPV6, 128, address.octets().to_vec()),
        };
        let mut question = vec![family, bits, 0, 0, 0, 0, 0, 0];
        question.extend(flags.to_ne_bytes());
        question.extend((4 + u16::from(bits) / 8).to_ne_bytes());
        question.extend(DESTINATION.to_ne_bytes());
        question.extend(octets);
        read_route(&self.ask(GET_ROUTE, NEW_ROUTE, &question)?).ok_or_else(unreadable)
    }

    fn is_tunnel(&self, link: u32) -> io::Result<bool> {
        let question = [[0; 4], link.to_ne_bytes(), [0; 4], [0; 4]].concat();
        let answer = self.ask(GET_LINK, NEW_LINK, &question)?;
        Ok(u32_at(&answer, 8).ok_or_else(unreadable)? & TUNNEL != 0)
    }

    /// What is behind the header of the answer.
    fn ask(&self, question: u16, expected: u16, body: &[u8]) -> io::Result<Vec<u8>> {
        let length = u32::try_from(HEADER + body.len()).map_err(|_| unreadable())?;
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(question.to_ne_bytes());
        message.extend(REQUEST.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        send(&self.0, &message, SendFlags::empty())?;
        let mut answer = vec![0; LONGEST];
        // The kernel has answered when the question is sent, so that nothing is waited for.
        let (read, _) = recv(&self.0, answer.as_mut_slice(), RecvFlags::DONTWAIT)?;
        answer.truncate(read);
        match u16_at(&answer, 4) {
            Some(kind) if kind == expected => Ok(answer.split_off(HEADER.min(read))),
            Some(ERROR) => {
                let number = u32_at(&answer, HEADER).ok_or_else(unreadable)?.cast_signed();
                Err(io::Error::from_raw_os_error(number.saturating_neg()))
            }
            _ => Err(unreadable()),
        }
    }
}

fn read_route(answer: &[u8]) -> Option<Route> {
    let &[_, prefix, _, _, _, origin, _, kind, ..] = answer else { return None };
    let mut route = Route { kind, prefix, origin, gateway: false, link: 0 };
    let mut rest = answer.get(ATTRIBUTES..)?;
    while !rest.is_empty() {
        let length = usize::from(u16_at(rest, 0)?);
        match u16_at(rest, 2)? {
            LINK => route.link = u32_at(rest.get(..length)?, 4)?,
            attribute if GATEWAYS.contains(&attribute) => route.gateway = true,
            _ => {}
        }
        // The length of nothing would go on for ever; the last one need not be filled up.
        rest = rest.get(length.max(4).next_multiple_of(4)..).unwrap_or_default();
    }
    Some(route)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

fn is_unreachable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable)
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer about a route cannot be read")
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Route, is_near, read_route};
    use crate::proxy::tests::random;

    /// Every machine has these; `tests/box/network.rs` asks in a network of its own.
    #[test]
    fn this_machine_is_near() {
        for address in ["127.0.0.1", "127.1.2.3"] {
            assert!(is_near(address.parse::<IpAddr>().unwrap()).unwrap(), "{address}");
        }
    }

    #[test]
    fn answers_are_read_to_their_end() {
        let link = [8, 0, 4, 0, 7, 0, 0, 0].as_slice();
        let gateway = [8, 0, 5, 0, 1, 2, 3, 4].as_slice();
        let fixed = [2, 24, 0, 0, 254, 2, 0, 1, 0, 0, 0, 0].as_slice();
        let route = Route { kind: 1, prefix: 24, origin: 2, gateway: false, link: 7 };
        if cfg!(target_endian = "little") {
            assert_eq!(read_route(&[fixed, link].concat()), Some(route));
            let read = read_route(&[fixed, gateway, link].concat()).unwrap();
            assert!(read.gateway && read.link == 7, "{read:?}");
        }
        // No bytes at all make it panic, or go on for ever.
        let mut random = random();
        for _ in 0..100_000 {
            let mut bytes = [fixed, gateway, link].concat();
            let at = random(bytes.len());
            bytes[at] = u8::try_from(random(256)).unwrap();
            bytes.truncate(random(bytes.len() + 1));
            let _ = read_route(&bytes);
        }
    }
}
