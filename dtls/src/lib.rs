//! DTLS 1.2 and 1.3 for DTLS-SRTP (RFC 6347, RFC 9147, RFC 5763, RFC 5764), client and server,
//! without I/O.
//!
//! A [`Connection`] is fed with datagrams and instants, and gives out datagrams, events and the
//! time at which it wants to be woken. It opens no socket, reads no clock and starts no thread.
//! Who the peer must be is part of its construction: there are no keys, and no application data,
//! before the peer's certificate matched one of the fingerprints of its SDP.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//!
//! use dtls::{Certificate, Config, Connection, PeerIdentity, Role, crypto};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = crypto::default_provider();
//! let config = Arc::new(Config::new(Arc::clone(&provider))?);
//! let ours = Arc::new(Certificate::generate(&*provider)?);
//! let theirs = Arc::new(Certificate::generate(&*provider)?);
//! // Each side learns the other's fingerprint from its SDP.
//! let know = |other: &Certificate| PeerIdentity::Fingerprints(vec![other.fingerprint_sha256()]);
//! let now = Instant::now();
//! let (role, peer) = (Role::Client, know(&theirs));
//! let mut client = Connection::new(Arc::clone(&config), role, Arc::clone(&ours), peer, now)?;
//! let (role, peer) = (Role::Server, know(&ours));
//! let mut server = Connection::new(config, role, theirs, peer, now)?;
//!
//! // A transport would carry the datagrams; here they go across by hand.
//! let mut datagram = [0; 1500];
//! while client.info().is_none() || server.info().is_none() {
//!     while let Some(length) = client.poll_transmit(now, &mut datagram) {
//!         server.handle_datagram(now, &mut datagram[..length])?;
//!     }
//!     while let Some(length) = server.poll_transmit(now, &mut datagram) {
//!         client.handle_datagram(now, &mut datagram[..length])?;
//!     }
//! }
//! let keys = client.srtp_keying_material().expect("connected, with an SRTP profile");
//! assert_eq!(keys.as_bytes(), server.srtp_keying_material().expect("the same").as_bytes());
//! # Ok(())
//! # }
//! ```
//!
//! # Without SRTP
//!
//! DTLS for data (CoAP, games, telemetry, a VPN) needs [`ConfigBuilder::for_data`]: by default a peer that knows
//! no `use_srtp` is refused, since a call without it would have a connection and no media
//! ([`ConfigBuilder::srtp_required`]).
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Instant;
//! use dtls::{Certificate, Config, Connection, Event, PeerIdentity, Role, crypto};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = crypto::default_provider();
//! let config = Arc::new(Config::builder(Arc::clone(&provider)).for_data().build()?);
//! let ours = Arc::new(Certificate::generate(&*provider)?);
//! let theirs = Arc::new(Certificate::generate(&*provider)?);
//! let know = |other: &Certificate| PeerIdentity::Fingerprints(vec![other.fingerprint_sha256()]);
//! let now = Instant::now();
//! let peer = know(&theirs);
//! let mut client = Connection::new(Arc::clone(&config), Role::Client, Arc::clone(&ours), peer, now)?;
//! let mut server = Connection::new(config, Role::Server, theirs, know(&ours), now)?;
//! # let mut datagram = [0; 1500];
//! # for _ in 0..8 {
//! #     while let Some(length) = client.poll_transmit(now, &mut datagram) {
//! #         server.handle_datagram(now, &mut datagram[..length])?;
//! #     }
//! #     while let Some(length) = server.poll_transmit(now, &mut datagram) {
//! #         client.handle_datagram(now, &mut datagram[..length])?;
//! #     }
//! # }
//! // ... datagrams go back and forth, until both have told of `Event::Connected` ...
//! client.send(now, b"21.5 degrees")?;
//! let length = client.poll_transmit(now, &mut datagram).expect("a record");
//! server.handle_datagram(now, &mut datagram[..length])?;
//! let events = std::iter::from_fn(|| server.poll_event());
//! assert!(events.into_iter().any(|event| event == Event::ApplicationData(b"21.5 degrees".into())));
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! `connection` owns all others and has the public verbs; `address_proof` stands before it where
//! there is no ICE; `handshake` knows what messages mean;
//! `flight` sees to it that they arrive; `record` protects them; `wire` is their grammar; [`crypto`]
//! is the border to libraries of cryptographic primitives. Each names only those after it.
//!
//! # Decisions
//!
//! - The server's own order decides: for versions, cipher suites, groups, SRTP profiles and
//!   application protocols. A HelloRetryRequest is sent if no share of the client can be used, and for
//!   X25519MLKEM768 if we want it most and the client has it ([`ConfigBuilder::post_quantum_retry`]).
//! - A client of DTLS 1.3 offers its first group with a share, by default X25519MLKEM768 and the
//!   X25519 share that is a part of it.
//! - No common SRTP profile ends the handshake, unless [`ConfigBuilder::srtp_required`] says no:
//!   RFC 5764 §4.1.1 would let it become a connection without SRTP.
//! - A ChangeCipherSpec of the peer has no effect: the epoch of a record selects its keys, and keys
//!   are installed as soon as the key exchange and the signatures over it are checked.
//! - Plaintext is heard until the first protected record of the peer came, and nobody vouches for it
//!   (RFC 6347 §4.1.2.7, RFC 9147 §4.5.2): what breaks the rules is dropped and counted, fragments
//!   that disagree are kept apart until one message is whole and has the grammar that is due, and an
//!   alert ends a handshake that does not go on within 2 s, as a peer without keys has no other way
//!   to refuse ([`ConfigBuilder::plaintext_patience`]). A whole message that is in turn and has its grammar is
//!   believed: a forged hello in the place of the peer's still ends a handshake.
//! - Flights are kept as messages and packed anew for each transmission: as many as fit share a
//!   record and a datagram. Only in plaintext each message has a record of its own, since some
//!   DTLS 1.2 stacks read no more. A transmission is not cut to ten records (RFC 9147 §5.8.3): the
//!   flights of a handshake stay below that at every common MTU.
//! - Losses are repaired as soon as anything shows them ([`Recovery::Prompt`]): records that come
//!   before their keys are kept, gaps are acknowledged at once, what an ACK lacks is sent at once, a
//!   part of a flight asks for its rest after a quarter of the first wait, and the first three
//!   retransmissions have two copies each. What plaintext draws so, before the peer's first protected record, is at
//!   most three times its bytes. The first wait is 1.5 round trips of the handshake, where that is less than
//!   the setting.
//! - Retransmission has no jitter, and counts as due up to 15 ms early. From the third one on
//!   datagrams are smaller ([`ConfigBuilder::fallback_mtu`]). A final flight of DTLS 1.2 that the
//!   peer asks for again is followed by two copies, which decides whether the last exchange ends
//!   in time where a third of the datagrams gets lost.
//! - With [`PeerIdentity::Later`] the handshake runs to its end on the wire; what is held is
//!   [`Event::Connected`], exported keys and application data, in both directions.
//!
//! # Left out
//!
//! - Renegotiation (RFC 8827 §6.5 forbids it; who asks is told no_renegotiation), compression, CBC, static RSA and finite-field
//!   Diffie-Hellman suites, DTLS 1.0, and DTLS 1.2 without the extended master secret, unless
//!   [`ConfigBuilder::dangerous_allow_plain_master_secret`] lets it in.
//! - Session resumption, PSKs and early data: tickets are read and forgotten. A call that comes
//!   back makes a new handshake.
//! - Connection IDs (RFC 9146, RFC 9147 §9): ICE keeps track of paths. Post-handshake
//!   authentication (RFC 8446 §4.6.2).
//! - `external_id_hash` and `external_session_id` (RFC 8844): a certificate for each connection,
//!   which is the rule of WebRTC, leaves an unknown key-share attack nothing to confuse.
//! - The trust in issuers and the validity of certificates: fingerprints are what counts. Who
//!   needs more brings a [`CertificateVerifier`].
#![forbid(unsafe_code)]

mod address_proof;
mod certificate;
mod config;
mod connection;
pub mod crypto;
mod error;
mod event;
mod fingerprint;
mod flight;
mod handshake;
mod keylog;
mod record;
mod stats;
mod wire;

pub use address_proof::{AddressProof, AddressProofStatistics, ProvenHello, Verdict};
pub use certificate::{Certificate, CertificateError, Certificates};
pub use config::{
    ClientAuth, Config, ConfigBuilder, ConfigError, DEFAULT_MTU, MIN_MTU, PeerIdentity,
    PostQuantumRetry, Recovery, RetransmitConfig, Role,
};
pub use connection::Connection;
pub use error::{Error, ExportError, SendError};
pub use event::{ConnectionInfo, Direction, Event};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use handshake::{CertificateVerifier, SrtpKeyingMaterial};
pub use keylog::KeyLog;
pub use stats::{Discard, Statistics};
pub use wire::{
    AlertDescription, AlertLevel, CipherSuite, ContentType, DecodeError, ExtensionType,
    HandshakeType, KeyUpdateRequest, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile,
};
