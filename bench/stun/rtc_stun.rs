//! webrtc-rs's sans-I/O `rtc-stun`, with its default crypto provider, ring.

use std::net::SocketAddr;
use std::sync::Arc;

use rtc_stun::attributes::{ATTR_PRIORITY, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_SUCCESS, Message, Setter};
use rtc_stun::xoraddr::XorMappedAddress;

use crate::peer::{Peer, Requests};

pub(crate) struct RtcStun {
    password: String,
    source: SocketAddr,
    provider: Arc<dyn rtc_crypto::RTCCryptoProvider>,
}

impl RtcStun {
    pub(crate) fn new(requests: &Requests) -> Self {
        Self {
            password: requests.local.password().to_owned(),
            source: requests.source,
            provider: rtc_crypto::default_provider().expect("a crypto provider"),
        }
    }

    fn read(&self, request: &[u8]) -> (Message, u32) {
        let mut message = Message::new();
        message.unmarshal_binary(request).expect("a message");
        FINGERPRINT.check(&message).expect("FINGERPRINT");
        let crypto = self.provider.crypto();
        MessageIntegrity::check(&mut message, self.password.as_bytes(), crypto).expect("integrity");
        message.get(ATTR_USERNAME).expect("USERNAME");
        let priority = message.get(ATTR_PRIORITY).expect("PRIORITY");
        let priority = u32::from_be_bytes(priority.try_into().expect("four bytes"));
        (message, priority)
    }
}

impl Peer for RtcStun {
    fn name(&self) -> &'static str {
        "rtc-stun-0.21"
    }

    fn decode(&mut self, request: &[u8]) -> u32 {
        self.read(request).1
    }

    fn answer(&mut self, request: &[u8], buf: &mut [u8]) -> usize {
        let (message, _) = self.read(request);
        let mut reply = Message::new();
        let (ip, port) = (self.source.ip(), self.source.port());
        let password = self.password.clone();
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            password,
            self.provider.crypto(),
        );
        let setters: [Box<dyn Setter + '_>; 5] = [
            Box::new(message.transaction_id),
            Box::new(BINDING_SUCCESS),
            Box::new(XorMappedAddress { ip, port }),
            Box::new(integrity),
            Box::new(FINGERPRINT),
        ];
        reply.build(&setters).expect("a reply");
        buf[..reply.raw.len()].copy_from_slice(&reply.raw);
        reply.raw.len()
    }
}
