//! STUN from somebody without the password.

use ice_lite::stun::{IntegrityKey, MessageType, MessageWriter, TransactionId};
use rand::Rng as _;
use rand::rngs::SmallRng;

/// A message of this kind, to `ufrag` if it names one.
pub(crate) fn message(kind: MessageType, id: [u8; 12], ufrag: Option<&str>) -> Vec<u8> {
    let mut buf = [0; 256];
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
    if let Some(ufrag) = ufrag {
        writer.username(ufrag, "peer").expect("room");
    }
    let key = IntegrityKey::new(b"not the password");
    let len = writer.seal(&key).expect("room");
    buf[..len].to_vec()
}

/// A Binding request for `ufrag`.
pub(crate) fn check(ufrag: &str, random: &mut SmallRng) -> Vec<u8> {
    let mut id = [0; 12];
    random.fill_bytes(&mut id);
    message(MessageType::BINDING_REQUEST, id, Some(ufrag))
}
