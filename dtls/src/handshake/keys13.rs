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

use super::secret::{Expander, Hkdf, Secret};
use super::suite::Suite;
use crate::crypto::{CryptoProvider, Digest, HashAlgorithm, SharedSecret};
use crate::record::EpochKeys;

/// After the key exchange, before the server's Finished.
#[derive(Debug)]
pub(crate) struct HandshakeStage {
    suite: Suite,
    secret: Expander,
}

/// After the server's Finished.
#[derive(Debug)]
pub(crate) struct MasterStage {
    suite: Suite,
    secret: Expander,
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

/// Derive-Secret of the early secret for "derived". We never use PSKs, so that the early secret
/// comes from zeros alone and this is a constant for each hash function.
const EARLY_DERIVED_SHA256: [u8; 32] = [
    0xb1, 0x7b, 0xce, 0x94, 0x51, 0xee, 0x8b, 0xc6, 0xe8, 0xae, 0xbc, 0x0a, 0xa9, 0xe9, 0x82, 0x95,
    0x67, 0x7a, 0x4a, 0x6a, 0x91, 0xf7, 0x84, 0x40, 0x83, 0x31, 0x46, 0xe4, 0x65, 0xf2, 0xff, 0x95,
];
const EARLY_DERIVED_SHA384: [u8; 48] = [
    0x27, 0x00, 0x86, 0x05, 0xd3, 0x39, 0x6f, 0x88, 0x44, 0x19, 0x75, 0x65, 0xca, 0xec, 0xc5, 0x92,
    0xb3, 0xe5, 0x8f, 0x2e, 0xae, 0x55, 0xf8, 0x41, 0xb5, 0x77, 0xcf, 0xbc, 0xab, 0xb4, 0x7e, 0x22,
    0x1f, 0x67, 0x4e, 0xd3, 0xa6, 0x8a, 0xa8, 0x93, 0x43, 0x9c, 0xf5, 0x57, 0xf1, 0x11, 0xc0, 0xfc,
];

impl HandshakeStage {
    /// Mixes the (EC)DHE or hybrid secret in.
    pub(crate) fn new(provider: &dyn CryptoProvider, suite: Suite, shared: &SharedSecret) -> Self {
        let salt = match suite.hash {
            HashAlgorithm::Sha256 => &EARLY_DERIVED_SHA256[..],
            _ => &EARLY_DERIVED_SHA384,
        };
        let hkdf = Hkdf::new(provider, suite.hash);
        let secret = hkdf.expander(&hkdf.extract(salt, shared.as_bytes()));
        Self { suite, secret }
    }

    /// The handshake traffic secrets; `hash` covers ClientHello to ServerHello.
    pub(crate) fn traffic(&self, hash: &Digest) -> TrafficSecrets {
        TrafficSecrets::new(
            self.suite,
            &self.secret,
            [b"c hs traffic", b"s hs traffic"],
            hash,
        )
    }

    /// Moves on to the master secret.
    pub(crate) fn into_master(self, provider: &dyn CryptoProvider) -> MasterStage {
        let Self { suite, secret } = self;
        let hkdf = Hkdf::new(provider, suite.hash);
        let salt = secret.derive(b"derived", hkdf.hash(&[]).as_ref());
        let secret = hkdf.expander(&hkdf.extract(salt.as_bytes(), &[]));
        MasterStage { suite, secret }
    }
}

impl MasterStage {
    /// The application traffic secrets and the exporter secret; `hash` covers ClientHello to the
    /// server's Finished.
    pub(crate) fn into_traffic(self, hash: &Digest) -> (TrafficSecrets, Secret) {
        let labels = [b"c ap traffic", b"s ap traffic"];
        let traffic = TrafficSecrets::new(self.suite, &self.secret, labels, hash);
        (traffic, self.secret.derive(b"exp master", hash.as_ref()))
    }
}

impl TrafficSecrets {
    fn new(suite: Suite, from: &Expander, labels: [&[u8; 12]; 2], hash: &Digest) -> Self {
        let [client, server] = labels.map(|label| TrafficSecret {
            suite,
            secret: from.derive(label, hash.as_ref()),
        });
        Self { client, server }
    }
}

impl TrafficSecret {
    /// The keys that protect records under this secret.
    pub(crate) fn keys(&self, provider: &dyn CryptoProvider) -> EpochKeys {
        let from = Hkdf::new(provider, self.suite.hash).expander(&self.secret);
        let key_length = self.suite.aead.key_len();
        let key = Secret::filled(key_length, |out| from.expand_label(b"key", &[], out));
        let sn = Secret::filled(key_length, |out| from.expand_label(b"sn", &[], out));
        let mut iv = [0; 12];
        from.expand_label(b"iv", &[], &mut iv);
        EpochKeys::v13(self.suite.aead, key.as_bytes(), &iv, sn.as_bytes())
    }

    /// The `verify_data` of a Finished in this direction over a transcript hash.
    pub(crate) fn verify_data(&self, provider: &dyn CryptoProvider, hash: &Digest) -> Digest {
        let hkdf = Hkdf::new(provider, self.suite.hash);
        let key = hkdf.expander(&self.secret).derive(b"finished", &[]);
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
        let from = Hkdf::new(provider, self.suite.hash).expander(&self.secret);
        Self {
            suite: self.suite,
            secret: from.derive(b"traffic upd", &[]),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use sha2::digest::Output;
    use sha2::{Digest as _, Sha256, Sha384};

    use super::*;
    use crate::crypto::default_provider;
    use crate::wire::CipherSuite;

    /// The key schedule once more, by RFC 8446 §7.1, on the `hkdf` crate.
    macro_rules! reference {
        ($name:ident, $hash:ty) => {
            mod $name {
                use super::*;

                type Bytes = Output<$hash>;

                pub(super) fn expand(secret: &[u8], label: &str, context: &[u8], out: &mut [u8]) {
                    let mut info = (out.len() as u16).to_be_bytes().to_vec();
                    info.push(6 + label.len() as u8);
                    info.extend_from_slice(b"dtls13");
                    info.extend_from_slice(label.as_bytes());
                    info.push(context.len() as u8);
                    info.extend_from_slice(context);
                    let hkdf = hkdf::Hkdf::<$hash>::from_prk(secret).expect("one hash length");
                    hkdf.expand(&info, out).expect("few blocks");
                }

                fn derive(secret: &[u8], label: &str, context: &[u8]) -> Bytes {
                    let mut out = Bytes::default();
                    expand(secret, label, context, &mut out);
                    out
                }

                fn extract(salt: &[u8], ikm: &[u8]) -> Bytes {
                    hkdf::Hkdf::<$hash>::extract(Some(salt), ikm).0
                }

                #[test]
                fn schedule_agrees() {
                    let zeros = Bytes::default();
                    let nothing = <$hash>::digest([]);
                    let (shared, hello, finished) = ([7; 32], [1; 32], [2; 32]);
                    let hello = <$hash>::digest(hello);
                    let finished = <$hash>::digest(finished);

                    let early = extract(&zeros, &zeros);
                    let handshake = extract(&derive(&early, "derived", &nothing), &shared);
                    let master = extract(&derive(&handshake, "derived", &nothing), &zeros);

                    let provider = default_provider();
                    let suite = suite_with(<$hash>::output_size());
                    let shared = SharedSecret::new(shared.to_vec());
                    let stage = HandshakeStage::new(&*provider, suite, &shared);
                    let traffic = stage.traffic(&Digest::new(&hello));
                    let expected = [
                        derive(&handshake, "c hs traffic", &hello),
                        derive(&handshake, "s hs traffic", &hello),
                        derive(&master, "c ap traffic", &finished),
                        derive(&master, "s ap traffic", &finished),
                        derive(&master, "exp master", &finished),
                    ];
                    assert_eq!(traffic.client.as_bytes(), &expected[0][..]);
                    assert_eq!(traffic.server.as_bytes(), &expected[1][..]);

                    let master = stage.into_master(&*provider);
                    let (traffic, exporter) = master.into_traffic(&Digest::new(&finished));
                    assert_eq!(traffic.client.as_bytes(), &expected[2][..]);
                    assert_eq!(traffic.server.as_bytes(), &expected[3][..]);
                    assert_eq!(exporter.as_bytes(), &expected[4][..]);

                    let next = traffic.client.next(&*provider);
                    assert_eq!(
                        next.as_bytes(),
                        &derive(&expected[2], "traffic upd", &[])[..]
                    );
                }
            }
        };
    }

    reference!(sha256, Sha256);
    reference!(sha384, Sha384);

    fn suite_with(hash_length: usize) -> Suite {
        let id = match hash_length {
            32 => CipherSuite::TLS_AES_128_GCM_SHA256,
            _ => CipherSuite::TLS_AES_256_GCM_SHA384,
        };
        Suite::of(id).expect("one of ours")
    }

    /// RFC 9147 §5.9: the prefix has no space, unlike TLS's. The value comes from a few lines of
    /// Python on hmac.
    #[test]
    fn labels_begin_with_dtls13() {
        let provider = default_provider();
        let hkdf = Hkdf::new(&*provider, HashAlgorithm::Sha256);
        let secret = Secret::filled(32, |out| out.fill(0x0b));
        let mut key = [0; 16];
        hkdf.expander(&secret).expand_label(b"key", &[], &mut key);
        let expected = [
            0xa4, 0x5a, 0x32, 0x5f, 0xbc, 0x3b, 0x10, 0x60, 0x2e, 0xa3, 0xa3, 0xd7, 0x23, 0xc5,
            0xae, 0x67,
        ];
        assert_eq!(key, expected);
    }

    #[test]
    fn finished_is_compared_whole() {
        let provider = default_provider();
        let shared = SharedSecret::new(vec![7; 32]);
        let hash = Digest::new(&[3; 32]);
        let stage = HandshakeStage::new(&*provider, suite_with(32), &shared);
        let TrafficSecrets { client, server } = stage.traffic(&hash);
        let good = client.verify_data(&*provider, &hash);
        let verify = |data: &[u8]| client.verify_finished(&*provider, &hash, data);
        assert!(verify(good.as_ref()));
        assert!(!verify(&good.as_ref()[..31]));
        assert!(!verify(&[good.as_ref(), &[0]].concat()));
        assert!(!verify(server.verify_data(&*provider, &hash).as_ref()));
    }
}
