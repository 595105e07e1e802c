//! The MTU of paths, as far as the kernel knows it.

use std::net::UdpSocket;

use ice_lite::Path;

/// Lets the kernel find out the MTU of each path, and fragment what is longer: a datagram that fits
/// nowhere on the way would be lost without a word, and so would the next one. Other systems than Linux
/// keep their defaults.
pub(super) fn follow_path(socket: &UdpSocket) {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt::{
            Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
        };
        // One of the two is for the other address family than the socket's.
        let _ = set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::WANT);
        let _ = set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::WANT);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// How many bytes a datagram over this path may have, if the kernel knows.
pub(super) fn of_path(path: &Path) -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

        use rustix::net::sockopt::{ip_mtu, ipv6_mtu};

        // The header of IP, and that of UDP.
        const V4_HEADERS: usize = 20 + 8;
        const V6_HEADERS: usize = 40 + 8;

        let any: SocketAddr = match path.remote {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        // It sends nothing: a connected socket knows its path.
        let probe = UdpSocket::bind(any).ok()?;
        probe.connect(path.remote).ok()?;
        let (mtu, headers) = match path.remote {
            SocketAddr::V4(_) => (ip_mtu(&probe).ok()?, V4_HEADERS),
            SocketAddr::V6(_) => (ipv6_mtu(&probe).ok()?, V6_HEADERS),
        };
        (mtu as usize).checked_sub(headers)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}
