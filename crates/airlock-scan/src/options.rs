//! What a user may add to and take from what the rules find.

use std::{ops::Range, sync::Arc};

use crate::{AllowList, DetectorSet, Finding, Kind, KindSet, text::Text};

/// Choices beyond the kinds. Shared by all scanners that are copied from one.
#[derive(Debug, Clone)]
pub struct Options {
    /// Detectors of the user.
    pub detectors: Option<Arc<DetectorSet>>,
    /// Texts that are left alone.
    pub allow: AllowList,
    /// Whether private and link-local IP addresses are found. Default true.
    pub private_ips: bool,
    /// Whether a connection string is found as a whole, not its password only. Default false.
    pub whole_connection_strings: bool,
}

/// The rules of addresses that [`Options::private_ips`] leaves alone.
const PRIVATE_IPS: [&str; 2] = ["ipv4-private", "ipv6-private"];

impl Default for Options {
    fn default() -> Self {
        Self {
            detectors: None,
            allow: AllowList::default(),
            private_ips: true,
            whole_connection_strings: false,
        }
    }
}

impl Options {
    /// Appends what the user's detectors find.
    pub(crate) fn collect(&self, text: &str, kinds: KindSet, out: &mut Vec<Finding>) {
        if let Some(detectors) = &self.detectors {
            detectors.collect_kinds(text, kinds, out);
        }
    }

    /// Applies the choices to `out[from..]`, before overlaps are resolved. Doing it twice changes nothing.
    pub(crate) fn refine(&self, text: &str, out: &mut Vec<Finding>, from: usize) {
        if out.len() == from {
            return;
        }
        if !self.allow.is_empty() {
            self.allow.retain(text, out, from);
        }
        if !self.private_ips {
            out.extract_if(from.., |finding| PRIVATE_IPS.contains(&finding.rule)).for_each(drop);
        }
        if self.whole_connection_strings {
            let view = Text::new(text);
            for finding in out.iter_mut().skip(from).filter(|found| found.kind == Kind::ConnectionString) {
                finding.span = whole(&view, finding.span.clone());
            }
        }
    }
}

/// So far a connection string may reach to each side of its password. Less than what streams keep.
const REACH: usize = 512;

/// The connection string around its password: the URL, or everything between quotes or on the line.
fn whole(text: &Text<'_>, password: Range<usize>) -> Range<usize> {
    let in_url = |byte: u8| {
        !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'(' | b')')
    };
    let start = text.run_back(password.start, REACH, in_url);
    let before = text.slice(start, password.start);
    if let Some(colon) = memchr::memmem::rfind(before, b"://") {
        let scheme = text.run_back(start + colon, 24, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
        });
        let end = text.run(password.end, REACH, |byte| in_url(byte) && byte != b'\\');
        return scheme..text.floor(end);
    }
    let in_line = |byte: u8| !matches!(byte, b'"' | b'\'' | b'`' | b'\n' | b'\r' | b'<' | b'>');
    let mut start = text.run_back(password.start, REACH, in_line);
    while !text.str.is_char_boundary(start) {
        start += 1;
    }
    let end = text.floor(text.run(password.end, REACH, in_line));
    if memchr::memchr(b'=', text.slice(start, password.start)).is_some() { start..end } else { password }
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::{Kind, Scanner};

    fn found(options: Options, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        Scanner::default().with_options(options).scan(text, &mut out);
        out.into_iter().map(|finding| text[finding.span].to_owned()).collect()
    }

    #[test]
    fn private_addresses_can_be_left_alone() {
        let without = || Options { private_ips: false, ..Options::default() };
        for (address, private) in [
            ("10.0.0.1", true),
            ("172.16.9.9", true),
            ("192.168.1.1", true),
            ("192.168.1.0/24", true),
            ("169.254.10.20", true),
            ("100.64.0.1", true),
            ("fe80::1ff:fe23:4567:890a%eth0", true),
            ("fd12:3456:789a::1", true),
            ("::ffff:10.0.0.1", true),
            ("172.32.0.1", false),
            ("8.8.8.8", false),
            ("2001:db8::1", false),
        ] {
            let text = format!("request from {address} was refused");
            assert_eq!(found(Options::default(), &text), [address], "{text}");
            let left: &[&str] = if private { &[] } else { &[address] };
            assert_eq!(found(without(), &text), left, "{text}");
        }
    }

    #[test]
    fn connection_strings_can_be_found_whole() {
        let whole = || Options { whole_connection_strings: true, ..Options::default() };
        for (text, password, string) in [
            ("db=postgres://svc:Tr0ub4dor@db/app x", "Tr0ub4dor", "postgres://svc:Tr0ub4dor@db/app"),
            ("\"mongodb+srv://u:Tr0ub4dor@h/?w=1\"", "Tr0ub4dor", "mongodb+srv://u:Tr0ub4dor@h/?w=1"),
        ] {
            assert_eq!(found(Options::default(), text), [password], "{text}");
            assert_eq!(found(whole(), text), [string], "{text}");
        }
        assert_eq!(found(whole(), "mail bob@example.com"), ["bob@example.com"]);
    }

    #[test]
    fn an_allowed_address_unmasks_no_secret_around_or_inside_it() {
        let mut options = Options::default();
        options.allow.add("*.example.com", crate::KindSet::all()).unwrap();
        options.allow.add("example.com", crate::KindSet::none().with(Kind::Email)).unwrap();
        assert_eq!(found(options.clone(), "mail bob@mail.example.com"), Vec::<String>::new());
        assert_eq!(found(options.clone(), "mail bob@example.com, eve@example.org"), ["eve@example.org"]);
        // A value that is an address as a whole is one, whatever its name; this is none.
        options.allow.add("acme-corp.com", crate::KindSet::none().with(Kind::Email)).unwrap();
        assert_eq!(found(options.clone(), "mail bob@acme-corp.com"), Vec::<String>::new());
        let text = "password=\"Tr0ub4dor#bob@acme-corp.com\"";
        assert_eq!(found(options.clone(), text), ["Tr0ub4dor#bob@acme-corp.com"]);
        let token = "ghp_xTq7Rz2Lm9Wp4Kv8Bn3Yf6Hd1Sg5Jc0Ae2Zu";
        let text = format!("{token}@mail.example.com");
        assert!(!found(options, &text).is_empty(), "the token inside stays a finding");
    }
}
