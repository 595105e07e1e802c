//! A UDP socket that receives and sends many datagrams in one system call.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use ice_lite::Path;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::gate::{Outbox, Run};

/// The socket with its buffers.
#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    buffers: Vec<Vec<u8>>,
    meta: Vec<RecvMeta>,
}

/// Buffers of one receive call. Each takes as much as the kernel joins of one flow (GRO).
const BUFFERS: usize = if BATCH_SIZE < 16 { BATCH_SIZE } else { 16 };

/// What one buffer takes: the largest datagram there is, or what the kernel joins.
const BUFFER_LEN: usize = 65_536;

/// Receive calls before the others (timers, commands) get their turn.
const ROUNDS: usize = 8;

/// The kernel's buffers: at 1,000 calls of 50 packets of 1,200 bytes a second, 70 ms of traffic.
const KERNEL_BUFFER: usize = 4 << 20;

impl Socket {
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // What the system allows of it; less is no failure.
        drop(state.set_recv_buffer_size(UdpSockRef::from(&socket), KERNEL_BUFFER));
        drop(state.set_send_buffer_size(UdpSockRef::from(&socket), KERNEL_BUFFER));
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        Ok(Self {
            io: UdpSocket::from_std(socket)?,
            state,
            local,
            buffers: vec![vec![0; BUFFER_LEN]; BUFFERS],
            meta: vec![RecvMeta::default(); BUFFERS],
        })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Hands out the datagrams that have come, up to a fair share.
    pub(super) fn receive(&mut self, mut take: impl FnMut(Path, &mut [u8])) -> io::Result<()> {
        for _ in 0..ROUNDS {
            let count = match self.fill() {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_transient(&error) => continue,
                Err(error) => return Err(error),
            };
            for (buffer, meta) in self.buffers.iter_mut().zip(&self.meta).take(count) {
                let path = path(self.local, meta);
                let bytes = buffer.get_mut(..meta.len).unwrap_or_default();
                for datagram in bytes.chunks_mut(meta.stride.max(1)) {
                    take(path, datagram);
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffers = self.buffers.iter_mut();
        let mut slices: [_; BUFFERS] = std::array::from_fn(|_| {
            IoSliceMut::new(buffers.next().map_or(&mut [], Vec::as_mut_slice))
        });
        let (io, state, meta) = (&self.io, &self.state, &mut self.meta);
        io.try_io(Interest::READABLE, || {
            state.recv(UdpSockRef::from(io), &mut slices, meta)
        })
    }

    /// Sends all and empties the outbox. What the system refuses is lost, as on any network.
    pub(super) async fn send(&self, outbox: &mut Outbox) -> io::Result<()> {
        for run in outbox.runs(self.state.max_gso_segments()) {
            self.send_run(&run).await?;
        }
        outbox.clear();
        Ok(())
    }

    async fn send_run(&self, run: &Run<'_>) -> io::Result<()> {
        let local = run.path.local.ip();
        let transmit = Transmit {
            destination: self.to_wire(run.path.remote),
            ecn: None,
            contents: run.bytes,
            segment_size: (run.bytes.len() > run.segment).then_some(run.segment),
            src_ip: (!local.is_unspecified()).then_some(local),
        };
        loop {
            let sent = self.io.try_io(Interest::WRITABLE, || {
                self.state.try_send(UdpSockRef::from(&self.io), &transmit)
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.io.writable().await?;
                }
                Ok(()) | Err(_) => return Ok(()),
            }
        }
    }

    /// A socket of IPv6 reaches IPv4 through mapped addresses.
    fn to_wire(&self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(v4) if self.local.is_ipv6() => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            other => other,
        }
    }
}

/// The path of received datagrams: with the address that they were sent to, if the system tells.
fn path(local: SocketAddr, meta: &RecvMeta) -> Path {
    let ip = meta.dst_ip.unwrap_or(local.ip()).to_canonical();
    let remote = SocketAddr::new(IpAddr::to_canonical(&meta.addr.ip()), meta.addr.port());
    Path::udp(SocketAddr::new(ip, local.port()), remote)
}

/// ICMP errors of former datagrams, which some systems report when receiving.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}
