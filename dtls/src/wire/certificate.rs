//! Certificate, CertificateRequest and CertificateVerify of both versions (RFC 5246 §7.4.2, §7.4.4,
//! §7.4.8; RFC 8446 §4.3.2, §4.4.2, §4.4.3).

use super::extensions::{RawExtensions, check_authorities, read_body, write_one};
use super::reader::{DecodeError, Reader, U24, Wire};
use super::{ExtensionType, List, SignatureScheme, Writer};

/// The most certificates that are taken from a peer: WebRTC endpoints show one, servers of the web
/// a handful. In a message of 16 KiB would be room for four thousand empty ones, and each costs the
/// list of their places more than its own bytes.
const MAX_CHAIN: usize = 32;

/// The certificates of DTLS 1.2, end entity first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate12<'a> {
    /// Each in DER, none empty.
    pub(crate) chain: Vec<&'a [u8]>,
}

impl<'a> Wire<'a> for Certificate12<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut list = reader.nested::<U24>()?;
        let mut chain = Vec::new();
        while !list.is_empty() {
            read_certificate(&mut list, &mut chain)?;
        }
        Ok(Self { chain })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.nested::<U24>(|writer| {
            for certificate in &self.chain {
                writer.vector::<U24>(certificate);
            }
        });
    }
}

/// The certificates of DTLS 1.3, end entity first; their extensions answer nothing of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate13<'a> {
    pub(crate) context: &'a [u8],
    /// Each in DER, none empty.
    pub(crate) chain: Vec<&'a [u8]>,
    /// An extension of a certificate. We ask for none, so that there must be none.
    pub(crate) extension: Option<ExtensionType>,
}

impl<'a> Wire<'a> for Certificate13<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let context = reader.vector::<u8>()?;
        let mut list = reader.nested::<U24>()?;
        let mut chain = Vec::new();
        let mut extension = None;
        while !list.is_empty() {
            read_certificate(&mut list, &mut chain)?;
            let extensions = RawExtensions::read(&mut list)?;
            extension = extension.or(extensions.types().next());
        }
        Ok(Self {
            context,
            chain,
            extension,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.vector::<u8>(self.context);
        writer.nested::<U24>(|writer| {
            for certificate in &self.chain {
                writer.vector::<U24>(certificate);
                writer.vector::<u16>(&[]);
            }
        });
    }
}

fn read_certificate<'a>(
    list: &mut Reader<'a>,
    chain: &mut Vec<&'a [u8]>,
) -> Result<(), DecodeError> {
    let certificate = list.vector::<U24>()?;
    if certificate.is_empty() || chain.len() == MAX_CHAIN {
        return Err(DecodeError::OutOfRange);
    }
    chain.push(certificate);
    Ok(())
}

/// The wish of a DTLS 1.2 server to see a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateRequest12<'a> {
    /// ClientCertificateType values: 1 for RSA, 64 for ECDSA and Ed25519.
    pub(crate) certificate_types: &'a [u8],
    pub(crate) signature_algorithms: List<'a, SignatureScheme>,
    /// Distinguished names, which say nothing where fingerprints are what counts.
    pub(crate) authorities: &'a [u8],
}

impl<'a> Wire<'a> for CertificateRequest12<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let certificate_types = reader.vector::<u8>()?;
        if certificate_types.is_empty() {
            return Err(DecodeError::OutOfRange);
        }
        let signature_algorithms = List::read::<u16>(reader)?;
        let authorities = reader.vector::<u16>()?;
        let mut names = Reader::new(authorities);
        while !names.is_empty() {
            names.vector::<u16>()?;
        }
        Ok(Self {
            certificate_types,
            signature_algorithms,
            authorities,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.vector::<u8>(self.certificate_types);
        self.signature_algorithms.write::<u16>(writer);
        writer.vector::<u16>(self.authorities);
    }
}

/// The wish of a DTLS 1.3 server to see a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateRequest13<'a> {
    pub(crate) context: &'a [u8],
    pub(crate) signature_algorithms: Option<List<'a, SignatureScheme>>,
}

impl<'a> Wire<'a> for CertificateRequest13<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let context = reader.vector::<u8>()?;
        let mut signature_algorithms = None;
        for (kind, body) in RawExtensions::read(reader)?.iter() {
            read_body(kind, body, |reader| {
                match kind {
                    ExtensionType::SIGNATURE_ALGORITHMS => {
                        signature_algorithms = Some(List::read::<u16>(reader)?);
                    }
                    ExtensionType::CERTIFICATE_AUTHORITIES => check_authorities(reader)?,
                    _ => drop(reader.rest()),
                }
                Ok(())
            })?;
        }
        Ok(Self {
            context,
            signature_algorithms,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.vector::<u8>(self.context);
        writer.nested::<u16>(|writer| {
            if let Some(schemes) = &self.signature_algorithms {
                write_one(writer, ExtensionType::SIGNATURE_ALGORITHMS, |writer| {
                    schemes.write::<u16>(writer);
                });
            }
        });
    }
}

/// A signature over the handshake, in both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateVerify<'a> {
    pub(crate) scheme: SignatureScheme,
    pub(crate) signature: &'a [u8],
}

impl<'a> Wire<'a> for CertificateVerify<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            scheme: SignatureScheme::read(reader)?,
            signature: reader.vector::<u16>()?,
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.scheme.write(writer);
        writer.vector::<u16>(self.signature);
    }
}
