//! The tier of AArch64: one block in a vector, chains of SHA-1 instructions.

use super::cpu::Neon;
use super::sha1::Chain;
use super::vector128::Block128;
use crate::kernel::Layout;
use crate::kernel::chains;
use crate::kernel::gcm::{self, Direction};
use crate::kernel::message::{Digests, Lane};
use crate::kernel::simd::{GROUP, Simd, Task};
use crate::kernel::state::GcmState;

impl Simd for Neon {
    type Vector = Block128;
    type Chain = Chain;
    type Narrow = Self;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn narrow(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn vectors(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn chains(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<T: Task>(self, task: T, iv: u128) -> T::Output {
        #[target_feature(enable = "neon,aes,sha2")]
        #[inline(never)]
        fn inner<T: Task>(token: Neon, task: T, iv: u128) -> T::Output {
            task.run(token, iv)
        }
        // SAFETY: the token exists only where the CPU has these features.
        unsafe { inner(self, task, iv) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn gcm<const KEYS: usize>(
        self,
        key: &GcmState,
        direction: Direction,
        iv: u128,
        layout: &Layout,
        buffer: &mut [u8],
    ) -> Block128 {
        gcm::crypt::<Block128, KEYS, 8>(self, key, direction, iv, layout, buffer)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn macs(self, lanes: &[Lane<'_>; GROUP], count: usize, digests: &mut Digests) {
        chains::macs::<Chain>(self, &lanes[..count], digests, 0);
    }
}
