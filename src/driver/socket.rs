//! A UDP socket that receives and sends many datagrams in one system call.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ice_lite::{Path, Transport};
use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
use socket2::{Domain, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::warn;

use super::backlog::Backlog;
use super::counters::{Counters, count};
use super::mtu;
use super::shards::Shards;
use super::tcp::Registry;
use crate::demux::{Class, classify};
use crate::gate::{Arrival, Call, Ecn, Gate, Outbox, Run};

/// The socket with its buffers.
#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// [`BATCH_SIZE`] times [`STRIDE`].
    buffers: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
    /// Datagrams that wait until the socket takes them.
    backlog: Backlog,
    /// Nothing is read before this instant.
    rests_until: Option<Instant>,
    counters: Arc<Counters>,
}

/// How long reading pauses after an error that concerns no single datagram, such as a lack of memory:
/// asking again at once would give the same.
const REST: Duration = Duration::from_millis(2);

/// The size of a buffer: the largest datagram there is, or what the kernel joins of one flow (GRO).
const BUFFER_LEN: usize = 65_536;

/// From one buffer to the next. If they began at multiples of a power of two, the packets at their
/// beginnings would compete for the same few places of the CPU's caches.
const STRIDE: usize = BUFFER_LEN + 1600;

/// Receive calls before timers and commands get their turn, and before the answers are sent.
/// Sending costs much more than receiving: after more rounds, a flood would fill the
/// kernel's buffer while we send.
const ROUNDS: usize = 2;

/// The kernel's buffers, as far as the system allows. In a flood by a million datagrams a second,
/// 4 MiB last for 1 or 2 ms, in which this thread may well not have the CPU.
const KERNEL_BUFFER: usize = 32 << 20;

impl Socket {
    pub(super) fn new(socket: std::net::UdpSocket, counters: Arc<Counters>) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        mtu::follow_path(&socket);
        enlarge_buffers(&socket, &state);
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        Ok(Self {
            io: UdpSocket::from_std(socket)?,
            state,
            local,
            buffers: vec![0; BATCH_SIZE * STRIDE],
            meta: [RecvMeta::default(); BATCH_SIZE],
            backlog: Backlog::default(),
            rests_until: None,
            counters,
        })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn receive_buffer(&self) -> io::Result<usize> {
        self.state.recv_buffer_size(UdpSockRef::from(&self.io))
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        if let Some(until) = self.rests_until {
            tokio::time::sleep_until(until.into()).await;
        }
        self.io.readable().await
    }

    /// Waits until what is kept can be sent; forever, if nothing is.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self.backlog.is_empty() {
            true => std::future::pending().await,
            false => self.io.writable().await,
        }
    }

    /// Gives the gate the datagrams that have come, those of one system call at a time, up to a fair
    /// share.
    pub(super) fn receive<C: Call>(
        &mut self,
        gate: &mut Gate<C>,
        shards: &Shards,
    ) -> io::Result<()> {
        self.rests_until = None;
        for _ in 0..ROUNDS {
            match self.fill() {
                Ok(count) => {
                    gate.handle_datagrams(Instant::now(), self.arrivals(count), |shard, arrival| {
                        shards.hand_over(shard, &arrival)
                    })
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_of_a_datagram(&error) => {}
                Err(error) if is_the_end(&error) => return Err(error),
                Err(_) => {
                    count(&self.counters.receive_errors);
                    self.rests_until = Some(Instant::now() + REST);
                    return Ok(());
                }
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

    /// The datagrams in the first `count` buffers, each of which may hold several from one sender.
    fn arrivals(&mut self, count: usize) -> impl Iterator<Item = Arrival<'_>> {
        let local = self.local;
        let buffers = self.buffers.chunks_exact_mut(STRIDE).zip(&self.meta);
        buffers.take(count).flat_map(move |(buffer, meta)| {
            let (path, ecn) = (path(local, meta), received_ecn(meta));
            let bytes = buffer.get_mut(..meta.len).unwrap_or_default();
            let datagrams = bytes.chunks_mut(meta.stride.max(1));
            datagrams.map(move |bytes| Arrival { path, bytes, ecn })
        })
    }

    /// Sends all and empties the outbox; what goes over TCP by its connection. It never waits: a full
    /// socket is every call's, and one slow link must not stop them. What is media is dropped then, and
    /// the rest kept for a moment. What the system refuses is lost, as on any network.
    ///
    /// Returns the paths that are narrower than what was sent, and how wide the kernel says they are.
    pub(super) fn send(
        &mut self,
        now: Instant,
        outbox: &mut Outbox,
        connections: &Registry,
    ) -> Vec<(Path, usize)> {
        self.send_kept(now);
        let mut narrow = Vec::new();
        let segments = self.state.max_gso_segments();
        if segments > 1 {
            outbox.group();
        }
        for run in outbox.runs(segments) {
            match run.path.transport {
                Transport::Udp => self.send_run(now, &run, &mut narrow),
                Transport::Tcp => {
                    for datagram in run.bytes.chunks(run.segment.max(1)) {
                        connections.send(&run.path, datagram);
                    }
                }
            }
        }
        outbox.clear();
        narrow
    }

    /// Sends what was kept, as far as the socket takes it.
    fn send_kept(&mut self, now: Instant) {
        let late = self.backlog.expire(now);
        let dropped = &self.counters.control_dropped;
        dropped.fetch_add(late, std::sync::atomic::Ordering::Relaxed);
        while let Some(first) = self.backlog.first() {
            let len = first.bytes.len();
            match self.try_send(&first.path, first.ecn, &first.bytes, len) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(()) | Err(_) => self.backlog.pop(),
            }
        }
    }

    fn send_run(&mut self, now: Instant, run: &Run<'_>, narrow: &mut Vec<(Path, usize)>) {
        // Older datagrams go first.
        let is_kept = !self.backlog.is_empty() && is_worth_a_wait(run.bytes);
        let sent = match is_kept {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.try_send(&run.path, run.ecn, run.bytes, run.segment),
        };
        let datagrams = run.bytes.chunks(run.segment.max(1));
        match sent {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                for datagram in datagrams {
                    self.keep(now, run, datagram);
                }
            }
            // Segments longer than the path takes at once may still go as fragments, one by one.
            Err(_) if run.bytes.len() > run.segment => {
                for datagram in datagrams {
                    let run = Run {
                        bytes: datagram,
                        segment: datagram.len(),
                        ..*run
                    };
                    self.send_run(now, &run, narrow);
                }
            }
            Err(error) if quinn_udp::is_msg_size_err(&error) => {
                count(&self.counters.too_long);
                narrow.extend(mtu::of_path(&run.path).map(|width| (run.path, width)));
            }
            Err(_) => count(&self.counters.refused),
        }
    }

    /// The socket is full.
    fn keep(&mut self, now: Instant, run: &Run<'_>, datagram: &[u8]) {
        let counters = &self.counters;
        if !is_worth_a_wait(datagram) {
            count(&counters.media_dropped);
        } else if self.backlog.keep(now, run.path, run.ecn, datagram) {
            count(&counters.control_kept);
        } else {
            count(&counters.control_dropped);
        }
    }

    fn try_send(&self, path: &Path, ecn: Ecn, bytes: &[u8], segment: usize) -> io::Result<()> {
        let local = path.local.ip();
        let transmit = Transmit {
            destination: self.to_wire(path.remote),
            ecn: sent_ecn(ecn),
            contents: bytes,
            segment_size: (bytes.len() > segment).then_some(segment),
            src_ip: (!local.is_unspecified()).then_some(local),
        };
        self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send(UdpSockRef::from(&self.io), &transmit)
        })
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

/// A socket that others can be bound to the same address with, so that the system spreads what comes
/// over them. Elsewhere than on Linux and FreeBSD the option has the same name and another meaning, or
/// none: one socket would get all.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn shared(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::DGRAM, None)?;
    #[cfg(not(target_os = "freebsd"))]
    socket.set_reuse_port(true)?;
    #[cfg(target_os = "freebsd")]
    socket.set_reuse_port_lb(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// This system has none.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn shared(_: SocketAddr) -> io::Result<std::net::UdpSocket> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system spreads no datagrams over the sockets of a port (SO_REUSEPORT)",
    ))
}

/// Asks for [`KERNEL_BUFFER`] both ways. With `CAP_NET_ADMIN` Linux gives all of it, else what
/// `net.core.rmem_max` and `net.core.wmem_max` allow; less is no failure. For sending it has to be more
/// than the queues of all interfaces: what waits in the queue of a slow link is charged to the socket,
/// and when that is full nobody can send, over whatever link.
fn enlarge_buffers(socket: &std::net::UdpSocket, state: &UdpSocketState) {
    #[cfg(target_os = "linux")]
    let forced =
        rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, KERNEL_BUFFER).is_ok();
    #[cfg(not(target_os = "linux"))]
    let forced = false;
    if !forced {
        drop(state.set_recv_buffer_size(UdpSockRef::from(socket), KERNEL_BUFFER));
    }
    #[cfg(target_os = "linux")]
    let forced =
        rustix::net::sockopt::set_socket_send_buffer_size_force(socket, KERNEL_BUFFER).is_ok();
    #[cfg(not(target_os = "linux"))]
    let forced = false;
    if !forced {
        drop(state.set_send_buffer_size(UdpSockRef::from(socket), KERNEL_BUFFER));
    }
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

/// Whether a datagram is worth keeping for a moment: media would be late, and its receiver conceals losses.
fn is_worth_a_wait(datagram: &[u8]) -> bool {
    !matches!(classify(datagram), Class::Rtp | Class::Rtcp)
}

/// ICMP errors of former datagrams, which some systems report when receiving.
fn is_of_a_datagram(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}

/// Whether an error means that this socket is gone. Any other one is temporary, or concerns one datagram,
/// and a driver that stopped because of it would end all calls.
fn is_the_end(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        const BAD_FILE_DESCRIPTOR: i32 = 9;
        error.raw_os_error() == Some(BAD_FILE_DESCRIPTOR)
    }
    #[cfg(windows)]
    {
        const NOT_A_SOCKET: i32 = 10_038;
        error.raw_os_error() == Some(NOT_A_SOCKET)
    }
    #[cfg(not(any(unix, windows)))]
    {
        let _ = error;
        false
    }
}

fn received_ecn(meta: &RecvMeta) -> Ecn {
    match meta.ecn {
        None => Ecn::NotEct,
        Some(EcnCodepoint::Ect0) => Ecn::Ect0,
        Some(EcnCodepoint::Ect1) => Ecn::Ect1,
        Some(EcnCodepoint::Ce) => Ecn::Ce,
    }
}

fn sent_ecn(ecn: Ecn) -> Option<EcnCodepoint> {
    match ecn {
        Ecn::NotEct => None,
        Ecn::Ect0 => Some(EcnCodepoint::Ect0),
        Ecn::Ect1 => Some(EcnCodepoint::Ect1),
        Ecn::Ce => Some(EcnCodepoint::Ce),
    }
}
