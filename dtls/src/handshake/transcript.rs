//! The transcript: what both sides said, in the framing that each version hashes.
//!
//! DTLS 1.2 hashes messages with their 12-byte DTLS header as if they were never fragmented
//! (RFC 6347 §4.2.6), DTLS 1.3 with the 4-byte header of TLS (RFC 9147 §5.2). Which of the two is
//! known only after the ServerHello, and so is the hash function: until then messages are kept.

use super::message::Message;
use crate::crypto::{CryptoProvider, Digest, Hash, HashAlgorithm};
use crate::wire::{HandshakeType, ProtocolVersion, Writer};

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

    /// Adds a message of DTLS 1.3 that was sent before; its number is not hashed.
    pub(crate) fn add_sent(
        &mut self,
        message_type: HandshakeType,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        let mut body = Vec::new();
        write(&mut Writer::new(&mut body));
        self.add(message_type, 0, &body);
    }

    /// Starts hashing, once the ServerHello has named the version and the cipher suite.
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
        let algorithm = *algorithm;
        let first = std::mem::replace(hash, provider.hash(algorithm)).finish();
        *self = Self::after_retry(provider, algorithm, &first);
    }

    /// The transcript of DTLS 1.3 before the HelloRetryRequest is added; `first` is the hash of the
    /// first ClientHello.
    pub(crate) fn after_retry(
        provider: &dyn CryptoProvider,
        algorithm: HashAlgorithm,
        first: &Digest,
    ) -> Self {
        // RFC 8446 §4.4.1: message_hash || 00 00 Hash.length || Hash(ClientHello1).
        let first = first.as_ref();
        let mut hash = provider.hash(algorithm);
        hash.update(&header(HandshakeType::MESSAGE_HASH, 0, first.len())[..TLS_HEADER]);
        hash.update(first);
        Self::V13 { hash, algorithm }
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

/// The hash of a single message in the framing of DTLS 1.3.
pub(crate) fn hash_message(
    provider: &dyn CryptoProvider,
    algorithm: HashAlgorithm,
    message: &Message<'_>,
) -> Digest {
    let header = header(message.message_type, 0, message.body.len());
    provider.hash_once(algorithm, &[&header[..TLS_HEADER], message.body])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::default_provider;

    const HELLO: &[u8] = b"client hello";
    const ANSWER: &[u8] = b"server hello";

    fn transcript() -> Transcript {
        let mut transcript = Transcript::new();
        transcript.add(HandshakeType::CLIENT_HELLO, 1, HELLO);
        transcript
    }

    fn sha256(parts: &[&[u8]]) -> Digest {
        default_provider().hash_once(HashAlgorithm::Sha256, parts)
    }

    /// RFC 6347 §4.2.6: header with message_seq, as if not fragmented.
    #[test]
    fn dtls12_hashes_the_dtls_header() {
        let mut transcript = transcript();
        transcript.start(
            &*default_provider(),
            ProtocolVersion::DTLS1_2,
            HashAlgorithm::Sha256,
        );
        transcript.add(HandshakeType::SERVER_HELLO, 2, ANSWER);
        let headers = [
            [1, 0, 0, 12, 0, 1, 0, 0, 0, 0, 0, 12],
            [2, 0, 0, 12, 0, 2, 0, 0, 0, 0, 0, 12],
        ];
        let messages = [&headers[0], HELLO, &headers[1], ANSWER];
        assert_eq!(transcript.hash(), sha256(&messages));
        assert_eq!(transcript.messages(), messages.concat());
        transcript.forget_messages();
        assert!(transcript.messages().is_empty());
        assert_eq!(transcript.hash(), sha256(&messages));
    }

    /// RFC 9147 §5.2: the header of TLS, four bytes.
    #[test]
    fn dtls13_hashes_the_tls_header() {
        let mut transcript = transcript();
        transcript.start(
            &*default_provider(),
            ProtocolVersion::DTLS1_3,
            HashAlgorithm::Sha256,
        );
        transcript.add(HandshakeType::SERVER_HELLO, 7, ANSWER);
        let messages = [&[1, 0, 0, 12], HELLO, &[2, 0, 0, 12], ANSWER];
        assert_eq!(transcript.hash(), sha256(&messages));
    }

    /// RFC 6347 §4.2.1.
    #[test]
    fn a_hello_verify_request_and_what_went_before_are_forgotten() {
        let mut transcript = transcript();
        transcript.forget();
        transcript.add(HandshakeType::CLIENT_HELLO, 2, HELLO);
        transcript.start(
            &*default_provider(),
            ProtocolVersion::DTLS1_2,
            HashAlgorithm::Sha256,
        );
        let header = [1, 0, 0, 12, 0, 2, 0, 0, 0, 0, 0, 12];
        assert_eq!(transcript.hash(), sha256(&[&header, HELLO]));
    }

    /// RFC 8446 §4.4.1.
    #[test]
    fn a_retry_replaces_the_hello_by_its_hash() {
        let mut transcript = transcript();
        transcript.start(
            &*default_provider(),
            ProtocolVersion::DTLS1_3,
            HashAlgorithm::Sha256,
        );
        transcript.retry(&*default_provider());
        transcript.add(HandshakeType::SERVER_HELLO, 0, ANSWER);
        let hello = sha256(&[&[1, 0, 0, 12], HELLO]);
        let messages = [&[254, 0, 0, 32], hello.as_ref(), &[2, 0, 0, 12], ANSWER];
        assert_eq!(transcript.hash(), sha256(&messages));
    }
}
