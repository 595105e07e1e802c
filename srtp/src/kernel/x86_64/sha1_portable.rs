//! SHA-1 of one message at a time where the CPU has no instruction for it.

use super::cpu::Lanes;
use crate::kernel::chains::{self, Narrow};
use crate::kernel::message::{Block, Digests, Lane};

/// One SHA-1 state, moved by the crate that the portable tier stands on.
#[derive(Clone, Copy)]
pub(crate) struct Chain([u32; 5]);

impl chains::Chain for Chain {
    type Token = Lanes;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(_: Lanes, state: [u32; 5]) -> Self {
        Self(state)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn update_all<const N: usize>(_: Lanes, chains: &mut [Self; N], blocks: [&Block; N]) {
        for (chain, block) in chains.iter_mut().zip(blocks) {
            sha1::block_api::compress(&mut chain.0, std::slice::from_ref(block));
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn words(self) -> [u32; 5] {
        self.0
    }
}

impl Narrow for Lanes {
    #[inline(never)]
    fn mac_all(self, lanes: &[Lane<'_>], digests: &mut Digests, first: usize) {
        chains::macs::<Chain>(self, lanes, digests, first);
    }

    #[inline(never)]
    fn finish_all(self, lanes: &[Lane<'_>], start: usize, states: &mut [[u32; 5]]) {
        chains::finish_inner::<Chain>(self, lanes, start, states);
    }
}
