//! Certificates put together from parts, right or wrong ones.

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const EXTENSIONS: u8 = 0xa3;

pub(crate) const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
pub(crate) const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
pub(crate) const P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";
pub(crate) const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

/// An attribute of a name: a country without letters, the shortest there is.
pub(crate) const ATTRIBUTE: &[u8] = b"\x30\x07\x06\x03\x55\x04\x06\x05\x00";

const VERSION_AND_SERIAL: &[u8] = b"\xa0\x03\x02\x01\x02\x02\x01\x01";
const ECDSA_WITH_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const VALIDITY: &[u8] = b"\x30\x1e\x17\x0d000101000000Z\x17\x0d490101000000Z";

/// A tag, the length and `parts` one after the other.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content].concat()
}

/// `depth` of `tag`, each inside of the one before.
pub(crate) fn nested(tag: u8, depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |inside, _| tlv(tag, &[&inside]))
}

/// A SubjectPublicKeyInfo.
pub(crate) fn spki(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    let algorithm = tlv(SEQUENCE, algorithm);
    tlv(SEQUENCE, &[&algorithm, &tlv(0x03, &[&[0], key])])
}

/// A certificate. The extensions come with their tag, or are empty.
pub(crate) fn certificate(issuer: &[u8], spki: &[u8], extensions: &[u8]) -> Vec<u8> {
    let subject = tlv(SEQUENCE, &[]);
    let fields = [
        VERSION_AND_SERIAL,
        ECDSA_WITH_SHA256,
        issuer,
        VALIDITY,
        &subject,
        spki,
        extensions,
    ];
    let signature = tlv(0x03, &[&[0]]);
    tlv(
        SEQUENCE,
        &[&tlv(SEQUENCE, &fields), ECDSA_WITH_SHA256, &signature],
    )
}
