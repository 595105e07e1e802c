//! The peer's certificate, of which nothing counts but the fingerprint of the whole and the public key inside.
//!
//! So it is read in place up to the key, and what stands in names, dates and extensions is not looked at: a reader that made
//! structures of them would hold thirty times the bytes of a certificate with two thousand empty extensions.

use der::asn1::{AnyRef, BitStringRef};
use der::oid::ObjectIdentifier;
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use spki::SubjectPublicKeyInfoRef;

use crate::crypto::{PublicKeyAlgorithm, SubjectPublicKey};
use crate::error::Error;

/// A certificate that the peer presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate {
    der: Vec<u8>,
    algorithm: PublicKeyAlgorithm,
    public_key: Vec<u8>,
}

const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The longest key in bytes: an RSAPublicKey of 8192 bits, the most that providers take, in DER. Its modulus has 1024 bytes, a
/// zero before them and four of head; its exponent up to five and two of head; the whole four of head.
const MAX_PUBLIC_KEY: usize = 4 + 4 + 1 + 1024 + 2 + 5;

impl PeerCertificate {
    /// Reads the public key. Who issued the certificate and until when says nothing here, and its
    /// own signature is not looked at: unsigned certificates (RFC 9925) are as good as others.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, Error> {
        let spki = public_key_info(der).map_err(|_| Error::MalformedCertificate)?;
        let algorithm = key_algorithm(&spki).ok_or(Error::UnsupportedCertificateKey)?;
        let public_key = spki
            .subject_public_key
            .as_bytes()
            .ok_or(Error::MalformedCertificate)?;
        if public_key.len() > MAX_PUBLIC_KEY {
            return Err(Error::UnsupportedCertificateKey);
        }
        Ok(Self {
            der: der.to_vec(),
            algorithm,
            public_key: public_key.to_vec(),
        })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) fn spki(&self) -> SubjectPublicKey<'_> {
        SubjectPublicKey {
            algorithm: self.algorithm,
            bytes: &self.public_key,
        }
    }
}

/// The kind of key in a SubjectPublicKeyInfo, if it is one that can sign a handshake here.
pub(super) fn key_algorithm(spki: &SubjectPublicKeyInfoRef<'_>) -> Option<PublicKeyAlgorithm> {
    let parameters = spki.algorithm.parameters.as_ref();
    let curve = parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    Some(match (spki.algorithm.oid, curve) {
        (ID_EC_PUBLIC_KEY, Some(SECP256R1)) => PublicKeyAlgorithm::EcdsaP256,
        (ID_EC_PUBLIC_KEY, Some(SECP384R1)) => PublicKeyAlgorithm::EcdsaP384,
        (ID_ED25519, _) => PublicKeyAlgorithm::Ed25519,
        (RSA_ENCRYPTION, _) => PublicKeyAlgorithm::Rsa,
        _ => return None,
    })
}

/// RFC 5280 §4.1: finds the subjectPublicKeyInfo of a certificate.
pub(super) fn public_key_info(der: &[u8]) -> der::Result<SubjectPublicKeyInfoRef<'_>> {
    let mut reader = SliceReader::new(der)?;
    let spki = reader.sequence(|certificate| {
        let spki = certificate.sequence(to_be_signed)?;
        element(certificate, Tag::Sequence)?;
        BitStringRef::decode(certificate)?;
        Ok::<_, der::Error>(spki)
    })?;
    reader.finish()?;
    Ok(spki)
}

/// The fields of a TBSCertificate: of those around the key only that they are there.
fn to_be_signed<'a>(reader: &mut SliceReader<'a>) -> der::Result<SubjectPublicKeyInfoRef<'a>> {
    let version = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(0),
    };
    if Tag::peek(reader)? == version {
        element(reader, version)?;
    }
    // serialNumber, signature, issuer, validity, subject.
    element(reader, Tag::Integer)?;
    for _ in 0..4 {
        element(reader, Tag::Sequence)?;
    }
    let spki = SubjectPublicKeyInfoRef::decode(reader)?;
    // The unique identifiers and the extensions.
    while !reader.is_finished() {
        AnyRef::decode(reader)?;
    }
    Ok(spki)
}

/// Passes over an element, whose tag must be this one.
fn element(reader: &mut SliceReader<'_>, tag: Tag) -> der::Result<()> {
    AnyRef::decode(reader)?.tag().assert_eq(tag).map(drop)
}

#[cfg(test)]
mod tests {
    use der::Encode as _;
    use spki::AlgorithmIdentifier;

    use super::super::unsigned;
    use super::*;
    use crate::crypto::{CryptoError, SigningKey, default_provider};
    use crate::wire::SignatureScheme;

    /// Nothing but a SubjectPublicKeyInfo.
    #[derive(Debug)]
    struct Public(Vec<u8>);

    impl SigningKey for Public {
        fn schemes(&self) -> &[SignatureScheme] {
            &[]
        }

        fn sign(&self, _: SignatureScheme, _: &[u8]) -> Result<Vec<u8>, CryptoError> {
            Err(CryptoError::UnsupportedScheme)
        }

        fn spki_der(&self) -> &[u8] {
            &self.0
        }
    }

    fn with_rsa_key(key: &[u8]) -> Vec<u8> {
        let spki = SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifier {
                oid: RSA_ENCRYPTION,
                parameters: Some(AnyRef::NULL),
            },
            subject_public_key: BitStringRef::from_bytes(key).expect("whole bytes"),
        };
        let key = Public(spki.to_der().expect("DER"));
        unsigned::make(&*default_provider(), &key).expect("a certificate")
    }

    /// T-NEG-15: an RSAPublicKey of 8192 bits with an exponent of 33 bits has 1040 bytes.
    #[test]
    fn t_neg_15_the_longest_key() {
        let longest = [0x30; 1040];
        let parsed = PeerCertificate::parse(&with_rsa_key(&longest)).expect("not too long");
        let key = SubjectPublicKey {
            algorithm: PublicKeyAlgorithm::Rsa,
            bytes: &longest,
        };
        assert_eq!(parsed.spki(), key);
        let longer = PeerCertificate::parse(&with_rsa_key(&[0x30; 1041]));
        assert_eq!(longer, Err(Error::UnsupportedCertificateKey));
    }
}
