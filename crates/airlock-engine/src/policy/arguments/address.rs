//! Which addresses and names belong to the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address can be a host of the public internet. Loopback, private, link-local (where clouds keep
/// their metadata), shared, multicast, documentation and reserved addresses are not, nor are IPv6 addresses
/// that carry an IPv4 address, unless that one is public.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The IANA special-purpose registry, and two addresses of cloud metadata services that lie outside of it.
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 31, 196, _]
            | [192, 52, 193, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [192, 175, 48, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [168, 63, 129, 16]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let carried = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped, translated by the well-known prefix, 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => carried(high, low),
        // ISATAP; IETF protocols (Teredo, benchmarking, ORCHID); direct delegation; documentation.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..]
        | [0x2001, 0..=0x1ff | 0xdb8, ..]
        | [0x2620, 0x4f, 0x8000, ..]
        | [0x3fff, 0..=0xfff, ..] => false,
        // Only 2000::/3 is handed out; `::`, `::1`, `fc00::`, `fe80::`, `ff00::` lie outside.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Whether a name (lower case, without a final dot) belongs to a machine or a private network: it has no
/// dot, or it has an ending that the public DNS does not serve.
pub(super) fn is_private_name(name: &str) -> bool {
    const ENDINGS: [&str; 17] = [
        "localhost",
        "localdomain",
        "local",
        "internal",
        "intranet",
        "private",
        "lan",
        "home",
        "corp",
        "svc",
        "home.arpa",
        "in-addr.arpa",
        "ip6.arpa",
        "localtest.me",
        "lvh.me",
        "nip.io",
        "sslip.io",
    ];
    !name.contains('.')
        || ENDINGS.iter().any(|ending| {
            name.strip_suffix(ending).is_some_and(|front| front.is_empty() || front.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::{is_private_name, is_public};

    #[test]
    fn special_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2001:0:a9fe:a9fe::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:8.8.8.8",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn private_names() {
        for name in [
            "localhost",
            "a.localhost",
            "localhost.localdomain",
            "metadata.google.internal",
            "metadata",
            "db",
            "printer.local",
            "x.home.arpa",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "router.lan",
            "127.0.0.1.nip.io",
            "10-0-0-1.sslip.io",
            "localtest.me",
            "1.0.0.127.in-addr.arpa",
        ] {
            assert!(is_private_name(name), "{name}");
        }
        for name in [
            "example.com",
            "localhost.example.com",
            "notlocal.com",
            "my-internal.com",
            "internal.com",
            "xinternal.dev",
        ] {
            assert!(!is_private_name(name), "{name}");
        }
    }
}
