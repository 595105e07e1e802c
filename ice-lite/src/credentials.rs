//! ICE credentials: the username fragment and the password (RFC 8445 §5.3, RFC 8839 §5.4).

use std::fmt;
use zeroize::Zeroizing;

/// A username fragment and its password.
#[derive(Clone)]
pub struct Credentials {
    ufrag: Box<str>,
    password: Zeroizing<Box<str>>,
}

impl Credentials {
    /// Makes local credentials from `random`: a ufrag of 96 bits, a password of 192 bits.
    ///
    /// RFC 8445 §5.3 asks for 24 and 128 bits. A server that maps ufrags to sessions wants more of
    /// the first: 24 bits are swept in 17 s at a million packets a second.
    #[must_use]
    pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut ufrag = [0; 12];
        let mut password = Zeroizing::new([0; 24]);
        random(&mut ufrag);
        random(&mut *password);
        Self {
            ufrag: encode(&ufrag).into_boxed_str(),
            password: Zeroizing::new(encode(&*password).into_boxed_str()),
        }
    }

    /// Takes credentials from an SDP's `a=ice-ufrag` and `a=ice-pwd`.
    ///
    /// Besides the letters, digits, `+` and `/` of the grammar, `-`, `=`, `#` and `_` are let
    /// through, as browsers do for the sake of old peers.
    ///
    /// # Errors
    ///
    /// When a length is outside RFC 8839 §5.4 or a character is none of the above.
    pub fn from_sdp(ufrag: &str, password: &str) -> Result<Self, CredentialsError> {
        // RFC 8839 §5.4: a ufrag has 4 to 256 characters, a password 22 to 256.
        if !(4..=256).contains(&ufrag.len()) {
            return Err(CredentialsError::UfragLength(ufrag.len()));
        }
        if !(22..=256).contains(&password.len()) {
            return Err(CredentialsError::PasswordLength(password.len()));
        }
        if !ufrag.bytes().all(is_ice_char) {
            return Err(CredentialsError::UfragCharacter);
        }
        if !password.bytes().all(is_ice_char) {
            return Err(CredentialsError::PasswordCharacter);
        }
        Ok(Self {
            ufrag: ufrag.into(),
            password: Zeroizing::new(password.into()),
        })
    }

    /// The username fragment.
    #[must_use]
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The password, for the SDP.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a ufrag or a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The ufrag has this many bytes, not 4 to 256.
    #[error("ice-ufrag of {0} characters, not 4 to 256")]
    UfragLength(usize),
    /// The password has this many bytes, not 22 to 256.
    #[error("ice-pwd of {0} characters, not 22 to 256")]
    PasswordLength(usize),
    /// The ufrag holds a character that the grammar does not allow.
    #[error("ice-ufrag holds an illegal character")]
    UfragCharacter,
    /// The password holds a character that the grammar does not allow.
    #[error("ice-pwd holds an illegal character")]
    PasswordCharacter,
}

const fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'=' | b'#' | b'_')
}

/// Writes six bits a character. The 64 ice-chars of RFC 8839 are the alphabet of base64.
fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4);
    for group in bytes.chunks_exact(3) {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8839_section_5_4_lengths_and_characters() {
        let from_sdp = |ufrag: &str, password: &str| {
            Credentials::from_sdp(ufrag, password).map(|taken| taken.ufrag().len())
        };
        let (long, password) = ("u".repeat(256), "p".repeat(22));
        assert_eq!(from_sdp("8hhY", &password), Ok(4));
        assert_eq!(from_sdp(&long, &long), Ok(256));
        assert_eq!(from_sdp("a-=#_/+9", &password), Ok(8));
        assert_eq!(
            from_sdp("abc", &password),
            Err(CredentialsError::UfragLength(3))
        );
        assert_eq!(
            from_sdp(&"u".repeat(257), &password),
            Err(CredentialsError::UfragLength(257))
        );
        assert_eq!(
            from_sdp("abcd", &long[..21]),
            Err(CredentialsError::PasswordLength(21))
        );
        assert_eq!(
            from_sdp("ab:d", &password),
            Err(CredentialsError::UfragCharacter)
        );
        let spaced = " ".repeat(22);
        assert_eq!(
            from_sdp("abcd", &spaced),
            Err(CredentialsError::PasswordCharacter)
        );
    }

    #[test]
    fn six_bits_a_character() {
        let mut byte = 0;
        let mut count = |bytes: &mut [u8]| {
            for b in bytes {
                *b = byte;
                byte += 1;
            }
        };
        let made = Credentials::generate(&mut count);
        assert_eq!(made.ufrag(), "AAECAwQFBgcICQoL");
        assert_eq!(made.password(), "DA0ODxAREhMUFRYXGBkaGxwdHh8gISIj");
    }
}
