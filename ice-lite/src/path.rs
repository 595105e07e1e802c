//! Paths: the 5-tuples that an agent speaks over.

use std::net::SocketAddr;

/// The transport protocol of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A datagram is a UDP datagram.
    Udp,
    /// A datagram is a frame of RFC 4571 on a TCP connection (RFC 6544).
    Tcp,
}

/// A 5-tuple: transport protocol, our address, the peer's address.
///
/// The local address is taken as the caller gives it: a socket bound to a wildcard address may pass
/// that address, as long as it always passes the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The transport protocol.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
}

impl Path {
    /// A UDP path.
    #[must_use]
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            local,
            remote,
        }
    }

    /// A path over a TCP connection that the peer opened.
    #[must_use]
    pub const fn tcp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Tcp,
            local,
            remote,
        }
    }
}
