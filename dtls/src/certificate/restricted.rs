//! A key that signs with some of its schemes.

use std::sync::Arc;

use crate::crypto::{CryptoError, SigningKey};
use crate::wire::SignatureScheme;

#[derive(Debug)]
struct Restricted {
    key: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
}

/// Those of `schemes` that the key can do, in their order.
pub(super) fn restrict(
    key: Arc<dyn SigningKey>,
    schemes: &[SignatureScheme],
) -> Arc<dyn SigningKey> {
    let able = |scheme: &SignatureScheme| key.schemes().contains(scheme);
    let schemes = schemes.iter().copied().filter(able).collect();
    Arc::new(Restricted { key, schemes })
}

impl SigningKey for Restricted {
    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if self.schemes.contains(&scheme) {
            self.key.sign(scheme, message)
        } else {
            Err(CryptoError::UnsupportedScheme)
        }
    }

    fn spki_der(&self) -> &[u8] {
        self.key.spki_der()
    }
}

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use super::*;
    use crate::certificate::Certificate;
    use crate::crypto::default_provider;

    #[test]
    fn only_the_schemes_that_are_both_able_and_allowed() {
        use SignatureScheme as S;
        let certificate = Certificate::from_pem(
            include_str!("../../tests/network/certificates/rsa.pem"),
            include_str!("../../tests/network/certificates/rsa.key.pem"),
            &*default_provider(),
        );
        let allowed = [S::RSA_PKCS1_SHA384, S::ED25519, S::RSA_PSS_RSAE_SHA256];
        let certificate = certificate.expect("certificate");
        let certificate = certificate.with_signature_schemes(&allowed);
        let key = certificate.signing_key();
        assert_eq!(key.schemes(), [allowed[0], allowed[2]]);
        assert!(key.sign(S::RSA_PKCS1_SHA384, b"message").is_ok());
        let refused = key.sign(S::RSA_PSS_RSAE_SHA512, b"message");
        assert_eq!(refused.err(), Some(CryptoError::UnsupportedScheme));
    }
}
