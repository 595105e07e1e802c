//! `stun_codec`, the oracle of our tests. It verifies FINGERPRINT while it decodes.

use std::net::SocketAddr;

use bytecodec::{DecodeExt, EncodeExt};
use stun_codec::rfc5245::attributes::{IceControlling, Priority};
use stun_codec::rfc5389::attributes::{Fingerprint, MessageIntegrity, Username, XorMappedAddress};
use stun_codec::rfc5389::methods::BINDING;
use stun_codec::{MessageClass, MessageDecoder, MessageEncoder, define_attribute_enums};

use crate::peer::{Peer, Requests};

define_attribute_enums!(
    Attribute,
    AttributeDecoder,
    AttributeEncoder,
    [
        Fingerprint,
        IceControlling,
        MessageIntegrity,
        Priority,
        Username,
        XorMappedAddress
    ]
);

type Message = stun_codec::Message<Attribute>;

pub(crate) struct StunCodec {
    password: String,
    source: SocketAddr,
}

impl StunCodec {
    pub(crate) fn new(requests: &Requests) -> Self {
        Self {
            password: requests.local.password().to_owned(),
            source: requests.source,
        }
    }

    fn read(&self, request: &[u8]) -> (Message, u32) {
        let mut decoder = MessageDecoder::<Attribute>::new();
        let message = decoder
            .decode_from_bytes(request)
            .expect("a message")
            .expect("a whole one");
        assert!(message.get_attribute::<Fingerprint>().is_some());
        let integrity = message
            .get_attribute::<MessageIntegrity>()
            .expect("integrity");
        integrity
            .check_short_term_credential(&self.password)
            .expect("the same integrity");
        assert!(message.get_attribute::<Username>().is_some());
        let priority = message
            .get_attribute::<Priority>()
            .expect("PRIORITY")
            .prio();
        (message, priority)
    }
}

impl Peer for StunCodec {
    fn name(&self) -> &'static str {
        "stun_codec-0.4"
    }

    fn decode(&mut self, request: &[u8]) -> u32 {
        self.read(request).1
    }

    fn answer(&mut self, request: &[u8], buf: &mut [u8]) -> usize {
        let (message, _) = self.read(request);
        let class = MessageClass::SuccessResponse;
        let mut reply = Message::new(class, BINDING, message.transaction_id());
        reply.add_attribute(XorMappedAddress::new(self.source));
        let integrity = MessageIntegrity::new_short_term_credential(&reply, &self.password);
        reply.add_attribute(integrity.expect("integrity"));
        let fingerprint = Fingerprint::new(&reply).expect("FINGERPRINT");
        reply.add_attribute(fingerprint);
        let bytes = MessageEncoder::new()
            .encode_into_bytes(reply)
            .expect("a reply");
        buf[..bytes.len()].copy_from_slice(&bytes);
        bytes.len()
    }
}
