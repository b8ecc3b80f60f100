//! IPv4 and IPv6 addresses; never versions, object identifiers, times or paths of code.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
    verify::{
        context::word_before,
        digits::{Number, Separator},
    },
};

/// The longest IPv6 address in text form, with an IPv4 tail.
const LONGEST_V6: usize = 45;

pub(crate) fn verify_v4(number: &Number<'_>, sink: &mut Sink<'_>) -> bool {
    if !sink.wants(Kind::IpAddress) || number.separator(4) != Some(Separator::Dot) {
        return false;
    }
    let Some((address, end)) = v4(number) else { return false };
    report(number.text, number.start()..end, IpAddr::V4(address), sink)
}

/// Reports an address, with a prefix length behind it, unless it is one of no interest.
fn report(text: &Text<'_>, span: Range<usize>, address: IpAddr, sink: &mut Sink<'_>) -> bool {
    let end = with_prefix_length(text, span.end);
    let (rule, confidence) = match (address, is_private(address)) {
        _ if !is_of_interest(address) => {
            // Addresses of no machine are addresses only where they are called so, directly before.
            let network = end > span.end;
            let gap = text.run_back(span.start, 3, |byte| matches!(byte, b' ' | b':' | b'=' | b'6' | b'4'));
            let called = gap < span.start && text.before(gap, 1).is_ascii_alphabetic();
            if !(network || called && word_before(text, span.start, 1, is_address_word)) {
                return false;
            }
            ("ip-reserved", Confidence::Low)
        }
        (IpAddr::V4(_), false) => ("ipv4", Confidence::Medium),
        (IpAddr::V4(_), true) => ("ipv4-private", Confidence::Medium),
        (IpAddr::V6(_), false) => ("ipv6", Confidence::High),
        (IpAddr::V6(_), true) => ("ipv6-private", Confidence::High),
    };
    sink.report(Kind::IpAddress, span.start..end, confidence, rule);
    true
}

fn is_address_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"ip" | b"ipv" | b"loopback" | b"localhost" | b"broadcast" | b"unspecified" | b"src" | b"dst"
    )
}

/// Whether the address is one of a private, shared, link-local or unique local range, and so means nothing
/// outside its own network.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            // RFC 6598: the addresses that providers share out behind one of theirs.
            v4.is_private() || v4.is_link_local() || first == 100 && (64..128).contains(&second)
        }
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(|v4| is_private(IpAddr::V4(v4)))
        }
    }
}

/// The address of the first four groups and its end.
fn v4(number: &Number<'_>) -> Option<(Ipv4Addr, usize)> {
    let (text, start) = (number.text, number.start());
    let octets = number.groups().get(..4)?;
    if octets.iter().any(|octet| octet.len() > 3) {
        return None;
    }
    let end = number.place_of_end(*octets.last()?);
    let address: Ipv4Addr = text.str.get(start..end)?.parse().ok()?;
    let goes_on = match text.at(end) {
        b'.' => text.at(end + 1).is_ascii_alphanumeric(),
        b'-' => text.at(end + 1).is_ascii_alphabetic(),
        next => is_word(next) || next == b'*',
    };
    // `Chrome/126.0.0.0` is a product's version, `//192.0.2.1` a host.
    let product = text.before(start, 1) == b'/' && is_word(text.before(start, 2));
    // A colon before belongs to an IPv6 address that ends in this one.
    let tail = text.before(start, 1) == b':' && text.before(start, 2) == b':';
    let arc = is_arc(address.octets()) && !matches!(text.at(end), b':' | b'/');
    let ordinary = !goes_on && !product && !tail && !arc && !is_section(text, start, end, address);
    (ordinary && !word_before(text, start, 2, is_version_word)).then_some((address, end))
}

/// Whether the numbers are those of a section: small ones, at the start of a line or of a remark, before a title.
fn is_section(text: &Text<'_>, start: usize, end: usize, address: Ipv4Addr) -> bool {
    const MOST: u8 = 31;
    let octets = address.octets();
    if octets.iter().any(|octet| *octet > MOST) {
        return false;
    }
    // A sign for sections, and the file of a revision: `$Id: strftime.c,v 1.10.2.3 …`
    if text.slice(start.saturating_sub(2), start) == "§".as_bytes()
        || text.slice(start.saturating_sub(3), start) == b",v "
    {
        return true;
    }
    // Name servers: 1.1.1.1, 8.8.4.4
    if matches!(octets, [first, second, ..] if first == second) {
        return false;
    }
    // The space may be one that does not break.
    let title = text.run(end, 4, |byte| matches!(byte, b'.' | b':' | b' ' | 0xc2 | 0xa0));
    let blank = title > end && matches!(text.at(title - 1), b' ' | 0xa0);
    let titled = blank && text.at(title).is_ascii_uppercase();
    let gap = text.run_back(start, 16, |byte| byte == b' ' || byte == b'\t');
    match (text.before(gap, 2), text.before(gap, 1)) {
        (b'/', b'/' | b'*') | (b'*', b'*') => true,
        (b'\n' | b' ', b'*') => titled,
        (before, b'[') => text.at(end) == b']' && before != b'@',
        (_, b'>') => titled || blank && text.at(title) == b'<',
        (_, 0 | b'\n') => titled && gap == start,
        _ => false,
    }
}

/// Whether the numbers are an object identifier that programs name: those of X.500, of the Internet, and of curves.
/// No address of such a form is a machine's, unless a port or a prefix length follows.
fn is_arc(numbers: [u8; 4]) -> bool {
    match numbers {
        [2, 5, arc, _] => matches!(arc, 4 | 6 | 8 | 13 | 17..=21 | 23 | 29 | 31),
        [2, 23, arc, _] => matches!(arc, 42 | 43 | 133 | 136 | 140),
        [1, 3, arc, last] => {
            matches!((arc, last), (6, 1) | (14 | 36, 3) | (101, 110..=113) | (132, 0 | 1))
        }
        _ => false,
    }
}

fn is_version_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"version"
            | b"versions"
            | b"ver"
            | b"section"
            | b"sections"
            | b"sec"
            | b"chapter"
            | b"clause"
            | b"oid"
            | b"release"
            | b"build"
            | b"firmware"
            | b"rev"
            | b"revision"
            | b"upgraded"
            | b"upgrade"
            | b"appendix"
            | b"paragraph"
            | b"part"
            | b"subclause"
            | b"spec"
            | b"kernel"
            | b"ecma"
    )
}

/// Loopback, unspecified and broadcast addresses and netmasks identify nobody, and neither does the address at which
/// every cloud tells a machine about itself.
pub(crate) fn is_of_interest(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !matches!(v4.octets(), [0 | 255, ..] | [169, 254, 169, 254]),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unspecified(),
    }
}

/// Called at `::`.
pub(crate) fn verify_double_colon(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let before = text.before(anchor.start, 1);
    let behind = text.at(anchor.end);
    // Alone it is the unspecified address, which only a prefix length or a word makes one.
    let alone = !is_word(before) && before != b':' && !is_word(behind) && behind != b':' && behind != b'<';
    let neighbours = before.is_ascii_hexdigit() || behind.is_ascii_hexdigit();
    if alone || neighbours && (!is_word(before) || before.is_ascii_hexdigit()) {
        verify_v6(text, anchor.start, sink);
    }
}

/// Called at a digit behind a colon, for addresses written out in full: seven colons, no `::`.
pub(crate) fn verify_full_v6(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let hex = |byte: u8| byte.is_ascii_hexdigit();
    let (mut end, mut colons) = (text.run(at, 5, hex), 1);
    while text.at(end) == b':' && colons < 8 {
        end = text.run(end + 1, 5, hex);
        colons += 1;
    }
    let mut start = text.run_back(at - 1, 5, hex);
    while text.before(start, 1) == b':' && colons < 8 {
        start = text.run_back(start - 1, 5, hex);
        colons += 1;
    }
    // Times and hardware addresses have fewer; the last two groups may be an IPv4 address.
    if colons == 7 || colons == 6 && text.at(end) == b'.' {
        verify_v6(text, at, sink);
    }
}

/// Reports the IPv6 address that `at` lies in.
fn verify_v6(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    if !sink.wants(Kind::IpAddress) {
        return;
    }
    let belongs = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    let start = text.run_back(at, LONGEST_V6, belongs);
    let mut end = text.run(at, LONGEST_V6, |byte| belongs(byte) || byte == b'.');
    while matches!(text.before(end, 1), b'.') || text.before(end, 1) == b':' && text.before(end, 2) != b':' {
        end -= 1;
    }
    // The shown end of a masked number is no group of an address.
    let masked = text.before(start, 1) == b'-' && text.before(start, 2) == b'*';
    let outside = [text.before(start, 1), text.at(end)];
    if masked
        || end < start + 2
        || end - start > LONGEST_V6
        || outside.iter().any(|byte| is_word(*byte) || *byte == b'*')
    {
        return;
    }
    let Some(Ok(address)) = text.str.get(start..end).map(str::parse::<Ipv6Addr>) else { return };
    let hex = text.slice(start, end).iter().filter(|byte| byte.is_ascii_hexdigit());
    // `a::b` is a path in several languages: ask for as many digits as real prefixes have.
    // The first of two groups has four digits, since ranges that are assigned do.
    let groups = text.slice(start, end).split(|byte| *byte == b':').filter(|group| !group.is_empty());
    let path = groups.clone().count() == 2 && groups.clone().next().is_some_and(|first| first.len() < 4);
    let telling = !path && hex.clone().count() >= 5 && hex.clone().any(u8::is_ascii_digit);
    // Link-local and multicast addresses are short.
    let known = address.is_unicast_link_local() || address.is_multicast();
    let end = with_zone(text, end);
    let network = || with_prefix_length(text, end) > end;
    let named = || word_before(text, start, 2, is_address_word);
    let short = known || hex.clone().any(u8::is_ascii_digit);
    if telling || !is_of_interest(IpAddr::V6(address)) || short && (network() || named()) {
        report(text, start..end, IpAddr::V6(address), sink);
    }
}

/// Includes a zone such as `%eth0`.
fn with_zone(text: &Text<'_>, end: usize) -> usize {
    if text.at(end) == b'%' && text.at(end + 1).is_ascii_alphabetic() {
        text.run(end + 1, 16, is_word)
    } else {
        end
    }
}

/// Includes a prefix length such as `/24`.
fn with_prefix_length(text: &Text<'_>, end: usize) -> usize {
    let digits = text.run(end + 1, 4, |byte| byte.is_ascii_digit());
    let length = text.at(end) == b'/' && (end + 2..=end + 4).contains(&digits);
    if length && !is_word(text.at(digits)) && text.at(digits) != b'/' { digits } else { end }
}
