//! The key schedule of DTLS 1.3 (RFC 8446 §7.1 with the labels of RFC 9147 §5.9).
//!
//! Each stage is a type, and moving on consumes it: there is no way to derive traffic keys from
//! the wrong stage, or twice from the same.
//!
//! ```text
//! (no PSK) -> early secret -> HandshakeStage -> MasterStage
//!                              c/s hs traffic    c/s ap traffic, exporter
//! ```

use subtle::ConstantTimeEq as _;

use super::secret::{Hkdf, Secret};
use super::suite::Suite;
use crate::crypto::{CryptoProvider, Digest, SharedSecret};
use crate::record::EpochKeys;

/// After the key exchange, before the server's Finished.
#[derive(Debug)]
pub(crate) struct HandshakeStage {
    suite: Suite,
    secret: Secret,
}

/// After the server's Finished.
#[derive(Debug)]
pub(crate) struct MasterStage {
    suite: Suite,
    secret: Secret,
}

/// The secrets of both directions.
#[derive(Debug)]
pub(crate) struct TrafficSecrets {
    pub(crate) client: TrafficSecret,
    pub(crate) server: TrafficSecret,
}

/// The secret of one direction in one generation of keys.
#[derive(Clone, Debug)]
pub(crate) struct TrafficSecret {
    suite: Suite,
    secret: Secret,
}

impl HandshakeStage {
    /// Mixes the (EC)DHE or hybrid secret in. We never use PSKs, so that the early secret comes
    /// from zeros alone.
    pub(crate) fn new(provider: &dyn CryptoProvider, suite: Suite, shared: &SharedSecret) -> Self {
        let hkdf = Hkdf::new(provider, suite.hash);
        let early = hkdf.extract(&[], &[]);
        let salt = hkdf.derive(&early, b"derived", hkdf.hash(&[]).as_ref());
        Self {
            suite,
            secret: hkdf.extract(salt.as_bytes(), shared.as_bytes()),
        }
    }

    /// The handshake traffic secrets; `hash` covers ClientHello to ServerHello.
    pub(crate) fn traffic(&self, provider: &dyn CryptoProvider, hash: &Digest) -> TrafficSecrets {
        TrafficSecrets::new(
            provider,
            self.suite,
            &self.secret,
            [b"c hs traffic", b"s hs traffic"],
            hash,
        )
    }

    /// Moves on to the master secret.
    pub(crate) fn into_master(self, provider: &dyn CryptoProvider) -> MasterStage {
        let hkdf = Hkdf::new(provider, self.suite.hash);
        let salt = hkdf.derive(&self.secret, b"derived", hkdf.hash(&[]).as_ref());
        MasterStage {
            suite: self.suite,
            secret: hkdf.extract(salt.as_bytes(), &[]),
        }
    }
}

impl MasterStage {
    /// The application traffic secrets and the exporter secret; `hash` covers ClientHello to the
    /// server's Finished.
    pub(crate) fn into_traffic(
        self,
        provider: &dyn CryptoProvider,
        hash: &Digest,
    ) -> (TrafficSecrets, Secret) {
        let labels = [b"c ap traffic", b"s ap traffic"];
        let traffic = TrafficSecrets::new(provider, self.suite, &self.secret, labels, hash);
        let hkdf = Hkdf::new(provider, self.suite.hash);
        (
            traffic,
            hkdf.derive(&self.secret, b"exp master", hash.as_ref()),
        )
    }
}

impl TrafficSecrets {
    fn new(
        provider: &dyn CryptoProvider,
        suite: Suite,
        secret: &Secret,
        [client, server]: [&[u8; 12]; 2],
        hash: &Digest,
    ) -> Self {
        let hkdf = Hkdf::new(provider, suite.hash);
        let one = |label| TrafficSecret {
            suite,
            secret: hkdf.derive(secret, label, hash.as_ref()),
        };
        Self {
            client: one(client),
            server: one(server),
        }
    }
}

impl TrafficSecret {
    /// The keys that protect records under this secret.
    pub(crate) fn keys(&self, provider: &dyn CryptoProvider) -> EpochKeys {
        let hkdf = Hkdf::new(provider, self.suite.hash);
        let key_length = self.suite.aead.key_len();
        let key = Secret::filled(key_length, |out| {
            hkdf.expand_label(&self.secret, b"key", &[], out)
        });
        let sn = Secret::filled(key_length, |out| {
            hkdf.expand_label(&self.secret, b"sn", &[], out)
        });
        let mut iv = [0; 12];
        hkdf.expand_label(&self.secret, b"iv", &[], &mut iv);
        EpochKeys::v13(provider, self.suite.aead, key.as_bytes(), iv, sn.as_bytes())
    }

    /// The `verify_data` of a Finished in this direction over a transcript hash.
    pub(crate) fn verify_data(&self, provider: &dyn CryptoProvider, hash: &Digest) -> Digest {
        let hkdf = Hkdf::new(provider, self.suite.hash);
        let key = hkdf.derive(&self.secret, b"finished", &[]);
        hkdf.hmac(&key, hash.as_ref())
    }

    /// Whether a received Finished is right; takes the same time wherever it differs.
    pub(crate) fn verify_finished(
        &self,
        provider: &dyn CryptoProvider,
        hash: &Digest,
        finished: &[u8],
    ) -> bool {
        self.verify_data(provider, hash)
            .as_ref()
            .ct_eq(finished)
            .into()
    }

    /// The secret of the next generation, after a KeyUpdate (RFC 8446 §7.2).
    pub(crate) fn next(&self, provider: &dyn CryptoProvider) -> Self {
        let hkdf = Hkdf::new(provider, self.suite.hash);
        Self {
            suite: self.suite,
            secret: hkdf.derive(&self.secret, b"traffic upd", &[]),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}
