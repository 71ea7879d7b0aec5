//! Which addresses are on the public internet. All others are refused: what runs on this machine or in its network
//! trusts its neighbours, and clouds give keys to whoever asks their metadata address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not to be spoken to; `None` if it is public.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address),
        IpAddr::V6(address) => refusal_v6(address),
    }
}

/// Networks by IANA's special-purpose registry, and two public addresses that are metadata services.
const V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(169, 254, 169, 254), 32, "the metadata service of clouds"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "the metadata service of a cloud"),
    (Ipv4Addr::new(100, 100, 100, 200), 32, "the metadata service of a cloud"),
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a carrier (CGNAT)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    V4.iter()
        .find(|(network, length, _)| (bits ^ network.to_bits()) >> (32 - length) == 0)
        .map(|(_, _, why)| *why)
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        return Some("loopback");
    }
    // Addresses that hold one of IPv4 go where that goes.
    if let Some(inside) = address.to_ipv4_mapped() {
        return refusal_v4(inside).or(Some("an IPv4 address written as IPv6"));
    }
    let parts = address.segments();
    match parts {
        [0x2001, second, ..] if second < 0x200 => Some("reserved or a tunnel"),
        [0x2001, 0xdb8, ..] => Some("for documentation"),
        [0x2002, ..] => Some("a 6to4 tunnel"),
        [0x3fff, second, ..] if second < 0x1000 => Some("for documentation"),
        [first, ..] if first & 0xe000 == 0x2000 => None,
        [first, ..] if first & 0xfe00 == 0xfc00 => Some("private"),
        [first, ..] if first & 0xffc0 == 0xfe80 => Some("link-local"),
        [first, ..] if first & 0xff00 == 0xff00 => Some("multicast"),
        _ => Some("not public"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Option<&str>) {
        assert_eq!(refusal(address.parse().expect(address)), expected, "{address}");
    }

    #[test]
    fn edges_of_networks() {
        for (address, expected) in [
            ("8.8.8.8", None),
            ("1.1.1.1", None),
            ("9.255.255.255", None),
            ("10.0.0.0", Some("private")),
            ("10.255.255.255", Some("private")),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some("shared by a carrier (CGNAT)")),
            ("100.127.255.255", Some("shared by a carrier (CGNAT)")),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.16.0.0", Some("private")),
            ("172.31.255.255", Some("private")),
            ("172.32.0.0", None),
            ("198.17.255.255", None),
            ("198.20.0.0", None),
            ("223.255.255.255", None),
            ("224.0.0.1", Some("multicast")),
            ("255.255.255.255", Some("reserved")),
            ("2606:4700:4700::1111", None),
            ("2001:200::1", None),
            ("2001:0:1::1", Some("reserved or a tunnel")),
            ("2001:db8::1", Some("for documentation")),
            ("2002:7f00:1::", Some("a 6to4 tunnel")),
            ("64:ff9b::7f00:1", Some("not public")),
            ("::", Some("not public")),
            ("::7f00:1", Some("not public")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:8.8.8.8", Some("an IPv4 address written as IPv6")),
            ("fd00:ec2::254", Some("private")),
            ("fe80::1", Some("link-local")),
            ("ff02::1", Some("multicast")),
        ] {
            check(address, expected);
        }
    }
}
