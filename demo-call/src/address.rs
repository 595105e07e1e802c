//! Addresses as people write them: with a name, or as a port alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// Where callers reach a media port that has a different address on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Public {
    ip: IpAddr,
    /// If it is not the one that is bound.
    port: Option<u16>,
}

impl Public {
    /// The public address for the one bound to this port.
    pub(crate) fn of(self, bound: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(bound))
    }
}

impl FromStr for Public {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ip = text.trim_matches(['[', ']']).parse();
        let alone = ip.map(|ip| Self { ip, port: None });
        alone
            .or_else(|_| {
                text.parse().map(|address: SocketAddr| Self {
                    ip: address.ip(),
                    port: Some(address.port()),
                })
            })
            .map_err(|_| "must be an IP address, with or without a port")
    }
}

/// An address to bind; a port alone is one of this host.
pub(crate) fn local_address(text: &str) -> Result<SocketAddr, String> {
    address(text, Ipv4Addr::LOCALHOST.into())
}

/// An address to bind; a port alone is one of all addresses, of IPv6 and IPv4.
pub(crate) fn any_address(text: &str) -> Result<SocketAddr, String> {
    address(text, Ipv6Addr::UNSPECIFIED.into())
}

fn address(text: &str, alone: IpAddr) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(alone, port));
    }
    let resolved = text.to_socket_addrs();
    let resolved: Vec<_> = resolved
        .map_err(|_| format!("{text:?} is not HOST:PORT, [IPV6]:PORT or PORT"))?
        .collect();
    // A name such as localhost resolves to both; prefer IPv4, which people type into browsers.
    let v4 = resolved.iter().find(|address| address.is_ipv4());
    let first = v4.or(resolved.first()).copied();
    first.ok_or_else(|| format!("{text:?} has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        let local = |text| local_address(text).map(|address| address.to_string());
        assert_eq!(local("8080").as_deref(), Ok("127.0.0.1:8080"));
        assert_eq!(local("localhost:8080").as_deref(), Ok("127.0.0.1:8080"));
        assert_eq!(local("[::]:8080").as_deref(), Ok("[::]:8080"));
        assert_eq!(local("0.0.0.0:80").as_deref(), Ok("0.0.0.0:80"));
        let any = any_address("3478").map(|address| address.to_string());
        assert_eq!(any.as_deref(), Ok("[::]:3478"));
        for text in ["", "localhost", "99999", "::1", "1.2.3.4"] {
            let error = local_address(text).expect_err(text);
            assert!(error.contains("HOST:PORT"), "{error}");
        }
    }

    #[test]
    fn a_public_address_has_a_port_only_where_it_differs() {
        let of = |text: &str| text.parse().map(|it: Public| it.of(3478).to_string());
        assert_eq!(of("192.0.2.1").as_deref(), Ok("192.0.2.1:3478"));
        assert_eq!(of("192.0.2.1:99").as_deref(), Ok("192.0.2.1:99"));
        assert_eq!(of("2001:db8::1").as_deref(), Ok("[2001:db8::1]:3478"));
        assert_eq!(of("[2001:db8::1]:99").as_deref(), Ok("[2001:db8::1]:99"));
        assert!(of("example.org").is_err());
    }
}
