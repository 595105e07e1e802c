//! A host that writes whatever source address it likes.

use std::net::{SocketAddr, SocketAddrV4};

use etherparse::PacketBuilder;
use interop::namespace::Namespace;
use socket2::{Domain, Protocol, Socket, Type};

use super::inside::inside;

/// IPPROTO_RAW: packets are given with their IP header.
const RAW: i32 = 255;

/// Hops that its packets may take.
const TTL: u8 = 64;

/// Writes packets by hand.
pub(crate) struct Forger {
    socket: Socket,
    /// Bytes of UDP payload, or of IP for TCP, that it has sent.
    pub(crate) sent: usize,
}

impl Forger {
    pub(crate) fn new(host: &Namespace) -> Self {
        let protocol = Some(Protocol::from(RAW));
        let make = || Socket::new(Domain::IPV4, Type::RAW, protocol).expect("root may");
        Self {
            socket: inside(host, make),
            sent: 0,
        }
    }

    /// Sends a datagram from this address, whoever has it.
    pub(crate) fn send(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let (from, to) = (v4(from), v4(to));
        let builder = PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), TTL);
        let mut packet = Vec::new();
        let udp = builder.udp(from.port(), to.port());
        udp.write(&mut packet, datagram).expect("it fits");
        self.write(to, &packet);
        self.sent += datagram.len();
    }

    /// Sends the segment of TCP that opens a connection, from this address.
    pub(crate) fn send_syn(&mut self, from: SocketAddr, to: SocketAddr, sequence: u32) {
        let (from, to) = (v4(from), v4(to));
        let builder = PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), TTL);
        let tcp = builder
            .tcp(from.port(), to.port(), sequence, u16::MAX)
            .syn();
        let mut packet = Vec::new();
        tcp.write(&mut packet, &[]).expect("it fits");
        self.write(to, &packet);
        self.sent += packet.len();
    }

    /// Sends a segment with data that belongs to no connection that it has seen answered.
    pub(crate) fn send_blind(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        sequence: u32,
        data: &[u8],
    ) {
        let (from, to) = (v4(from), v4(to));
        let builder = PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), TTL);
        let tcp = builder.tcp(from.port(), to.port(), sequence, u16::MAX);
        let mut packet = Vec::new();
        let tcp = tcp.ack(0x1234_5678).psh();
        tcp.write(&mut packet, data).expect("it fits");
        self.write(to, &packet);
        self.sent += packet.len();
    }

    fn write(&self, to: SocketAddrV4, packet: &[u8]) {
        let sent = self.socket.send_to(packet, &SocketAddr::V4(to).into());
        assert_eq!(sent.ok(), Some(packet.len()), "the packet goes out");
    }
}

fn v4(address: SocketAddr) -> SocketAddrV4 {
    match address {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => panic!("these hosts have IPv4"),
    }
}
