//! HMAC-SHA1 in chains of SHA-1 instructions: one, or several interleaved.
//!
//! A chain waits for each step to end; where instructions overlap, several interleaved fill the time.

use super::message::{Block, Digest, Digests, Lane, NO_BLOCK, outer_block};

/// A SHA-1 state. As with `Vector`, a value is the proof that its instructions may run.
pub(super) trait Chain: Copy {
    /// The proof that the CPU has the instructions.
    type Token: Copy;

    /// A chain in this state.
    fn new(token: Self::Token, state: [u32; 5]) -> Self;
    /// Runs one block in each chain.
    fn update_all<const N: usize>(token: Self::Token, chains: &mut [Self; N], blocks: [&Block; N]);
    /// The state.
    fn words(self) -> [u32; 5];

    /// The chain behind one more block.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn update(self, token: Self::Token, block: &Block) -> Self {
        let mut chains = [self];
        Self::update_all(token, &mut chains, [block]);
        chains[0]
    }
}

/// What wide kernels leave to chains. These are functions of their own, without the instructions of the wide kernel.
#[cfg(target_arch = "x86_64")]
pub(super) trait Narrow: Copy {
    /// The HMAC of all messages, which are sorted by their number of blocks, into the places from `first` on.
    fn mac_all(self, lanes: &[Lane<'_>], digests: &mut Digests, first: usize);
    /// Runs all messages from their block at `start` to their end.
    fn finish_all(self, lanes: &[Lane<'_>], start: usize, states: &mut [[u32; 5]]);
}

/// The HMAC of all messages, four chains at a time, into the places from `first` on. They are sorted by their number of blocks.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn macs<C: Chain>(
    token: C::Token,
    lanes: &[Lane<'_>],
    digests: &mut Digests,
    first: usize,
) {
    let mut place = first;
    let mut put = |digest: Digest| {
        for (words, word) in digests.iter_mut().zip(digest) {
            words[place] = word;
        }
        place += 1;
    };
    let (fours, rest) = lanes.as_chunks::<4>();
    for lanes in fours {
        mac::<C, _>(token, lanes).into_iter().for_each(&mut put);
    }
    match *rest {
        [a, b, c] => mac::<C, _>(token, &[a, b, c]).into_iter().for_each(put),
        [a, b] => mac::<C, _>(token, &[a, b]).into_iter().for_each(put),
        [a] => mac::<C, _>(token, &[a]).into_iter().for_each(put),
        _ => {}
    }
}

/// The HMAC of `N` messages, interleaved.
#[cfg_attr(not(debug_assertions), inline(always))]
fn mac<C: Chain, const N: usize>(token: C::Token, lanes: &[Lane<'_>; N]) -> [Digest; N] {
    // Loops over places here and below: `map` of an array may become a call, through memory, of a function that does not have
    // the instructions.
    let mut states = [[0; 5]; N];
    for (state, lane) in states.iter_mut().zip(lanes) {
        *state = lane.midstates.inner();
    }
    finish::<C, _>(token, lanes, 0, &mut states);
    let mut blocks = [*NO_BLOCK; N];
    let mut chains = [C::new(token, [0; 5]); N];
    for n in 0..N {
        blocks[n] = outer_block(states[n]);
        chains[n] = C::new(token, lanes[n].midstates.outer());
    }
    let mut places = [NO_BLOCK; N];
    for (place, block) in places.iter_mut().zip(&blocks) {
        *place = block;
    }
    C::update_all(token, &mut chains, places);
    for (state, chain) in states.iter_mut().zip(chains) {
        *state = chain.words();
    }
    states
}

/// Runs all messages from their block at `start` to their end, four chains at a time: behind wide lanes.
#[cfg(target_arch = "x86_64")]
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn finish_inner<C: Chain>(
    token: C::Token,
    lanes: &[Lane<'_>],
    start: usize,
    states: &mut [[u32; 5]],
) {
    let (fours, rest) = lanes.as_chunks::<4>();
    let (four_states, rest_states) = states.as_chunks_mut::<4>();
    for (lanes, states) in fours.iter().zip(four_states) {
        finish::<C, _>(token, lanes, start, states);
    }
    match (rest, rest_states) {
        (&[a, b, c], [x, y, z]) => {
            let mut states = [*x, *y, *z];
            finish::<C, _>(token, &[a, b, c], start, &mut states);
            [*x, *y, *z] = states;
        }
        (&[a, b], [x, y]) => {
            let mut states = [*x, *y];
            finish::<C, _>(token, &[a, b], start, &mut states);
            [*x, *y] = states;
        }
        (&[a], [x]) => finish::<C, _>(token, &[a], start, std::array::from_mut(x)),
        _ => {}
    }
}

/// Runs all chains as far as the shortest message goes, then the others without it.
#[cfg_attr(not(debug_assertions), inline(always))]
fn finish<C: Chain, const N: usize>(
    token: C::Token,
    lanes: &[Lane<'_>; N],
    start: usize,
    states: &mut [[u32; 5]; N],
) {
    let common = lanes[0].len().max(start);
    let mut chains = [C::new(token, [0; 5]); N];
    for (chain, state) in chains.iter_mut().zip(&*states) {
        *chain = C::new(token, *state);
    }
    for index in start..common {
        let mut blocks = [NO_BLOCK; N];
        for (block, lane) in blocks.iter_mut().zip(lanes) {
            *block = lane.block(index);
        }
        C::update_all(token, &mut chains, blocks);
    }
    for (chain, lane) in chains.iter_mut().zip(lanes).skip(1) {
        for index in common..lane.len() {
            *chain = chain.update(token, lane.block(index));
        }
    }
    for (state, chain) in states.iter_mut().zip(chains) {
        *state = chain.words();
    }
}
