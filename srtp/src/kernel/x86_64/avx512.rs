//! The tier of AVX-512: four AES blocks in a vector, sixteen messages in lanes.

use super::cpu::{AesNi, Avx512};
use super::lanes16::Words16;
use super::sha1_ni;
use super::vector512::Block512;
use crate::kernel::Layout;
use crate::kernel::gcm::{self, Direction};
use crate::kernel::lanes;
use crate::kernel::message::{Block, Lane};
use crate::kernel::simd::{Chain, GROUP, Simd, Task};
use crate::kernel::state::GcmState;

/// A SHA-NI chain that this tier's token starts.
#[derive(Clone, Copy)]
pub(crate) struct Chain512(sha1_ni::Chain);

impl Chain for Chain512 {
    type Token = Avx512;

    #[inline(always)]
    fn new(token: Avx512, state: [u32; 5]) -> Self {
        Self(sha1_ni::Chain::new(token.into(), state))
    }

    #[inline(always)]
    fn update(self, token: Avx512, block: &Block) -> Self {
        let mut chains = [self.0];
        sha1_ni::compress(token.into(), &mut chains, [block]);
        Self(chains[0])
    }

    #[inline(always)]
    fn words(self) -> [u32; 5] {
        self.0.words()
    }
}

impl Simd for Avx512 {
    type Vector = Block512;
    type Chain = Chain512;
    const LANES: usize = 16;

    #[inline(always)]
    fn run<T: Task>(self, task: T) -> T::Output {
        #[target_feature(
            enable = "ssse3,sse4.1,aes,pclmulqdq,sha,avx,avx2,bmi1,bmi2,vaes,vpclmulqdq"
        )]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2")]
        fn inner<T: Task>(token: Avx512, task: T) -> T::Output {
            task.run(token)
        }
        // SAFETY: the token exists only where the CPU has these features.
        unsafe { inner(self, task) }
    }

    #[inline(always)]
    fn gcm<const KEYS: usize>(
        self,
        key: &GcmState,
        direction: Direction,
        layout: &Layout,
        buffer: &mut [u8],
    ) -> [u8; 16] {
        gcm::crypt::<Block512, KEYS, 4>(self, key, direction, layout, buffer)
    }

    #[inline(always)]
    fn macs(self, lanes: &[Lane<'_>; GROUP], count: usize, digests: &mut [[u32; 5]; GROUP]) {
        let token = AesNi::from(self);
        let [a, b, c, d, ..] = *lanes;
        match count {
            0 => {}
            1 => [digests[0]] = sha1_ni::mac(token, &[a]),
            2 => [digests[0], digests[1]] = sha1_ni::mac(token, &[a, b]),
            3 => [digests[0], digests[1], digests[2]] = sha1_ni::mac(token, &[a, b, c]),
            4 => {
                [digests[0], digests[1], digests[2], digests[3]] =
                    sha1_ni::mac(token, &[a, b, c, d])
            }
            _ => {
                let wide = lanes.iter().map(Lane::len).max().unwrap_or(0);
                let words = lanes::mac::<Words16, 16>(self, lanes, wide, |_| {});
                for (i, digest) in digests.iter_mut().enumerate() {
                    *digest = words.map(|word| word[i]);
                }
            }
        }
    }
}
