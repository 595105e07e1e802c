//! That packets cost no allocation: a counting allocator watches.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use portcullis::{Arrival, Path};
use support::served::Served;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `run` makes on this thread.
fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn the_count_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![0_u8; 100]))) > 0);
}

/// One packet of each caller in turn, sealed.
fn datagrams(served: &mut Served, sequences: std::ops::Range<u16>) -> Vec<(Path, Vec<u8>)> {
    let callers = 0..served.callers.len();
    sequences
        .flat_map(|sequence| callers.clone().map(move |index| (index, sequence)))
        .map(|(index, sequence)| (served.path(index), served.sealed(index, sequence)))
        .collect()
}

/// Each caller's packets go to the next one.
fn relay(served: &mut Served) {
    let ids: Vec<_> = served.callers.iter().map(|caller| caller.id).collect();
    for (index, &id) in ids.iter().enumerate() {
        let next = ids[(index + 1) % ids.len()];
        let now = served.now;
        served
            .gate
            .with(now, id, |call, _| call.relays_to = vec![next]);
    }
}

fn take(served: &mut Served, datagrams: &mut [(Path, Vec<u8>)]) {
    let arrivals = datagrams.iter_mut();
    let arrivals = arrivals.map(|(path, bytes)| Arrival { path: *path, bytes });
    let now = served.now;
    served.gate.handle_datagrams(now, arrivals, |_, _| {});
    assert_eq!(served.gate.outbox().len(), datagrams.len());
    served.gate.outbox().clear();
}

#[test]
fn media_that_comes_and_goes_in_batches_allocates_nothing() {
    let mut served = Served::with_calls(8);
    relay(&mut served);
    // The first packet of a stream makes its entry, and the first batch the outbox.
    let mut first = datagrams(&mut served, 1..11);
    take(&mut served, &mut first);
    let mut batches: Vec<_> = (0..20)
        .map(|batch| datagrams(&mut served, 11 + 10 * batch..21 + 10 * batch))
        .collect();
    let count = allocations(|| {
        for batch in &mut batches {
            take(&mut served, batch);
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn media_that_comes_one_by_one_allocates_nothing() {
    let mut served = Served::with_calls(2);
    relay(&mut served);
    let mut first = datagrams(&mut served, 1..11);
    take(&mut served, &mut first);
    let mut rest = datagrams(&mut served, 11..200);
    let count = allocations(|| {
        for (path, datagram) in &mut rest {
            served.gate.handle_datagram(served.now, *path, datagram);
            assert_eq!(served.gate.outbox().len(), 1);
            served.gate.outbox().clear();
        }
    });
    assert_eq!(count, 0);
}
