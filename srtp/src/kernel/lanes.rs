//! HMAC-SHA1 of many messages at once, each in its own lane of wide vectors.

use super::message::{Lane, NO_BLOCK, OUTER_BITS};

/// One word of each of several messages. As with `Vector`, a value is the proof that its instructions may run.
pub(super) trait Words: Copy {
    /// The proof that the CPU has the instructions.
    type Token: Copy;
    /// `word` in every lane.
    fn splat(token: Self::Token, word: u32) -> Self;
    /// The first words of `words`, as many as there are lanes, which must be there.
    fn load(token: Self::Token, words: &[u32]) -> Self;
    /// Writes the lanes into the first places of `words`, which must be there.
    fn store(self, words: &mut [u32]);
    /// Rows of 16 native words, one for each lane: the word at `i` of each row in the vector at `i`.
    fn transpose(token: Self::Token, rows: &[&[u8; 64]]) -> [Self; 16];

    /// One block of SHA-1 in each lane, given as its words.
    fn compress(token: Self::Token, state: State<Self>, words: [Self; 16]) -> State<Self>;

    /// The first `wide` blocks of each lane, at least one, or all that it has.
    fn update<const LANES: usize>(
        token: Self::Token,
        state: State<Self>,
        lanes: &[Lane<'_>; LANES],
        wide: usize,
    ) -> State<Self>;
}

/// A SHA-1 state in each lane.
pub(super) type State<W> = [W; 5];

/// The first words of the digests, lane by lane.
pub(super) type Digests<const LANES: usize> = [[u32; LANES]; 5];

/// The HMAC of up to `LANES` messages of any lengths. Lanes whose messages are longer than `wide` blocks are left to `narrow`, which
/// finishes their inner states.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn mac<W: Words, const LANES: usize>(
    token: W::Token,
    lanes: &[Lane<'_>; LANES],
    wide: usize,
    narrow: impl FnOnce(&mut Digests<LANES>),
) -> Digests<LANES> {
    // Loops over places here and below: `map` of an array may become a call, which knows nothing of wide vectors.
    let mut rows = [NO_BLOCK; LANES];
    for (row, lane) in rows.iter_mut().zip(lanes) {
        *row = &lane.midstates.0;
    }
    let midstates = W::transpose(token, &rows);
    let [a, b, c, d, e, f, g, h, i, j, ..] = midstates;
    let mut state = [a, b, c, d, e];
    state = W::update(token, state, lanes, wide);
    if lanes.iter().any(|lane| lane.len() > wide) {
        let mut words = store(state);
        narrow(&mut words);
        state = words.map(|words| W::load(token, &words));
    }
    store(outer(token, state, [f, g, h, i, j]))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn outer<W: Words>(token: W::Token, inner: State<W>, state: State<W>) -> State<W> {
    let zero = W::splat(token, 0);
    let mut words = [zero; 16];
    words[..5].copy_from_slice(&inner);
    words[5] = W::splat(token, 0x8000_0000);
    words[15] = W::splat(token, OUTER_BITS as u32);
    W::compress(token, state, words)
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn store<W: Words, const LANES: usize>(state: State<W>) -> Digests<LANES> {
    let mut digests = [[0; LANES]; 5];
    for (lanes, words) in digests.iter_mut().zip(state) {
        words.store(lanes);
    }
    digests
}
