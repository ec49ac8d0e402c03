//! Which network addresses an upstream's name may lead to. Whoever controls a name can give it the address of a machine in
//! the house (DNS rebinding) and make a proxy ask that one: so an address that is not of the public Internet is asked only
//! where the configuration says that this host lies there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public Internet (IANA's special-purpose registries, RFC 6890 and its updates). What
/// carries an IPv4 address within (mapped, NAT64, 6to4) is as public as that one.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)            // this network; private; loopback; multicast, reserved, broadcast
        | (100, 64..=127, _)                    // behind a carrier's NAT
        | (169, 254, _)                         // link-local, and the clouds' metadata
        | (172, 16..=31, _) | (192, 168, _)     // private
        | (192, 0, 0 | 2) | (198, 18..=19, _)   // protocol assignments; documentation; benchmarks
        | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) // documentation; 6to4 relays
    );
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    let v4 = |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match (first, second) {
        (0x64, 0xff9b) => {
            let [.., high, low] = address.segments(); // NAT64
            third == 0 && v4(high, low)
        }
        (0x2002, _) => v4(second, third), // 6to4
        // protocol assignments (Teredo, ORCHID); documentation
        (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff) => false,
        // only 2000::/3 is given out; the rest is loopback, local, multicast or reserved
        _ => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "2002:101:101::",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for not in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.255.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
        ] {
            assert!(!is_public(not.parse().unwrap()), "{not}");
        }
    }
}
