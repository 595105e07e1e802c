//! The connections that are open, for who has something to send over them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ice_lite::{Path, tcp};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The open connections of a port's listeners.
#[derive(Debug, Default)]
pub(in crate::driver) struct Registry {
    open: Mutex<HashMap<Path, Arc<Outgoing>>>,
    refused: AtomicU64,
    overflow: AtomicU64,
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
    /// When something came to be sent last: it tells that a call has heard an authenticated check.
    last: Option<Instant>,
}

/// A connection's place in the registry, which it leaves when this is dropped.
pub(super) struct Entry<'a> {
    registry: &'a Registry,
    path: Path,
    outgoing: Arc<Outgoing>,
}

/// Bytes that wait for a connection at most: a second of 2 Mbit/s. What comes on top is lost, as it
/// would be on a path of UDP that is too narrow for it.
const MAX_WAITING: usize = 256 << 10;

impl Registry {
    /// Sends a datagram over a connection, if it is still there.
    pub(in crate::driver) fn send(&self, path: &Path, datagram: &[u8]) {
        let outgoing = lock(&self.open).get(path).cloned();
        // Without one it is lost, as on any network.
        if let Some(outgoing) = outgoing
            && !outgoing.push(datagram)
        {
            self.overflow.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Enters a connection.
    pub(super) fn enter(&self, path: Path) -> Entry<'_> {
        let outgoing = Arc::new(Outgoing::default());
        lock(&self.open).insert(path, Arc::clone(&outgoing));
        Entry {
            registry: self,
            path,
            outgoing,
        }
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections are open.
    pub(in crate::driver) fn len(&self) -> usize {
        lock(&self.open).len()
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
    /// Says whether there was room.
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

    /// When a call has said something last, if one ever has: the connection is proved then.
    pub(super) fn last(&self) -> Option<Instant> {
        lock(&self.waiting).last
    }
}

impl Entry<'_> {
    pub(super) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut open = lock(&self.registry.open);
        // The peer may have connected again from the same port.
        if open
            .get(&self.path)
            .is_some_and(|other| Arc::ptr_eq(other, &self.outgoing))
        {
            open.remove(&self.path);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nobody panics while holding one, and if, then what is in it is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
