//! A client that is shown certificates by somebody who sits on the path.
//!
//! In DTLS 1.2 they are not encrypted, so that anyone can change them. One server's flight serves
//! all clients, since all of them ask with the same random bytes.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use allocation_counter::measure;
use dtls::crypto::{
    AeadAlgorithm, AeadKey, CryptoError, CryptoProvider, Digest, Hash, HashAlgorithm, Hmac,
    KeyExchangeGroup, RecordNumberKey, SigningKey, SubjectPublicKey,
};
use dtls::{
    Certificate, Config, Connection, Error, PeerIdentity, ProtocolVersion, Role, SignatureScheme,
};

const CERTIFICATE: u8 = 11;

/// A server's first flight, and what clients need to receive it.
pub(crate) struct Stage {
    config: Arc<Config>,
    client_certificate: Arc<Certificate>,
    /// Type and body of each message.
    flight: Vec<(u8, Vec<u8>)>,
    now: Instant,
}

impl Stage {
    /// The flight of a server with this certificate.
    pub(crate) fn new(provider: &Arc<dyn CryptoProvider>, server: &Arc<Certificate>) -> Self {
        let provider: Arc<dyn CryptoProvider> = Arc::new(Repeating(Arc::clone(provider)));
        let client_certificate = Certificate::generate(&*provider).expect("a certificate");
        let config = Config::builder(provider)
            .versions(&[ProtocolVersion::DTLS1_2])
            .plaintext_patience(Duration::ZERO);
        let mut stage = Self {
            config: Arc::new(config.build().expect("a configuration that works")),
            client_certificate: Arc::new(client_certificate),
            flight: Vec::new(),
            now: Instant::now(),
        };
        let (mut client, hello) = stage.client(PeerIdentity::DangerousAny);
        let (role, peer) = (Role::Server, PeerIdentity::DangerousAny);
        let config = Arc::clone(&stage.config);
        let server = Connection::new(config, role, Arc::clone(server), peer, stage.now);
        let mut server = server.expect("a server");
        for mut datagram in hello {
            server
                .handle_datagram(stage.now, &mut datagram)
                .expect("a ClientHello");
        }
        stage.flight = messages(&transmit(&mut server, stage.now));
        for mut datagram in stage.with_certificates(None) {
            client
                .handle_datagram(stage.now, &mut datagram)
                .expect("the flight fits another client of the same random bytes");
        }
        stage
    }

    fn client(&self, peer: PeerIdentity) -> (Connection, Vec<Vec<u8>>) {
        let certificate = Arc::clone(&self.client_certificate);
        let config = Arc::clone(&self.config);
        let client = Connection::new(config, Role::Client, certificate, peer, self.now);
        let mut client = client.expect("a client");
        let hello = transmit(&mut client, self.now);
        (client, hello)
    }

    /// What a client makes of the flight with this Certificate message, and by how many bytes its
    /// heap grew on the way at most. Blocks that grow count twice while they move, as they do with
    /// the slowest allocator.
    pub(crate) fn present(&self, peer: PeerIdentity, message: &[u8]) -> (Result<(), Error>, usize) {
        let (mut client, _) = self.client(peer);
        let mut datagrams = self.with_certificates(Some(message));
        let mut result = Ok(());
        let heap = measure(|| {
            result = datagrams
                .iter_mut()
                .try_for_each(|datagram| client.handle_datagram(self.now, datagram));
        });
        (result, heap.bytes_max as usize)
    }

    /// The flight in datagrams of one fragment each.
    fn with_certificates(&self, message: Option<&[u8]>) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        for (message_seq, (kind, body)) in self.flight.iter().enumerate() {
            let replaced = message.filter(|_| *kind == CERTIFICATE);
            fragment(*kind, message_seq, replaced.unwrap_or(body), &mut datagrams);
        }
        datagrams
    }
}

/// The body of a Certificate message.
pub(crate) fn message(chain: &[&[u8]]) -> Vec<u8> {
    let entries = chain
        .iter()
        .map(|der| [u24(der.len()), der.to_vec()].concat());
    let list = entries.collect::<Vec<_>>().concat();
    [u24(list.len()), list].concat()
}

fn transmit(connection: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut buf = [0; 1500];
    let datagrams = std::iter::from_fn(|| {
        let length = connection.poll_transmit(now, &mut buf)?;
        Some(buf[..length].to_vec())
    });
    datagrams.collect()
}

fn u24(number: usize) -> Vec<u8> {
    (number as u32).to_be_bytes()[1..].to_vec()
}

/// The messages in the fragments of plaintext records, which come in order.
fn messages(datagrams: &[Vec<u8>]) -> Vec<(u8, Vec<u8>)> {
    let mut messages: Vec<(u8, Vec<u8>)> = Vec::new();
    for datagram in datagrams {
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let length = usize::from(u16::from_be_bytes([rest[11], rest[12]]));
            let (record, next) = rest.split_at(13 + length);
            let mut fragments = &record[13..];
            while !fragments.is_empty() {
                let number = |at: usize| {
                    let bytes = [0, fragments[at], fragments[at + 1], fragments[at + 2]];
                    u32::from_be_bytes(bytes) as usize
                };
                let (offset, length) = (number(6), number(9));
                let (fragment, next) = fragments.split_at(12 + length);
                if offset == 0 {
                    messages.push((fragment[0], Vec::new()));
                }
                let body = &mut messages.last_mut().expect("a first fragment").1;
                body.extend_from_slice(&fragment[12..]);
                fragments = next;
            }
            rest = next;
        }
    }
    messages
}

/// Cuts a message into records of epoch 0, a datagram each.
fn fragment(kind: u8, message_seq: usize, body: &[u8], datagrams: &mut Vec<Vec<u8>>) {
    const LENGTH: usize = 1200;
    let mut offset = 0;
    loop {
        let piece = &body[offset..body.len().min(offset + LENGTH)];
        let sequence_number = (datagrams.len() as u64).to_be_bytes();
        let length = (12 + piece.len()) as u16;
        datagrams.push(
            [
                &[22, 0xfe, 0xfd],
                &sequence_number[..],
                &length.to_be_bytes(),
                &[kind],
                &u24(body.len()),
                &(message_seq as u16).to_be_bytes(),
                &u24(offset),
                &u24(piece.len()),
                piece,
            ]
            .concat(),
        );
        offset += piece.len();
        if offset == body.len() {
            return;
        }
    }
}

/// A provider whose random bytes are always the same; keys are made as ever.
#[derive(Debug)]
struct Repeating(Arc<dyn CryptoProvider>);

impl CryptoProvider for Repeating {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.fill(7);
        Ok(())
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
        self.0.groups()
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
        self.0
            .verify_signature(scheme, public_key, message, signature)
    }

    fn generate_signing_key(&self) -> Result<Arc<dyn SigningKey>, CryptoError> {
        self.0.generate_signing_key()
    }

    fn load_signing_key(&self, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        self.0.load_signing_key(pkcs8)
    }
}
