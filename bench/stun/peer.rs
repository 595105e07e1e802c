//! What every implementation is asked to do, and with what.

use std::net::SocketAddr;

use ice_lite::Credentials;
use ice_lite::stun::{
    AttributeType, Class, IntegrityKey, Message, MessageType, MessageWriter, TransactionId,
};

/// How many different requests there are: more than an agent remembers.
const REQUESTS: usize = 1024;

/// A STUN implementation.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    /// Decodes a request, reads USERNAME and PRIORITY, and verifies what it can: FINGERPRINT and
    /// MESSAGE-INTEGRITY. Panics if it does not verify. Returns the priority.
    fn decode(&mut self, request: &[u8]) -> u32;

    /// Does the same, and writes the success response; returns its length.
    fn answer(&mut self, request: &[u8], buf: &mut [u8]) -> usize;
}

/// Checks as Chromium sends them, 100 bytes, and what is needed to answer them.
pub(crate) struct Requests {
    pub(crate) local: Credentials,
    pub(crate) remote: Credentials,
    pub(crate) source: SocketAddr,
    pub(crate) datagrams: Vec<Vec<u8>>,
}

impl Requests {
    pub(crate) fn new() -> Self {
        let credentials = |ufrag: &str, password: &str| {
            Credentials::from_sdp(ufrag, password).expect("well-formed credentials")
        };
        let local = credentials("dW5wcmVkaWN0YWJs", "YSBwYXNzd29yZCBvZiB0aGlydHkt");
        let remote = credentials("4ZcD", "2/1muCWoOi3uLifh0NuRHlz2");
        let key = IntegrityKey::new(local.password().as_bytes());
        let datagrams = (0..REQUESTS)
            .map(|n| request(&local, &remote, &key, n))
            .collect();
        let source = SocketAddr::from(([198, 51, 100, 7], 44_986));
        Self {
            local,
            remote,
            source,
            datagrams,
        }
    }
}

fn request(local: &Credentials, remote: &Credentials, key: &IntegrityKey, n: usize) -> Vec<u8> {
    let mut id = *b"transaction-";
    id[..8].copy_from_slice(&(n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    let mut buf = vec![0; 200];
    let kind = MessageType::BINDING_REQUEST;
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
    writer
        .username(local.ufrag(), remote.ufrag())
        .expect("room");
    for (kind, value) in [
        (
            AttributeType::ICE_CONTROLLING,
            &0x1234_5678_9ABC_DEF0_u64.to_be_bytes()[..],
        ),
        (AttributeType::PRIORITY, &PRIORITY.to_be_bytes()),
    ] {
        writer.attribute(kind, value).expect("room");
    }
    let len = writer.seal(key).expect("room");
    buf.truncate(len);
    buf
}

/// The PRIORITY in every request.
const PRIORITY: u32 = 0x6E00_1EFF;

/// Panics unless the implementation reads a request and answers it as it should.
pub(crate) fn check(peer: &mut dyn Peer, requests: &Requests) {
    let request = requests.datagrams.last().expect("there are requests");
    assert_eq!(peer.decode(request), PRIORITY, "{}", peer.name());
    let mut buf = [0; 200];
    let len = peer.answer(request, &mut buf);
    let answer = Message::parse(&buf[..len]).expect("a message");
    let key = IntegrityKey::new(requests.local.password().as_bytes());
    let id = Message::parse(request).expect("a message").transaction_id();
    assert_eq!(
        (answer.class(), answer.transaction_id()),
        (Class::Success, id),
        "{}",
        peer.name()
    );
    assert_eq!(
        answer.xor_mapped_address(),
        Some(requests.source),
        "{}",
        peer.name()
    );
    assert_eq!(answer.verify_integrity(&key), Ok(()), "{}", peer.name());
    assert_eq!(answer.verify_fingerprint(), Ok(()), "{}", peer.name());
}
