//! Unsigned certificates (RFC 9925): a public key in the form of X.509, for peers that check fingerprints and so have no use
//! for a signature.

use der::asn1::{AnyRef, UintRef};
use der::{Encode as _, Tag};

use super::{CertificateError, serial_number};
use crate::crypto::{CryptoProvider, SigningKey};

/// Version 3, explicitly tagged.
const VERSION: &[u8] = &[0xa0, 0x03, 0x02, 0x01, 0x02];

/// RFC 9925 §3.1: id-alg-unsigned, without parameters.
const ALGORITHM: &[u8] = &[
    0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x06, 0x24,
];

/// RFC 9925 §3.2: a placeholder for the issuer, id-rdna-unsigned with an empty value.
const ISSUER: &[u8] = &[
    0x30, 0x10, 0x31, 0x0e, 0x30, 0x0c, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x19, 0x01,
    0x0c, 0x00,
];

/// From 2000 on, without a well-defined end (RFC 5280 §4.1.2.5), as the signed ones.
const VALIDITY: &[u8] = b"\x30\x20\x17\x0d000101000000Z\x18\x0f99991231235959Z";

/// CN=WebRTC, as browsers have it.
const SUBJECT: &[u8] = b"\x30\x11\x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06WebRTC";

/// RFC 9925 §3.1: a bit string of no bits.
const SIGNATURE: &[u8] = &[0x03, 0x01, 0x00];

/// The certificate of `key`, in DER.
pub(super) fn make(
    provider: &dyn CryptoProvider,
    key: &dyn SigningKey,
) -> Result<Vec<u8>, CertificateError> {
    let serial = serial_number(provider)?;
    let serial = UintRef::new(&serial).and_then(|serial| serial.to_der());
    let serial = serial.map_err(|_| CertificateError::Generation)?;
    let fields = [
        VERSION,
        &serial,
        ALGORITHM,
        ISSUER,
        VALIDITY,
        SUBJECT,
        key.spki_der(),
    ];
    sequence(&[&sequence(&fields)?, ALGORITHM, SIGNATURE])
}

fn sequence(parts: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
    let content = parts.concat();
    AnyRef::new(Tag::Sequence, &content)
        .and_then(|sequence| sequence.to_der())
        .map_err(|_| CertificateError::Generation)
}
