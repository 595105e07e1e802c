//! AES-GCM of one packet, started on a tier.

use subtle::ConstantTimeEq;

use super::ctr::apply_keystream;
use super::gcm::Direction;
use super::simd::{Simd, Task};
use super::state::{GcmState, Rounds};
use super::{Forged, Layout};

/// Enciphers one packet and writes its tag.
pub(super) struct Seal<'a> {
    pub(super) state: &'a GcmState,
    pub(super) iv: &'a [u8; 16],
    pub(super) layout: &'a Layout,
    pub(super) buffer: &'a mut [u8],
}

/// Verifies the tag of one packet and deciphers it. A forged packet is left as it was.
pub(super) struct Open<'a> {
    pub(super) state: &'a GcmState,
    pub(super) iv: &'a [u8; 16],
    pub(super) layout: &'a Layout,
    pub(super) buffer: &'a mut [u8],
}

impl Task for Seal<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, token: S) {
        let tag = crypt(
            token,
            self.state,
            Direction::Seal,
            self.iv,
            self.layout,
            self.buffer,
        );
        self.buffer[self.layout.tag..][..16].copy_from_slice(&tag);
    }
}

impl Task for Open<'_> {
    type Output = Result<(), Forged>;

    #[inline(always)]
    fn run<S: Simd>(self, token: S) -> Self::Output {
        let tag = crypt(
            token,
            self.state,
            Direction::Open,
            self.iv,
            self.layout,
            self.buffer,
        );
        let theirs = &self.buffer[self.layout.tag..];
        let theirs = u128::from_le_bytes(*theirs.first_chunk().expect("invariant: 16 bytes"));
        if bool::from(u128::from_le_bytes(tag).ct_eq(&theirs)) {
            return Ok(());
        }
        self.restore(token);
        Err(Forged)
    }
}

impl Open<'_> {
    /// The same key stream once more leaves the packet as it came.
    #[cold]
    #[inline(never)]
    fn restore<S: Simd>(self, token: S) {
        token.run(Restore(self));
    }
}

struct Restore<'a>(Open<'a>);

impl Task for Restore<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, token: S) {
        let Open {
            state,
            iv,
            layout,
            buffer,
        } = self.0;
        let data = &mut buffer[layout.clear..layout.end];
        match state.rounds {
            Rounds::Aes256 => {
                apply_keystream::<S::Vector, 15>(token, state.keys(), iv, 2, data);
            }
            _ => apply_keystream::<S::Vector, 11>(token, state.keys(), iv, 2, data),
        }
    }
}

#[inline(always)]
fn crypt<S: Simd>(
    token: S,
    state: &GcmState,
    direction: Direction,
    iv: &[u8; 16],
    layout: &Layout,
    buffer: &mut [u8],
) -> [u8; 16] {
    match state.rounds {
        Rounds::Aes256 => token.gcm::<15>(state, direction, iv, layout, buffer),
        _ => token.gcm::<11>(state, direction, iv, layout, buffer),
    }
}
