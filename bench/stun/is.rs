//! str0m's `is`. It reads FINGERPRINT but does not verify it.

use std::net::SocketAddr;

use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

use crate::peer::{Peer, Requests};

pub(crate) struct Is {
    password: String,
    source: SocketAddr,
}

impl Is {
    pub(crate) fn new(requests: &Requests) -> Self {
        Self {
            password: requests.local.password().to_owned(),
            source: requests.source,
        }
    }

    fn read(&self, request: &[u8]) -> (TransId, u32) {
        let message = StunMessage::parse(request).expect("a message");
        assert!(message.verify(self.password.as_bytes(), hmac));
        assert!(message.username().is_some());
        (message.trans_id(), message.prio().expect("PRIORITY"))
    }
}

fn hmac(key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
    DefaultSha1HmacProvider.sha1_hmac(key, payloads)
}

impl Peer for Is {
    fn name(&self) -> &'static str {
        "is-0.12"
    }

    fn decode(&mut self, request: &[u8]) -> u32 {
        self.read(request).1
    }

    fn answer(&mut self, request: &[u8], buf: &mut [u8]) -> usize {
        let (id, _) = self.read(request);
        let reply = StunMessage::binding_reply(id, self.source);
        reply
            .to_bytes(Some(self.password.as_bytes()), buf, hmac)
            .expect("room")
    }
}
