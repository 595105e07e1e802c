//! The key schedule of DTLS 1.2: PRF, extended master secret, key block, Finished (RFC 5246 §5,
//! §6.3, §7.4.9; RFC 7627 §4).

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::secret::Secret;
use super::suite::Suite;
use crate::config::Role;
use crate::crypto::{AeadAlgorithm, CryptoProvider, Digest, HashAlgorithm, SharedSecret};
use crate::record::EpochKeys;

/// The length of the master secret.
const MASTER_SECRET: usize = 48;

/// The longest key block: two keys of 32 bytes and two IVs of 12.
const MAX_KEY_BLOCK: usize = 2 * (32 + 12);

/// What both hellos give to the key schedule: their randoms, and whether the master secret is the
/// extended one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Randoms {
    pub(crate) client: [u8; 32],
    pub(crate) server: [u8; 32],
    pub(crate) extended: bool,
}

/// The master secret and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct MasterSecret {
    hash: HashAlgorithm,
    secret: Secret,
    randoms: Randoms,
}

/// `verify_data`: 12 bytes in every suite that we have.
pub(crate) type VerifyData = [u8; 12];

impl MasterSecret {
    /// The master secret that the hellos have agreed on; `session_hash` covers ClientHello to
    /// ClientKeyExchange.
    pub(crate) fn new(
        provider: &dyn CryptoProvider,
        suite: Suite,
        randoms: Randoms,
        premaster: &SharedSecret,
        session_hash: &Digest,
    ) -> Self {
        let Randoms { client, server, .. } = &randoms;
        let seed = match randoms.extended {
            // RFC 7627 §4: the session hash takes the place of the randoms.
            true => [&b"extended master secret"[..], session_hash.as_ref(), &[]],
            // RFC 5246 §8.1.
            false => [&b"master secret"[..], client, server],
        };
        let secret = Secret::filled(MASTER_SECRET, |out| {
            prf(provider, suite.hash, premaster.as_bytes(), &seed, out);
        });
        Self {
            hash: suite.hash,
            secret,
            randoms,
        }
    }

    /// The keys of both directions: the client's, then the server's.
    pub(crate) fn keys(
        &self,
        provider: &dyn CryptoProvider,
        aead: AeadAlgorithm,
    ) -> [EpochKeys; 2] {
        let (key_length, iv_length) = (aead.key_len(), fixed_iv_len(aead));
        let mut block = Zeroizing::new([0; MAX_KEY_BLOCK]);
        let block = &mut block[..2 * (key_length + iv_length)];
        // RFC 5246 §6.3: here the server's random goes first.
        let seed = [
            &b"key expansion"[..],
            &self.randoms.server,
            &self.randoms.client,
        ];
        prf(provider, self.hash, self.secret.as_bytes(), &seed, block);
        let (keys, ivs) = block.split_at(2 * key_length);
        let (client_key, server_key) = keys.split_at(key_length);
        let (client_iv, server_iv) = ivs.split_at(iv_length);
        [(client_key, client_iv), (server_key, server_iv)]
            .map(|(key, iv)| EpochKeys::v12(aead, key, iv))
    }

    /// The `verify_data` of one side's Finished.
    pub(crate) fn verify_data(
        &self,
        provider: &dyn CryptoProvider,
        sender: Role,
        hash: &Digest,
    ) -> VerifyData {
        let label: &[u8] = match sender {
            Role::Client => b"client finished",
            Role::Server => b"server finished",
        };
        let mut verify_data = VerifyData::default();
        let seed = [label, hash.as_ref()];
        prf(
            provider,
            self.hash,
            self.secret.as_bytes(),
            &seed,
            &mut verify_data,
        );
        verify_data
    }

    /// Whether a received Finished is right; takes the same time wherever it differs.
    pub(crate) fn verify_finished(
        &self,
        provider: &dyn CryptoProvider,
        sender: Role,
        hash: &Digest,
        finished: &[u8],
    ) -> bool {
        self.verify_data(provider, sender, hash)
            .ct_eq(finished)
            .into()
    }

    /// RFC 5705 §4: exported keying material.
    pub(crate) fn export(
        &self,
        provider: &dyn CryptoProvider,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) {
        let Randoms { client, server, .. } = &self.randoms;
        // An empty context differs from none: its length of zero is hashed.
        let length = context.map(|context| (context.len() as u16).to_be_bytes());
        let length = length.as_ref().map_or(&[][..], |length| &length[..]);
        let seed = [label, client, server, length, context.unwrap_or_default()];
        prf(provider, self.hash, self.secret.as_bytes(), &seed, out);
    }

    pub(crate) const fn is_extended(&self) -> bool {
        self.randoms.extended
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

/// The part of the nonce that the key block gives: RFC 5288 §3 for GCM, RFC 7905 §2 for ChaCha20.
fn fixed_iv_len(aead: AeadAlgorithm) -> usize {
    match aead {
        AeadAlgorithm::ChaCha20Poly1305 => 12,
        _ => 4,
    }
}

/// The most parts that a seed is given in: an exporter's.
const MAX_PARTS: usize = 5;

/// PRF of RFC 5246 §5, with label and seed in parts.
fn prf<const N: usize>(
    provider: &dyn CryptoProvider,
    algorithm: HashAlgorithm,
    secret: &[u8],
    seed: &[&[u8]; N],
    out: &mut [u8],
) {
    const { assert!(N <= MAX_PARTS) };
    let hmac = provider.hmac(algorithm, secret);
    let mut a = hmac.sign(seed);
    for chunk in out.chunks_mut(algorithm.output_len()) {
        let mut parts = [&[][..]; 1 + MAX_PARTS];
        parts[0] = a.as_ref();
        parts[1..=N].copy_from_slice(seed);
        let block = hmac.sign(&parts);
        chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        a = hmac.sign(&[a.as_ref()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::default_provider;
    use crate::wire::CipherSuite;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |d: u8| char::from(d).to_digit(16).expect("hex") as u8;
        digits
            .chunks(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect()
    }

    /// The vector for P_SHA256 that the TLS working group's list has had since 2009.
    #[test]
    fn prf_known_answer() {
        let secret = hex("9bbe436ba940f017b17652849a71db35");
        let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
        let expected = hex(
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a
             6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab
             4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701
             87347b66",
        );
        let mut out = [0; 100];
        let provider = default_provider();
        prf(
            &*provider,
            HashAlgorithm::Sha256,
            &secret,
            &[b"test label", &seed],
            &mut out,
        );
        assert_eq!(out[..], expected[..]);
    }

    fn master(randoms: Randoms) -> MasterSecret {
        let suite = Suite::of(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
        let suite = suite.expect("one of ours");
        let premaster = SharedSecret::new(vec![5; 32]);
        let hash = Digest::new(&[6; 32]);
        MasterSecret::new(&*default_provider(), suite, randoms, &premaster, &hash)
    }

    /// RFC 7627 §4: the session hash takes the place of the randoms in the master secret;
    /// RFC 5705 §4: the exporter takes the randoms in.
    #[test]
    fn randoms_go_into_exports_and_not_into_the_master_secret() {
        let one = master(Randoms {
            client: [1; 32],
            server: [2; 32],
            extended: true,
        });
        let other = master(Randoms {
            client: [1; 32],
            server: [3; 32],
            extended: true,
        });
        assert_eq!(one.as_bytes(), other.as_bytes());
        let export = |master: &MasterSecret, context| {
            let mut out = [0; 40];
            master.export(&*default_provider(), &mut out, b"EXPORTER-test", context);
            out
        };
        assert_ne!(export(&one, None), export(&other, None));
        // RFC 5705 §4: an empty context is not the same as none.
        assert_ne!(export(&one, None), export(&one, Some(b"")));
    }

    /// Both master secrets, as an independent implementation of the PRF has them.
    #[test]
    fn master_secrets_known_answers() {
        let answers = [
            (
                false,
                "f77ba4e9984be0be20fc4b058555ba9e435fcfd8556c1780a68d2b98617ab92a6893ab697e1fbb5de847dde26b66dd73",
            ),
            (
                true,
                "7757ee76138e42d193032198a8bd9f9efbf5721feb4bf4f00e9b348d9495003d440503745fb91aea19fb17967c78f0b7",
            ),
        ];
        for (extended, expected) in answers {
            let master = master(Randoms {
                client: [1; 32],
                server: [2; 32],
                extended,
            });
            assert_eq!(master.as_bytes(), hex(expected));
        }
    }

    #[test]
    fn finished_depends_on_the_sender_and_is_compared_whole() {
        let (provider, hash) = (default_provider(), Digest::new(&[9; 32]));
        let master = master(Randoms {
            client: [1; 32],
            server: [2; 32],
            extended: true,
        });
        let good = master.verify_data(&*provider, Role::Client, &hash);
        let verify = |sender, data: &[u8]| master.verify_finished(&*provider, sender, &hash, data);
        assert!(verify(Role::Client, &good));
        assert!(!verify(Role::Server, &good));
        assert!(!verify(Role::Client, &good[..11]));
    }
}
