//! What a connection reports to its owner.

use std::sync::Arc;

use crate::fingerprint::Fingerprint;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SrtpProfile};

/// Something happened. Taken with [`Connection::poll_event`](crate::Connection::poll_event).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The peer presented a certificate and no fingerprint is known to compare it with: call
    /// [`Connection::set_peer_fingerprints`](crate::Connection::set_peer_fingerprints).
    FingerprintsNeeded,
    /// The handshake is complete and the peer is the one expected: keys can be exported,
    /// application data flows.
    Connected(Arc<ConnectionInfo>),
    /// One record of application data.
    ApplicationData(Vec<u8>),
    /// The keys of a direction changed (RFC 9147 §8).
    KeyUpdated(Direction),
    /// The keys of a direction will soon have protected all that they may, and DTLS 1.2 has no others
    /// to change to: a third of what AES-GCM is good for has been sent, or half as many forged records
    /// were received as end the connection. A new connection has new keys.
    KeysWearOut(Direction),
    /// The peer sent close_notify: nothing more will come from it.
    Closed,
}

/// A direction of traffic, from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What we receive.
    Read,
    /// What we send.
    Write,
}

/// What the handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// DTLS 1.2 or 1.3.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The key exchange group.
    pub group: NamedGroup,
    /// Whether the keys depend on all that was said before, certificates included: always, but in DTLS
    /// 1.2 with [`ConfigBuilder::dangerous_allow_plain_master_secret`](crate::ConfigBuilder::dangerous_allow_plain_master_secret).
    pub extended_master_secret: bool,
    /// The SRTP profile, if one was agreed on.
    pub srtp_profile: Option<SrtpProfile>,
    /// The MKI that both sides agreed on; mostly empty.
    pub mki: Vec<u8>,
    /// The application protocol, if one was agreed on.
    pub alpn: Option<Vec<u8>>,
    /// The host that the client asked for (RFC 6066 §3), as the client wrote it: compare without regard
    /// to case. On the server it is no more than a wish.
    pub server_name: Option<String>,
    /// The peer's end-entity certificate in DER; `None` if a client had none to show.
    pub peer_certificate: Option<Vec<u8>>,
    /// The SHA-256 fingerprint of the peer's certificate.
    pub peer_fingerprint: Option<Fingerprint>,
    /// The SHA-256 fingerprint of our certificate.
    pub local_fingerprint: Fingerprint,
}
