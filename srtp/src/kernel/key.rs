//! The state of one session key, computed once.

use std::fmt;

use super::Tier;
use super::portable;

/// An AES key, by its length.
#[derive(Clone, Copy)]
pub(crate) enum AesKey<'a> {
    /// AES-128.
    Aes128(&'a [u8; 16]),
    /// AES-256.
    Aes256(&'a [u8; 32]),
}

impl<'a> AesKey<'a> {
    /// The key of these bytes, if they are 16 or 32.
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        if let Ok(key) = bytes.try_into() {
            return Some(Self::Aes128(key));
        }
        bytes.try_into().ok().map(Self::Aes256)
    }
}

/// The state of one SRTP or SRTCP session key: what protects or opens the packets of one direction.
pub(crate) struct Key {
    pub(super) state: State,
    tag_len: u8,
    aead: bool,
}

/// The key state of each tier.
pub(super) enum State {
    Portable(Box<portable::State>),
}

impl Key {
    /// The keys of AES counter mode (or of the NULL cipher) and HMAC-SHA1, with tags cut to `tag_len` bytes.
    ///
    /// # Panics
    ///
    /// If `tag_len` is over 20, the length of a SHA-1 digest.
    pub(crate) fn cm(
        _tier: Tier,
        cipher: Option<AesKey<'_>>,
        auth: &[u8; 20],
        tag_len: usize,
    ) -> Self {
        assert!(
            tag_len <= 20,
            "invariant: a tag is a prefix of a SHA-1 digest"
        );
        let state = State::Portable(Box::new(portable::State::cm(cipher, auth)));
        Self {
            state,
            tag_len: tag_len as u8,
            aead: false,
        }
    }

    /// The key of AES-GCM with tags of 16 bytes.
    pub(crate) fn gcm(_tier: Tier, cipher: AesKey<'_>) -> Self {
        let state = State::Portable(Box::new(portable::State::gcm(cipher)));
        Self {
            state,
            tag_len: 16,
            aead: true,
        }
    }

    /// Length of the tags in bytes.
    pub(crate) fn tag_len(&self) -> usize {
        self.tag_len.into()
    }

    /// Whether this is a key of AES-GCM.
    pub(super) fn is_aead(&self) -> bool {
        self.aead
    }

    /// The tier whose kernels this key runs on.
    pub(crate) fn tier(&self) -> Tier {
        match self.state {
            State::Portable(_) => Tier::Portable,
        }
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
