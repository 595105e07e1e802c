//! The grammar of DTLS: a reader and a writer for every message and extension.
//!
//! Reading borrows: a message points into the bytes it was read from, is validated once, and its
//! lists are iterated without further errors. Trailing bytes are an error at the top level.

mod ack;
mod certificate;
mod client_hello;
mod enums;
mod extensions;
pub(crate) mod handshake;
mod hello_verify_request;
mod key_exchange;
mod list;
mod post_handshake;
mod reader;
mod server_hello;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use ack::Ack;
pub(crate) use certificate::{
    Certificate12, Certificate13, CertificateRequest12, CertificateRequest13, CertificateVerify,
};
pub(crate) use client_hello::{AlpnOffer, ClientExtensions, ClientHello};
pub use enums::{
    AlertDescription, AlertLevel, CipherSuite, ContentType, ExtensionType, HandshakeType,
    KeyUpdateRequest, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile,
};
pub(crate) use extensions::{KeyShareEntry, KeyShares, Protocols, RawExtensions, UseSrtp};
pub(crate) use hello_verify_request::HelloVerifyRequest;
pub(crate) use key_exchange::{ClientKeyExchange, ServerKeyExchange};
pub(crate) use list::List;
pub(crate) use post_handshake::{KeyUpdate, NewSessionTicket};
pub use reader::DecodeError;
pub(crate) use reader::{Reader, Wire};
pub(crate) use server_hello::{
    AlpnAnswer, EncryptedExtensions, ServerExtensions, ServerHello, ServerHelloDone, ServerKeyShare,
};
pub(crate) use writer::Writer;
