//! Work with secrets that leaves none of them on the stack.

use zeroize::Zeroize;

/// How much is wiped, in words of 16 bytes: 32 KiB. The key expansion of AES-256 in the portable tier
/// goes deepest, to 24 KiB without optimization.
const WORDS: usize = 2048;

/// Runs `work` and wipes the stack that it has used.
///
/// What wipes itself when it is dropped leaves a copy behind wherever it was moved from. What `work`
/// returns stands above all that, so that it must bear no secret but in a box.
#[inline(never)]
pub(crate) fn leaving_none<T>(work: impl FnOnce() -> T) -> T {
    let result = run(work);
    wipe();
    result
}

#[inline(never)]
fn run<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn wipe() {
    [0_u128; WORDS].zeroize();
}
