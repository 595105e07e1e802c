//! What an authenticated Binding request asks for.

use crate::stun::{Attribute, AttributeType, ErrorCode, Message, TransactionId};

/// The role an agent plays (RFC 8445 §6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Controlling,
    Controlled,
}

/// A Binding request, its attributes read in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) id: TransactionId,
    pub(crate) username: Option<&'a [u8]>,
    /// Absent from no conforming check (RFC 8445 §7.1.1); 0 then, the least.
    pub(crate) priority: u32,
    pub(crate) use_candidate: bool,
    pub(crate) nomination: Option<u32>,
    /// The sender's role and tiebreaker.
    pub(crate) role: Option<(Role, u64)>,
    pub(crate) unknown: UnknownTypes,
    /// An attribute that we know has a value that we can't read.
    pub(crate) malformed: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn read(message: &Message<'a>) -> Self {
        let mut request = Self {
            id: message.transaction_id(),
            username: None,
            priority: 0,
            use_candidate: false,
            nomination: None,
            role: None,
            unknown: UnknownTypes::default(),
            malformed: false,
        };
        for attribute in message.attributes() {
            request.take(attribute);
        }
        request
    }

    fn take(&mut self, Attribute { kind, value }: Attribute<'a>) {
        match kind {
            AttributeType::USERNAME if self.username.is_none() => self.username = Some(value),
            AttributeType::PRIORITY => match value.try_into() {
                Ok(bytes) => self.priority = u32::from_be_bytes(bytes),
                Err(_) => self.malformed = true,
            },
            AttributeType::USE_CANDIDATE => self.use_candidate = true,
            AttributeType::ICE_CONTROLLING => self.take_role(Role::Controlling, value),
            AttributeType::ICE_CONTROLLED => self.take_role(Role::Controlled, value),
            AttributeType::NOMINATION => match value.try_into() {
                Ok(bytes) => self.nomination = Some(u32::from_be_bytes(bytes)),
                Err(_) => self.malformed = true,
            },
            kind if kind.comprehension_required() && kind.name().is_none() => {
                self.unknown.add(kind);
            }
            _ => {}
        }
    }

    fn take_role(&mut self, role: Role, value: &[u8]) {
        match value.try_into() {
            Ok(bytes) => self.role = Some((role, u64::from_be_bytes(bytes))),
            Err(_) => self.malformed = true,
        }
    }

    /// The error with which any agent refuses this request, whatever its state.
    pub(crate) const fn refusal(&self) -> Option<ErrorCode> {
        if self.malformed {
            return Some(ErrorCode::BAD_REQUEST);
        }
        // RFC 8489 §6.3.1: unknown comprehension-required attributes get a 420.
        if !self.unknown.is_empty() {
            return Some(ErrorCode::UNKNOWN_ATTRIBUTE);
        }
        None
    }
}

/// The unknown comprehension-required types of a request, as many as an answer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct UnknownTypes {
    types: [u16; Self::LIMIT],
    len: u8,
}

impl UnknownTypes {
    /// Enough for a peer's author to see what is wrong; it keeps the answer below the request.
    const LIMIT: usize = 4;

    const fn add(&mut self, kind: AttributeType) {
        if (self.len as usize) < Self::LIMIT {
            self.types[self.len as usize] = kind.0;
            self.len += 1;
        }
    }

    const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The value of UNKNOWN-ATTRIBUTES in a buffer, and its length.
    pub(crate) fn value(self) -> ([u8; Self::LIMIT * 2], usize) {
        let mut value = [0; Self::LIMIT * 2];
        for (bytes, kind) in value.chunks_exact_mut(2).zip(self.types) {
            bytes.copy_from_slice(&kind.to_be_bytes());
        }
        (value, usize::from(self.len) * 2)
    }
}
