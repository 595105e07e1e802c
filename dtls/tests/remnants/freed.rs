//! An allocator that looks through every block given back for secrets.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};

/// So much of a secret is searched for.
const LENGTH: usize = 16;

/// As many secrets as can be sought at a time.
const SECRETS: usize = 64;

struct Searching;

thread_local! {
    static SOUGHT: RefCell<Sought> = const {
        RefCell::new(Sought { heads: [[0; LENGTH]; SECRETS], count: 0 })
    };
    /// A bit for each secret that was found.
    static FOUND: Cell<u64> = const { Cell::new(0) };
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Lies outside of all blocks itself.
struct Sought {
    heads: [[u8; LENGTH]; SECRETS],
    count: usize,
}

/// What came of a search.
pub(crate) struct Found {
    /// How many secrets were sought.
    pub(crate) sought: usize,
    /// The names of those that stood in a block when it was given back.
    pub(crate) names: Vec<String>,
}

// SAFETY: every call is passed on to the system's allocator; blocks come zeroed from it, which is
// more than `alloc` promises.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the block is the caller's up to the end of this call, and was given out zeroed, so that there is no byte that
        // was never written.
        let block = unsafe { std::slice::from_raw_parts(ptr, layout.size()) };
        search(block);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

fn search(block: &[u8]) {
    SOUGHT.with_borrow(|sought| {
        for (nth, head) in sought.heads[..sought.count].iter().enumerate() {
            if block.windows(LENGTH).any(|bytes| bytes == head) {
                FOUND.set(FOUND.get() | 1 << nth);
            }
        }
    });
}

/// Lets the blocks that this thread gives back be searched for the head of `secret` from now on.
pub(crate) fn seek(name: &str, secret: &[u8]) {
    let head = *secret.first_chunk().expect("a secret of some length");
    let is_new = SOUGHT.with_borrow_mut(|sought| {
        let is_new = !sought.heads[..sought.count].contains(&head);
        if is_new {
            sought.heads[sought.count] = head;
            sought.count += 1;
        }
        is_new
    });
    if is_new {
        NAMES.with_borrow_mut(|names| names.push(name.to_owned()));
    }
}

/// Ends the search.
pub(crate) fn found() -> Found {
    let sought = SOUGHT.with_borrow_mut(|sought| std::mem::take(&mut sought.count));
    let bits = FOUND.take();
    let names = NAMES.take();
    let found = (0..sought).filter(|nth| bits >> nth & 1 == 1);
    Found {
        sought,
        names: found.map(|nth| names[nth].clone()).collect(),
    }
}
