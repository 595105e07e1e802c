//! The kernels of `portcullis-srtp` against each other.

use ::srtp::{
    CryptexPolicy, Incoming, Kind, MAX_OVERHEAD, Outgoing, Profile, Receiver, ReceiverConfig,
    ReceiverKeys, Sender, SenderConfig, SenderKeys, Tier, UnprotectError, classify,
};

use crate::input::Input;

/// The most packets in a batch: some more than the lanes of the widest kernel.
const PACKETS_MAX: usize = 40;
/// The longest payload in bytes.
const PAYLOAD_MAX: usize = 1500;

/// What became of a packet, with the bytes of its buffer.
type Opened = (Result<usize, UnprotectError>, Vec<u8>);

/// A batch on every tier of this CPU has the bytes and outcomes that the same packets have one by one on the portable tier.
pub fn srtp_tiers(data: &[u8]) {
    let mut input = Input::new(data);
    let count = 1 + input.choice(PACKETS_MAX);
    let cases: Vec<Case> = (0..count).map(|i| Case::read(i, &mut input)).collect();
    let sealed: Vec<Vec<u8>> = cases.iter().map(Case::seal).collect();
    let arriving: Vec<Vec<u8>> = sealed
        .iter()
        .map(|packet| disturb(packet, &mut input))
        .collect();
    let opened: Vec<Opened> = cases
        .iter()
        .zip(&arriving)
        .map(|(case, packet)| case.open(packet))
        .collect();
    for tier in Tier::available() {
        assert_eq!(seal_all(&cases, tier), sealed, "{tier:?}");
        assert_eq!(open_all(&cases, &arriving, tier), opened, "{tier:?}");
    }
}

/// A packet with its session.
struct Case {
    profile: Profile,
    cryptex: bool,
    key: Vec<u8>,
    salt: Vec<u8>,
    plain: Vec<u8>,
}

impl Case {
    fn read(number: usize, input: &mut Input<'_>) -> Self {
        let profile = Profile::ALL[input.choice(Profile::ALL.len())];
        let flags = input.byte();
        let filler = input.byte();
        let null = matches!(profile, Profile::NullSha1_80 | Profile::NullSha1_32);
        let csrcs = usize::from(flags) % 4;
        let mut plain = vec![
            0x80 | csrcs as u8,
            96,
            0,
            number as u8,
            0,
            0,
            0,
            0,
            1,
            2,
            3,
            4,
        ];
        plain.resize(12 + 4 * csrcs, filler);
        if flags & 0x10 != 0 {
            plain[0] |= 0x10;
            plain.extend([0xbe, 0xde, 0, 1, 0x10, filler, 0, 0]);
        }
        if flags & 0x20 != 0 {
            plain[..2].copy_from_slice(&[0x80, 200]);
        }
        plain.resize(
            plain.len() + usize::from(input.u16()) % (PAYLOAD_MAX + 1),
            filler,
        );
        Self {
            profile,
            cryptex: flags & 0x40 != 0 && !null,
            key: vec![filler ^ number as u8; profile.key_len()],
            salt: vec![filler; profile.salt_len()],
            plain,
        }
    }

    fn sender(&self, tier: Tier) -> Sender {
        let keys = SenderKeys::from_raw(self.profile, &self.key, &self.salt).expect("lengths fit");
        let config = SenderConfig {
            cryptex: self.cryptex,
            allow_null_cipher: true,
            tier,
            ..SenderConfig::default()
        };
        Sender::new(keys, config).expect("a valid configuration")
    }

    fn receiver(&self, tier: Tier) -> Receiver {
        let keys =
            ReceiverKeys::from_raw(self.profile, &self.key, &self.salt).expect("lengths fit");
        let cryptex = if self.cryptex {
            CryptexPolicy::Require
        } else {
            CryptexPolicy::Off
        };
        let config = ReceiverConfig {
            cryptex,
            allow_null_cipher: true,
            tier,
            ..ReceiverConfig::default()
        };
        Receiver::new(keys, config).expect("a valid configuration")
    }

    fn buffer(&self) -> Vec<u8> {
        let mut buffer = self.plain.clone();
        buffer.resize(self.plain.len() + MAX_OVERHEAD + 4, 0);
        buffer
    }

    fn seal(&self) -> Vec<u8> {
        let (mut sender, mut buffer) = (self.sender(Tier::Portable), self.buffer());
        let len = match classify(&self.plain) {
            Kind::Rtp => sender.protect_rtp(&mut buffer, self.plain.len()),
            Kind::Rtcp => sender.protect_rtcp(&mut buffer, self.plain.len()),
        };
        buffer.truncate(len.expect("a valid packet"));
        buffer
    }

    fn open(&self, packet: &[u8]) -> Opened {
        let (mut receiver, mut packet) = (self.receiver(Tier::Portable), packet.to_vec());
        let result = match classify(&packet) {
            Kind::Rtp => receiver.unprotect_rtp(&mut packet),
            Kind::Rtcp => receiver.unprotect_rtcp(&mut packet),
        };
        (result.map(|unprotected| unprotected.len), packet)
    }
}

/// Flips a bit of some packets.
fn disturb(packet: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if input.choice(4) == 3 {
        let place = usize::from(input.u16()) % packet.len();
        packet[place] ^= 1 << input.choice(8);
    }
    packet
}

fn seal_all(cases: &[Case], tier: Tier) -> Vec<Vec<u8>> {
    let mut senders: Vec<Sender> = cases.iter().map(|case| case.sender(tier)).collect();
    let mut buffers: Vec<Vec<u8>> = cases.iter().map(Case::buffer).collect();
    let mut packets: Vec<Outgoing<'_>> = cases
        .iter()
        .zip(&mut buffers)
        .enumerate()
        .map(|(i, (case, buffer))| match classify(&case.plain) {
            Kind::Rtp => Outgoing::rtp(i, buffer, case.plain.len()),
            Kind::Rtcp => Outgoing::rtcp(i, buffer, case.plain.len()),
        })
        .collect();
    ::srtp::protect_batch(&mut senders, &mut packets);
    let outcome = |packet: &Outgoing<'_>| {
        packet
            .outcome()
            .expect("the batch has run")
            .map(<[u8]>::to_vec)
    };
    packets
        .iter()
        .map(|packet| outcome(packet).expect("a valid packet"))
        .collect()
}

fn open_all(cases: &[Case], arriving: &[Vec<u8>], tier: Tier) -> Vec<Opened> {
    let mut receivers: Vec<Receiver> = cases.iter().map(|case| case.receiver(tier)).collect();
    let mut buffers = arriving.to_vec();
    let mut packets: Vec<Incoming<'_>> = buffers
        .iter_mut()
        .enumerate()
        .map(|(i, packet)| Incoming::new(i, packet))
        .collect();
    ::srtp::unprotect_batch(&mut receivers, &mut packets);
    let results: Vec<_> = packets
        .iter_mut()
        .map(|packet| {
            packet
                .outcome()
                .expect("the batch has run")
                .map(|(opened, _)| opened.len)
        })
        .collect();
    drop(packets);
    results.into_iter().zip(buffers).collect()
}
