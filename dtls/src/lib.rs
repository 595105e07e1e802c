//! DTLS 1.2 and 1.3 for DTLS-SRTP, client and server, without I/O.
#![forbid(unsafe_code)]

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

pub use certificate::{Certificate, CertificateError, Certificates};
pub use config::{
    ClientAuth, Config, ConfigBuilder, ConfigError, DEFAULT_MTU, MIN_MTU, PeerIdentity,
    RetransmitConfig, Role,
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
