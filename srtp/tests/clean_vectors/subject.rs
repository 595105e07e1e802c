//! What is traced: packets of every shape on every tier.

use std::fmt;

use srtp::{
    Incoming, Kind, Outgoing, Profile, Receiver, ReceiverConfig, ReceiverKeys, Sender,
    SenderConfig, SenderKeys, Tier,
};

use crate::steps::step;

/// Which shapes are traced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shapes {
    pub(crate) profiles: &'static [Profile],
    pub(crate) kinds: &'static [Kind],
    pub(crate) works: &'static [Work],
    /// Lengths of packets in bytes.
    pub(crate) sizes: &'static [usize],
    /// Packets in a batch, whose lengths grow from there.
    pub(crate) counts: &'static [usize],
}

/// One thing that is traced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    tier: Tier,
    profile: Profile,
    kind: Kind,
    work: Work,
    /// Of the packet, or of the first in a batch.
    size: usize,
    /// Packets.
    count: usize,
}

/// What is done with packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Protect,
    Unprotect,
    /// Unprotects what is not authentic.
    Refuse,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tier,
            profile,
            kind,
            work,
            size,
            count,
        } = self;
        write!(
            f,
            "{}, {}, {work:?} {count} of {kind:?}, {size} B",
            tier.name(),
            profile.name(),
        )
    }
}

impl Case {
    /// Every tier with these shapes.
    pub(crate) fn all(shapes: Shapes) -> Vec<Self> {
        let mut cases = Vec::new();
        // The portable tier has no vectors of ours.
        for tier in Tier::available().filter(|tier| *tier != Tier::Portable) {
            for &profile in shapes.profiles {
                for &kind in shapes.kinds {
                    for &work in shapes.works {
                        for &size in shapes.sizes {
                            cases.extend(shapes.counts.iter().map(|&count| Self {
                                tier,
                                profile,
                                kind,
                                work,
                                size,
                                count,
                            }));
                        }
                    }
                }
            }
        }
        cases
    }

    /// Runs it, and logs its instructions.
    pub(crate) fn run(self, log: &mut Vec<u64>) {
        let mut sender = [self.sender()];
        let mut receiver = [self.receiver()];
        // The table of streams is there, and nothing is resolved for the first time.
        let mut first = self.packets(0, 1);
        protect(&mut sender, self.kind, &mut first);
        unprotect(&mut receiver, &mut first);
        let mut packets = self.packets(1, self.count);
        if self.work == Work::Protect {
            step(log, || protect(&mut sender, self.kind, &mut packets));
            return;
        }
        protect(&mut sender, self.kind, &mut packets);
        if self.work == Work::Refuse {
            for packet in &mut packets {
                let last = packet.len - 1;
                packet.buffer[last] ^= 1;
            }
        }
        let authentic = step(log, || unprotect(&mut receiver, &mut packets));
        let expected = if self.work == Work::Refuse {
            0
        } else {
            self.count
        };
        assert_eq!(authentic, expected, "{self}");
    }

    /// Packets of growing lengths, the first of which has the size of the case.
    fn packets(self, sequence_number: u8, count: usize) -> Vec<Packet> {
        let packet = |nth: usize| {
            let (header, len) = match self.kind {
                Kind::Rtp => ([0x80, 96, 0, sequence_number + nth as u8], self.size),
                Kind::Rtcp => ([0x80, 200, 0, 1], self.size.next_multiple_of(4)),
            };
            let mut packet = Packet {
                buffer: vec![0x5a; 2048],
                len: len + 4 * nth,
            };
            packet.buffer[..4].copy_from_slice(&header);
            packet
        };
        (0..count).map(packet).collect()
    }

    fn sender(self) -> Sender {
        let (key, salt) = self.master();
        let keys = SenderKeys::from_raw(self.profile, &key, &salt).expect("lengths fit");
        let config = SenderConfig {
            allow_null_cipher: true,
            tier: self.tier,
            ..SenderConfig::default()
        };
        Sender::new(keys, config).expect("a valid configuration")
    }

    fn receiver(self) -> Receiver {
        let (key, salt) = self.master();
        let keys = ReceiverKeys::from_raw(self.profile, &key, &salt).expect("lengths fit");
        let config = ReceiverConfig {
            allow_null_cipher: true,
            tier: self.tier,
            ..ReceiverConfig::default()
        };
        Receiver::new(keys, config).expect("a valid configuration")
    }

    fn master(self) -> (Vec<u8>, Vec<u8>) {
        (
            vec![7; self.profile.key_len()],
            vec![11; self.profile.salt_len()],
        )
    }
}

struct Packet {
    buffer: Vec<u8>,
    len: usize,
}

/// One call for one packet, one call for several.
fn protect(sender: &mut [Sender; 1], kind: Kind, packets: &mut [Packet]) {
    if let [packet] = packets {
        let [sender] = sender;
        let protected = match kind {
            Kind::Rtp => sender.protect_rtp(&mut packet.buffer, packet.len),
            Kind::Rtcp => sender.protect_rtcp(&mut packet.buffer, packet.len),
        };
        packet.len = protected.expect("a valid packet");
        return;
    }
    let outgoing = packets.iter_mut().map(|packet| match kind {
        Kind::Rtp => Outgoing::rtp(0, &mut packet.buffer, packet.len),
        Kind::Rtcp => Outgoing::rtcp(0, &mut packet.buffer, packet.len),
    });
    let mut outgoing: Vec<_> = outgoing.collect();
    srtp::protect_batch(sender, &mut outgoing);
    let lengths = outgoing.iter().map(|packet| match packet.outcome() {
        Some(Ok(protected)) => protected.len(),
        other => panic!("{other:?}"),
    });
    let lengths: Vec<_> = lengths.collect();
    for (packet, len) in packets.iter_mut().zip(lengths) {
        packet.len = len;
    }
}

/// The same; how many packets were authentic.
fn unprotect(receiver: &mut [Receiver; 1], packets: &mut [Packet]) -> usize {
    if let [packet] = packets {
        let [receiver] = receiver;
        let packet = &mut packet.buffer[..packet.len];
        let unprotected = match srtp::classify(packet) {
            Kind::Rtp => receiver.unprotect_rtp(packet),
            Kind::Rtcp => receiver.unprotect_rtcp(packet),
        };
        return unprotected.is_ok().into();
    }
    let incoming = packets
        .iter_mut()
        .map(|packet| Incoming::new(0, &mut packet.buffer[..packet.len]));
    let mut incoming: Vec<_> = incoming.collect();
    srtp::unprotect_batch(receiver, &mut incoming);
    let authentic = incoming
        .iter_mut()
        .filter_map(|packet| packet.outcome()?.ok());
    authentic.count()
}
