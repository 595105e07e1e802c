//! Exported keying material: RFC 5705 for DTLS 1.2, RFC 8446 §7.5 for DTLS 1.3, and what RFC 5764
//! §4.2 takes out of it for SRTP.

use std::fmt;

use zeroize::Zeroizing;

use super::keys12::MasterSecret;
use super::secret::{Hkdf, Secret};
use crate::crypto::{CryptoProvider, HashAlgorithm};
use crate::error::ExportError;
use crate::wire::SrtpProfile;

/// What is kept of the key schedule to export from. It exists only after the peer's Finished.
#[derive(Debug)]
pub(crate) enum Exporter {
    Prf(MasterSecret),
    Hkdf {
        algorithm: HashAlgorithm,
        secret: Secret,
    },
}

/// The label under which RFC 5764 §4.2 exports SRTP keys.
const SRTP_LABEL: &[u8] = b"EXTRACTOR-dtls_srtp";

/// The longest label: its length and that of "dtls13" share one byte.
const MAX_LABEL: usize = 249;

impl Exporter {
    /// Fills `out`.
    pub(crate) fn export(
        &self,
        provider: &dyn CryptoProvider,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), ExportError> {
        let context_length = context.map_or(0, <[u8]>::len);
        if label.len() > MAX_LABEL || context_length > usize::from(u16::MAX) {
            return Err(ExportError::OutOfRange);
        }
        match self {
            Self::Prf(master) => master.export(provider, out, label, context),
            Self::Hkdf { algorithm, secret } => {
                // RFC 5869 §2.3: at most 255 blocks.
                if out.len() > 255 * algorithm.output_len() {
                    return Err(ExportError::OutOfRange);
                }
                let hkdf = Hkdf::new(provider, *algorithm);
                let from = hkdf.expander(secret);
                let secret = from.derive(label, hkdf.hash(&[]).as_ref());
                // RFC 8446 §7.5: no context is an empty context.
                let context = hkdf.hash(context.unwrap_or_default());
                let from = hkdf.expander(&secret);
                from.expand_label(b"exporter", context.as_ref(), out);
            }
        }
        Ok(())
    }

    /// The keys and salts of an SRTP profile, or `None` for a profile whose sizes we don't know.
    pub(crate) fn srtp(
        &self,
        provider: &dyn CryptoProvider,
        profile: SrtpProfile,
    ) -> Option<SrtpKeyingMaterial> {
        let mut bytes = Zeroizing::new(vec![0; 2 * (profile.key_len()? + profile.salt_len()?)]);
        self.export(provider, &mut bytes, SRTP_LABEL, None).ok()?;
        Some(SrtpKeyingMaterial { profile, bytes })
    }
}

/// SRTP master keys and salts, zeroized on drop.
pub struct SrtpKeyingMaterial {
    profile: SrtpProfile,
    bytes: Zeroizing<Vec<u8>>,
}

impl SrtpKeyingMaterial {
    /// The negotiated profile.
    #[must_use]
    pub fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Client key, server key, client salt, server salt (RFC 5764 §4.2).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for SrtpKeyingMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = self.profile;
        f.debug_struct("SrtpKeyingMaterial")
            .field("profile", &profile)
            .finish_non_exhaustive()
    }
}
