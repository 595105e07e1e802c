//! The gate on a UDP socket of tokio (cargo feature `tokio`).
//!
//! ```no_run
//! # use portcullis::driver::Driver;
//! # use portcullis::{Call, Context, Session};
//! # struct Echo;
//! impl Call for Echo {
//!     fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
//!         let _ = cx.send_rtp(packet);
//!     }
//!     fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
//! }
//! # async fn serve(session: Session) -> std::io::Result<()> {
//! let driver = Driver::bind("0.0.0.0:3478".parse().expect("an address"))?;
//! let handle = driver.handle();
//! tokio::spawn(driver.run());
//! // For each offer that comes by HTTP:
//! let id = handle.insert(session, Echo).await;
//! # Ok(())
//! # }
//! ```
//!
//! # One port on many threads
//!
//! [`Driver::bind_shards`] gives several drivers of one port, a shard each: a socket, a gate and the
//! calls that live on it. Spawned on a runtime with threads, they run at the same time.
//!
//! # Peers without UDP
//!
//! [`Driver::listen_tcp`] takes ICE-TCP beside UDP. Its address goes into the candidates of the
//! sessions with [`Candidate::host_tcp`](ice_lite::Candidate::host_tcp).

mod backlog;
mod counters;
mod handle;
mod mailbox;
mod mtu;
mod shards;
mod socket;
mod tcp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::counters::SocketStatistics;
pub use self::handle::{Gone, Handle};
pub use self::tcp::TcpLimits;

use self::counters::Counters;
use self::handle::Command;
use self::mailbox::Mailbox;
use self::shards::Shards;
use self::socket::Socket;
use self::tcp::{Listener, Registry};
use crate::gate::{Call, Gate};
use crate::router::{Keyed, Shard};

/// A UDP socket and the gate behind it.
#[derive(Debug)]
pub struct Driver<C> {
    socket: Socket,
    gate: Gate<C>,
    commands: mpsc::Receiver<Command<C>>,
    shards: Shards,
    connections: Arc<Registry>,
    listeners: Vec<Listener>,
    handle: Handle<C>,
}

/// At most this many commands wait; whoever sends more waits.
const MAX_COMMANDS: usize = 256;

/// Commands carried out between two looks at the socket.
const COMMANDS_AT_ONCE: usize = 32;

impl<C: Call + Send + 'static> Driver<C> {
    /// Binds a socket. Call it inside a tokio runtime.
    ///
    /// A wildcard address is fine: answers go out from the address that the peer sent to.
    ///
    /// # Errors
    /// Those of the system, such as a port in use.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::new(std::net::UdpSocket::bind(address)?)
    }

    /// Takes a socket that is bound already. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let mut drivers = Self::sharded(vec![socket])?;
        drivers.pop().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Binds `count` sockets to one address (`SO_REUSEPORT`), each with a driver of its own, so that
    /// each can run on its own thread. Call it inside a tokio runtime.
    ///
    /// The system spreads peers over the sockets; a call lives on one driver, and what comes in at
    /// another one is handed over. [`Driver::handle`] of any of them reaches all. A
    /// [`Context`](crate::Context) reaches the calls of its own driver only.
    ///
    /// # Errors
    /// Those of the system, such as a port in use; [`io::ErrorKind::Unsupported`] where `SO_REUSEPORT`
    /// does not spread what comes over the sockets: elsewhere than on Linux, Android and FreeBSD.
    pub fn bind_shards(address: SocketAddr, count: u16) -> io::Result<Vec<Self>> {
        let first = socket::shared(address)?;
        // With port 0 the others take the one that the first got.
        let address = first.local_addr()?;
        let others = (1..count).map(|_| socket::shared(address));
        Self::sharded(
            std::iter::once(Ok(first))
                .chain(others)
                .collect::<io::Result<_>>()?,
        )
    }

    fn sharded(sockets: Vec<std::net::UdpSocket>) -> io::Result<Vec<Self>> {
        let mut key = [0; 16];
        dtls::crypto::default_provider()
            .fill_random(&mut key)
            .map_err(io::Error::other)?;
        let count = sockets.len() as u16;
        let mailboxes: Arc<[_]> = sockets.iter().map(|_| Mailbox::default()).collect();
        let channels = sockets.iter().map(|_| mpsc::channel(MAX_COMMANDS));
        let (senders, receivers): (Vec<_>, Vec<_>) = channels.unzip();
        let connections = Arc::new(Registry::default());
        let counters = Arc::new(Counters::default());
        let handle = Handle::new(
            senders.into(),
            Arc::clone(&mailboxes),
            Arc::clone(&connections),
            Arc::clone(&counters),
            Keyed::new(key),
        );
        let parts = (0..).zip(sockets).zip(receivers);
        parts
            .map(|((index, socket), commands)| {
                Ok(Self {
                    socket: Socket::new(socket, Arc::clone(&counters))?,
                    gate: Gate::sharded(key, Shard { index, count }),
                    commands,
                    shards: Shards::new(index, Arc::clone(&mailboxes)),
                    connections: Arc::clone(&connections),
                    listeners: Vec::new(),
                    handle: handle.clone(),
                })
            })
            .collect()
    }

    /// The address of the socket.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.socket.local_addr())
    }

    /// Bytes of received datagrams that the kernel keeps until the driver reads them, as the system
    /// counts them (Linux: with its own bookkeeping). The driver asks for 32 MiB, and with
    /// `CAP_NET_ADMIN` takes them; else it gets what `net.core.rmem_max` allows. In a flood a smaller
    /// buffer overflows sooner, and what it loses may be a call's.
    ///
    /// # Errors
    /// Those of the system.
    pub fn receive_buffer(&self) -> io::Result<usize> {
        self.socket.receive_buffer()
    }

    /// Also takes connections of ICE-TCP (RFC 6544) at this address, for peers that UDP does not get
    /// through from. Returns the address, which is for the sessions' candidates
    /// ([`Candidate::host_tcp`](ice_lite::Candidate::host_tcp)). Call it inside a tokio runtime. Of
    /// several drivers on one port, one listens for all.
    ///
    /// # Errors
    /// Those of the system, such as a port in use.
    pub fn listen_tcp(&mut self, address: SocketAddr, limits: TcpLimits) -> io::Result<SocketAddr> {
        let listener = Listener::bind(address, limits)?;
        let address = listener.local_addr()?;
        self.listeners.push(listener);
        Ok(address)
    }

    /// A handle with which to insert calls and to reach them. It can be cloned.
    #[must_use]
    pub fn handle(&self) -> Handle<C> {
        self.handle.clone()
    }

    /// Serves, until every [`Handle`] is gone and every call has ended.
    ///
    /// # Errors
    /// The socket failed.
    pub async fn run(self) -> io::Result<()> {
        let Self {
            mut socket,
            mut gate,
            mut commands,
            mut shards,
            connections,
            listeners,
            handle,
        } = self;
        drop(handle);
        // They end with this future.
        let mut listening = JoinSet::new();
        for listener in listeners {
            listening.spawn(shards.serve(listener, Arc::clone(&connections)));
        }
        let mut open = true;
        while open || gate.calls().next().is_some() {
            let alarm = gate.poll_timeout();
            tokio::select! {
                readable = socket.readable() => {
                    readable?;
                    socket.receive(&mut gate, &shards)?;
                }
                writable = socket.writable() => writable?,
                command = commands.recv(), if open => {
                    open = command.is_some();
                    let more = std::iter::from_fn(|| commands.try_recv().ok());
                    let now = Instant::now();
                    for command in command.into_iter().chain(more.take(COMMANDS_AT_ONCE)) {
                        command(&mut gate, now);
                    }
                }
                () = shards.mail() => shards.read(&mut gate, Instant::now()),
                () = sleep_until(alarm) => {}
            }
            let now = Instant::now();
            if gate.poll_timeout().is_some_and(|alarm| alarm <= now) {
                gate.handle_timeout(now);
            }
            shards.announce(&mut gate);
            for (path, width) in socket.send(now, gate.outbox(), &connections) {
                gate.handle_path_mtu(&path, width);
            }
        }
        Ok(())
    }
}

async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm.into()).await,
        None => std::future::pending().await,
    }
}
