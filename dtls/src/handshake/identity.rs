//! Who the peer is: its certificate against the expected fingerprints, and its proof of the key.
//!
//! This is the only code that compares fingerprints, for both roles and both versions. Its answer
//! is a [`VerifiedPeer`], without which no connection becomes established.

use std::fmt::Debug;

use super::suite::{self, Authentication, Suite};
use crate::certificate::PeerCertificate;
use crate::config::{ClientAuth, Config, ConfigError, PeerIdentity};
use crate::error::Error;
use crate::fingerprint::{self, Fingerprint};
use crate::wire::{AlertDescription, ProtocolVersion, SignatureScheme};

/// Judges certificates in the place of fingerprints: a chain of trust, a pinned key.
pub trait CertificateVerifier: Debug + Send + Sync {
    /// Judges the peer's end-entity certificate and what it sent to support it, all in DER.
    ///
    /// The signature with which the peer proves its key is verified elsewhere.
    ///
    /// # Errors
    /// The alert that says why the peer is refused.
    fn verify(&self, end_entity: &[u8], chain: &[&[u8]]) -> Result<(), AlertDescription>;
}

/// What is expected of the peer, and what it has shown so far.
#[derive(Debug)]
pub(crate) struct Identity {
    expected: PeerIdentity,
    presented: Presented,
}

#[derive(Debug)]
enum Presented {
    /// The peer's turn has not come.
    NotYet,
    /// A client that need not show a certificate showed none, in this version.
    Nothing(ProtocolVersion),
    Certificate {
        certificate: PeerCertificate,
        judgement: Judgement,
        proven: bool,
    },
}

/// What is thought of a certificate that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Accepted,
    /// The fingerprints to compare it with are still to come.
    Pending,
}

/// Proof that the peer is who it should be: the token that opens exporters and application data.
#[derive(Debug)]
pub(crate) struct VerifiedPeer {
    /// The end-entity certificate, unless a client had none to show.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Identity {
    pub(crate) fn new(expected: PeerIdentity) -> Result<Self, Error> {
        match &expected {
            PeerIdentity::Fingerprints(list) if list.is_empty() => {
                Err(ConfigError::NoFingerprint.into())
            }
            _ => Ok(Self {
                expected,
                presented: Presented::NotYet,
            }),
        }
    }

    /// Judges the peer's certificate list, end entity first.
    pub(crate) fn present(&mut self, chain: &[&[u8]]) -> Result<Judgement, Error> {
        let (end_entity, chain) = chain.split_first().ok_or(Error::ServerCertificateMissing)?;
        let certificate = PeerCertificate::parse(end_entity)?;
        let judgement = match &self.expected {
            PeerIdentity::Fingerprints(expected) => check_fingerprints(expected, end_entity)?,
            PeerIdentity::Later => Judgement::Pending,
            PeerIdentity::Verifier(verifier) => {
                verifier
                    .verify(end_entity, chain)
                    .map_err(Error::CertificateRefused)?;
                Judgement::Accepted
            }
            PeerIdentity::DangerousAny => Judgement::Accepted,
        };
        self.presented = Presented::Certificate {
            certificate,
            judgement,
            proven: false,
        };
        Ok(judgement)
    }

    /// Takes note that the client showed no certificate, where that may be.
    pub(crate) fn present_nothing(
        &mut self,
        client_auth: ClientAuth,
        version: ProtocolVersion,
    ) -> Result<(), Error> {
        // RFC 5763 §5: an endpoint that expects a fingerprint can't do without a certificate.
        if self.is_by_fingerprint() || client_auth == ClientAuth::Required {
            return Err(Error::ClientCertificateMissing(version));
        }
        self.presented = Presented::Nothing(version);
        Ok(())
    }

    /// The fingerprints came late. Compares them with a certificate that is there already.
    pub(crate) fn expect(&mut self, expected: Vec<Fingerprint>) -> Result<(), Error> {
        if expected.is_empty() {
            return Err(ConfigError::NoFingerprint.into());
        }
        match &mut self.presented {
            Presented::NotYet => {}
            // RFC 5763 §5: nothing that was shown can match, and nothing more will be.
            Presented::Nothing(version) => return Err(Error::ClientCertificateMissing(*version)),
            Presented::Certificate {
                certificate,
                judgement,
                ..
            } => *judgement = check_fingerprints(&expected, certificate.der())?,
        }
        self.expected = PeerIdentity::Fingerprints(expected);
        Ok(())
    }

    fn is_by_fingerprint(&self) -> bool {
        matches!(
            self.expected,
            PeerIdentity::Fingerprints(_) | PeerIdentity::Later
        )
    }

    /// The kind of key in the peer's certificate fits the DTLS 1.2 cipher suite.
    pub(crate) fn check_suite(&self, suite: Suite) -> Result<(), Error> {
        let Presented::Certificate { certificate, .. } = &self.presented else {
            return Err(Error::ServerCertificateMissing);
        };
        let rsa = suite.authentication == Some(Authentication::Rsa);
        // RFC 5246 §7.4.2: the certificate's key must fit the key exchange.
        let fits = rsa == certificate.spki().is_rsa();
        fits.then_some(()).ok_or(Error::UnsupportedCertificateKey)
    }

    /// Verifies the peer's signature over `message` with the key that it presented.
    pub(crate) fn prove(
        &mut self,
        config: &Config,
        version: ProtocolVersion,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let Presented::Certificate {
            certificate,
            proven,
            ..
        } = &mut self.presented
        else {
            return Err(Error::BadSignature);
        };
        let key = certificate.spki();
        let offered = config.signature_schemes.contains(&scheme);
        // RFC 8446 §4.4.3: the scheme must be one that we offered and fit the key.
        if !offered || !suite::scheme_fits(scheme, version, key.algorithm) {
            return Err(Error::WrongSignatureScheme(scheme));
        }
        config
            .provider
            .verify_signature(scheme, key, message, signature)
            .map_err(|_| Error::BadSignature)?;
        *proven = true;
        Ok(())
    }

    /// The token of a verified peer, or `None` as long as its fingerprints are missing.
    pub(crate) fn verified(&self) -> Option<VerifiedPeer> {
        match &self.presented {
            Presented::Certificate {
                certificate,
                judgement: Judgement::Accepted,
                proven: true,
            } => Some(VerifiedPeer {
                certificate: Some(certificate.der().to_vec()),
            }),
            Presented::Nothing(_) if !self.is_by_fingerprint() => {
                Some(VerifiedPeer { certificate: None })
            }
            _ => None,
        }
    }
}

/// RFC 8122 §5: the certificate must match one of the fingerprints.
pub(super) fn check_fingerprints(expected: &[Fingerprint], der: &[u8]) -> Result<Judgement, Error> {
    match fingerprint::find_match(expected, der) {
        Ok(()) => Ok(Judgement::Accepted),
        Err(presented) => Err(Error::FingerprintMismatch {
            expected: expected.to_vec(),
            presented,
        }),
    }
}
