//! Running a piece of code one instruction at a time.

use std::arch::asm;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Where the next address goes, and how many more fit.
static PLACE: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());
static ROOM: AtomicUsize = AtomicUsize::new(0);

/// Runs `work`, and enters the address of each instruction of it, those of the C library included,
/// into the spare room of `log`.
///
/// The CPU traps behind each instruction (its trap flag), and the signal's handler writes down
/// where. One piece of code runs so at a time.
pub(crate) fn step<T>(log: &mut Vec<u64>, work: impl FnOnce() -> T) -> T {
    install();
    let room = log.spare_capacity_mut();
    let capacity = room.len();
    ROOM.store(capacity, Ordering::Relaxed);
    PLACE.store(room.as_mut_ptr().cast(), Ordering::Relaxed);
    set_trap_flag();
    let result = work();
    clear_trap_flag();
    let left = ROOM.swap(0, Ordering::Relaxed);
    assert_ne!(left, 0, "room for {capacity} instructions is not enough");
    // SAFETY: the handler has written an address for each place that is not left.
    unsafe { log.set_len(log.len() + capacity - left) };
    result
}

#[inline(always)]
fn set_trap_flag() {
    // SAFETY: the handler is installed, and returns to where it came from.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") }
}

#[inline(always)]
fn clear_trap_flag() {
    // SAFETY: nothing but the flag changes.
    unsafe { asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq") }
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: zeros are a valid `sigaction`, and the handler has the form that SA_SIGINFO asks
        // for.
        let installed = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGTRAP, &raw const action, ptr::null_mut())
        };
        assert_eq!(installed, 0, "the handler of SIGTRAP");
    });
}

/// Writes down which instruction is next.
extern "C" fn handler(
    _signal: libc::c_int,
    _info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands over the context of the interrupted thread.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    let next = context.uc_mcontext.gregs[libc::REG_RIP as usize] as u64;
    let left = ROOM.load(Ordering::Relaxed);
    if left > 0 {
        let place = PLACE.load(Ordering::Relaxed);
        // SAFETY: `step` gave room for so many.
        unsafe { place.write(next) };
        PLACE.store(place.wrapping_add(1), Ordering::Relaxed);
        ROOM.store(left - 1, Ordering::Relaxed);
    }
}
