//! A UDP socket, used one datagram at a time or many at a time.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};

use portcullis::{Arrival, Outbox, Path};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// How a socket is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// A system call for each datagram.
    Plain,
    /// `recvmmsg` with GRO, and GSO.
    Offload,
}

impl Manner {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Offload => "gso-gro",
        }
    }
}

/// A socket that does not block, and its buffers.
pub(super) struct Port {
    socket: UdpSocket,
    /// With a plain socket there is none.
    state: Option<UdpSocketState>,
    pub(super) address: SocketAddr,
    buffers: Vec<u8>,
    meta: Vec<RecvMeta>,
}

/// As much as the kernel joins, and not a multiple of a power of two (see the driver).
const STRIDE: usize = 65_536 + 1600;

/// What the system allows of it: a burst to 100 receivers.
const KERNEL_BUFFER: usize = 4 << 20;

impl Port {
    pub(super) fn bind(address: SocketAddr, manner: Manner) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        let reference = UdpSockRef::from(&socket);
        let state = match manner {
            Manner::Plain => {
                socket2::SockRef::from(&socket).set_recv_buffer_size(KERNEL_BUFFER)?;
                None
            }
            Manner::Offload => {
                let state = UdpSocketState::new(reference)?;
                state.set_recv_buffer_size(UdpSockRef::from(&socket), KERNEL_BUFFER)?;
                Some(state)
            }
        };
        Ok(Self {
            address: socket.local_addr()?,
            socket,
            state,
            buffers: vec![0; BATCH_SIZE * STRIDE],
            meta: vec![RecvMeta::default(); BATCH_SIZE],
        })
    }

    /// Receives what has come, [`BATCH_SIZE`] buffers full at most; says how many there are.
    pub(super) fn receive(&mut self) -> usize {
        match &self.state {
            Some(state) => {
                let mut buffers = self.buffers.chunks_exact_mut(STRIDE);
                let mut slices: [_; BATCH_SIZE] =
                    std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
                let socket = UdpSockRef::from(&self.socket);
                state.recv(socket, &mut slices, &mut self.meta).unwrap_or(0)
            }
            None => {
                let buffers = self.buffers.chunks_exact_mut(STRIDE).zip(&mut self.meta);
                let received = buffers.map_while(|(buffer, meta)| {
                    let (len, from) = self.socket.recv_from(buffer).ok()?;
                    (meta.len, meta.stride, meta.addr) = (len, len, from);
                    Some(())
                });
                received.count()
            }
        }
    }

    /// What was received.
    pub(super) fn arrivals(&mut self, count: usize) -> impl Iterator<Item = Arrival<'_>> {
        let local = self.address;
        let buffers = self
            .buffers
            .chunks_exact_mut(STRIDE)
            .zip(&self.meta)
            .take(count);
        buffers.flat_map(move |(buffer, meta)| {
            let path = Path::udp(local, meta.addr);
            let datagrams = buffer[..meta.len].chunks_mut(meta.stride);
            datagrams.map(move |bytes| Arrival::new(path, bytes))
        })
    }

    /// Sends all, and empties the outbox.
    pub(super) fn send(&self, outbox: &mut Outbox) {
        match &self.state {
            Some(state) => {
                outbox.group();
                for run in outbox.runs(state.max_gso_segments()) {
                    self.send_as(None, run.path.remote, run.bytes, run.segment);
                }
            }
            None => {
                for datagram in outbox.datagrams() {
                    let sent = self.socket.send_to(datagram.bytes, datagram.path.remote);
                    sent.expect("loopback takes it");
                }
            }
        }
        outbox.clear();
    }

    /// Sends datagrams of a length, back to back, from this source address.
    pub(super) fn send_as(
        &self,
        source: Option<IpAddr>,
        destination: SocketAddr,
        contents: &[u8],
        segment: usize,
    ) {
        let state = self
            .state
            .as_ref()
            .expect("a plain socket has no source to choose");
        let transmit = Transmit {
            destination,
            ecn: None,
            contents,
            segment_size: (contents.len() > segment).then_some(segment),
            src_ip: source,
        };
        state
            .try_send(UdpSockRef::from(&self.socket), &transmit)
            .expect("loopback takes it");
    }
}
