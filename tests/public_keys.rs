//! Public-key operations are for peers whose address is proved.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dtls::crypto::{
    ActiveKeyExchange, AeadAlgorithm, AeadKey, CryptoError, CryptoProvider, Digest, Hash,
    HashAlgorithm, Hmac, KeyExchangeGroup, RecordNumberKey, SharedSecret, SigningKey,
    SubjectPublicKey, default_provider,
};
use dtls::{AddressProof, Certificate, Config, Connection, NamedGroup, PeerIdentity, Role};
use dtls::{SignatureScheme, Verdict};
use portcullis::{IceMode, Path};
use support::{Terms, caller_address, exchange, server_address};

/// Key exchanges, signatures and verifications so far.
static OPERATIONS: AtomicUsize = AtomicUsize::new(0);

fn count() {
    OPERATIONS.fetch_add(1, Ordering::Relaxed);
}

/// A provider that counts what costs a public-key operation.
#[derive(Debug)]
struct Counting(Arc<dyn CryptoProvider>);

#[derive(Debug)]
struct CountingGroup(&'static dyn KeyExchangeGroup);

#[derive(Debug)]
struct CountingKey(Arc<dyn SigningKey>);

static GROUPS: LazyLock<&'static [&'static dyn KeyExchangeGroup]> = LazyLock::new(|| {
    let groups = default_provider().groups().iter().map(|group| {
        let group: &'static dyn KeyExchangeGroup = Box::leak(Box::new(CountingGroup(*group)));
        group
    });
    Box::leak(groups.collect())
});

impl CryptoProvider for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.fill_random(out)
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Box<dyn Hash> {
        self.0.hash(algorithm)
    }

    fn hash_once(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest {
        self.0.hash_once(algorithm, parts)
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Hmac> {
        self.0.hmac(algorithm, key)
    }

    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn AeadKey> {
        self.0.aead(algorithm, key)
    }

    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn RecordNumberKey> {
        self.0.record_number_key(algorithm, key)
    }

    fn groups(&self) -> &'static [&'static dyn KeyExchangeGroup] {
        &GROUPS
    }

    fn signature_schemes(&self) -> &'static [SignatureScheme] {
        self.0.signature_schemes()
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        public_key: SubjectPublicKey<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        count();
        self.0
            .verify_signature(scheme, public_key, message, signature)
    }

    fn generate_signing_key(&self) -> Result<Arc<dyn SigningKey>, CryptoError> {
        count();
        Ok(Arc::new(CountingKey(self.0.generate_signing_key()?)))
    }

    fn load_signing_key(&self, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        Ok(Arc::new(CountingKey(self.0.load_signing_key(pkcs8)?)))
    }
}

impl KeyExchangeGroup for CountingGroup {
    fn name(&self) -> NamedGroup {
        self.0.name()
    }

    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        count();
        self.0.start()
    }

    fn respond(&self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        count();
        self.0.respond(peer_share)
    }
}

impl SigningKey for CountingKey {
    fn schemes(&self) -> &[SignatureScheme] {
        self.0.schemes()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        count();
        self.0.sign(scheme, message)
    }

    fn spki_der(&self) -> &[u8] {
        self.0.spki_der()
    }
}

/// The datagrams of a ClientHello.
fn client_hello(now: Instant) -> Vec<Vec<u8>> {
    let provider = default_provider();
    let ours = Arc::new(Certificate::generate(&*provider).expect("a certificate"));
    let config = Arc::new(Config::new(provider).expect("a configuration that works"));
    let (role, peer) = (Role::Client, PeerIdentity::DangerousAny);
    let mut client = Connection::new(config, role, ours, peer, now).expect("a client");
    let mut buf = [0; 1500];
    let datagrams = std::iter::from_fn(|| {
        let length = client.poll_transmit(now, &mut buf)?;
        Some(buf[..length].to_vec())
    });
    datagrams.collect()
}

/// T-DOS-03: a ClientHello over a path that ICE has not validated, or without a cookie where there is
/// no ICE, costs none. A real handshake shows that they would be counted.
#[test]
fn t_dos_03_none_before_the_address_is_proved() {
    let now = Instant::now();
    let hello = client_hello(now);
    let config = Config::builder(Arc::new(Counting(default_provider()))).build();
    let config = Arc::new(config.expect("a configuration that works"));

    let mut server = Terms::DEFAULT.config(IceMode::Lite, server_address());
    server.dtls = Arc::clone(&config);
    let caller = Terms::DEFAULT.config(IceMode::Controlling, caller_address());
    let [mut caller, mut server] = support::connected(now, caller, server);
    let mut proof = AddressProof::new(config, now).expect("random bytes");

    let before = OPERATIONS.load(Ordering::Relaxed);
    for number in 0..500_u16 {
        let from = ([203, 0, 113, 7], 1024 + number).into();
        for datagram in &hello {
            let path = Path::udp(server_address(), from);
            let mut copy = datagram.clone();
            let received = server.handle_datagram(now, path, &mut copy);
            assert!(received.is_ok(), "{received:?}");
            let verdict = proof.handle_datagram(now, from, datagram);
            assert!(!matches!(verdict, Verdict::Proven(_)), "{verdict:?}");
        }
    }
    assert_eq!(OPERATIONS.load(Ordering::Relaxed), before);

    for round in 0..20 {
        exchange(
            now + Duration::from_millis(60 * round),
            &mut caller,
            &mut server,
        );
    }
    // Key exchange, our signature, the peer's signature.
    assert!(OPERATIONS.load(Ordering::Relaxed) >= before + 3);
}
