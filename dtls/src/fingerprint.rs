//! Certificate fingerprints as SDP carries them (RFC 8122 §5).

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use crate::crypto::{HashAlgorithm, MAX_DIGEST};

/// The hash of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    algorithm: HashAlgorithm,
    /// As many bytes as the hash has, then zeros.
    value: [u8; MAX_DIGEST],
}

/// Why a text is no fingerprint that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// The hash function is unknown, or too weak to be taken (MD5, SHA-1).
    #[error("the hash function is not sha-256, sha-384 or sha-512")]
    UnsupportedHash,
    /// The value is not as many two-digit hex numbers, joined by colons, as the hash has bytes.
    #[error("the value does not have the form and length of its hash")]
    Malformed,
}

impl Fingerprint {
    /// The fingerprint of a certificate.
    #[must_use]
    pub fn of(algorithm: HashAlgorithm, der: &[u8]) -> Self {
        match algorithm {
            HashAlgorithm::Sha256 => Self::new(algorithm, &Sha256::digest(der)),
            HashAlgorithm::Sha384 => Self::new(algorithm, &Sha384::digest(der)),
            HashAlgorithm::Sha512 => Self::new(algorithm, &Sha512::digest(der)),
        }
    }

    fn new(algorithm: HashAlgorithm, hash: &[u8]) -> Self {
        let mut value = [0; MAX_DIGEST];
        for (place, byte) in value.iter_mut().zip(hash) {
            *place = *byte;
        }
        Self { algorithm, value }
    }

    /// The SHA-256 fingerprint of a certificate, the one that everybody understands.
    #[must_use]
    pub fn sha256(der: &[u8]) -> Self {
        Self::of(HashAlgorithm::Sha256, der)
    }

    /// The hash function.
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The hash.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.value
            .get(..self.algorithm.output_len())
            .unwrap_or_default()
    }

    fn matches(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && bool::from(self.value().ct_eq(other.value()))
    }
}

/// Compares a certificate with the fingerprints given for its owner.
///
/// RFC 8122 §5: of all that are given, those of the most preferred hash function count, which here
/// is the strongest; the certificate must match one of these. A mismatch returns the certificate's
/// own fingerprint under that function.
pub(crate) fn find_match(expected: &[Fingerprint], der: &[u8]) -> Result<(), Fingerprint> {
    let strongest = expected
        .iter()
        .map(|fingerprint| fingerprint.algorithm)
        .max();
    let presented = Fingerprint::of(strongest.unwrap_or(HashAlgorithm::Sha256), der);
    if expected
        .iter()
        .any(|fingerprint| fingerprint.matches(&presented))
    {
        Ok(())
    } else {
        Err(presented)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads the value of an `a=fingerprint` attribute: `sha-256 12:34:…`, in either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text
            .trim()
            .split_once(' ')
            .ok_or(FingerprintError::Malformed)?;
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha-256" => HashAlgorithm::Sha256,
            "sha-384" => HashAlgorithm::Sha384,
            "sha-512" => HashAlgorithm::Sha512,
            _ => return Err(FingerprintError::UnsupportedHash),
        };
        let bytes: Option<Vec<u8>> = value.trim().split(':').map(hex_byte).collect();
        match bytes {
            Some(bytes) if bytes.len() == algorithm.output_len() => {
                Ok(Self::new(algorithm, &bytes))
            }
            _ => Err(FingerprintError::Malformed),
        }
    }
}

/// Exactly two hex digits; `u8::from_str_radix` alone would take a sign too.
fn hex_byte(digits: &str) -> Option<u8> {
    let hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

impl fmt::Display for Fingerprint {
    /// The value of an `a=fingerprint` attribute; RFC 8122 §5 asks for upper case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.algorithm {
            HashAlgorithm::Sha256 => "sha-256",
            HashAlgorithm::Sha384 => "sha-384",
            HashAlgorithm::Sha512 => "sha-512",
        })?;
        for (index, byte) in self.value().iter().enumerate() {
            let separator = if index == 0 { ' ' } else { ':' };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DER: &[u8] = b"not a certificate, but as good as one to hash";

    #[test]
    fn text_form_survives_a_round_trip() {
        for algorithm in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            let fingerprint = Fingerprint::of(algorithm, DER);
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
            assert_eq!(
                fingerprint.to_string().to_lowercase().parse(),
                Ok(fingerprint)
            );
        }
    }

    /// T-NEG-03, RFC 8122 §5.
    #[test]
    fn t_neg_03_weak_and_malformed_ones_are_refused() {
        let good = Fingerprint::sha256(DER).to_string();
        let parse = |text: &str| text.parse::<Fingerprint>();
        assert_eq!(
            parse(&good.replace("sha-256", "sha-1")),
            Err(FingerprintError::UnsupportedHash)
        );
        assert_eq!(
            parse(&good.replace("sha-256", "md5")),
            Err(FingerprintError::UnsupportedHash)
        );
        assert_eq!(
            parse(&good.replace("sha-256", "sha-384")),
            Err(FingerprintError::Malformed)
        );
        assert_eq!(
            parse(&good[..good.len() - 1]),
            Err(FingerprintError::Malformed)
        );
        assert_eq!(parse("sha-256"), Err(FingerprintError::Malformed));
        assert_eq!(
            parse(&format!("sha-256 {}", ["+1"; 32].join(":"))),
            Err(FingerprintError::Malformed)
        );
    }

    /// RFC 8122 §5: any of the strongest, none of the others.
    #[test]
    fn the_strongest_hash_decides() {
        let right = |algorithm| Fingerprint::of(algorithm, DER);
        let wrong = |algorithm| Fingerprint::of(algorithm, b"another");
        use HashAlgorithm::{Sha256, Sha512};
        assert_eq!(find_match(&[wrong(Sha256), right(Sha256)], DER), Ok(()));
        assert_eq!(find_match(&[wrong(Sha256), right(Sha512)], DER), Ok(()));
        assert_eq!(
            find_match(&[right(Sha256), wrong(Sha512)], DER),
            Err(right(Sha512))
        );
        assert_eq!(find_match(&[wrong(Sha256)], DER), Err(right(Sha256)));
    }
}
