//! What a tier of SIMD kernels consists of, and how a kernel is started on it.

use super::Layout;
use super::chains::Chain;
use super::gcm::Direction;
use super::message::{Digests, Lane};
use super::state::GcmState;
use super::vector::Vector;

/// A tier: the token of its CPU check.
pub(super) trait Simd: Copy {
    /// The vectors of AES blocks.
    type Vector: Vector;
    /// One SHA-1 state.
    type Chain: Chain;
    /// The tier for one packet with HMAC-SHA1, and for what is rare.
    ///
    /// The hash takes nearly all of the packet's time, on x86-64 in SHA-NI's instructions, which have SSE's encoding only:
    /// beside them wide vectors cost more than they save, on some CPUs a hundred times as much (see `tests/clean_vectors`). So the
    /// cipher in the shadow of the hash is that of the widest tier whose vectors have 128 bits.
    type Narrow: Simd;

    /// Its token.
    fn narrow(self) -> Self::Narrow;

    /// What its vectors ask of the CPU, which is there.
    fn vectors(self) -> <Self::Vector as Vector>::Token;
    /// What its chains ask of the CPU, which is there.
    fn chains(self) -> <Self::Chain as Chain>::Token;

    /// Runs the task with the instructions of this tier. The IV goes in registers.
    fn run<T: Task>(self, task: T, iv: u128) -> T::Output;

    /// AES-GCM of one packet: see `gcm::crypt`.
    fn gcm<const KEYS: usize>(
        self,
        key: &GcmState,
        direction: Direction,
        iv: u128,
        layout: &Layout,
        buffer: &mut [u8],
    ) -> <Self::Vector as Vector>::Block;

    /// The HMAC-SHA1 of the first `count` messages, each digest into the place of its lane. The messages are sorted by their
    /// number of blocks.
    fn macs(self, lanes: &[Lane<'_>; GROUP], count: usize, digests: &mut Digests);
}

/// Places in a group: the lanes of the widest kernel.
pub(super) const GROUP: usize = 16;

/// Something to run on a tier. `run` must be `inline(always)` in optimized builds: it becomes part of the function that has the tier's instructions.
pub(super) trait Task {
    /// What it gives.
    type Output;

    /// Runs it. `iv` is that of the packet, if the task is about a single one: little-endian, and zero where blocks are counted.
    fn run<S: Simd>(self, token: S, iv: u128) -> Self::Output;
}
