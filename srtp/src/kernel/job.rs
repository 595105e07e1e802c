//! One packet for a kernel, and how it is run.

use std::num::NonZeroUsize;

use super::engine::State;
use super::key::Key;
use super::{aead, cm};

/// The most bytes in front of the trailer of an enciphered AES-GCM packet: the first eight of SRTCP (RFC 7714 §9.2), with room.
pub(super) const AAD_MAX_BEFORE_TRAILER: usize = 12;

/// Length of a trailer in bytes.
pub(super) const TRAILER_LEN: usize = 4;

/// Where the parts of one packet stand in its buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// `buffer[..clear]` is authenticated, and not enciphered.
    pub(crate) clear: usize,
    /// `buffer[clear..end]` is authenticated and enciphered.
    pub(crate) end: usize,
    /// Where the tag stands (or will), anywhere at or after `end`.
    pub(crate) tag: usize,
    /// Four bytes that are authenticated wherever they stand: the ROC of SRTP with HMAC, the word with the E flag and the
    /// index of SRTCP. HMAC takes them after `buffer[..end]`, AES-GCM after `buffer[..clear]`. A big-endian number: as an array it
    /// would be read in other pieces than it was written in, and wait for those to reach the cache.
    pub(crate) trailer: Option<u32>,
    /// Offset of four bytes between `clear` and `end` that are authenticated and *not* enciphered: the start of the header
    /// extension where Cryptex also enciphers CSRCs (RFC 9335 §5.2). One word, so that it is copied as it was written.
    pub(crate) hole: Option<NonZeroUsize>,
}

impl Layout {
    /// Nothing at all.
    pub(crate) const EMPTY: Self = Self {
        clear: 0,
        end: 0,
        tag: 0,
        trailer: None,
        hole: None,
    };
}

/// Why a [`Layout`] does not fit its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayoutError;

/// The tag of a packet is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forged;

/// One packet with its key.
///
/// Its layout was checked against its buffer when it was made; kernels rely on that.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    key: &'a Key,
    buffer: &'a mut [u8],
    /// Little-endian, and zero where blocks are counted.
    iv: u128,
    layout: Layout,
    authentic: bool,
}

impl<'a> Job<'a> {
    /// A job over `buffer`, if the layout fits it. `iv` is what the counter blocks start with: 14 bytes of AES-CM, or the 12 of the
    /// nonce of AES-GCM; what follows counts blocks.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn new(
        key: &'a Key,
        buffer: &'a mut [u8],
        iv: [u8; 16],
        layout: Layout,
    ) -> Result<Self, LayoutError> {
        let counted = if key.is_aead() { 32 } else { 16 };
        let iv = u128::from_le_bytes(iv) & (u128::MAX >> counted);
        let ordered = layout.clear <= layout.end && layout.end <= layout.tag;
        let fits = layout
            .tag
            .checked_add(key.tag_len())
            .is_some_and(|end| end <= buffer.len());
        let hole_fits = layout.hole.is_none_or(|hole| {
            layout.clear <= hole.get() && hole.get().saturating_add(4) <= layout.end
        });
        let trailer_fits = !key.is_aead()
            || layout.trailer.is_none()
            || layout.clear == layout.end
            || layout.clear <= AAD_MAX_BEFORE_TRAILER;
        if ordered && fits && hole_fits && trailer_fits {
            Ok(Self {
                key,
                buffer,
                iv,
                layout,
                authentic: false,
            })
        } else {
            Err(LayoutError)
        }
    }

    /// Enciphers the packet and writes its tag.
    #[inline]
    pub(crate) fn protect(&mut self) {
        match self.layout.hole {
            None => self.seal(),
            Some(hole) => self.protect_around(hole.get()),
        }
    }

    /// Verifies the tag and deciphers the packet. A forged packet is left as it was.
    #[inline]
    pub(crate) fn unprotect(&mut self) -> Result<(), Forged> {
        let result = match self.layout.hole {
            None => self.open(),
            Some(hole) => self.unprotect_around(hole.get()),
        };
        self.authentic = result.is_ok();
        result
    }

    #[cold]
    fn protect_around(&mut self, hole: usize) {
        if self.key.is_aead() {
            // RFC 9335 §5.2: AES-GCM sees the packet with the start of the extension before the CSRCs.
            self.move_hole_first(hole, Self::seal);
        } else {
            // HMAC sees it as it is sent.
            self.move_hole_first(hole, Self::cipher);
            self.without_cipher(Self::seal);
        }
    }

    #[cold]
    fn unprotect_around(&mut self, hole: usize) -> Result<(), Forged> {
        if self.key.is_aead() {
            return self.move_hole_first(hole, Self::open);
        }
        self.without_cipher(Self::open)?;
        self.move_hole_first(hole, Self::cipher);
        Ok(())
    }

    /// Runs `task` with the four bytes of the hole in front of what is enciphered.
    fn move_hole_first<T>(&mut self, hole: usize, task: impl FnOnce(&mut Self) -> T) -> T {
        let start = self.layout.clear;
        self.buffer[start..hole + 4].rotate_right(4);
        self.layout.clear += 4;
        let result = task(self);
        self.layout.clear = start;
        self.buffer[start..hole + 4].rotate_left(4);
        result
    }

    /// Runs `task` with nothing to encipher.
    fn without_cipher<T>(&mut self, task: impl FnOnce(&mut Self) -> T) -> T {
        let start = std::mem::replace(&mut self.layout.clear, self.layout.end);
        let result = task(self);
        self.layout.clear = start;
        result
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn seal(&mut self) {
        let Key {
            engine, ref state, ..
        } = *self.key;
        let (iv, layout) = (self.iv, &self.layout);
        let (buffer, tag_len) = (&mut *self.buffer, self.key.tag_len());
        match state {
            State::Portable(state) => state.protect(&iv.to_le_bytes(), layout, buffer, tag_len),
            State::Cm(state) => engine.run_narrow(
                cm::Seal {
                    state,
                    layout,
                    buffer,
                    tag_len,
                },
                iv,
            ),
            State::Gcm(state) => engine.run(
                aead::Seal {
                    state,
                    layout,
                    buffer,
                },
                iv,
            ),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn open(&mut self) -> Result<(), Forged> {
        let Key {
            engine, ref state, ..
        } = *self.key;
        let (iv, layout) = (self.iv, &self.layout);
        let (buffer, tag_len) = (&mut *self.buffer, self.key.tag_len());
        match state {
            State::Portable(state) => state.unprotect(&iv.to_le_bytes(), layout, buffer, tag_len),
            State::Cm(state) => engine.run_narrow(
                cm::Open {
                    state,
                    layout,
                    buffer,
                    tag_len,
                },
                iv,
            ),
            State::Gcm(state) => engine.run(
                aead::Open {
                    state,
                    layout,
                    buffer,
                },
                iv,
            ),
        }
    }

    /// Enciphers without a tag.
    fn cipher(&mut self) {
        let (iv, data) = (
            self.iv,
            &mut self.buffer[self.layout.clear..self.layout.end],
        );
        match &self.key.state {
            State::Portable(state) => state.apply_keystream(&iv.to_le_bytes(), data),
            State::Cm(state) => self.key.engine.run_narrow(state.keystream(data), iv),
            State::Gcm(_) => unreachable!("invariant: AES-GCM hashes what it enciphers"),
        }
    }

    /// Whether the last `unprotect` of this job found its tag right.
    pub(crate) fn authentic(&self) -> bool {
        self.authentic
    }

    /// Its key.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn key(&self) -> &'a Key {
        self.key
    }

    /// Where its parts stand.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Its IV, its layout and its buffer.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn parts(&mut self) -> (u128, &Layout, &mut [u8]) {
        (self.iv, &self.layout, self.buffer)
    }

    /// What is authenticated.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn packet(&self) -> &[u8] {
        &self.buffer[..self.layout.end]
    }

    /// The place of its tag.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn tag_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.layout.tag..][..self.key.tag_len()]
    }

    /// Says whether its tag was right.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn set_authentic(&mut self, authentic: bool) {
        self.authentic = authentic;
    }
}
