//! What DTLS 1.2 left behind in the hellos: fields with one value, and extensions that both sides
//! send alike.

use crate::config::Config;
use crate::error::Error;

/// The one compression method that is left (RFC 8446 §4.1.2).
pub(super) const NULL_COMPRESSION: u8 = 0;

/// The one point format that is left (RFC 8422 §5.1.2).
pub(super) const UNCOMPRESSED: u8 = 0;

/// Checks the extensions of a hello of DTLS 1.2 that say the same from either side.
pub(super) fn check_extensions(
    config: &Config,
    extended_master_secret: bool,
    renegotiation_info: Option<&[u8]>,
    ec_point_formats: Option<&[u8]>,
) -> Result<(), Error> {
    // RFC 7627 §5.2, §5.3: an endpoint that insists on the extended master secret ends the handshake.
    if !extended_master_secret && !config.plain_master_secret {
        return Err(Error::ExtendedMasterSecretMissing);
    }
    // RFC 5746 §3.4, §3.6: empty in the first handshake. Its absence does no harm to those who
    // never renegotiate.
    if renegotiation_info.is_some_and(|info| !info.is_empty()) {
        return Err(Error::RenegotiationInfoMismatch);
    }
    // RFC 8422 §5.1.2: the uncompressed form must be among them.
    if ec_point_formats.is_some_and(|formats| !formats.contains(&UNCOMPRESSED)) {
        return Err(Error::UncompressedPointsRefused);
    }
    Ok(())
}
