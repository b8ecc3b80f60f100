//! Names of hosts: what may be reached, and what is asked for.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::address::is_public;

/// Longest name of a host, and of a label of it, as DNS has them.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Ports that an entry without one allows: HTTPS and HTTP.
const USUAL_PORTS: [u16; 2] = [443, 80];

/// What a program may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Nothing: it has no network.
    #[default]
    None,
    /// These hosts, through our own proxy, and nothing else. Private addresses and those of the machine itself never,
    /// whatever they are called. A backend that cannot hold a program to this must refuse it.
    Hosts(Vec<AllowedHost>),
}

impl Network {
    /// The network of a program for which these were named: none, if none was.
    pub fn of(hosts: Vec<AllowedHost>) -> Self {
        if hosts.is_empty() { Self::None } else { Self::Hosts(hosts) }
    }

    /// The hosts; empty without a network.
    pub fn hosts(&self) -> &[AllowedHost] {
        match self {
            Self::None => &[],
            Self::Hosts(hosts) => hosts,
        }
    }
}

/// One entry of the list of hosts that may be reached.
///
/// `example.com` is that host alone, `*.example.com` every host below it and not itself; an address is written as
/// one (`192.0.2.1`, `[2001:db8::1]`). Each may end in `:PORT`; without one it is 443 and 80.
///
/// ```
/// use airlock_sandbox::proxy::{AllowedHost, Target};
///
/// let entry: AllowedHost = "*.Example.com".parse().unwrap();
/// let asked = |host| Target::parse(host).unwrap();
/// assert!(entry.allows(&asked("api.example.com."), 443));
/// assert!(!entry.allows(&asked("example.com"), 443));
/// assert!(!entry.allows(&asked("api.example.com"), 22));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    host: Pattern,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(Target),
    /// Every name that ends in this, which begins with a dot.
    Below(String),
}

impl AllowedHost {
    /// Whether it allows this host at this port.
    pub fn allows(&self, host: &Target, port: u16) -> bool {
        let port = self.port.map_or(USUAL_PORTS.contains(&port), |only| only == port);
        port && match (&self.host, host) {
            (Pattern::Exactly(only), host) => only == host,
            (Pattern::Below(end), Target::Name(name)) => {
                name.ends_with(end.as_str()) && name.len() > end.len()
            }
            (Pattern::Below(_), Target::Address(_)) => false,
        }
    }
}

impl FromStr for AllowedHost {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let problem = |problem: &str| HostError(format!("`{}` {problem}", text.escape_default()));
        if text.contains("://") || text.contains('/') {
            return Err(problem("is an address of a page: give the name of its host alone"));
        }
        let (host, port) = split(text).ok_or_else(|| problem("has no valid port"))?;
        let not_a_name = "is not the name of a host: letters of ASCII, digits, hyphens and dots (other letters in their \
                          `xn--` form), or an address in digits";
        let host = if let Some(rest) = host.strip_prefix("*.") {
            match Target::parse(rest) {
                Some(Target::Name(name)) if name.contains('.') => Pattern::Below(format!(".{name}")),
                Some(_) => {
                    return Err(problem("would be too much: name a domain of two parts at least after `*.`"));
                }
                None => return Err(problem(not_a_name)),
            }
        } else if host.contains('*') {
            return Err(problem("has a `*` elsewhere than in front, as in `*.example.com`"));
        } else {
            match Target::parse(host) {
                Some(Target::Address(address)) if !is_public(address) => {
                    return Err(problem(
                        "is an address of this machine or of a private network, which no sandbox reaches",
                    ));
                }
                Some(host) => Pattern::Exactly(host),
                None => return Err(problem(not_a_name)),
            }
        };
        Ok(Self { host, port })
    }
}

/// As it can be written again.
impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Pattern::Exactly(host) => write!(f, "{host}")?,
            Pattern::Below(end) => write!(f, "*{end}")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Why something is no entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError(String);

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostError {}

/// A host that is asked for. Two that are equal are the same one: names have no capital letters and no dot at the end,
/// IPv6 addresses that mean an IPv4 one are that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// By name, in ASCII.
    Name(String),
    /// By address.
    Address(IpAddr),
}

impl Target {
    /// Reads a host without its port; an IPv6 address stands in brackets. `None` for everything that is not plainly a
    /// name or an address: above all for the short forms of addresses (`127.1`, `0x7f000001`) that C libraries know.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let sound = |label: &str| (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(known);
        if name.len() > LONGEST_NAME || !name.split('.').all(sound) || is_number(name.rsplit('.').next()?) {
            return None;
        }
        Some(Self::Name(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Whether a name that ends in this label is taken for an address somewhere.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A host and its port, if it has one. `None` if what stands there is no port.
pub(super) fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at_checked(end)?;
    if rest.is_empty() {
        return Some((host, None));
    }
    let digits = rest.strip_prefix(':')?;
    // `+80` is a number to Rust.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| plain && *port != 0)?;
    Some((host, Some(port)))
}

#[cfg(test)]
mod tests {
    use super::{AllowedHost, Network, Target, split};
    use crate::proxy::tests::random;

    fn entry(text: &str) -> AllowedHost {
        text.parse().unwrap()
    }

    fn allows(list: &str, host: &str, port: u16) -> bool {
        Target::parse(host).is_some_and(|host| entry(list).allows(&host, port))
    }

    #[test]
    fn an_entry_is_one_host_or_all_below_one() {
        for (list, host, port) in [
            ("example.com", "example.com", 443),
            ("example.com", "EXAMPLE.com.", 80),
            ("Example.COM.", "example.com", 443),
            ("example.com:8443", "example.com", 8443),
            ("*.example.com", "a.example.com", 443),
            ("*.example.com", "a.b.example.com", 80),
            ("xn--mnchen-3ya.de", "XN--Mnchen-3ya.de", 443),
            ("93.184.216.34", "93.184.216.34", 443),
            ("93.184.216.34", "[::ffff:93.184.216.34]", 443),
            ("[2606:2800:21f::1]:8080", "[2606:2800:021F:0::1]", 8080),
        ] {
            assert!(allows(list, host, port), "{list} {host} {port}");
        }
        for (list, host, port) in [
            ("example.com", "example.org", 443),
            ("example.com", "a.example.com", 443),
            ("example.com", "example.com.evil.org", 443),
            ("example.com", "badexample.com", 443),
            ("example.com", "example.com", 22),
            ("example.com:8443", "example.com", 443),
            ("*.example.com", "example.com", 443),
            ("*.example.com", "badexample.com", 443),
            ("*.example.com", ".example.com", 443),
            ("*.example.com", "a.example.com.evil.org", 443),
            ("example.com", "93.184.216.34", 443),
            ("93.184.216.34", "93.184.216.35", 443),
            ("*.example.com", "münchen.example.com", 443),
        ] {
            assert!(!allows(list, host, port), "{list} {host} {port}");
        }
    }

    #[test]
    fn what_is_no_entry_says_why() {
        for (text, why) in [
            ("", "not the name"),
            ("*", "elsewhere"),
            ("*.com", "too much"),
            ("*.93.184.216.34", "too much"),
            ("a*.example.com", "elsewhere"),
            ("https://example.com", "its host alone"),
            ("example.com/x", "its host alone"),
            ("example.com:0", "port"),
            ("example.com:+80", "port"),
            ("example.com:65536", "port"),
            ("example.com:", "port"),
            ("münchen.de", "xn--"),
            ("user@example.com", "not the name"),
            ("example..com", "not the name"),
            ("exa mple.com", "not the name"),
            ("127.1", "not the name"),
            ("2130706433", "not the name"),
            ("0x7f.0.0.0x1", "not the name"),
            ("fe80::1", "port"),
            ("[fe80::1%eth0]", "not the name"),
            ("127.0.0.1", "no sandbox"),
            ("169.254.169.254", "no sandbox"),
            ("[::ffff:10.0.0.1]", "no sandbox"),
            ("[fd00:ec2::254]:80", "no sandbox"),
        ] {
            let error = text.parse::<AllowedHost>().unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn entries_are_written_as_they_are_read() {
        for text in ["example.com", "*.example.com:8443", "93.184.216.34:80", "[2606:2800:21f::1]"] {
            assert_eq!(entry(text).to_string(), text);
        }
        assert_eq!(Network::of(Vec::new()), Network::None);
        assert_eq!(Network::of(vec![entry("example.com")]).hosts(), [entry("example.com")]);
    }

    #[test]
    fn ports_are_digits_after_one_colon() {
        assert_eq!(split("a:80"), Some(("a", Some(80))));
        assert_eq!(split("[::1]:80"), Some(("[::1]", Some(80))));
        for wrong in ["a:80:90", "::1", "[::1]80", "[::1", "a: 80", "a:-1", "a:٣"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    /// Whatever is asked for: what an entry allows is the entry's host, or ends in it after a dot; and reading what was
    /// shown gives the same host.
    #[test]
    fn nothing_else_is_ever_allowed() {
        let mut random = random();
        let pieces = [
            "example",
            ".",
            "com",
            "*",
            "-",
            "1",
            "0x7f",
            "[",
            "]",
            ":",
            "a",
            "É",
            "\0",
            "EXAMPLE.COM",
            "@",
            "%",
            "127",
            "::1",
            " ",
        ];
        let entries = ["example.com", "*.example.com", "a.com:80"].map(entry);
        let (mut read, mut allowed) = (0, 0);
        for _ in 0..200_000 {
            let text: String = (0..random(7)).map(|_| pieces[random(pieces.len())]).collect();
            let Some(host) = Target::parse(&text) else { continue };
            read += 1;
            assert_eq!(Target::parse(&host.to_string()), Some(host.clone()), "{text:?}");
            let shown = host.to_string();
            assert!(
                shown.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()),
                "{text:?}"
            );
            for (nth, entry) in entries.iter().enumerate() {
                let expected = match nth {
                    0 => shown == "example.com",
                    1 => shown.ends_with(".example.com"),
                    _ => shown == "a.com",
                };
                assert_eq!(entry.allows(&host, 80), expected, "{text:?}");
                allowed += usize::from(expected);
            }
        }
        assert!(read > 10_000 && allowed > 100, "{read} read, {allowed} allowed");
    }
}
