//! The state of one session key, computed once.

use std::fmt;

use super::engine::{Engine, State};
use super::message::TAG_MAX;
use super::{Tier, Wiped, portable, prefetch};

/// Length of the tags of AES-GCM in drafts of RFC 7714.
pub(crate) const SHORT_GCM_TAG_LEN: usize = 8;

/// An AES key, by its length.
#[derive(Clone, Copy)]
pub(crate) enum AesKey<'a> {
    /// AES-128.
    Aes128(&'a [u8; 16]),
    /// AES-192, which the portable kernels alone have.
    Aes192(&'a [u8; 24]),
    /// AES-256.
    Aes256(&'a [u8; 32]),
}

impl<'a> AesKey<'a> {
    /// The key of these bytes, if they are 16, 24 or 32.
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        if let Ok(key) = bytes.try_into() {
            return Some(Self::Aes128(key));
        }
        if let Ok(key) = bytes.try_into() {
            return Some(Self::Aes192(key));
        }
        bytes.try_into().ok().map(Self::Aes256)
    }
}

/// The state of one SRTP or SRTCP session key: what protects or opens the packets of one direction.
pub(crate) struct Key {
    pub(super) engine: Engine,
    pub(super) state: State,
    tag_len: u8,
    is_aead: bool,
}

impl Key {
    /// The keys of AES counter mode (or of the NULL cipher) and HMAC-SHA1, with tags cut to `tag_len` bytes.
    ///
    /// A tier that the CPU does not have is taken for the portable one.
    ///
    /// # Panics
    ///
    /// If `tag_len` is over [`TAG_MAX`].
    pub(crate) fn cm(
        tier: Tier,
        cipher: Option<AesKey<'_>>,
        auth: &[u8; 20],
        tag_len: usize,
    ) -> Self {
        assert!(
            tag_len <= TAG_MAX,
            "invariant: no profile has longer tags of HMAC"
        );
        let engine = match cipher {
            Some(AesKey::Aes192(_)) => Engine::Portable,
            _ => Engine::new(tier).unwrap_or(Engine::Portable),
        };
        Self {
            engine,
            state: engine.cm(cipher, auth),
            tag_len: tag_len as u8,
            is_aead: false,
        }
    }

    /// The key of AES-GCM with tags of 16 bytes. A tier that the CPU does not have is taken for the portable one.
    pub(crate) fn gcm(tier: Tier, cipher: AesKey<'_>) -> Self {
        let engine = Engine::new(tier).unwrap_or(Engine::Portable);
        Self {
            engine,
            state: engine.gcm(cipher),
            tag_len: 16,
            is_aead: true,
        }
    }

    /// The key of AES-GCM with tags cut to [`SHORT_GCM_TAG_LEN`] bytes, as drafts of RFC 7714 had them: rare, and so the portable
    /// kernels'.
    pub(crate) fn gcm_with_short_tags(cipher: AesKey<'_>) -> Self {
        Self {
            engine: Engine::Portable,
            state: State::Portable(Wiped::new(portable::State::gcm_with_short_tags(cipher))),
            tag_len: SHORT_GCM_TAG_LEN as u8,
            is_aead: true,
        }
    }

    /// Length of the tags in bytes.
    pub(crate) fn tag_len(&self) -> usize {
        self.tag_len.into()
    }

    /// Whether this is a key of AES-GCM.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn is_aead(&self) -> bool {
        self.is_aead
    }

    /// Asks for the memory that packets of some hundred bytes touch.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.engine);
        prefetch(&self.is_aead);
        match &self.state {
            State::Portable(state) => prefetch(&**state),
            State::Cm(state) => state.prefetch(),
            State::Gcm(state) => state.prefetch(),
        }
    }

    /// The tier whose kernels this key runs on.
    pub(crate) fn tier(&self) -> Tier {
        self.engine.tier()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("tier", &self.tier())
            .finish_non_exhaustive()
    }
}

/// An AES key for the counter mode alone: key derivation (RFC 3711 §4.3.3) and header extensions (RFC 6904).
pub(crate) struct CipherKey(portable::Cipher);

impl CipherKey {
    /// Expands the key.
    pub(crate) fn new(key: AesKey<'_>) -> Self {
        Self(portable::Cipher::new(key))
    }

    /// XORs the key stream that starts at the counter block `iv` into `data`.
    pub(crate) fn apply_keystream(&self, iv: &[u8; 16], data: &mut [u8]) {
        self.0.apply_keystream(iv, data);
    }
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CipherKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let key = AesKey::from_bytes(&[0xa5; 16]).expect("16 bytes");
        let shown = format!("{:?}", CipherKey::new(key));
        assert_eq!(shown, "CipherKey { .. }");
    }
}
