//! From a host that is allowed to a connection with an address that is.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    time::{Duration, Instant},
};

use super::{address::is_public, host::Target};

/// How many addresses of a name are looked at, and how many of those are tried.
const LOOKED_AT: usize = 32;
const TRIED: usize = 4;

/// How names become addresses, and addresses connections. Whatever it answers, the proxy connects to no address that is
/// not [public](super::is_public), and to none that it was not told for this very connection.
pub trait Dialer: fmt::Debug + Send + Sync {
    /// The addresses that a name has now.
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    /// A connection to this address, within this time.
    fn connect(&self, address: SocketAddr, patience: Duration) -> io::Result<TcpStream>;
}

/// As this machine does it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Dialer for Direct {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }

    fn connect(&self, address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, patience)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum DialError {
    /// The name has addresses, and none of them may be reached.
    NotPublic,
    /// It has none, or nobody answers there.
    Failed(io::Error),
}

/// Connects to `host`, with one look-up: the address that is connected to is the one that was checked.
pub(super) fn dial(
    dialer: &dyn Dialer,
    host: &Target,
    port: u16,
    patience: Duration,
) -> Result<TcpStream, DialError> {
    let end = Instant::now() + patience;
    let addresses = match host {
        Target::Address(address) => vec![*address],
        Target::Name(name) => dialer.resolve(name).map_err(DialError::Failed)?,
    };
    if addresses.is_empty() {
        return Err(DialError::Failed(io::Error::new(io::ErrorKind::NotFound, "it has no address")));
    }
    let public = addresses.into_iter().take(LOOKED_AT).filter(|address| is_public(*address)).take(TRIED);
    let mut last = DialError::NotPublic;
    for address in public {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DialError::Failed(io::ErrorKind::TimedOut.into()));
        }
        match dialer.connect(SocketAddr::new(address, port), left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = DialError::Failed(error),
        }
    }
    Err(last)
}
