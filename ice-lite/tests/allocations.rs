//! A handled request, an answer, a dropped datagram and a packet sent allocate nothing.

mod support;

use ice_lite::Outcome;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::{Scene, path};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what the thread allocates.
struct Counting;

// SAFETY: every call goes to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(vec![1])), 1);
}

#[test]
fn requests_answers_drops_and_packets_allocate_nothing() {
    let mut scene = Scene::new();
    let now = scene.start;
    // The first requests may: they make room for the path, its events, its answer, and for the
    // memory of transactions, which grows to its end.
    for _ in 0..256 {
        scene.nominate(now, path(1));
    }
    scene.events();
    let requests: Vec<_> = (0..300).map(|_| scene.peer.nomination()).collect();
    let mut forged = scene.peer.request();
    forged[30] ^= 1;
    let mut buf = [0; ice_lite::MAX_MESSAGE];
    let count = allocations(|| {
        for request in &requests {
            let outcome = scene.agent.handle_datagram(now, path(1), request);
            assert!(matches!(outcome, Outcome::Request(_)));
            assert!(scene.agent.poll_transmit(now, &mut buf).is_some());
            assert!(scene.agent.poll_event().is_none());
            let dropped = scene.agent.handle_datagram(now, path(2), &forged);
            assert!(matches!(dropped, Outcome::Discarded(_)));
            scene.agent.confirm(now, &path(1));
            assert!(scene.agent.authorize_send(now, 1200).is_ok());
            assert!(scene.agent.poll_timeout().is_some());
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn t_dos_01_a_flood_without_our_password_leaves_no_byte() {
    let mut scene = Scene::new();
    let now = scene.start;
    let forged = support::Peer::new(support::credentials(9), &support::credentials(10)).request();
    let digest = scene.agent.state_digest();
    let count = allocations(|| {
        for source in 0..10_000 {
            let outcome = scene.agent.handle_datagram(now, path(source), &forged);
            assert!(matches!(outcome, Outcome::Discarded(_)));
        }
    });
    assert_eq!((count, scene.agent.state_digest()), (0, digest));
}
