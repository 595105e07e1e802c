//! The `stun-types` of librice, with its cached key.

use std::net::SocketAddr;

use stun_types::attribute::{AttributeType, Username, XorMappedAddress};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, Message, MessageWrite, MessageWriteExt, MessageWriteMutSlice,
    ShortTermCredentials,
};

use crate::peer::{Peer, Requests};

pub(crate) struct StunTypes {
    key: IntegrityKey,
    source: SocketAddr,
}

impl StunTypes {
    pub(crate) fn new(requests: &Requests) -> Self {
        let credentials = ShortTermCredentials::new(requests.local.password().to_owned());
        Self {
            key: credentials.make_key(),
            source: requests.source,
        }
    }

    fn read<'a>(&self, request: &'a [u8]) -> (Message<'a>, u32) {
        // This verifies FINGERPRINT.
        let message = Message::from_bytes(request).expect("a message");
        message
            .validate_integrity_with_key(&self.key)
            .expect("integrity");
        message.attribute::<Username>().expect("USERNAME");
        let priority = message
            .raw_attribute(AttributeType::new(0x0024))
            .expect("PRIORITY");
        let priority = u32::from_be_bytes(priority.value[..4].try_into().expect("four bytes"));
        (message, priority)
    }
}

impl Peer for StunTypes {
    fn name(&self) -> &'static str {
        "stun-types-2.0"
    }

    fn decode(&mut self, request: &[u8]) -> u32 {
        self.read(request).1
    }

    fn answer(&mut self, request: &[u8], buf: &mut [u8]) -> usize {
        let (message, _) = self.read(request);
        let mut reply = Message::builder_success(&message, MessageWriteMutSlice::new(buf));
        let address = XorMappedAddress::new(self.source, message.transaction_id());
        reply.add_attribute(&address).expect("room");
        reply
            .add_message_integrity_with_key(&self.key, IntegrityAlgorithm::Sha1)
            .expect("room");
        reply.add_fingerprint().expect("room");
        reply.finish()
    }
}
