//! HMAC-SHA1 of many messages at once, each in its own lane of wide vectors.

use super::message::{Lane, OUTER_BITS};

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
    /// Rows of 16 words, one for each lane: the word at `i` of each row in the vector at `i`.
    fn transpose(token: Self::Token, rows: &[&[u8; 64]]) -> [Self; 16];
    /// Each word with its bytes in reverse order.
    fn reverse(self) -> Self;

    fn add(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn xor3(self, other: Self, third: Self) -> Self;
    fn rotate<const LEFT: i32>(self) -> Self;
    /// Where `self` has ones the bits of `one`, else of `zero`.
    fn choose(self, one: Self, zero: Self) -> Self;
    fn majority(self, other: Self, third: Self) -> Self;
}

/// A SHA-1 state in each lane.
type State<W> = [W; 5];

/// The first words of the digests, lane by lane.
pub(super) type Digests<const LANES: usize> = [[u32; LANES]; 5];

/// The HMAC of up to `LANES` messages of any lengths. Lanes whose messages are longer than `wide` blocks are left to `narrow`, which
/// finishes their inner states.
#[inline(always)]
pub(super) fn mac<W: Words, const LANES: usize>(
    token: W::Token,
    lanes: &[Lane<'_>; LANES],
    wide: usize,
    narrow: impl FnOnce(&mut Digests<LANES>),
) -> Digests<LANES> {
    let rows = lanes.map(|lane| &lane.midstates.0);
    let midstates = W::transpose(token, &rows);
    let [a, b, c, d, e, f, g, h, i, j, ..] = midstates;
    let mut state = [a, b, c, d, e];
    let same = lanes.iter().all(|lane| lane.len() == wide);
    for index in 0..wide {
        let blocks = lanes.map(|lane| lane.block(index));
        let mut words = W::transpose(token, &blocks);
        for word in &mut words {
            *word = word.reverse();
        }
        let next = compress(token, state, words);
        state = if same {
            next
        } else {
            keep_finished(token, lanes, index, state, next)
        };
    }
    if lanes.iter().any(|lane| lane.len() > wide) {
        let mut words = store(state);
        narrow(&mut words);
        state = words.map(|words| W::load(token, &words));
    }
    store(outer(token, state, [f, g, h, i, j]))
}

/// The next state in lanes that have a block at `index`, the old one in the others.
#[inline(always)]
fn keep_finished<W: Words, const LANES: usize>(
    token: W::Token,
    lanes: &[Lane<'_>; LANES],
    index: usize,
    mut state: State<W>,
    next: State<W>,
) -> State<W> {
    let active = lanes.map(|lane| if index < lane.len() { u32::MAX } else { 0 });
    let active = W::load(token, &active);
    for (old, new) in state.iter_mut().zip(next) {
        *old = active.choose(new, *old);
    }
    state
}

#[inline(always)]
fn outer<W: Words>(token: W::Token, inner: State<W>, state: State<W>) -> State<W> {
    let zero = W::splat(token, 0);
    let mut words = [zero; 16];
    words[..5].copy_from_slice(&inner);
    words[5] = W::splat(token, 0x8000_0000);
    words[15] = W::splat(token, OUTER_BITS as u32);
    compress(token, state, words)
}

#[inline(always)]
fn store<W: Words, const LANES: usize>(state: State<W>) -> Digests<LANES> {
    state.map(|words| {
        let mut lanes = [0; LANES];
        words.store(&mut lanes);
        lanes
    })
}

/// One block in each lane. Every round is written out: a loop that rotates its variables costs twice the time.
#[inline(always)]
fn compress<W: Words>(token: W::Token, state: State<W>, mut w: [W; 16]) -> State<W> {
    let [mut a, mut b, mut c, mut d, mut e] = state;
    macro_rules! rounds {
        ($k:literal, $f:expr; $($t:literal)*) => {
            let k = W::splat(token, $k);
            $(
                if $t >= 16 {
                    w[$t & 15] = w[($t + 13) & 15].xor3(w[($t + 8) & 15], w[($t + 2) & 15]).xor(w[$t & 15]).rotate::<1>();
                }
                let sum = e.add(k.add(w[$t & 15])).add($f(b, c, d)).add(a.rotate::<5>());
                e = d;
                d = c;
                c = b.rotate::<30>();
                b = a;
                a = sum;
            )*
        };
    }
    rounds!(0x5a82_7999, W::choose; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
    rounds!(0x6ed9_eba1, W::xor3; 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39);
    rounds!(0x8f1b_bcdc, W::majority; 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59);
    rounds!(0xca62_c1d6, W::xor3; 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79);
    let [h0, h1, h2, h3, h4] = state;
    [a.add(h0), b.add(h1), c.add(h2), d.add(h3), e.add(h4)]
}
