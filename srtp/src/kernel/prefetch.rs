//! Asks for memory before it is needed.

/// Bytes in a cache line. Where lines are longer, some are asked for twice.
const LINE: usize = 64;

/// Asks the CPU to fetch the cache lines of a value, and goes on without waiting for them.
///
/// This is for owners of thousands of senders and receivers, few of which are in a cache at a time: see
/// [`Receiver::prefetch`](crate::Receiver::prefetch).
/// What the value refers to is not followed. On CPUs other than x86-64 and AArch64 this does nothing.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn prefetch<T: ?Sized>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    let end = start.addr() + size_of_val(value);
    let mut place = start.map_addr(|address| address / LINE * LINE);
    while place.addr() < end {
        fetch(place);
        place = place.wrapping_add(LINE);
    }
}

#[cfg(target_arch = "x86_64")]
#[cfg_attr(not(debug_assertions), inline(always))]
fn fetch(place: *const u8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    // SAFETY: every x86-64 CPU has the instruction, which is a hint: it faults nowhere and changes nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
#[cfg_attr(not(debug_assertions), inline(always))]
fn fetch(place: *const u8) {
    // SAFETY: as above, on every AArch64 CPU.
    unsafe {
        core::arch::asm!(
            "prfm pldl1keep, [{place}]",
            place = in(reg) place,
            options(nostack, preserves_flags, readonly),
        );
    }
}

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", not(miri)))))]
fn fetch(_: *const u8) {}
