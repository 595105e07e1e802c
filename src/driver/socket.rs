//! A UDP socket that receives and sends many datagrams in one system call.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ice_lite::{Path, Transport};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::warn;

use super::shards::Shards;
use super::tcp::Registry;
use crate::gate::{Arrival, Call, Gate, Outbox, Run};

/// The socket with its buffers.
#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// [`BATCH_SIZE`] times [`STRIDE`].
    buffers: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

/// What one buffer takes: the largest datagram there is, or what the kernel joins of one flow (GRO).
const BUFFER_LEN: usize = 65_536;

/// From one buffer to the next. If they began at multiples of a power of two, the packets at their
/// beginnings would compete for the same few places of the CPU's caches.
const STRIDE: usize = BUFFER_LEN + 1600;

/// Receive calls before the others (timers, commands) get their turn, and before what came of them
/// is sent. Sending costs much more than receiving: after more rounds, a flood would fill the
/// kernel's buffer while we send.
const ROUNDS: usize = 2;

/// The kernel's buffers, as far as the system allows. In a flood by a million datagrams a second,
/// 4 MiB last for 1 or 2 ms, in which this thread may well not have the CPU.
const KERNEL_BUFFER: usize = 32 << 20;

impl Socket {
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        enlarge_buffers(&socket, &state);
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        Ok(Self {
            io: UdpSocket::from_std(socket)?,
            state,
            local,
            buffers: vec![0; BATCH_SIZE * STRIDE],
            meta: [RecvMeta::default(); BATCH_SIZE],
        })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn receive_buffer(&self) -> io::Result<usize> {
        self.state.recv_buffer_size(UdpSockRef::from(&self.io))
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Gives the gate the datagrams that have come, those of one system call at a time, up to a fair
    /// share.
    pub(super) fn receive<C: Call>(
        &mut self,
        gate: &mut Gate<C>,
        shards: &Shards,
    ) -> io::Result<()> {
        for _ in 0..ROUNDS {
            match self.fill() {
                Ok(count) => {
                    gate.handle_datagrams(Instant::now(), self.arrivals(count), |shard, arrival| {
                        shards.hand_over(shard, &arrival)
                    })
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffers = self.buffers.chunks_exact_mut(STRIDE);
        let mut slices: [_; BATCH_SIZE] = std::array::from_fn(|_| {
            let buffer = buffers
                .next()
                .and_then(|buffer| buffer.get_mut(..BUFFER_LEN));
            IoSliceMut::new(buffer.unwrap_or_default())
        });
        let (io, state, meta) = (&self.io, &self.state, &mut self.meta);
        io.try_io(Interest::READABLE, || {
            state.recv(UdpSockRef::from(io), &mut slices, meta)
        })
    }

    /// The datagrams in the first `count` buffers: each may have several of one sender.
    fn arrivals(&mut self, count: usize) -> impl Iterator<Item = Arrival<'_>> {
        let local = self.local;
        let buffers = self.buffers.chunks_exact_mut(STRIDE).zip(&self.meta);
        buffers.take(count).flat_map(move |(buffer, meta)| {
            let path = path(local, meta);
            let bytes = buffer.get_mut(..meta.len).unwrap_or_default();
            let datagrams = bytes.chunks_mut(meta.stride.max(1));
            datagrams.map(move |bytes| Arrival { path, bytes })
        })
    }

    /// Sends all and empties the outbox; what goes over TCP by its connection. What the system refuses
    /// is lost, as on any network.
    pub(super) async fn send(&self, outbox: &mut Outbox, connections: &Registry) -> io::Result<()> {
        let segments = self.state.max_gso_segments();
        if segments > 1 {
            outbox.group();
        }
        for run in outbox.runs(segments) {
            match run.path.transport {
                Transport::Udp => self.send_run(&run).await?,
                Transport::Tcp => {
                    for datagram in run.bytes.chunks(run.segment.max(1)) {
                        connections.send(&run.path, datagram);
                    }
                }
            }
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

/// A socket that others can be bound to the same address with.
pub(super) fn shared(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::DGRAM, None)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    #[cfg(not(unix))]
    return Err(io::ErrorKind::Unsupported.into());
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Asks for [`KERNEL_BUFFER`] both ways. With `CAP_NET_ADMIN` Linux gives all of it, else what
/// `net.core.rmem_max` and `net.core.wmem_max` allow; less is no failure.
fn enlarge_buffers(socket: &std::net::UdpSocket, state: &UdpSocketState) {
    #[cfg(target_os = "linux")]
    let forced =
        rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, KERNEL_BUFFER).is_ok();
    #[cfg(not(target_os = "linux"))]
    let forced = false;
    if !forced {
        drop(state.set_recv_buffer_size(UdpSockRef::from(socket), KERNEL_BUFFER));
    }
    drop(state.set_send_buffer_size(UdpSockRef::from(socket), KERNEL_BUFFER));
    if let Ok(granted) = state.recv_buffer_size(UdpSockRef::from(socket))
        && granted < KERNEL_BUFFER
    {
        warn!(
            granted,
            wanted = KERNEL_BUFFER,
            "small receive buffer: a flood may cost packets of calls (net.core.rmem_max)"
        );
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
