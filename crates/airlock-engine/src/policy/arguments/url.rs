//! The condition `url`: a URL must lead to an allowed, public host.
//!
//! The parser is strict on purpose. URL parsers disagree about backslashes, user names, white space, escaped
//! hosts and odd spellings of addresses, and each disagreement leads a request past a check. What two
//! programs could read differently is refused here, so that only URLs remain that all read alike.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Denied, UrlRule,
    address::{is_private_name, is_public},
    compile_each, problem,
};
use crate::policy::{Pattern, PolicyProblem, fold::is_invisible};

const MAX_URL_LEN: usize = 8192;
const MAX_HOST_LEN: usize = 253;
const MAX_LABEL_LEN: usize = 63;

/// A compiled [`UrlRule`].
#[derive(Clone, Debug)]
pub(super) struct UrlMatcher {
    schemes: Box<[String]>,
    hosts: Box<[HostRule]>,
    /// The hosts as they were written, for hints.
    written: Box<[String]>,
    private_hosts: PrivateHosts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PrivateHosts {
    OnlyListedNames,
    Allowed,
}

#[derive(Clone, Debug)]
enum HostRule {
    /// `*`.
    Any,
    Address(IpAddr),
    /// Addresses such as `10.*`.
    Addresses(Pattern),
    Name(Pattern),
}

#[derive(Debug, PartialEq, Eq)]
enum Host<'a> {
    Address(IpAddr),
    /// Lower case, without the final dot.
    Name(std::borrow::Cow<'a, str>),
}

impl UrlMatcher {
    pub(super) fn compile(rule: &UrlRule) -> Result<Self, Vec<PolicyProblem>> {
        let private_hosts =
            if rule.allow_private { PrivateHosts::Allowed } else { PrivateHosts::OnlyListedNames };
        let hosts = compile_each("url.hosts", &rule.hosts, |host| HostRule::compile(host, private_hosts));
        let schemes = if rule.schemes.is_empty() {
            Err(vec![problem("url.schemes", None, "no scheme is allowed; write for example `https`")])
        } else {
            compile_each("url.schemes", &rule.schemes, compile_scheme)
        };
        match (hosts, schemes) {
            (Ok(hosts), Ok(schemes)) => {
                Ok(Self { schemes, hosts, written: rule.hosts.clone().into(), private_hosts })
            }
            (hosts, schemes) => Err([hosts.err(), schemes.err()].into_iter().flatten().flatten().collect()),
        }
    }

    pub(super) fn check(&self, url: &str) -> Result<(), Denied> {
        let (scheme, host) = parse(url).map_err(|why| {
            Denied::argument(why).hint("write a plain URL such as `https://example.com/path`")
        })?;
        if !self.schemes.iter().any(|allowed| allowed.eq_ignore_ascii_case(scheme)) {
            let schemes = self.schemes.join(", ");
            return Err(
                Denied::argument("has a scheme that is not allowed").hint(format!("use one of {schemes}"))
            );
        }
        let listed = self.hosts.iter().find(|rule| rule.matches(&host));
        if !self.hosts.is_empty() && listed.is_none() {
            let hosts: Vec<_> = self.written.iter().map(|host| format!("`{host}`")).collect();
            return Err(Denied::argument("leads to a host that is not allowed")
                .hint(format!("use one of the hosts {}", hosts.join(", "))));
        }
        if self.private_hosts == PrivateHosts::OnlyListedNames && self.is_private(&host) {
            return Err(Denied::argument("leads to a private or special address").hint("use a public host"));
        }
        Ok(())
    }

    fn is_private(&self, host: &Host<'_>) -> bool {
        match host {
            Host::Address(address) => !is_public(*address),
            Host::Name(name) => {
                is_private_name(name)
                    && !self.hosts.iter().any(|rule| rule.lists_private() && rule.matches(host))
            }
        }
    }
}

impl HostRule {
    fn compile(text: &str, private_hosts: PrivateHosts) -> Result<Self, String> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return if is_public(address) || private_hosts == PrivateHosts::Allowed {
                Ok(Self::Address(address))
            } else {
                Err("the address is private or special; it needs `danger_allow_private_hosts = true`"
                    .to_owned())
            };
        }
        if !text.is_ascii() {
            return Err("a host is ASCII; write its form that begins with `xn--`".to_owned());
        }
        if text.contains(['/', ':', '@', '%']) || text.ends_with('.') {
            return Err("a host is written without scheme, port, path and final dot".to_owned());
        }
        if text == "*" {
            return Ok(Self::Any);
        }
        let pattern = Pattern::new(&text.to_ascii_lowercase()).map_err(|error| error.to_string())?;
        let is_wild = |label: &str| label.contains(['*', '?', '[']);
        let (first, last) = (text.split('.').next().unwrap_or(text), text.rsplit('.').next().unwrap_or(text));
        if text.split('.').all(|label| is_wild(label) || label.bytes().all(|byte| byte.is_ascii_digit())) {
            return if is_wild(first) {
                Err("an address pattern begins with its first number".to_owned())
            } else {
                Ok(Self::Addresses(pattern))
            };
        }
        if first.starts_with('*') && first != "*" {
            return Err(
                "this also matches names that others can register; write `*.` before the name".to_owned()
            );
        }
        if is_wild(last) {
            return Err(
                "this also matches names that others can register; write the last part out".to_owned()
            );
        }
        Ok(Self::Name(pattern))
    }

    fn matches(&self, host: &Host<'_>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Address(own), Host::Address(address)) => own == address,
            (Self::Addresses(pattern), Host::Address(address)) => pattern.matches(&address.to_string()),
            (Self::Name(pattern), Host::Name(name)) => pattern.matches(name),
            (Self::Address(_) | Self::Addresses(_), Host::Name(_)) | (Self::Name(_), Host::Address(_)) => {
                false
            }
        }
    }

    /// Whether the rule means private names expressly, rather than every name.
    fn lists_private(&self) -> bool {
        let Self::Name(pattern) = self else { return false };
        pattern.is_exact()
            || pattern.as_str().strip_prefix("*.").is_some_and(|ending| {
                !ending.contains(['*', '?', '[']) && is_private_name(&format!("x.{ending}"))
            })
    }
}

fn compile_scheme(scheme: &str) -> Result<String, String> {
    if is_scheme(scheme) {
        Ok(scheme.to_ascii_lowercase())
    } else {
        Err("this is no scheme; write for example `https`".to_owned())
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Scheme and host of an absolute URL that can be read in one way only.
fn parse(url: &str) -> Result<(&str, Host<'_>), &'static str> {
    if url.len() > MAX_URL_LEN {
        return Err("is longer than 8192 bytes");
    }
    if url.chars().any(|c| c.is_whitespace() || is_invisible(c)) {
        return Err("has white space, control or invisible characters");
    }
    if url.contains('\\') {
        return Err("has a backslash");
    }
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Err("is not an absolute URL");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("has a user name before the host");
    }
    Ok((scheme, parse_host(split_port(authority)?)?))
}

/// The host of an authority, the port having been checked.
fn split_port(authority: &str) -> Result<&str, &'static str> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => {
            let (host, rest) = authority.split_at(end.saturating_add(1));
            match (rest, rest.strip_prefix(':')) {
                ("", _) => (host, None),
                (_, Some(port)) => (host, Some(port)),
                _ => return Err("has something behind the address"),
            }
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let valid = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|number| number > 0)
    };
    if port.is_none_or(valid) { Ok(host) } else { Err("has a port that is none") }
}

fn parse_host(host: &str) -> Result<Host<'_>, &'static str> {
    if host.is_empty() {
        return Err("has no host");
    }
    if let Some(bracketed) = host.strip_prefix('[') {
        let address = bracketed.strip_suffix(']').and_then(|text| text.parse().ok());
        return address
            .map(|address| Host::Address(IpAddr::V6(address)))
            .ok_or("has brackets without an IPv6 address");
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Err("has a host with characters that do not belong there");
    }
    if name.len() > MAX_HOST_LEN
        || name.split('.').any(|label| label.is_empty() || label.len() > MAX_LABEL_LEN)
    {
        return Err("has a host name with an empty or too long part");
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err("has an address that is not written as four decimal numbers");
    }
    let lower = name.bytes().any(|byte| byte.is_ascii_uppercase());
    Ok(Host::Name(if lower { name.to_ascii_lowercase().into() } else { name.into() }))
}

/// Whether programs take a name that ends so for an IPv4 address: `2130706433`, `0x7f.1`, `0177.0.0.1`.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{UrlMatcher, parse};
    use crate::policy::UrlRule;

    fn rule(hosts: &[&str]) -> UrlRule {
        UrlRule { hosts: hosts.iter().map(|&host| host.to_owned()).collect(), ..UrlRule::default() }
    }

    fn allows(rule: &UrlRule, url: &str) -> bool {
        UrlMatcher::compile(rule).unwrap().check(url).is_ok()
    }

    #[test]
    fn any_public_host_by_default() {
        for url in [
            "https://example.com",
            "https://example.com/",
            "HTTP://Example.COM:8080/a/../b?q=1@2#f",
            "https://example.com./x",
            "https://sub_domain.example.com?x",
            "https://xn--bcher-kva.example",
            "https://8.8.8.8/x",
            "https://[2606:4700:4700::1111]:443/x",
            "https://example.com/пть?q=%2e%2e",
            "https://example.com/redirect?to=http://127.0.0.1/",
            "https://0x7f.example.com",
        ] {
            assert!(allows(&rule(&[]), url), "{url}");
        }
    }

    #[test]
    fn private_hosts_in_every_spelling_are_refused() {
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0X7F.0.0.1",
            "0x",
            "017700000001",
            "0177.0.0.1",
            "0177.0.0.01",
            "127.0.0.0x1",
            "0",
            "0.0.0.0",
            "00000000",
            "256.256.256.256",
            "1.2.3.4.5",
            "4294967296",
            "example.1",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "169.254.43518",
            "0251.0376.0251.0376",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[0:0:0:0:0:0:0:1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "localhost.localdomain",
            "metadata.google.internal",
            "Metadata.Google.Internal.",
            "metadata",
            "x.internal",
            "printer.local",
            "intranet",
            "127.0.0.1.nip.io",
        ] {
            let url = format!("http://{host}/latest/meta-data/");
            assert!(!allows(&rule(&[]), &url), "{url}");
            assert!(!allows(&rule(&["*"]), &url), "{url} although `*` is listed");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for url in [
            "",
            "example.com",
            "//example.com",
            "/x",
            "https:example.com",
            "https:/example.com",
            "https:///x",
            "https://",
            "https://?x",
            "https://:80",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:65536",
            "https://example.com:+80",
            "https://example.com:8O",
            "https://user@example.com",
            "https://a:b@example.com",
            "https://example.com@evil.example",
            "https://@example.com",
            "https://example.com\\@evil.example",
            "https:\\\\example.com",
            "https://evil.example\\.example.com",
            "https://example.com%2eevil.example",
            "https://%31%32%37.0.0.1",
            "https://exa%00mple.com",
            "https://exam\tple.com",
            "https://example.com\n",
            " https://example.com",
            "https://example.com ",
            "https://example.com/a b",
            "https://exämple.com",
            "https://ⓔxample.com",
            "https://１２７.0.0.1",
            "https://example。com",
            "https://example.com\u{200b}",
            "https://example.com..",
            "https://.example.com",
            "https://a..b",
            "https://[::1",
            "https://[::1]x",
            "https://[::1]:x",
            "https://::1/",
            "https://[fe80::1%25eth0]",
            "https://[example.com]",
            "https://[]",
            "https://exa mple.com",
            "https://a,b",
            "https://a;b",
            "https://a$b",
            "https://a'b",
            "https://a*b",
            "https://a(b)",
            "1https://example.com",
            "ht tps://example.com",
            "javascript:alert(1)",
            "data:text/plain,x",
            "file:///etc/passwd",
            "ftp://example.com",
            "https://https://example.com",
            "url:https://example.com",
            "gopher://example.com",
        ] {
            assert!(!allows(&rule(&[]), url), "{url:?}");
        }
        assert!(!allows(&rule(&[]), &format!("https://example.com/{}", "a".repeat(8192))));
        assert!(!allows(&rule(&[]), &format!("https://{}.com", "a".repeat(64))));
    }

    #[test]
    fn listed_hosts_only() {
        let listed = rule(&["api.example.com", "*.Example.org", "8.8.8.8", "[2606:4700::1]"]);
        for (url, expected) in [
            ("https://api.example.com/x", true),
            ("https://API.example.com.:443", true),
            ("https://a.b.example.org", true),
            ("https://example.org", false),
            ("https://evilexample.org", false),
            ("https://api.example.com.evil.net", false),
            ("https://api-example.com", false),
            ("https://8.8.8.8", true),
            ("https://8.8.4.4", false),
            ("https://[2606:4700:0::1]", true),
            ("https://[2606:4700::2]", false),
        ] {
            assert_eq!(allows(&listed, url), expected, "{url}");
        }
    }

    #[test]
    fn private_hosts_must_be_meant() {
        let named = rule(&["localhost", "*.svc.internal", "db"]);
        for (url, expected) in [
            ("http://localhost:8080", true),
            ("http://a.svc.internal", true),
            ("http://db/x", true),
            ("http://b.internal", false),
            ("http://127.0.0.1", false),
        ] {
            assert_eq!(allows(&named, url), expected, "{url}");
        }
        let dangerous = UrlRule { allow_private: true, ..rule(&[]) };
        for (url, expected) in [
            ("http://127.0.0.1", true),
            ("http://[::1]", true),
            ("http://x.internal", true),
            // Still ambiguous.
            ("http://2130706433", false),
            ("http://u@127.0.0.1", false),
        ] {
            assert_eq!(allows(&dangerous, url), expected, "{url}");
        }
        let network = UrlRule { allow_private: true, ..rule(&["10.*", "127.0.0.1"]) };
        assert!(allows(&network, "http://10.1.2.3") && allows(&network, "http://127.0.0.1"));
        assert!(!allows(&network, "http://11.1.2.3") && !allows(&network, "http://10.example.com"));
    }

    #[test]
    fn schemes_are_a_list() {
        let only = UrlRule { schemes: vec!["HTTPS".to_owned()], ..rule(&[]) };
        assert!(allows(&only, "https://example.com") && !allows(&only, "http://example.com"));
        for scheme in ["", "https:", "https://", "1x", "ht tp", "é"] {
            let rule = UrlRule { schemes: vec![scheme.to_owned()], ..rule(&[]) };
            assert!(UrlMatcher::compile(&rule).is_err(), "{scheme:?}");
        }
    }

    #[test]
    fn lists_that_mean_something_else_are_problems() {
        for host in [
            "",
            "127.0.0.1",
            "[::1]",
            "169.254.169.254",
            "https://example.com",
            "example.com:443",
            "example.com/x",
            "a@b",
            "exämple.com",
            "*example.com",
            "*-x.example.com",
            "example.*",
            "*.*",
            "*.c?m",
            "example.com.",
            "d*",
            "a.d?",
            "[x",
            "**.com.*",
        ] {
            assert!(UrlMatcher::compile(&rule(&[host])).is_err(), "{host:?}");
        }
    }

    #[test]
    fn refusals_help_and_keep_the_value_to_themselves() {
        let matcher = UrlMatcher::compile(&rule(&["api.example.com"])).unwrap();
        for url in
            ["https://secret.example.net/token", "gopher://secret.example.net", "https://secret@example.net"]
        {
            let denied = matcher.check(url).unwrap_err();
            assert!(!format!("{denied:?}").contains("secret") && denied.hint.is_some());
        }
    }

    proptest! {
        #[test]
        fn never_panics(url in "\\PC{0,40}", tail in "[-a-z0-9.:@/\\[\\]%#?x]{0,30}") {
            let _ = parse(&url);
            let _ = parse(&format!("https://{tail}"));
        }
    }
}
