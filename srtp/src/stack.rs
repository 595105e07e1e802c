//! Work with secrets that leaves none of them on the stack.

use zeroize::Zeroize;

/// How deep the derivation of session keys goes, in words of 16 bytes: 9 KiB of stack without
/// optimization, and as much again to be sure.
const WORDS: usize = 1280;

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
