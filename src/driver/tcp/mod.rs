//! ICE-TCP: connections that peers open where UDP does not get through (RFC 6544, passive side).

mod connection;
mod registry;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use ice_lite::Path;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(super) use self::registry::Registry;

use super::mailbox::Mailbox;

/// What the connections of one listener may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpLimits {
    /// Connections at a time. Any more are closed as soon as they are accepted. 1,024 by default.
    pub connections: usize,
    /// Connections at a time from one source address, or one IPv6 network of 64 bits, so that no host
    /// takes all. Any more are closed as soon as they are accepted. 128 by default: the callers of an
    /// office behind one address, of whom few can't use UDP.
    pub connections_per_source: usize,
    /// How long a connection may last before we send anything over it: a call of ours answers
    /// an authenticated check, and nothing else is answered. 5 s by default.
    pub proof: Duration,
    /// How long a connection may last after we last sent something over it, once it is proved.
    /// 30 s by default: a call answers each check of its peer, and without one consent is lost by
    /// then (RFC 7675).
    pub idle: Duration,
    /// The longest packet that is taken from a peer, in bytes. A connection that announces a longer
    /// one is closed. 2,048 by default: what comes over the Internet's paths by UDP is shorter.
    pub frame: usize,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_source: 128,
            proof: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            frame: 2048,
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub(super) struct Listener {
    io: TcpListener,
    limits: TcpLimits,
}

/// After a failure to accept, such as too many open files.
const RETRY: Duration = Duration::from_millis(100);

impl Listener {
    pub(super) fn bind(address: SocketAddr, limits: TcpLimits) -> io::Result<Self> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let io = TcpListener::from_std(listener)?;
        Ok(Self { io, limits })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// Accepts connections forever, and puts what comes over them into the mailbox at this place of
    /// all. The connections end with this future.
    pub(super) async fn serve(
        self,
        registry: Arc<Registry>,
        mailboxes: Arc<[Mailbox]>,
        place: usize,
    ) {
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, remote)) = self.io.accept().await else {
                tokio::time::sleep(RETRY).await;
                continue;
            };
            // Those that have ended.
            while connections.try_join_next().is_some() {}
            let Ok(path) = path(&stream, remote) else {
                continue;
            };
            let of_source = registry.len_of_source(path.remote.ip());
            if connections.len() >= self.limits.connections
                || of_source >= self.limits.connections_per_source
            {
                registry.count_refused();
                continue;
            }
            // It counts from now, not from when its task starts.
            let entry = registry.enter(path);
            let mailboxes = Arc::clone(&mailboxes);
            let limits = self.limits;
            connections.spawn(async move {
                let Some(mailbox) = mailboxes.get(place) else {
                    return;
                };
                connection::serve(stream, path, &entry, mailbox, &limits).await;
            });
        }
    }
}

/// The path of a connection, with addresses as UDP paths have them.
fn path(stream: &TcpStream, remote: SocketAddr) -> io::Result<Path> {
    // Packets of media must not wait for each other.
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    let canonical =
        |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Ok(Path::tcp(canonical(local), canonical(remote)))
}
