//! What the flood consists of.

use portcullis::ice_lite::stun::{IntegrityKey, MessageType, MessageWriter, TransactionId};

/// A quarter each of forged checks, ClientHellos, media and noise. The checks are for calls that
/// exist.
pub(super) fn datagrams(ufrags: &[String]) -> Vec<Vec<u8>> {
    let mut mix = Vec::new();
    for (number, ufrag) in ufrags.iter().take(256).enumerate() {
        mix.push(check(ufrag, number as u8));
        let mut hello = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0xA3];
        hello.resize(1200, 1);
        mix.push(hello);
        let mut media = vec![0x80; 188];
        media[2] = number as u8;
        mix.push(media);
        mix.push(
            (0..200)
                .map(|place| (place * 7 + number * 31) as u8)
                .collect(),
        );
    }
    mix
}

/// A check for a call that exists, by somebody without its password.
fn check(ufrag: &str, number: u8) -> Vec<u8> {
    let mut buf = [0; 256];
    let kind = MessageType::BINDING_REQUEST;
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId([number; 12])).expect("room");
    writer.username(ufrag, "peer").expect("room");
    let len = writer
        .seal(&IntegrityKey::new(b"not the password"))
        .expect("room");
    buf[..len].to_vec()
}
