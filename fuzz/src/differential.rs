//! All tiers of this CPU against each other, one by one, in batches and mixed.

use ::srtp::{
    Incoming, Kind, MAX_OVERHEAD, Outgoing, ProtectError, Receiver, Sender, Tier, UnprotectError,
    Unprotected, classify,
};

use crate::input::Input;
use crate::srtp::{Packets, Setup, disturb};

/// The most packets of a round: more than one batch.
const PACKETS_MAX: usize = 80;

/// Sessions that live for many rounds give the same on every tier, one by one, in batches of one tier and in batches of all.
pub fn srtp_differential(data: &[u8]) {
    differential(data);
}

/// The same; gives how many packets were sealed or opened.
pub fn differential(data: &[u8]) -> u64 {
    let mut input = Input::new(data);
    let setups = [Setup::read(&mut input), Setup::read(&mut input)];
    let tiers: Vec<Tier> = Tier::available().collect();
    let mut ends: Vec<Ends> = tiers.iter().map(|&tier| Ends::new(&setups, tier)).collect();
    let mut mixed = Mixed::new(&setups, &tiers);
    let mut streams = [Packets::default(), Packets::default()];
    let mut operations = 0;
    while !input.is_empty() {
        let plain: Vec<_> = (0..input.choice(PACKETS_MAX))
            .map(|_| {
                let who = input.choice(2);
                (who, streams[who].next(&setups[who], &mut input))
            })
            .collect();
        let sealed = ends[0].seal(&plain);
        for end in &mut ends[1..] {
            assert_eq!(end.seal(&plain), sealed);
        }
        for end in &mut ends {
            assert_eq!(seal_batch(&mut end.batch_senders, &plain), sealed);
        }
        mixed.seal(&plain, &sealed);

        let mut arriving: Vec<_> = plain
            .iter()
            .zip(&sealed)
            .filter_map(|((who, _), sealed)| Some((*who, sealed.clone().ok()?)))
            .collect();
        disturb(&mut arriving, &mut input);
        let opened = ends[0].open(&arriving);
        for end in &mut ends[1..] {
            assert_eq!(end.open(&arriving), opened);
        }
        for end in &mut ends {
            let together = open_batch(&mut end.batch_receivers, &arriving);
            assert_same(&together, &opened);
        }
        mixed.open(&arriving, &opened);
        let runs = 2 * ends.len() + ends.len();
        operations += (runs * (plain.len() + arriving.len())) as u64;
    }
    for end in &ends {
        let receivers = end.receivers.iter().zip(&end.batch_receivers);
        for ((single, batched), first) in receivers.zip(&ends[0].receivers) {
            for receiver in [single, batched] {
                assert_eq!(receiver.statistics(), first.statistics());
                assert_eq!(receiver.state_digest(), first.state_digest());
            }
        }
    }
    operations
}

type Sealed = Result<Vec<u8>, ProtectError>;

/// An outcome with the whole buffer.
type Opened = (Result<Unprotected, UnprotectError>, Vec<u8>);

/// Both ends of two sessions on one tier, once for packets one by one, once for batches.
struct Ends {
    senders: [Sender; 2],
    receivers: [Receiver; 2],
    batch_senders: [Sender; 2],
    batch_receivers: [Receiver; 2],
}

impl Ends {
    fn new(setups: &[Setup; 2], tier: Tier) -> Self {
        let senders = || [setups[0].sender_on(tier, 0), setups[1].sender_on(tier, 1)];
        let receivers = || {
            [
                setups[0].receiver_on(tier, 0),
                setups[1].receiver_on(tier, 1),
            ]
        };
        Self {
            senders: senders(),
            receivers: receivers(),
            batch_senders: senders(),
            batch_receivers: receivers(),
        }
    }

    fn seal(&mut self, plain: &[(usize, Vec<u8>)]) -> Vec<Sealed> {
        plain
            .iter()
            .map(|(who, plain)| {
                let (sender, mut buffer) = (&mut self.senders[*who], room(plain));
                let len = match classify(plain) {
                    Kind::Rtp => sender.protect_rtp(&mut buffer, plain.len()),
                    Kind::Rtcp => sender.protect_rtcp(&mut buffer, plain.len()),
                }?;
                buffer.truncate(len);
                Ok(buffer)
            })
            .collect()
    }

    fn open(&mut self, arriving: &[(usize, Vec<u8>)]) -> Vec<Opened> {
        arriving
            .iter()
            .map(|(who, packet)| {
                let (receiver, mut packet) = (&mut self.receivers[*who], packet.clone());
                let result = match classify(&packet) {
                    Kind::Rtp => receiver.unprotect_rtp(&mut packet),
                    Kind::Rtcp => receiver.unprotect_rtcp(&mut packet),
                };
                (result, packet)
            })
            .collect()
    }
}

/// Both ends of two sessions on all tiers, whose packets go in one batch.
struct Mixed {
    senders: Vec<Sender>,
    receivers: Vec<Receiver>,
}

impl Mixed {
    fn new(setups: &[Setup; 2], tiers: &[Tier]) -> Self {
        let each = |tier: &Tier| [(0, *tier), (1, *tier)];
        let all = || tiers.iter().flat_map(each);
        Self {
            senders: all()
                .map(|(who, tier)| setups[who].sender_on(tier, who as u8))
                .collect(),
            receivers: all()
                .map(|(who, tier)| setups[who].receiver_on(tier, who as u8))
                .collect(),
        }
    }

    /// Each packet once for each tier, side by side.
    fn spread(&self, packets: &[(usize, Vec<u8>)]) -> Vec<(usize, Vec<u8>)> {
        let tiers = self.senders.len() / 2;
        packets
            .iter()
            .flat_map(|(who, packet)| (0..tiers).map(|tier| (2 * tier + *who, packet.clone())))
            .collect()
    }

    fn seal(&mut self, plain: &[(usize, Vec<u8>)], expected: &[Sealed]) {
        let tiers = self.senders.len() / 2;
        let plain = self.spread(plain);
        let sealed = seal_batch(&mut self.senders, &plain);
        for (sealed, expected) in sealed.chunks(tiers).zip(expected) {
            sealed
                .iter()
                .for_each(|sealed| assert_eq!(sealed, expected));
        }
    }

    fn open(&mut self, arriving: &[(usize, Vec<u8>)], expected: &[Opened]) {
        let tiers = self.receivers.len() / 2;
        let arriving = self.spread(arriving);
        let opened = open_batch(&mut self.receivers, &arriving);
        for (opened, expected) in opened.chunks(tiers).zip(expected) {
            for opened in opened {
                assert_same(std::slice::from_ref(opened), std::slice::from_ref(expected));
            }
        }
    }
}

fn room(plain: &[u8]) -> Vec<u8> {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + MAX_OVERHEAD + 16, 0);
    buffer
}

fn seal_batch(senders: &mut [Sender], plain: &[(usize, Vec<u8>)]) -> Vec<Sealed> {
    let mut buffers: Vec<_> = plain.iter().map(|(_, plain)| room(plain)).collect();
    let mut packets: Vec<_> = plain
        .iter()
        .zip(&mut buffers)
        .map(|((who, plain), buffer)| match classify(plain) {
            Kind::Rtp => Outgoing::rtp(*who, buffer, plain.len()),
            Kind::Rtcp => Outgoing::rtcp(*who, buffer, plain.len()),
        })
        .collect();
    ::srtp::protect_batch(senders, &mut packets);
    packets
        .iter()
        .map(|packet| packet.outcome().expect("the batch has run"))
        .map(|outcome| outcome.map(<[u8]>::to_vec))
        .collect()
}

fn open_batch(receivers: &mut [Receiver], arriving: &[(usize, Vec<u8>)]) -> Vec<Opened> {
    let mut buffers = arriving.to_vec();
    let mut packets: Vec<_> = buffers
        .iter_mut()
        .map(|(who, packet)| Incoming::new(*who, packet))
        .collect();
    ::srtp::unprotect_batch(receivers, &mut packets);
    let results: Vec<_> = packets
        .iter_mut()
        .map(|packet| packet.outcome().expect("the batch has run"))
        .map(|outcome| outcome.map(|(unprotected, _)| unprotected))
        .collect();
    drop(packets);
    let buffers = buffers.into_iter().map(|(_, packet)| packet);
    results.into_iter().zip(buffers).collect()
}

/// What is refused in a batch may be wiped where, one by one, it is left as it came.
fn assert_same(together: &[Opened], one_by_one: &[Opened]) {
    for ((outcome, packet), (expected, copy)) in together.iter().zip(one_by_one) {
        assert_eq!(outcome, expected);
        match outcome {
            Ok(opened) => assert_eq!(packet[..opened.len], copy[..opened.len]),
            Err(_) if packet == copy => {}
            Err(_) => {
                let end = packet.len().saturating_sub(MAX_OVERHEAD + 4).max(12);
                assert!(packet[12..end].iter().all(|&byte| byte == 0));
            }
        }
    }
}
