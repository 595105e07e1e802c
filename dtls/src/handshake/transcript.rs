//! The transcript: what both sides said, in the framing that each version hashes.
//!
//! DTLS 1.2 hashes messages with their 12-byte DTLS header as if they were never fragmented
//! (RFC 6347 §4.2.6), DTLS 1.3 with the 4-byte header of TLS (RFC 9147 §5.2). Which of the two is
//! known only after the ServerHello, and so is the hash function: until then messages are kept.

use crate::crypto::{CryptoProvider, Digest, Hash, HashAlgorithm};
use crate::wire::{HandshakeType, ProtocolVersion};

/// Messages so far, or their running hash.
#[derive(Debug)]
pub(crate) enum Transcript {
    /// The version is not known yet: messages in the framing of DTLS 1.2.
    Kept(Vec<u8>),
    /// DTLS 1.2: a running hash, and the messages for a CertificateVerify, which signs them with
    /// a hash function of its own (RFC 5246 §7.4.8).
    V12 {
        hash: Box<dyn Hash>,
        messages: Vec<u8>,
    },
    /// DTLS 1.3.
    V13 {
        hash: Box<dyn Hash>,
        algorithm: HashAlgorithm,
    },
    /// The handshake is over.
    Released,
}

/// The length of a DTLS handshake header, and of that part of it that TLS also has.
const DTLS_HEADER: usize = 12;
const TLS_HEADER: usize = 4;

impl Transcript {
    pub(crate) fn new() -> Self {
        Self::Kept(Vec::new())
    }

    /// Adds a message, sent or received.
    pub(crate) fn add(&mut self, message_type: HandshakeType, message_seq: u16, body: &[u8]) {
        let header = header(message_type, message_seq, body.len());
        match self {
            Self::Kept(messages) => {
                messages.extend_from_slice(&header);
                messages.extend_from_slice(body);
            }
            Self::V12 { hash, messages } => {
                hash.update(&header);
                hash.update(body);
                if !messages.is_empty() {
                    messages.extend_from_slice(&header);
                    messages.extend_from_slice(body);
                }
            }
            Self::V13 { hash, .. } => {
                hash.update(&header[..TLS_HEADER]);
                hash.update(body);
            }
            Self::Released => {}
        }
    }

    /// Forgets all messages: the first ClientHello and the HelloVerifyRequest do not count.
    pub(crate) fn forget(&mut self) {
        // RFC 6347 §4.2.1: the initial ClientHello and HelloVerifyRequest are not in the hash.
        *self = Self::new();
    }

    /// Starts hashing, once the ServerHello has told version and cipher suite.
    pub(crate) fn start(
        &mut self,
        provider: &dyn CryptoProvider,
        version: ProtocolVersion,
        algorithm: HashAlgorithm,
    ) {
        let Self::Kept(messages) = self else { return };
        let messages = std::mem::take(messages);
        let mut hash = provider.hash(algorithm);
        if version == ProtocolVersion::DTLS1_2 {
            hash.update(&messages);
            *self = Self::V12 { hash, messages };
            return;
        }
        for (header, body) in kept_messages(&messages) {
            hash.update(&header[..TLS_HEADER]);
            hash.update(body);
        }
        *self = Self::V13 { hash, algorithm };
    }

    /// Replaces the first ClientHello by its hash, before the HelloRetryRequest is added.
    pub(crate) fn retry(&mut self, provider: &dyn CryptoProvider) {
        let Self::V13 { hash, algorithm } = self else {
            return;
        };
        // RFC 8446 §4.4.1: message_hash || 00 00 Hash.length || Hash(ClientHello1).
        let client_hello = std::mem::replace(hash, provider.hash(*algorithm)).finish();
        let client_hello = client_hello.as_ref();
        hash.update(&header(HandshakeType::MESSAGE_HASH, 0, client_hello.len())[..TLS_HEADER]);
        hash.update(client_hello);
    }

    /// The hash of all messages so far. Hashing must have started.
    pub(crate) fn hash(&self) -> Digest {
        match self {
            Self::V12 { hash, .. } | Self::V13 { hash, .. } => hash.clone_box().finish(),
            Self::Kept(_) | Self::Released => {
                unreachable!("invariant: states hash the transcript only during the handshake")
            }
        }
    }

    /// The DTLS 1.2 messages so far, which a CertificateVerify signs.
    pub(crate) fn messages(&self) -> &[u8] {
        match self {
            Self::V12 { messages, .. } => messages,
            _ => &[],
        }
    }

    /// Drops the DTLS 1.2 messages once no CertificateVerify can come any more.
    pub(crate) fn forget_messages(&mut self) {
        if let Self::V12 { messages, .. } = self {
            *messages = Vec::new();
        }
    }

    /// Drops everything at the end of the handshake.
    pub(crate) fn release(&mut self) {
        *self = Self::Released;
    }
}

/// The header of an unfragmented message: type, length, message_seq, offset 0, the length again.
fn header(message_type: HandshakeType, message_seq: u16, length: usize) -> [u8; DTLS_HEADER] {
    let [_, a, b, c] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let [d, e] = message_seq.to_be_bytes();
    [message_type.0, a, b, c, d, e, 0, 0, 0, a, b, c]
}

/// Splits what `add` kept into headers and bodies.
fn kept_messages(mut kept: &[u8]) -> impl Iterator<Item = (&[u8; DTLS_HEADER], &[u8])> {
    std::iter::from_fn(move || {
        let (header, rest) = kept.split_first_chunk::<DTLS_HEADER>()?;
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]);
        let (body, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        kept = rest;
        Some((header, body))
    })
}
