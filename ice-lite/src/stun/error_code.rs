//! The value of ERROR-CODE (RFC 8489 §14.8).

use std::fmt;

/// The number of an error, 300 to 699 (IANA "STUN Error Codes").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// The request was malformed.
    pub const BAD_REQUEST: Self = Self(400);
    /// The credentials were wrong or missing.
    pub const UNAUTHENTICATED: Self = Self(401);
    /// The receiver revokes its consent (RFC 7675 §5.2).
    pub const FORBIDDEN: Self = Self(403);
    /// The request held unknown comprehension-required attributes.
    pub const UNKNOWN_ATTRIBUTE: Self = Self(420);
    /// Both agents have the same role (RFC 8445 §7.3.1.1).
    pub const ROLE_CONFLICT: Self = Self(487);

    /// The phrase of the registry, empty for other numbers.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::BAD_REQUEST => "Bad Request",
            Self::UNAUTHENTICATED => "Unauthenticated",
            Self::FORBIDDEN => "Forbidden",
            Self::UNKNOWN_ATTRIBUTE => "Unknown Attribute",
            Self::ROLE_CONFLICT => "Role Conflict",
            Self(_) => "",
        }
    }

    /// Reads a value; `None` when it is cut off or its number is outside 300 to 699.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let &[_, _, class, number] = value.first_chunk()?;
        // RFC 8489 §14.8: the class is the low three bits, 3 to 6; the number is 0 to 99.
        let class = class & 7;
        ((3..=6).contains(&class) && number < 100)
            .then(|| Self(u16::from(class) * 100 + u16::from(number)))
    }

    /// The four bytes before the reason phrase.
    pub(super) const fn prefix(self) -> [u8; 4] {
        [0, 0, (self.0 / 100) as u8, (self.0 % 100) as u8]
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8489_section_14_8_numbers_round_trip() {
        for number in 0..=u16::MAX {
            let read = ErrorCode::read(&ErrorCode(number).prefix());
            if (300..700).contains(&number) {
                assert_eq!(read, Some(ErrorCode(number)));
            }
        }
        for (class, number) in [(2, 0), (7, 0), (4, 100), (0, 0)] {
            assert_eq!(ErrorCode::read(&[0, 0, class, number]), None);
        }
        assert_eq!(ErrorCode::read(&[0, 0, 4]), None);
        assert_eq!(
            ErrorCode::read(&[0xFF, 0xFF, 0xFC, 20]),
            Some(ErrorCode::UNKNOWN_ATTRIBUTE)
        );
    }
}
