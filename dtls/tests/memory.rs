//! What a connection holds: its struct and everything on the heap that is its own.
//!
//! Counted is what Rust allocates. What a crypto library in C allocates for keys in use comes on
//! top; `bench/run.sh dtls` measures the whole.

#[path = "network/pair.rs"]
#[allow(dead_code, reason = "the bench serves the tests of the network too")]
mod pair;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dtls::Connection;
use pair::{End, FLAVOURS, Pair, config};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an established connection may hold.
const LIMIT: usize = 4096;

/// The bytes that each connection of a pair holds.
fn held(pair: Pair) -> [usize; 2] {
    pair.into_ends().map(|end| {
        let End {
            connection, config, ..
        } = end;
        let before = HELD.load(Ordering::Relaxed);
        drop(connection);
        let heap = before - HELD.load(Ordering::Relaxed);
        drop(config);
        size_of::<Connection>() + heap
    })
}

/// One test alone, since the counter sees all threads.
#[test]
fn established_connections_are_small() {
    for flavour in FLAVOURS {
        let mut idle = Pair::new(config(flavour));
        assert!(idle.connect());
        idle.run_for(Duration::from_secs(1));
        let idle = held(idle);
        let mut busy = Pair::new(config(flavour));
        assert!(busy.connect());
        busy.check_connected();
        busy.run_for(Duration::from_secs(1));
        let busy = held(busy);
        println!("{flavour:?}: {idle:?} bytes, after data both ways {busy:?}");
        assert!(
            idle.iter().chain(&busy).all(|&bytes| bytes <= LIMIT),
            "{idle:?} {busy:?}"
        );
    }
}
