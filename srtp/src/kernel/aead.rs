//! AES-GCM of one packet, started on a tier.

use super::gcm::Direction;
use super::simd::{Simd, Task};
use super::state::{GcmState, Rounds};
use super::vector::Vector;
use super::{Forged, Layout};

/// Enciphers one packet and writes its tag.
pub(super) struct Seal<'a> {
    pub(super) state: &'a GcmState,
    pub(super) layout: &'a Layout,
    pub(super) buffer: &'a mut [u8],
}

/// Verifies the tag of one packet and deciphers it. A forged packet is left as it was.
pub(super) struct Open<'a> {
    pub(super) state: &'a GcmState,
    pub(super) layout: &'a Layout,
    pub(super) buffer: &'a mut [u8],
}

impl Task for Seal<'_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, iv: u128) {
        let Layout { tag, .. } = *self.layout;
        let (state, buffer) = (self.state, self.buffer);
        crypt(token, state, Direction::Seal, iv, self.layout, buffer).store(&mut buffer[tag..]);
    }
}

impl Task for Open<'_> {
    type Output = Result<(), Forged>;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, iv: u128) -> Self::Output {
        let (state, layout) = (self.state, self.layout);
        // Before the last masked store in front of it, which the load would wait for.
        let theirs = Block::<S>::load(token.vectors().into(), &self.buffer[layout.tag..]);
        let tag = crypt(token, state, Direction::Open, iv, layout, self.buffer);
        if tag.xor(theirs).is_zero() {
            return Ok(());
        }
        // The same key stream once more leaves the packet as it came.
        let data = &mut self.buffer[layout.clear..layout.end];
        token.narrow().run(state.keystream(data), iv);
        Err(Forged)
    }
}

/// The vector of one block of a tier.
type Block<S> = <<S as Simd>::Vector as Vector>::Block;

#[cfg_attr(not(debug_assertions), inline(always))]
fn crypt<S: Simd>(
    token: S,
    state: &GcmState,
    direction: Direction,
    iv: u128,
    layout: &Layout,
    buffer: &mut [u8],
) -> Block<S> {
    match state.rounds {
        Rounds::Aes256 => token.gcm::<15>(state, direction, iv, layout, buffer),
        _ => token.gcm::<11>(state, direction, iv, layout, buffer),
    }
}
