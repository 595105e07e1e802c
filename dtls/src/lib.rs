//! DTLS 1.2 and 1.3 for DTLS-SRTP, client and server, without I/O.
#![forbid(unsafe_code)]

pub mod crypto;
mod fingerprint;
mod wire;

pub use fingerprint::{Fingerprint, FingerprintError};
pub use wire::{
    AlertDescription, CipherSuite, ContentType, DecodeError, ExtensionType, HandshakeType,
    NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile,
};
