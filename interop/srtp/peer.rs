//! What every implementation has to do, and ours doing it.

use srtp::{
    CryptexPolicy, Kind, MAX_OVERHEAD, MKI_MAX, Profile, Receiver, ReceiverConfig, ReceiverKeys,
    Sender, SenderConfig, SenderKeys,
};

use crate::traffic::SSRCS;

/// Both directions of one SRTP implementation.
pub(crate) trait Peer {
    /// The sealed packet.
    fn protect(&mut self, kind: Kind, plain: &[u8]) -> Option<Vec<u8>>;
    /// The opened packet; `None` if it is forged or came before.
    fn unprotect(&mut self, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// A profile with its master key and salt, and what else both sides agree on.
pub(crate) struct Keying {
    pub(crate) profile: Profile,
    pub(crate) key: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    /// The master key identifier, empty for none.
    pub(crate) mki: Vec<u8>,
    /// The header extensions that are encrypted (RFC 6904).
    pub(crate) encrypted: Vec<u8>,
    /// The ROC that streams start at.
    pub(crate) first_roc: u32,
    /// Whether CSRCs and header extensions are encrypted (RFC 9335).
    pub(crate) cryptex: bool,
    /// Whether packets may have CSRCs and no header extension.
    pub(crate) csrcs_alone: bool,
}

impl Keying {
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            profile,
            key: (0..profile.key_len()).map(|i| 7 * i as u8 + 1).collect(),
            salt: (0..profile.salt_len()).map(|i| 13 * i as u8 + 5).collect(),
            mki: Vec::new(),
            encrypted: Vec::new(),
            first_roc: 0,
            cryptex: false,
            csrcs_alone: true,
        }
    }
}

/// Ours.
pub(crate) struct Ours {
    sender: Sender,
    receiver: Receiver,
}

impl Ours {
    pub(crate) fn new(keying: &Keying) -> Self {
        let Keying {
            profile, key, salt, ..
        } = keying;
        let encrypted_extensions = keying.encrypted.iter().copied().collect();
        let config = SenderConfig {
            allow_null_cipher: true,
            cryptex: keying.cryptex,
            encrypted_extensions,
            ..SenderConfig::default()
        };
        let mut keys = SenderKeys::from_raw(*profile, key, salt).expect("lengths fit");
        if !keying.mki.is_empty() {
            keys = keys.with_mki(&keying.mki).expect("a valid length");
        }
        let mut sender = Sender::new(keys, config).expect("valid");
        let config = ReceiverConfig {
            allow_null_cipher: true,
            cryptex: if keying.cryptex {
                CryptexPolicy::Accept
            } else {
                CryptexPolicy::Off
            },
            encrypted_extensions,
            ..ReceiverConfig::default()
        };
        let mut keys = ReceiverKeys::from_raw(*profile, key, salt).expect("lengths fit");
        if !keying.mki.is_empty() {
            keys = keys.with_mki(&keying.mki).expect("a valid length");
        }
        let mut receiver = Receiver::new(keys, config).expect("valid");
        for ssrc in SSRCS {
            // The others start SRTCP at index 1; RFC 3711 §3.4 says 0. Receivers take both.
            sender.set_rtcp_index(ssrc, 1).expect("a new stream");
            for set in [
                sender.set_roc(ssrc, keying.first_roc),
                receiver.set_roc(ssrc, keying.first_roc),
            ] {
                set.expect("a new stream");
            }
        }
        Self { sender, receiver }
    }
}

impl Peer for Ours {
    fn protect(&mut self, kind: Kind, plain: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = plain.to_vec();
        buffer.resize(plain.len() + MAX_OVERHEAD + MKI_MAX, 0);
        let len = match kind {
            Kind::Rtp => self.sender.protect_rtp(&mut buffer, plain.len()),
            Kind::Rtcp => self.sender.protect_rtcp(&mut buffer, plain.len()),
        };
        buffer.truncate(len.ok()?);
        Some(buffer)
    }

    fn unprotect(&mut self, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>> {
        let mut packet = sealed.to_vec();
        let unprotected = match kind {
            Kind::Rtp => self.receiver.unprotect_rtp(&mut packet),
            Kind::Rtcp => self.receiver.unprotect_rtcp(&mut packet),
        }
        .ok()?;
        packet.truncate(unprotected.len);
        (!unprotected.is_duplicate()).then_some(packet)
    }
}
