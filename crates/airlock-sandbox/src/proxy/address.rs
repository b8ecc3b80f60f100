//! Which addresses may be reached at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not the public internet, by their first address and the length of their prefix, after
/// IANA's registry of special-purpose addresses (RFC 6890 and later).
const NOT_PUBLIC_4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private
    ([100, 64, 0, 0], 10),    // shared by customers of a provider; Alibaba's metadata
    ([127, 0, 0, 0], 8),      // this machine
    ([168, 63, 129, 16], 32), // Azure's own services, metadata among them, at a public address
    ([169, 254, 0, 0], 16),   // this link; the metadata of most clouds
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocols; Oracle's metadata
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 31, 196, 0], 24),  // answers to questions about private addresses (AS112)
    ([192, 52, 193, 0], 24),  // relays of multicast
    ([192, 88, 99, 0], 24),   // relays of 6to4
    ([192, 168, 0, 0], 16),   // private
    ([192, 175, 48, 0], 24),  // AS112
    ([198, 18, 0, 0], 15),    // benchmarks
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([224, 0, 0, 0], 4),      // multicast
    ([240, 0, 0, 0], 4),      // reserved, and broadcast
];

/// Networks within `2000::/3` that are not the public internet.
const NOT_PUBLIC_6: &[([u16; 8], u32)] = &[
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocols: Teredo, benchmarks, identifiers
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4, which holds any address of IPv4
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Translates to the address of IPv4 in its last 32 bits (RFC 6052).
const NAT64: ([u16; 8], u32) = ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// Whether an address is on the public internet: not this machine, no private network, no service that a cloud has for
/// its machines, nothing that only stands for one of these.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_4(address),
        IpAddr::V6(address) => is_public_6(address),
    }
}

fn is_public_4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_4.iter().any(|(network, length)| {
        let network = u32::from(Ipv4Addr::from(*network));
        (u32::from(address) ^ network) >> (32 - length) == 0
    })
}

/// The address of IPv4 that a translator reaches for this one.
pub(super) fn behind(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let [.., a, b, c, d] = address.octets();
    within(address, &NAT64).then(|| Ipv4Addr::new(a, b, c, d).into())
}

fn within(address: Ipv6Addr, (network, length): &([u16; 8], u32)) -> bool {
    let network = u128::from(Ipv6Addr::from(*network));
    (u128::from(address) ^ network) >> (128 - length) == 0
}

fn is_public_6(address: Ipv6Addr) -> bool {
    let within = |network| within(address, network);
    if let Some(behind) = behind(address.into()) {
        return is_public(behind);
    }
    // ISATAP (RFC 5214) holds any address of IPv4 behind these, in every network.
    if let [_, _, _, _, 0 | 0x200, 0x5efe, ..] = address.segments() {
        return false;
    }
    // All that is given to anybody is in here.
    within(&([0x2000, 0, 0, 0, 0, 0, 0, 0], 3)) && !NOT_PUBLIC_6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::is_public;
    use crate::proxy::tests::random;

    #[test]
    fn only_the_public_internet_is_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.114.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.1.2.3",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.168.1.1",
            "192.175.48.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.80",
            "224.0.0.251",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:8.8.8.8",
            "2620:4f:8000::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "fe80::a9fe:a9fe",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    /// Whatever wraps an address of IPv4 is no more public than that.
    #[test]
    fn no_disguise_makes_an_address_public() {
        let mut random = random();
        for _ in 0..100_000 {
            let inner = Ipv4Addr::from([0; 4].map(|_: u8| u8::try_from(random(256)).unwrap()));
            if inner.is_private() || inner.is_loopback() || inner.is_link_local() || inner.is_multicast() {
                assert!(!is_public(inner.into()), "{inner}");
            }
            let public = is_public(inner.into());
            let [a, b, c, d] = inner.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for wrapped in [[0, 0, 0, 0, 0, 0xffff, high, low], [0x64, 0xff9b, 0, 0, 0, 0, high, low]] {
                assert_eq!(is_public(IpAddr::from(wrapped)), public, "{inner}");
            }
            for wrapped in [
                [0, 0, 0, 0, 0, 0, high, low],
                [0x2002, high, low, 0, 0, 0, 0, 1],
                [0x2001, 0, 0, 0, 0, 0, !high, !low],
            ] {
                assert!(!is_public(IpAddr::from(wrapped)), "{inner}");
            }
        }
    }
}
