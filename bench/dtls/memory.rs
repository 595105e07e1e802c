//! Memory: what an established connection holds, by the process's resident set and by what it allocated from Rust.
//!
//! Every stack is weighed in a process of its own, because a heap that others used before hides what is new.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicIsize, Ordering};

use crate::peer::{Established, Peer, Shape};

/// Connections that are kept alive; each has two endpoints.
const CONNECTIONS: usize = 2000;

/// Counts live bytes on behalf of the whole process.
pub(crate) struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes held per endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Weight {
    pub(crate) resident: usize,
    /// What Rust code allocated; a C library's own allocations are not in it.
    pub(crate) allocated: usize,
}

/// A stack, a shape, and what an endpoint of it holds.
pub(crate) struct Weighed {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) weight: Weight,
}

/// Weighs the stack called `name` in a new process of `program`: this one or a worker's.
pub(crate) fn weigh_apart(program: &Path, name: &str, shape: Shape) -> Option<Weight> {
    let output = Command::new(program)
        .args(["--weigh", name, shape.version, shape.group])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some(Weight {
        resident: numbers.next()?.ok()?,
        allocated: numbers.next()?.ok()?,
    })
}

/// Weighs `peer` in this process.
pub(crate) fn weigh(peer: &dyn Peer, shape: Shape) -> Weight {
    // What the library sets up once is no part of a connection.
    let mut connections: Vec<Established> = Vec::with_capacity(CONNECTIONS + 8);
    connections.extend((0..8).map(|_| peer.handshake(shape)));
    let (resident, allocated) = (resident_bytes(), LIVE.load(Ordering::Relaxed));
    connections.extend((0..CONNECTIONS).map(|_| peer.handshake(shape)));
    let grown = |now: isize, before: isize| (now - before).max(0) as usize / (2 * CONNECTIONS);
    let weight = Weight {
        resident: grown(resident_bytes(), resident),
        allocated: grown(LIVE.load(Ordering::Relaxed), allocated),
    };
    assert!(
        connections
            .iter()
            .all(|connection| connection.wire.bytes > 0),
        "all stayed alive"
    );
    weight
}

/// The resident set, from the second field of `/proc/self/statm`, in pages of 4 KiB.
fn resident_bytes() -> isize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<isize>().ok());
    pages.unwrap_or(0) * 4096
}
