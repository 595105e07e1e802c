//! The open connections, for whoever has something to send over them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ice_lite::{Path, tcp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::router::SourceLimit;

/// The open connections of a port's listeners.
#[derive(Debug, Default)]
pub(in crate::driver) struct Registry {
    open: Mutex<Open>,
    refused: AtomicU64,
    overflow: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    connections: HashMap<Path, Arc<Outgoing>>,
    /// How many each source has.
    sources: HashMap<IpAddr, usize>,
}

/// What is to be sent over a connection.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: Mutex<Waiting>,
    written: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Framed.
    bytes: Vec<u8>,
    /// When something was last queued, which shows that a call has heard an authenticated check.
    last: Option<Instant>,
}

/// A connection's place in the registry, which it leaves when this is dropped.
pub(super) struct Entry {
    registry: Arc<Registry>,
    path: Path,
    outgoing: Arc<Outgoing>,
}

/// At most this many bytes wait for a connection: a second at 2 Mbit/s. Anything more is lost, as it
/// would be on a path of UDP that is too narrow for it.
const MAX_WAITING: usize = 256 << 10;

impl Registry {
    /// Sends a datagram over a connection, if it is still there.
    pub(in crate::driver) fn send(&self, path: &Path, datagram: &[u8]) {
        let outgoing = lock(&self.open).connections.get(path).cloned();
        // Without one it is lost, as on any network.
        if let Some(outgoing) = outgoing
            && !outgoing.push(datagram)
        {
            self.overflow.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Enters a connection.
    pub(super) fn enter(self: &Arc<Self>, path: Path) -> Entry {
        let outgoing = Arc::new(Outgoing::default());
        let mut open = lock(&self.open);
        open.connections.insert(path, Arc::clone(&outgoing));
        *open.sources.entry(source(&path)).or_default() += 1;
        drop(open);
        Entry {
            registry: Arc::clone(self),
            path,
            outgoing,
        }
    }

    /// How many connections are open from this source.
    pub(super) fn len_of_source(&self, ip: IpAddr) -> usize {
        let open = lock(&self.open);
        let source = SourceLimit::source_of(ip);
        open.sources.get(&source).copied().unwrap_or_default()
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections are open.
    pub(in crate::driver) fn len(&self) -> usize {
        lock(&self.open).connections.len()
    }

    /// How many connections were refused because there were too many.
    pub(in crate::driver) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many datagrams were dropped because their connection was too slow.
    pub(in crate::driver) fn overflow(&self) -> u64 {
        self.overflow.load(Ordering::Relaxed)
    }
}

impl Outgoing {
    /// Returns whether there was room.
    fn push(&self, datagram: &[u8]) -> bool {
        let Some(header) = tcp::header(datagram.len()) else {
            return false;
        };
        let mut waiting = lock(&self.waiting);
        if waiting.bytes.len() + header.len() + datagram.len() > MAX_WAITING {
            return false;
        }
        waiting.bytes.extend_from_slice(&header);
        waiting.bytes.extend_from_slice(datagram);
        waiting.last = Some(Instant::now());
        self.written.notify_one();
        true
    }

    /// Waits for something to send, and takes it in exchange for an empty buffer.
    pub(super) async fn take(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        while buffer.is_empty() {
            self.written.notified().await;
            std::mem::swap(&mut lock(&self.waiting).bytes, buffer);
        }
    }

    /// When a call last sent something, if one ever has; the connection is proved then.
    pub(super) fn last(&self) -> Option<Instant> {
        lock(&self.waiting).last
    }
}

impl Entry {
    pub(super) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = lock(&self.registry.open);
        // The peer may have connected again from the same port.
        if open
            .connections
            .get(&self.path)
            .is_some_and(|other| Arc::ptr_eq(other, &self.outgoing))
        {
            open.connections.remove(&self.path);
        }
        let source = source(&self.path);
        if let Some(count) = open.sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                open.sources.remove(&source);
            }
        }
    }
}

fn source(path: &Path) -> IpAddr {
    SourceLimit::source_of(path.remote.ip())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nobody panics while holding one; if somebody did, its contents would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(ip: &str, port: u16) -> Path {
        let ip: IpAddr = ip.parse().expect("an address");
        Path::tcp(([127, 0, 0, 1], 443).into(), (ip, port).into())
    }

    /// T-DOS-08: what a full queue does not take is no sign of life, or a connection that reads nothing
    /// would last as long as somebody speaks to it.
    #[test]
    fn t_dos_08_a_full_queue_keeps_no_connection_alive() {
        let registry = Arc::new(Registry::default());
        let path = path("192.0.2.1", 1);
        let entry = registry.enter(path);
        assert_eq!(entry.outgoing().last(), None);
        let datagram = [7; 1000];
        let room = MAX_WAITING / (datagram.len() + 2);
        for _ in 0..room {
            registry.send(&path, &datagram);
        }
        assert_eq!(registry.overflow(), 0);
        let last = entry.outgoing().last();
        assert!(last.is_some());
        std::thread::sleep(std::time::Duration::from_millis(2));
        for _ in 0..10 {
            registry.send(&path, &datagram);
        }
        assert_eq!(registry.overflow(), 10);
        assert_eq!(entry.outgoing().last(), last);
        // What still fits is one.
        registry.send(&path, &[7; 100]);
        assert!(entry.outgoing().last() > last);
    }

    #[test]
    fn t_dos_08_connections_are_counted_by_their_source() {
        let registry = Arc::new(Registry::default());
        let sources = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"];
        let entries: Vec<_> = sources
            .iter()
            .map(|ip| registry.enter(path(ip, 1)))
            .collect();
        let again = registry.enter(path("192.0.2.1", 1));
        let neighbour = registry.enter(path("2001:db8::ffff", 9));
        let count = |ip: &str| registry.len_of_source(ip.parse().expect("an address"));
        assert_eq!(sources.map(count), [2, 1, 2, 1]);
        assert_eq!(registry.len(), 5, "one of them connected again");
        drop(entries);
        assert_eq!(sources.map(count), [1, 0, 1, 0]);
        assert_eq!(registry.len(), 2);
        drop((again, neighbour));
        assert_eq!((sources.map(count), registry.len()), ([0; 4], 0));
    }
}
