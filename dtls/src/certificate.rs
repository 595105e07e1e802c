//! Certificates: ours with its key, and what we read of the peer's.

mod peer;
mod restricted;
mod unsigned;

use std::fmt;
use std::sync::Arc;

use der::{Decode as _, Encode as _, pem};
use spki::SubjectPublicKeyInfoRef;

pub(crate) use self::peer::PeerCertificate;
use crate::crypto::{CryptoError, CryptoProvider, PublicKeyAlgorithm, SigningKey};
use crate::fingerprint::Fingerprint;
use crate::wire::SignatureScheme;

/// A certificate chain and the key that proves its possession.
#[derive(Clone)]
pub struct Certificate {
    chain: Vec<Vec<u8>>,
    signing_key: Arc<dyn SigningKey>,
}

/// The certificates that an endpoint can show, the preferred first: the handshake takes the first
/// whose key the peer can verify. One is enough for WebRTC, where both sides do ECDSA P-256.
#[derive(Clone, Debug)]
pub struct Certificates(pub(crate) Vec<Arc<Certificate>>);

impl From<Arc<Certificate>> for Certificates {
    fn from(certificate: Arc<Certificate>) -> Self {
        Self(vec![certificate])
    }
}

impl From<Vec<Arc<Certificate>>> for Certificates {
    fn from(certificates: Vec<Arc<Certificate>>) -> Self {
        Self(certificates)
    }
}

/// Why a certificate of ours can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A text is not PEM.
    #[error("malformed PEM")]
    MalformedPem,
    /// There is no certificate, or the first one is not X.509.
    #[error("malformed certificate")]
    MalformedCertificate,
    /// The private key does not belong to the certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The provider can't make or load the key.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The certificate could not be made.
    #[error("the certificate could not be made")]
    Generation,
}

impl Certificate {
    /// A new self-signed certificate with a new ECDSA P-256 key, as WebRTC endpoints make one for
    /// each call (RFC 8827 §6.5).
    ///
    /// It does not expire (RFC 5280 §4.1.2.5): who checks fingerprints does not check dates, and
    /// so no clock is read.
    ///
    /// # Errors
    /// [`CertificateError::Crypto`] if there are no random bytes.
    #[cfg(feature = "rcgen")]
    pub fn generate(provider: &dyn CryptoProvider) -> Result<Self, CertificateError> {
        let signing_key = provider.generate_signing_key()?;
        let der = self_signed::make(provider, &*signing_key)?;
        Ok(Self {
            chain: vec![der],
            signing_key,
        })
    }

    /// A new unsigned certificate (RFC 9925) with a new ECDSA P-256 key: 70 bytes and a signature
    /// less than [`Certificate::generate`]. Browsers take it; stacks that look at more than the
    /// fingerprint may not.
    ///
    /// # Errors
    /// [`CertificateError::Crypto`] if there are no random bytes.
    pub fn generate_unsigned(provider: &dyn CryptoProvider) -> Result<Self, CertificateError> {
        let signing_key = provider.generate_signing_key()?;
        let der = unsigned::make(provider, &*signing_key)?;
        Ok(Self {
            chain: vec![der],
            signing_key,
        })
    }

    /// A certificate chain and a PKCS#8 key, both in DER; the end entity goes first.
    ///
    /// # Errors
    /// Every [`CertificateError`] but that of PEM.
    pub fn from_der(
        chain: Vec<Vec<u8>>,
        pkcs8: &[u8],
        provider: &dyn CryptoProvider,
    ) -> Result<Self, CertificateError> {
        let signing_key = provider.load_signing_key(pkcs8)?;
        let end_entity = chain
            .first()
            .ok_or(CertificateError::MalformedCertificate)?;
        let spki = peer::public_key_info(end_entity)
            .and_then(|spki| spki.to_der())
            .map_err(|_| CertificateError::MalformedCertificate)?;
        // The two must belong together, or every handshake would fail late and for no clear reason.
        if spki != signing_key.spki_der() {
            return Err(CertificateError::KeyMismatch);
        }
        Ok(Self { chain, signing_key })
    }

    /// A certificate chain and a PKCS#8 key, both in PEM; the end entity goes first.
    ///
    /// # Errors
    /// Every [`CertificateError`].
    pub fn from_pem(
        chain: &str,
        key: &str,
        provider: &dyn CryptoProvider,
    ) -> Result<Self, CertificateError> {
        let (label, pkcs8) =
            pem::decode_vec(key.as_bytes()).map_err(|_| CertificateError::MalformedPem)?;
        if label != "PRIVATE KEY" {
            return Err(CryptoError::UnsupportedKey.into());
        }
        let pkcs8 = zeroize::Zeroizing::new(pkcs8);
        let chain = pem_chain(chain)?;
        Self::from_der(chain, &pkcs8, provider)
    }

    /// The same certificate, whose key signs with these schemes alone, the preferred first. Schemes that
    /// the key can't do are left out.
    #[must_use]
    pub fn with_signature_schemes(self, schemes: &[SignatureScheme]) -> Self {
        let signing_key = restricted::restrict(self.signing_key, schemes);
        Self {
            chain: self.chain,
            signing_key,
        }
    }

    /// The certificates in DER, end entity first.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(Vec::as_slice)
    }

    /// The fingerprint for the SDP.
    #[must_use]
    pub fn fingerprint_sha256(&self) -> Fingerprint {
        Fingerprint::sha256(self.end_entity())
    }

    /// The end entity's certificate in DER.
    #[must_use]
    pub fn end_entity(&self) -> &[u8] {
        self.chain.first().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn signing_key(&self) -> &dyn SigningKey {
        &*self.signing_key
    }

    /// The kind of its key; `None` for one that only a provider of the application's own knows.
    pub(crate) fn key_algorithm(&self) -> Option<PublicKeyAlgorithm> {
        let spki = SubjectPublicKeyInfoRef::from_der(self.signing_key.spki_der()).ok()?;
        peer::key_algorithm(&spki)
    }
}

/// The certificates of a PEM file, byte for byte: written anew, one that is not quite DER would get
/// another fingerprint and a signature that does not fit.
fn pem_chain(text: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = text.split_inclusive(END);
    let decode = |block: &str| match pem::decode_vec(block.as_bytes()) {
        Ok(("CERTIFICATE", der)) => Ok(der),
        _ => Err(CertificateError::MalformedPem),
    };
    // Text after the last certificate is a comment, unless it begins another.
    blocks
        .filter(|block| block.contains("-----BEGIN"))
        .map(decode)
        .collect()
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("fingerprint", &self.fingerprint_sha256())
            .finish_non_exhaustive()
    }
}

/// A serial number. Nobody looks these certificates up by it: 63 random bits keep them apart, and
/// each byte goes over the wire in every handshake.
fn serial_number(provider: &dyn CryptoProvider) -> Result<[u8; 8], CryptoError> {
    let mut serial = [0; 8];
    provider.fill_random(&mut serial)?;
    // RFC 5280 §4.1.2.2: positive.
    serial[0] &= 0x7f;
    Ok(serial)
}

/// Self-signed certificates through `rcgen`, signed with the provider's key.
#[cfg(feature = "rcgen")]
mod self_signed {
    use rcgen::{CertificateParams, DnType, PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd};

    use super::{CertificateError, CryptoProvider, SigningKey, serial_number};
    use crate::wire::SignatureScheme;

    /// An uncompressed P-256 point, the end of the SubjectPublicKeyInfo.
    const POINT: usize = 65;

    pub(super) fn make(
        provider: &dyn CryptoProvider,
        key: &dyn SigningKey,
    ) -> Result<Vec<u8>, CertificateError> {
        let serial = serial_number(provider)?;
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, "WebRTC");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(9999, 12, 31);
        let certificate = params
            .self_signed(&RemoteKey(key))
            .map_err(|_| CertificateError::Generation)?;
        Ok(certificate.der().to_vec())
    }

    /// Lends the provider's key to `rcgen`.
    struct RemoteKey<'a>(&'a dyn SigningKey);

    impl rcgen::PublicKeyData for RemoteKey<'_> {
        fn der_bytes(&self) -> &[u8] {
            let spki = self.0.spki_der();
            spki.get(spki.len().saturating_sub(POINT)..)
                .unwrap_or_default()
        }

        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &PKCS_ECDSA_P256_SHA256
        }
    }

    impl rcgen::SigningKey for RemoteKey<'_> {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
            self.0
                .sign(SignatureScheme::ECDSA_SECP256R1_SHA256, message)
                .map_err(|_| rcgen::Error::RemoteKeyError)
        }
    }
}

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use super::*;

    /// A certificate that spells out `critical` FALSE, which DER forbids and some issuers do.
    const EXPLICIT: &str = include_str!("../tests/network/certificates/explicit_default.pem");
    const KEY: &str = include_str!("../tests/network/certificates/p384.key.pem");

    fn load(chain: &str) -> Result<Certificate, CertificateError> {
        Certificate::from_pem(chain, KEY, &*crate::crypto::default_provider())
    }

    #[test]
    fn pem_is_taken_byte_for_byte() {
        let (_, der) = pem::decode_vec(EXPLICIT.as_bytes()).expect("PEM");
        let certificate = load(EXPLICIT).expect("a certificate");
        assert_eq!(certificate.end_entity(), der);
        assert_eq!(certificate.fingerprint_sha256(), Fingerprint::sha256(&der));
    }

    #[test]
    fn pem_of_several_certificates() {
        let twice = format!("{EXPLICIT}\n{EXPLICIT}\n a comment");
        assert_eq!(
            load(&twice).map(|loaded| loaded.chain().count()).ok(),
            Some(2)
        );
        let half = &EXPLICIT[..EXPLICIT.len() / 2];
        let malformed = Some(CertificateError::MalformedPem);
        assert_eq!(load(&format!("{EXPLICIT}{half}")).err(), malformed);
        assert_eq!(load(KEY).err(), malformed);
        assert_eq!(load("").err(), Some(CertificateError::MalformedCertificate));
    }
}
