//! This repository's `srtp`.

use srtp::{
    Incoming, Kind, Outgoing, Profile, Receiver, ReceiverConfig, ReceiverKeys, Sender,
    SenderConfig, SenderKeys, Tier,
};

use crate::peer::{Mode, Packet, Peer, SESSIONS, Sessions, master};

/// The library on the tier of this process, or on one of its tiers.
pub(crate) struct Library {
    pub(crate) name: &'static str,
    pub(crate) tier: Tier,
}

impl Library {
    /// What anybody gets.
    pub(crate) fn detected() -> Self {
        Self {
            name: "portcullis",
            tier: Tier::detect(),
        }
    }

    /// Each tier of this CPU, the lowest first.
    pub(crate) fn tiers() -> impl Iterator<Item = Self> {
        Tier::available().map(|tier| Self {
            name: tier.name(),
            tier,
        })
    }
}

impl Peer for Library {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> String {
        format!("{} ({})", env!("CARGO_PKG_VERSION"), self.tier.name())
    }

    fn sessions(&self, profile: Profile) -> Option<Box<dyn Sessions>> {
        let sender = |session| {
            let (key, salt) = master(profile, session);
            let keys = SenderKeys::from_raw(profile, &key, &salt).expect("lengths of the profile");
            let config = SenderConfig {
                allow_null_cipher: true,
                tier: self.tier,
                ..SenderConfig::default()
            };
            Sender::new(keys, config).expect("a valid configuration")
        };
        let receiver = |session| {
            let (key, salt) = master(profile, session);
            let keys = ReceiverKeys::from_raw(profile, &key, &salt).expect("the same lengths");
            let config = ReceiverConfig {
                allow_null_cipher: true,
                tier: self.tier,
                ..ReceiverConfig::default()
            };
            Receiver::new(keys, config).expect("a valid configuration")
        };
        Some(Box::new(Contexts {
            senders: (0..SESSIONS).map(sender).collect(),
            receivers: (0..SESSIONS).map(receiver).collect(),
        }))
    }
}

struct Contexts {
    senders: Vec<Sender>,
    receivers: Vec<Receiver>,
}

impl Sessions for Contexts {
    fn has(&self, _: Kind, _: Mode) -> bool {
        true
    }

    fn protect(&mut self, mode: Mode, packets: &mut [Packet]) {
        let Mode::Batch(count) = mode else {
            for (sender, packet) in self.senders.iter_mut().zip(packets) {
                let len = packet.len;
                let result = match packet.kind {
                    Kind::Rtp => sender.protect_rtp(packet.room(), len),
                    Kind::Rtcp => sender.protect_rtcp(packet.room(), len),
                };
                packet.len = result.expect("a valid packet");
            }
            return;
        };
        for (senders, packets) in self
            .senders
            .chunks_mut(count)
            .zip(packets.chunks_mut(count))
        {
            let places = packets.iter_mut().enumerate();
            let mut batch = Batch::new();
            batch.extend(places.map(|(i, packet)| {
                let len = packet.len;
                match packet.kind {
                    Kind::Rtp => Outgoing::rtp(i, packet.room(), len),
                    Kind::Rtcp => Outgoing::rtcp(i, packet.room(), len),
                }
            }));
            srtp::protect_batch(senders, &mut batch);
            let mut lens = [0; SESSIONS];
            for (len, packet) in lens.iter_mut().zip(&batch) {
                *len = packet
                    .outcome()
                    .expect("it has run")
                    .expect("a valid packet")
                    .len();
            }
            drop(batch);
            for (packet, len) in packets.iter_mut().zip(&lens) {
                packet.len = *len;
            }
        }
    }

    fn unprotect(&mut self, mode: Mode, packets: &mut [Packet]) {
        let Mode::Batch(count) = mode else {
            for (receiver, packet) in self.receivers.iter_mut().zip(packets) {
                let len = packet.len;
                let result = match packet.kind {
                    Kind::Rtp => receiver.unprotect_rtp(&mut packet.room()[..len]),
                    Kind::Rtcp => receiver.unprotect_rtcp(&mut packet.room()[..len]),
                };
                packet.len = result.expect("an authentic packet").len;
            }
            return;
        };
        for (receivers, packets) in self
            .receivers
            .chunks_mut(count)
            .zip(packets.chunks_mut(count))
        {
            let places = packets.iter_mut().enumerate();
            let mut batch = Batch::new();
            batch.extend(places.map(|(i, packet)| {
                let len = packet.len;
                Incoming::new(i, &mut packet.room()[..len])
            }));
            srtp::unprotect_batch(receivers, &mut batch);
            let mut lens = [0; SESSIONS];
            for (len, packet) in lens.iter_mut().zip(&mut batch) {
                *len = packet
                    .outcome()
                    .expect("it has run")
                    .expect("an authentic packet")
                    .0
                    .len;
            }
            drop(batch);
            for (packet, len) in packets.iter_mut().zip(&lens) {
                packet.len = *len;
            }
        }
    }
}

/// A batch without allocation. It is filled where it stands: collected, all its places would be
/// copied, the empty ones too.
type Batch<T> = arrayvec::ArrayVec<T, SESSIONS>;
