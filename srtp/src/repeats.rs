//! What was sent, so that the same packet can be told from another one under its index.

use std::collections::BTreeMap;

use ghash::universal_hash::UniversalHash;
use ghash::{Block, GHash, Key};

use crate::config::{Repeats, SenderConfig};
use crate::error::ProtectError;
use crate::header::RtpHeader;
use crate::kdf::Derivation;
use crate::keys::Material;
use crate::profile::Transform;
use crate::sealing::index_to_take;
use crate::sender::Sender;
use crate::stack;

/// What a packet is told by.
type Fingerprint = [u8; 16];

/// Fingerprints of the packets that were sent, as far back as the window.
///
/// They are keyed: whoever chooses payloads without the key finds two of `n` blocks with one
/// fingerprint by chance alone, `n` times in 2^128. They never leave this place.
pub(crate) struct Sent {
    hash: GHash,
    /// Whether the header must be the same too.
    with_header: bool,
    window: usize,
    max_streams: usize,
    streams: BTreeMap<u32, Box<[Option<Entry>]>>,
}

#[derive(Clone, Copy)]
struct Entry {
    index: u64,
    fingerprint: Fingerprint,
}

impl Sent {
    /// What is remembered under this configuration.
    pub(crate) fn new(material: &Material, config: &SenderConfig) -> Option<Box<Self>> {
        if config.repeats == Repeats::Refuse {
            return None;
        }
        let encrypts_header = config.cryptex || !config.encrypted_extensions.is_empty();
        // RFC 3711 §9.1: under counter mode, what the key stream covers must not differ. RFC 7714 §8.4:
        // with AES-GCM, nothing may.
        let with_header = encrypts_header || material.suite.rtp().transform() == Transform::Gcm;
        Some(stack::leaving_none(|| {
            let key = Derivation::new(material, 0).repeats_key();
            Box::new(Self {
                hash: <GHash as ghash::universal_hash::KeyInit>::new(<&Key>::from(&*key)),
                with_header,
                window: config.window.next_power_of_two(),
                max_streams: config.max_streams,
                streams: BTreeMap::new(),
            })
        }))
    }

    /// Forgets what was sent of an SSRC: nothing of it can be repeated.
    pub(crate) fn forget(&mut self, ssrc: u32) {
        self.streams.remove(&ssrc);
    }

    fn fingerprint(&self, packet: &[u8], header: &RtpHeader) -> Fingerprint {
        let covered = if self.with_header {
            packet
        } else {
            &packet[header.len..]
        };
        let mut hash = self.hash.clone();
        hash.update_padded(covered);
        // Padding is told from zeros that were sent.
        let lengths = (covered.len() as u128).to_be_bytes();
        hash.update(&[Block::from(lengths)]);
        hash.finalize().into()
    }

    fn insert(&mut self, ssrc: u32, entry: Entry) {
        if !self.streams.contains_key(&ssrc) && self.streams.len() >= self.max_streams {
            self.streams.pop_first();
        }
        let window = self.window;
        let entries = self.streams.entry(ssrc);
        let entries = entries.or_insert_with(|| vec![None; window].into());
        entries[entry.index as usize & (window - 1)] = Some(entry);
    }

    fn holds(&self, ssrc: u32, entry: Entry) -> bool {
        let place = entry.index as usize & (self.window - 1);
        self.streams.get(&ssrc).is_some_and(|entries| {
            entries[place].is_some_and(|sent| {
                (sent.index, sent.fingerprint) == (entry.index, entry.fingerprint)
            })
        })
    }
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent").finish_non_exhaustive()
    }
}

impl Sender {
    /// The index of an RTP packet, which is taken by this and remembered, or was taken by the same packet.
    #[inline(never)]
    pub(crate) fn take_rtp_index_or_repeat(
        &mut self,
        packet: &[u8],
        header: RtpHeader,
    ) -> Result<u64, ProtectError> {
        let (ssrc, sequence_number) = (header.ssrc, header.sequence_number);
        let taken = self.take_rtp_index(ssrc, sequence_number);
        let Some(sent) = &mut self.sent else {
            return taken;
        };
        let fingerprint = sent.fingerprint(packet, &header);
        match taken {
            Ok(index) => {
                sent.insert(ssrc, Entry { index, fingerprint });
                Ok(index)
            }
            Err(ProtectError::IndexUsed) => {
                let index = index_to_take(&self.streams.lists(ssrc).rtp, sequence_number)?;
                if sent.holds(ssrc, Entry { index, fingerprint }) {
                    Ok(index)
                } else {
                    Err(ProtectError::IndexUsed)
                }
            }
            Err(error) => Err(error),
        }
    }
}
