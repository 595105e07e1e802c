//! Sends the flood.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};

/// How the flood comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Each datagram from another address, by a system call of its own.
    Scattered,
    /// So many at a time from one address, by one system call (GSO). This is more than a network
    /// card delivers; the loopback device does not even take them apart.
    Bursts(usize),
}

impl Manner {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scattered => "scattered",
            Self::Bursts(_) => "bursts",
        }
    }
}

/// Sends the mix, over and over, as fast as it goes, until `stop`.
pub(super) fn flood(
    server: SocketAddr,
    mix: &[Vec<u8>],
    manner: Manner,
    stop: &AtomicBool,
    sent: &AtomicU64,
) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    let repeat = match manner {
        Manner::Scattered => 1,
        Manner::Bursts(count) => count,
    };
    let mix: Vec<_> = mix
        .iter()
        .map(|datagram| (datagram.len(), datagram.repeat(repeat)))
        .collect();
    let mut number: u32 = 0;
    while !stop.load(Relaxed) {
        for (len, contents) in &mix {
            number = number.wrapping_add(1);
            // 127.64.0.0/10: a million addresses that are this host's own.
            let source = Ipv4Addr::from(0x7F40_0000 | number.wrapping_mul(2_654_435_761) >> 10);
            let transmit = Transmit {
                destination: server,
                ecn: None,
                contents,
                segment_size: (repeat > 1).then_some(*len),
                src_ip: Some(source.into()),
            };
            // A refusal, such as of a full buffer, is not counted and not repeated.
            if state.try_send(UdpSockRef::from(&socket), &transmit).is_ok() {
                sent.fetch_add(repeat as u64, Relaxed);
            }
        }
    }
    Ok(())
}
