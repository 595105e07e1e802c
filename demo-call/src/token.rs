//! Bearer tokens (RFC 6750): who may call.

use std::fs;
use std::path::Path;

use axum::http::HeaderValue;
use subtle::ConstantTimeEq;

use crate::error::Error;

/// What stands before a token.
const SCHEME: &str = "Bearer ";

/// The tokens that a host takes; without any, everybody may call.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Vec<String>);

impl Tokens {
    /// Those in a file, one a line.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let text = fs::read_to_string(path).map_err(Error::file(path))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let tokens: Vec<_> = lines.map(str::to_owned).collect();
        let valid = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if tokens.is_empty() || !tokens.iter().all(valid) {
            return Err(Error::Token(path.to_owned()));
        }
        Ok(Self(tokens))
    }

    /// Whether a request with this `Authorization` may be answered.
    pub(crate) fn admit(&self, authorization: Option<&HeaderValue>) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let given = authorization.map_or(&[][..], HeaderValue::as_bytes);
        // RFC 9110 §11.1: the scheme in any case.
        let (scheme, token) = given.split_at_checked(SCHEME.len()).unwrap_or_default();
        let known = self.0.iter().any(|it| it.as_bytes().ct_eq(token).into());
        scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && known
    }

    /// The `Authorization` of a caller that has been given the first of them.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("{SCHEME}{}", self.0.first()?)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_tokens_is_wanted_whole() {
        let tokens = Tokens(vec!["abc".to_owned(), "def".to_owned()]);
        let admit = |text| tokens.admit(Some(&HeaderValue::from_static(text)));
        for (text, expected) in [
            ("Bearer abc", true),
            ("bearer def", true),
            ("Bearer ab", false),
            ("Bearer abcd", false),
            ("Bearer ", false),
            ("Basic abc", false),
            ("", false),
        ] {
            assert_eq!(admit(text), expected, "{text}");
        }
        assert!(!tokens.admit(None));
        assert!(Tokens::default().admit(None));
        let own = tokens.authorization();
        assert_eq!(own, Some(HeaderValue::from_static("Bearer abc")));
    }
}
