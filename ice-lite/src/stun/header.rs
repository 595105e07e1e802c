//! The fixed header of a STUN message (RFC 8489 §5).

use std::fmt;

/// The length of the header in bytes.
pub const HEADER_LEN: usize = 20;

/// The value of the header's third and fourth half-words.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// The class and method of a message: the 14 low bits of its first half-word.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageType(u16);

impl MessageType {
    /// A Binding request.
    pub const BINDING_REQUEST: Self = Self::new(Class::Request, Method::BINDING);
    /// A Binding indication.
    pub const BINDING_INDICATION: Self = Self::new(Class::Indication, Method::BINDING);
    /// A Binding success response.
    pub const BINDING_SUCCESS: Self = Self::new(Class::Success, Method::BINDING);
    /// A Binding error response.
    pub const BINDING_ERROR: Self = Self::new(Class::Error, Method::BINDING);

    /// Joins a class and a method. Bits of the method above the twelfth are ignored.
    #[must_use]
    pub const fn new(class: Class, method: Method) -> Self {
        // RFC 8489 §5: the two class bits stand at positions 4 and 8, within the method's bits.
        let m = method.0;
        Self((m & 0x00F) | (m & 0x070) << 1 | (m & 0xF80) << 2 | class.bits())
    }

    /// Reads the first half-word of a message; `None` when its two top bits are not zero.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        // RFC 8489 §5: the two most significant bits of every STUN message are zeroes.
        if bits & 0xC000 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The half-word as it stands in the message.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The class.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.0 & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        }
    }

    /// The method.
    #[must_use]
    pub const fn method(self) -> Method {
        let b = self.0;
        Method((b & 0x000F) | (b & 0x00E0) >> 1 | (b & 0x3E00) >> 2)
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.method(), self.class())
    }
}

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It asks for an answer.
    Request,
    /// It asks for none.
    Indication,
    /// It answers a request that succeeded.
    Success,
    /// It answers a request that failed.
    Error,
}

impl Class {
    /// Whether it answers a request.
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(self, Self::Success | Self::Error)
    }

    const fn bits(self) -> u16 {
        match self {
            Self::Request => 0x0000,
            Self::Indication => 0x0010,
            Self::Success => 0x0100,
            Self::Error => 0x0110,
        }
    }
}

/// A STUN method, 12 bits (IANA "STUN Methods").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Method(pub u16);

impl Method {
    /// Binding, the one method of ICE.
    pub const BINDING: Self = Self(0x001);
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BINDING => f.write_str("Binding"),
            Self(number) => write!(f, "Method({number:#05x})"),
        }
    }
}

/// The 96 bits that tie a response to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl TransactionId {
    /// Draws an id. RFC 8489 §5: it is uniformly and cryptographically random.
    #[must_use]
    pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut id = [0; 12];
        random(&mut id);
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_round_trips() {
        for bits in 0..=u16::MAX {
            let parsed = MessageType::from_bits(bits);
            assert_eq!(parsed.is_some(), bits < 0x4000);
            if let Some(parsed) = parsed {
                assert_eq!(
                    MessageType::new(parsed.class(), parsed.method()).bits(),
                    bits
                );
            }
        }
    }

    #[test]
    fn binding_numbers_of_rfc_8489() {
        assert_eq!(MessageType::BINDING_REQUEST.bits(), 0x0001);
        assert_eq!(MessageType::BINDING_INDICATION.bits(), 0x0011);
        assert_eq!(MessageType::BINDING_SUCCESS.bits(), 0x0101);
        assert_eq!(MessageType::BINDING_ERROR.bits(), 0x0111);
    }
}
