//! Ours: the views and the writer alone, and the whole lite agent.

use std::net::SocketAddr;
use std::time::Instant;

use ice_lite::stun::{AttributeType, IntegrityKey, Message, MessageType, MessageWriter};
use ice_lite::{LiteAgent, LiteConfig, Outcome, Path};

use crate::peer::{Peer, Requests};

/// The same work as the others do.
pub(crate) struct Views {
    key: IntegrityKey,
    source: SocketAddr,
}

impl Views {
    pub(crate) fn new(requests: &Requests) -> Self {
        let key = IntegrityKey::new(requests.local.password().as_bytes());
        Self {
            key,
            source: requests.source,
        }
    }

    fn read<'a>(&self, request: &'a [u8]) -> (Message<'a>, u32) {
        let message = Message::parse(request).expect("a message");
        assert_eq!(message.verify_fingerprint(), Ok(()));
        assert_eq!(message.verify_integrity(&self.key), Ok(()));
        assert!(message.username().is_some());
        let priority = message
            .attribute(AttributeType::PRIORITY)
            .expect("PRIORITY");
        (
            message,
            u32::from_be_bytes(priority.try_into().expect("four bytes")),
        )
    }
}

impl Peer for Views {
    fn name(&self) -> &'static str {
        "portcullis"
    }

    fn decode(&mut self, request: &[u8]) -> u32 {
        self.read(request).1
    }

    fn answer(&mut self, request: &[u8], buf: &mut [u8]) -> usize {
        let (message, _) = self.read(request);
        let (kind, id) = (MessageType::BINDING_SUCCESS, message.transaction_id());
        let mut writer = MessageWriter::new(buf, kind, id).expect("room");
        writer.xor_mapped_address(self.source).expect("room");
        writer.seal(&self.key).expect("room")
    }
}

/// All that a server does with a check: the views, and the replay memory, the valid list, consent,
/// nomination, the byte budget and the statistics.
pub(crate) struct Agent {
    agent: LiteAgent,
    path: Path,
    now: Instant,
    views: Views,
}

impl Agent {
    pub(crate) fn new(requests: &Requests) -> Self {
        let mut agent = LiteAgent::new(requests.local.clone(), LiteConfig::default());
        agent.set_remote(&requests.remote);
        let local = SocketAddr::from(([192, 0, 2, 1], 3478));
        let path = Path::udp(local, requests.source);
        Self {
            agent,
            path,
            now: Instant::now(),
            views: Views::new(requests),
        }
    }
}

impl Peer for Agent {
    fn name(&self) -> &'static str {
        "portcullis-agent"
    }

    fn decode(&mut self, request: &[u8]) -> u32 {
        self.views.decode(request)
    }

    fn answer(&mut self, request: &[u8], buf: &mut [u8]) -> usize {
        let outcome = self.agent.handle_datagram(self.now, self.path, request);
        assert!(matches!(outcome, Outcome::Request(_)), "{outcome:?}");
        let transmit = self.agent.poll_transmit(self.now, buf).expect("an answer");
        while self.agent.poll_event().is_some() {}
        transmit.len
    }
}
