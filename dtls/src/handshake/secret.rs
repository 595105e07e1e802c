//! Secrets of the key schedules, and HKDF (RFC 5869) on the provider's HMAC.

use std::fmt;

use zeroize::Zeroize as _;

use crate::crypto::{CryptoProvider, Digest, HashAlgorithm, Hmac};

/// The longest output of the hash functions that our cipher suites use: SHA-384.
const MAX_LENGTH: usize = 48;

/// The label prefix of DTLS 1.3.
///
/// RFC 9147 §5.9: "dtls13" without a space after it, where TLS has "tls13 ".
const LABEL_PREFIX: &[u8] = b"dtls13";

/// A secret of one hash length (or of the 48 bytes of a DTLS 1.2 master secret).
///
/// Its bytes stay in one place while states move it on: each move would else leave a copy behind
/// that nobody wipes.
#[derive(Clone)]
pub(crate) struct Secret {
    bytes: Box<[u8; MAX_LENGTH]>,
    length: u8,
}

impl Secret {
    /// Room for a secret of `length` bytes, written by `fill`.
    pub(crate) fn filled(length: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let length = length.min(MAX_LENGTH);
        let mut secret = Self {
            bytes: Box::new([0; MAX_LENGTH]),
            length: length as u8,
        };
        fill(&mut secret.bytes[..length]);
        secret
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl From<Digest> for Secret {
    fn from(digest: Digest) -> Self {
        let digest = digest.as_ref();
        Self::filled(digest.len(), |bytes| {
            bytes.copy_from_slice(&digest[..bytes.len()])
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// HKDF with the hash of a cipher suite and the labels of DTLS 1.3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hkdf<'a> {
    provider: &'a dyn CryptoProvider,
    algorithm: HashAlgorithm,
}

impl<'a> Hkdf<'a> {
    pub(crate) fn new(provider: &'a dyn CryptoProvider, algorithm: HashAlgorithm) -> Self {
        Self {
            provider,
            algorithm,
        }
    }

    /// HKDF-Extract; an empty `salt` or `ikm` stands for a hash length of zeros.
    pub(crate) fn extract(&self, salt: &[u8], ikm: &[u8]) -> Secret {
        let zeros = [0; MAX_LENGTH];
        let zeros = &zeros[..self.algorithm.output_len()];
        // HMAC pads its key with zeros, so that an empty salt needs no care.
        let ikm = if ikm.is_empty() { zeros } else { ikm };
        self.provider.hmac(self.algorithm, salt).sign(&[ikm]).into()
    }

    /// Prepares to expand a secret, as often as needed.
    pub(crate) fn expander(&self, secret: &Secret) -> Expander {
        Expander {
            hmac: self.provider.hmac(self.algorithm, secret.as_bytes()),
            hash_length: self.algorithm.output_len(),
        }
    }

    /// HMAC, for Finished.
    pub(crate) fn hmac(&self, key: &Secret, message: &[u8]) -> Digest {
        self.provider
            .hmac(self.algorithm, key.as_bytes())
            .sign(&[message])
    }

    /// The hash of a context.
    pub(crate) fn hash(&self, message: &[u8]) -> Digest {
        self.provider.hash_once(self.algorithm, &[message])
    }
}

/// A secret in the form that HKDF-Expand takes, so that several labels share the work.
pub(crate) struct Expander {
    hmac: Box<dyn Hmac>,
    hash_length: usize,
}

impl Expander {
    /// HKDF-Expand-Label (RFC 8446 §7.1) into `out`, which holds at most 255 hash lengths.
    pub(crate) fn expand_label(&self, label: &[u8], context: &[u8], out: &mut [u8]) {
        let length = u16::try_from(out.len()).expect("invariant: callers bound the length");
        let [a, b] = length.to_be_bytes();
        let head = [a, b, (LABEL_PREFIX.len() + label.len()) as u8];
        let context_length = [context.len() as u8];
        let mut block: Option<Digest> = None;
        for (chunk, counter) in out.chunks_mut(self.hash_length).zip(1_u8..) {
            let previous = block.as_ref().map_or(&[][..], |block| block.as_ref());
            let info = [&head[..], LABEL_PREFIX, label, &context_length, context];
            let [a, b, c, d, e] = info;
            let next = self.hmac.sign(&[previous, a, b, c, d, e, &[counter]]);
            chunk.copy_from_slice(&next.as_ref()[..chunk.len()]);
            block = Some(next);
        }
    }

    /// HKDF-Expand-Label to a secret of one hash length.
    pub(crate) fn derive(&self, label: &[u8], context: &[u8]) -> Secret {
        Secret::filled(self.hash_length, |out| {
            self.expand_label(label, context, out);
        })
    }
}

impl fmt::Debug for Expander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expander(..)")
    }
}
