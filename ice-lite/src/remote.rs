//! The peer that our checks ask.

use crate::request::Role;
use crate::responder::{integrity_discard, verify_framing};
use crate::stun::{
    AttributeType, BufferTooSmall, IntegrityKey, Message, MessageType, MessageWriter, TransactionId,
};
use crate::{Credentials, Discard};

/// The peer, as checks name it and are authenticated by it.
pub(crate) struct Remote {
    ufrag: Box<str>,
    key: IntegrityKey,
}

impl Remote {
    pub(crate) fn new(credentials: &Credentials) -> Self {
        Self {
            ufrag: credentials.ufrag().into(),
            key: IntegrityKey::new(credentials.password().as_bytes()),
        }
    }

    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Writes a check (RFC 8445 §7.1); `add` adds what is special about it.
    pub(crate) fn write_check(
        &self,
        buf: &mut [u8],
        id: TransactionId,
        local_ufrag: &str,
        priority: u32,
        (role, tiebreaker): (Role, u64),
        add: impl FnOnce(&mut MessageWriter<'_>) -> Result<(), BufferTooSmall>,
    ) -> Result<usize, BufferTooSmall> {
        let mut writer = MessageWriter::new(buf, MessageType::BINDING_REQUEST, id)?;
        writer.username(&self.ufrag, local_ufrag)?;
        writer.attribute(AttributeType::PRIORITY, &priority.to_be_bytes())?;
        let role = match role {
            Role::Controlling => AttributeType::ICE_CONTROLLING,
            Role::Controlled => AttributeType::ICE_CONTROLLED,
        };
        writer.attribute(role, &tiebreaker.to_be_bytes())?;
        add(&mut writer)?;
        writer.seal(&self.key)
    }

    /// RFC 8489 §9.1.4: a response is authenticated with the password of its request.
    pub(crate) fn authenticate(&self, response: &Message<'_>) -> Result<(), Discard> {
        verify_framing(response)?;
        response
            .verify_integrity(&self.key)
            .map_err(integrity_discard)
    }
}
