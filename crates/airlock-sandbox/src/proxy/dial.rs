//! From a host that is allowed to a connection with an address that is.

use std::{
    borrow::Cow,
    fmt, io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    time::{Duration, Instant},
};

#[cfg(target_os = "linux")]
use super::route;
use super::{
    address::{behind, is_public},
    host::Target,
    lookups::Lookups,
};

/// How many addresses of a name are looked at, and how many of those are tried.
const LOOKED_AT: usize = 32;
const TRIED: usize = 4;

/// How names become addresses, and addresses connections. Whatever it answers, the proxy connects to no address that is
/// not [public](super::is_public) or that is [near](Self::is_near), and to none that it was not told for this very
/// connection.
pub trait Dialer: fmt::Debug + Send + Sync {
    /// The addresses that a name has now. Called by few threads at once, and takes as long as it likes.
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    /// Whether an address that may well be public is one of this machine, or of a host on one of its networks, that no
    /// router stands before. Where it cannot be told, nothing is connected to: what is refused by this has no other
    /// mark.
    fn is_near(&self, address: IpAddr) -> io::Result<bool> {
        #[cfg(target_os = "linux")]
        return route::is_near(address);
        // No sandbox with a network is to be had there.
        #[cfg(not(target_os = "linux"))]
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("whether {address} is of this network cannot be told on this system"),
        ))
    }

    /// A connection to this address, within this time.
    fn connect(&self, address: SocketAddr, patience: Duration) -> io::Result<TcpStream>;
}

/// As this machine does it. A name with a dot is looked up as it is: neither the domains that the resolver would try to
/// add (`search` in `/etc/resolv.conf`) nor, with glibc, `/etc/hosts` have a say in what it means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Dialer for Direct {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok((&*whole(name), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }

    fn connect(&self, address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, patience)
    }
}

/// The name as the resolver adds nothing to it. Otherwise `api.example.com` may be asked for as
/// `api.example.com.corp.internal` first (`ndots`, as in Kubernetes), and whoever answers there is who is meant. One without
/// a dot means nothing without what is added, and whoever lists it means that.
fn whole(name: &str) -> Cow<'_, str> {
    if name.contains('.') && !name.ends_with('.') {
        Cow::Owned(format!("{name}."))
    } else {
        Cow::Borrowed(name)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum DialError {
    /// The name has addresses, and none of them may be reached.
    NotPublic,
    /// Too many names are looked up.
    Busy,
    /// It has none, or nobody answers there.
    Failed(io::Error),
}

/// Connects to `host`, with one look-up: the address that is connected to is the one that was checked. The look-up cannot be
/// interrupted; what it takes longer than `patience` is added.
pub(super) fn dial(
    dialer: &dyn Dialer,
    lookups: &Lookups,
    host: &Target,
    port: u16,
    patience: Duration,
) -> Result<TcpStream, DialError> {
    let end = Instant::now() + patience;
    let addresses = match host {
        Target::Address(address) => vec![*address],
        Target::Name(name) => {
            let lookup = lookups.begin(patience).ok_or(DialError::Busy)?;
            let addresses = dialer.resolve(name);
            drop(lookup);
            addresses.map_err(DialError::Failed)?
        }
    };
    if addresses.is_empty() {
        return Err(DialError::Failed(io::Error::new(io::ErrorKind::NotFound, "it has no address")));
    }
    let public = addresses.into_iter().take(LOOKED_AT).filter(|address| is_public(*address));
    let mut last = DialError::NotPublic;
    let mut tried = 0;
    for address in public {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DialError::Failed(io::ErrorKind::TimedOut.into()));
        }
        match connect(dialer, SocketAddr::new(address, port), left) {
            Err(DialError::NotPublic) => continue,
            Err(failed) => last = failed,
            connected => return connected,
        }
        tried += 1;
        if tried == TRIED {
            break;
        }
    }
    Err(last)
}

/// Connects to an address, unless it is this machine's own or a neighbour's.
fn connect(dialer: &dyn Dialer, address: SocketAddr, left: Duration) -> Result<TcpStream, DialError> {
    let ip = address.ip().to_canonical();
    for ip in [Some(ip), behind(ip)].into_iter().flatten() {
        if dialer.is_near(ip).map_err(DialError::Failed)? {
            return Err(DialError::NotPublic);
        }
    }
    let stream = dialer.connect(address, left).map_err(DialError::Failed)?;
    // Whoever is at both ends is this machine, whatever was said of its routes. A dialer that connects to somewhere else
    // than it was told means to.
    let ends = stream.local_addr().and_then(|local| Ok((local.ip(), stream.peer_addr()?.ip())));
    let (local, peer) = ends.map_err(DialError::Failed)?;
    if local == peer && peer.to_canonical() == ip { Err(DialError::NotPublic) } else { Ok(stream) }
}

#[cfg(test)]
mod tests {
    use super::whole;

    /// `tests/box/network.rs` has a resolver do it.
    #[test]
    fn names_with_a_dot_are_whole() {
        for (name, expected) in
            [("a.example.com", "a.example.com."), ("example.com.", "example.com."), ("intranet", "intranet")]
        {
            assert_eq!(whole(name), expected);
        }
    }
}
