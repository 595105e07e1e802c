//! The addresses at which a media port can be reached: its ICE host candidates.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::address::Public;

/// Host candidates that an answer lists at most. A host may have hundreds of addresses
/// (containers), and a caller checks each of them.
const MAX_CANDIDATES: usize = 8;

/// The addresses of the port that is bound to `bound`, as `caller` may reach them, best first: the
/// `public` ones, if there are any, for whoever is not on this very host.
pub(crate) fn host_candidates(
    bound: SocketAddr,
    caller: IpAddr,
    public: &[Public],
) -> io::Result<Vec<SocketAddr>> {
    if !public.is_empty() && !caller.is_loopback() {
        return Ok(public.iter().map(|it| it.of(bound.port())).collect());
    }
    if !bound.ip().is_unspecified() {
        return Ok(vec![bound]);
    }
    let interfaces = if_addrs::get_if_addrs()?;
    let all = interfaces.iter().map(if_addrs::Interface::ip);
    Ok(select(all, bound, caller))
}

/// Which of a host's addresses to offer.
fn select(all: impl Iterator<Item = IpAddr>, bound: SocketAddr, caller: IpAddr) -> Vec<SocketAddr> {
    let mut usable: Vec<_> = all
        .filter(|ip| bound.is_ipv6() || ip.is_ipv4())
        .filter(|ip| !is_link_local(ip))
        // RFC 8445 §5.1.1.1: no loopback; but a caller on this very host may have nothing else.
        .filter(|ip| !ip.is_loopback() || caller.is_loopback())
        .collect();
    // The address by which the caller came first, then others of its family, loopback last.
    usable.sort_by_key(|ip| {
        (
            *ip != caller,
            ip.is_loopback(),
            ip.is_ipv4() != caller.is_ipv4(),
        )
    });
    usable.dedup();
    usable.truncate(MAX_CANDIDATES);
    usable
        .into_iter()
        .map(|ip| SocketAddr::new(ip, bound.port()))
        .collect()
}

/// Addresses that mean nothing without the name of an interface.
fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(bound: &str, caller: &str) -> Vec<String> {
        let all = [
            "127.0.0.1",
            "192.0.2.1",
            "169.254.0.1",
            "2001:db8::1",
            "fe80::1",
            "::1",
        ];
        let all = all.map(|ip| ip.parse().expect("an address"));
        let bound = bound.parse().expect("an address with port");
        let caller = caller.parse().expect("an address");
        select(all.into_iter(), bound, caller)
            .iter()
            .map(SocketAddr::to_string)
            .collect()
    }

    #[test]
    fn callers_from_elsewhere_get_no_loopback() {
        assert_eq!(selected("0.0.0.0:9", "198.51.100.7"), ["192.0.2.1:9"]);
        assert_eq!(
            selected("[::]:9", "2001:db8::7"),
            ["[2001:db8::1]:9", "192.0.2.1:9"]
        );
    }

    #[test]
    fn callers_on_this_host_get_it_too() {
        assert_eq!(
            selected("0.0.0.0:9", "127.0.0.1"),
            ["127.0.0.1:9", "192.0.2.1:9"]
        );
        let both = ["192.0.2.1:9", "[2001:db8::1]:9", "127.0.0.1:9", "[::1]:9"];
        assert_eq!(selected("[::]:9", "127.0.0.2"), both);
    }

    #[test]
    fn a_port_bound_to_one_address_is_there_only() {
        let bound = "192.0.2.1:9".parse().expect("an address with port");
        let caller = "127.0.0.1".parse().expect("an address");
        assert_eq!(
            host_candidates(bound, caller, &[]).expect("nothing is asked"),
            [bound]
        );
    }

    #[test]
    fn behind_a_nat_callers_get_the_public_address_alone() {
        let bound = "[::]:9".parse().expect("an address with port");
        let public = ["192.0.2.1", "[2001:db8::1]:99"].map(|it| it.parse().expect("an address"));
        let caller = "198.51.100.7".parse().expect("an address");
        let candidates = host_candidates(bound, caller, &public).expect("nothing is asked");
        let candidates: Vec<_> = candidates.iter().map(SocketAddr::to_string).collect();
        assert_eq!(candidates, ["192.0.2.1:9", "[2001:db8::1]:99"]);
    }
}
