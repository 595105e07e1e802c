//! Targets of `portcullis-srtp`.

use std::collections::HashSet;

use ::srtp::{
    CryptexPolicy, Duplicates, ExtensionIds, Freshness, Incoming, Kind, MAX_OVERHEAD, Outgoing,
    Profile, ProtectError, Receiver, ReceiverConfig, ReceiverKeys, RocRecovery, Sender,
    SenderConfig, SenderKeys, Tier, classify,
};

use crate::input::Input;

/// The SSRCs that packets have.
const SSRCS: [u32; 4] = [0, 1, 0x8000_0000, u32::MAX];

/// The most packets that are under way at a time.
const UNDER_WAY_MAX: usize = 16;

/// Bytes that no key sealed are refused under every profile and configuration, and change nothing.
pub fn srtp_parse(data: &[u8]) {
    let mut input = Input::new(data);
    let setup = Setup::read(&mut input);
    let mut receiver = setup.receiver(0);
    while !input.is_empty() {
        let len = usize::from(input.u16()) % 300;
        let mut packet = input.bytes(len).to_vec();
        let before = packet.clone();
        let result = match classify(&packet) {
            Kind::Rtp => receiver.unprotect_rtp(&mut packet),
            Kind::Rtcp => receiver.unprotect_rtcp(&mut packet),
        };
        let reason = result.expect_err("nobody sealed this");
        assert!(receiver.statistics().discarded(reason) > 0);
        assert_eq!(packet, before);
        assert_eq!(receiver.streams(), 0);
    }
}

/// No index of an SSRC is sealed twice, and what is refused is left as it was.
pub fn srtp_protect(data: &[u8]) {
    let mut input = Input::new(data);
    let setup = Setup::read(&mut input);
    let mut sender = setup.sender(0);
    let mut receiver = setup.receiver(0);
    let mut sealed = HashSet::new();
    while !input.is_empty() {
        let sequence_number = input.u16();
        let plain = setup.packet(&mut input, sequence_number);
        let mut buffer = plain.clone();
        buffer.resize(plain.len() + usize::from(input.byte() % 32), 0);
        let before = buffer.clone();
        let result = match classify(&plain) {
            Kind::Rtp => sender.protect_rtp(&mut buffer, plain.len()),
            Kind::Rtcp => sender.protect_rtcp(&mut buffer, plain.len()),
        };
        let Ok(len) = result else {
            assert_eq!(buffer, before);
            continue;
        };
        // A receiver that saw each packet in this order knows the index of each.
        let opened = match classify(&plain) {
            Kind::Rtp => receiver.unprotect_rtp(&mut buffer[..len]),
            Kind::Rtcp => receiver.unprotect_rtcp(&mut buffer[..len]),
        }
        .expect("it was sealed");
        assert_eq!(opened.freshness, Freshness::New);
        assert!(
            sealed.insert((classify(&plain), opened.ssrc, opened.index)),
            "sealed twice"
        );
        setup.assert_same(&buffer[..opened.len], &plain);
    }
}

/// A sealed packet comes back once as it was sent, in any order, among forgeries, replays and new keys.
pub fn srtp_unprotect(data: &[u8]) {
    let mut input = Input::new(data);
    let setup = Setup::read(&mut input);
    let mut sender = setup.sender(0);
    let mut receiver = setup.receiver(0);
    let mut stream = Packets::default();
    let mut under_way: Vec<Sealed> = Vec::new();
    let mut keys = 0;
    while !input.is_empty() {
        match input.choice(8) {
            0..=3 if under_way.len() < UNDER_WAY_MAX => {
                let plain = stream.next(&setup, &mut input);
                under_way.extend(Sealed::new(&mut sender, plain));
            }
            4 if !under_way.is_empty() => {
                let lost = input.choice(under_way.len());
                under_way.remove(lost);
            }
            5 if !under_way.is_empty() => {
                let forged = &under_way[input.choice(under_way.len())];
                forged.clone().forge(&mut receiver, &mut input);
            }
            6 if under_way.iter().all(|sealed| sealed.delivered) && keys < 255 => {
                keys += 1;
                setup.rekey(&mut sender, &mut receiver, keys);
                under_way.clear();
            }
            _ if !under_way.is_empty() => {
                let arrived = input.choice(under_way.len());
                under_way[arrived].deliver(&mut receiver, &setup);
            }
            _ => {}
        }
        assert!(receiver.streams() <= 2 * SSRCS.len());
    }
}

/// A batch has the outcomes and bytes that the same packets have one by one.
pub fn srtp_batch(data: &[u8]) {
    let mut input = Input::new(data);
    let setups = [Setup::read(&mut input), Setup::read(&mut input)];
    let senders = || [setups[0].sender(0), setups[1].sender(1)];
    let receivers = || [setups[0].receiver(0), setups[1].receiver(1)];
    let (mut single_senders, mut batch_senders) = (senders(), senders());
    let (mut single_receivers, mut batch_receivers) = (receivers(), receivers());
    let mut streams = [Packets::default(), Packets::default()];
    while !input.is_empty() {
        let mut plain = Vec::new();
        for _ in 0..input.choice(100) {
            let who = input.choice(2);
            plain.push((who, streams[who].next(&setups[who], &mut input)));
        }
        let one_by_one: Vec<_> = plain
            .iter()
            .map(|(who, plain)| seal(&mut single_senders[*who], plain))
            .collect();
        let together = seal_batch(&mut batch_senders, &plain);
        assert_eq!(one_by_one, together);

        let mut arriving: Vec<(usize, Vec<u8>)> = plain
            .iter()
            .zip(one_by_one)
            .filter_map(|((who, _), sealed)| Some((*who, sealed.ok()?)))
            .collect();
        disturb(&mut arriving, &mut input);
        let mut copies = arriving.clone();
        let one_by_one: Vec<_> = copies
            .iter_mut()
            .map(|(who, packet)| match classify(packet) {
                Kind::Rtp => single_receivers[*who].unprotect_rtp(packet),
                Kind::Rtcp => single_receivers[*who].unprotect_rtcp(packet),
            })
            .collect();
        let mut packets: Vec<_> = arriving
            .iter_mut()
            .map(|(who, packet)| Incoming::new(*who, packet))
            .collect();
        ::srtp::unprotect_batch(&mut batch_receivers, &mut packets);
        // What is dropped may differ: a batch opens a duplicate and wipes it, one by one it is not even opened.
        for ((packet, expected), (_, copy)) in packets.iter_mut().zip(one_by_one).zip(&copies) {
            let outcome = packet.outcome().expect("the batch has run");
            assert_eq!(
                outcome.map(|(unprotected, packet)| (unprotected, &*packet)),
                expected.map(|unprotected| (unprotected, &copy[..unprotected.len]))
            );
        }
    }
    for (single, batch) in single_receivers.iter().zip(&batch_receivers) {
        assert_eq!(single.statistics(), batch.statistics());
    }
}

/// Doubles, flips and swaps some packets.
pub(crate) fn disturb(arriving: &mut Vec<(usize, Vec<u8>)>, input: &mut Input<'_>) {
    for _ in 0..input.choice(16) {
        if arriving.is_empty() {
            return;
        }
        let (this, that) = (input.choice(arriving.len()), input.choice(arriving.len()));
        match input.choice(3) {
            0 => arriving.swap(this, that),
            1 => arriving.push(arriving[this].clone()),
            _ => {
                let packet = &mut arriving[this].1;
                let at = usize::from(input.u16()) % packet.len();
                packet[at] ^= 1 << input.choice(8);
            }
        }
    }
}

fn seal(sender: &mut Sender, plain: &[u8]) -> Result<Vec<u8>, ProtectError> {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + MAX_OVERHEAD + 16, 0);
    let len = match classify(plain) {
        Kind::Rtp => sender.protect_rtp(&mut buffer, plain.len()),
        Kind::Rtcp => sender.protect_rtcp(&mut buffer, plain.len()),
    }?;
    buffer.truncate(len);
    Ok(buffer)
}

fn seal_batch(
    senders: &mut [Sender],
    plain: &[(usize, Vec<u8>)],
) -> Vec<Result<Vec<u8>, ProtectError>> {
    let mut buffers: Vec<Vec<u8>> = plain
        .iter()
        .map(|(_, plain)| {
            let mut buffer = plain.clone();
            buffer.resize(plain.len() + MAX_OVERHEAD + 16, 0);
            buffer
        })
        .collect();
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
        .map(|packet| {
            packet
                .outcome()
                .expect("the batch has run")
                .map(<[u8]>::to_vec)
        })
        .collect()
}

/// A profile and the configuration of both sides.
pub(crate) struct Setup {
    profile: Profile,
    cryptex: bool,
    encrypted: ExtensionIds,
    mki_len: usize,
    duplicates: Duplicates,
    roc_recovery: RocRecovery,
}

impl Setup {
    pub(crate) fn read(input: &mut Input<'_>) -> Self {
        let profile = Profile::ALL[input.choice(Profile::ALL.len())];
        let null = matches!(profile, Profile::NullSha1_80 | Profile::NullSha1_32);
        let headers = if null { 0 } else { input.choice(4) };
        Self {
            profile,
            cryptex: headers == 1,
            encrypted: match headers {
                2 => [1, 3].into_iter().collect(),
                3 => (1..=255).collect(),
                _ => ExtensionIds::NONE,
            },
            mki_len: [0, 0, 1, 4][input.choice(4)],
            duplicates: match input.choice(3) {
                0 => Duplicates::Drop,
                1 => Duplicates::Report,
                _ => Duplicates::Deliver,
            },
            roc_recovery: match input.choice(2) {
                0 => RocRecovery::FirstPacket,
                _ => RocRecovery::Always,
            },
        }
    }

    fn sender(&self, key: u8) -> Sender {
        self.sender_on(Tier::detect(), key)
    }

    fn receiver(&self, key: u8) -> Receiver {
        self.receiver_on(Tier::detect(), key)
    }

    pub(crate) fn sender_on(&self, tier: Tier, key: u8) -> Sender {
        let config = SenderConfig {
            tier,
            cryptex: self.cryptex,
            encrypted_extensions: self.encrypted,
            allow_null_cipher: true,
            window: 128,
            ..SenderConfig::default()
        };
        Sender::new(self.sender_keys(key), config).expect("a valid configuration")
    }

    pub(crate) fn receiver_on(&self, tier: Tier, key: u8) -> Receiver {
        let config = ReceiverConfig {
            tier,
            cryptex: if self.cryptex {
                CryptexPolicy::Require
            } else {
                CryptexPolicy::Off
            },
            encrypted_extensions: self.encrypted,
            allow_null_cipher: true,
            duplicates: self.duplicates,
            roc_recovery: self.roc_recovery,
            ..ReceiverConfig::default()
        };
        Receiver::new(self.receiver_keys(key), config).expect("a valid configuration")
    }

    fn sender_keys(&self, key: u8) -> SenderKeys {
        let (master_key, salt) = (
            vec![key; self.profile.key_len()],
            vec![key; self.profile.salt_len()],
        );
        let keys = SenderKeys::from_raw(self.profile, &master_key, &salt).expect("lengths fit");
        if self.mki_len == 0 {
            return keys;
        }
        keys.with_mki(&vec![key; self.mki_len])
            .expect("length fits")
    }

    fn receiver_keys(&self, key: u8) -> ReceiverKeys {
        let (master_key, salt) = (
            vec![key; self.profile.key_len()],
            vec![key; self.profile.salt_len()],
        );
        let keys = ReceiverKeys::from_raw(self.profile, &master_key, &salt).expect("lengths fit");
        if self.mki_len == 0 {
            return keys;
        }
        keys.with_mki(&vec![key; self.mki_len])
            .expect("length fits")
    }

    fn rekey(&self, sender: &mut Sender, receiver: &mut Receiver, key: u8) {
        receiver.rekey(self.receiver_keys(key)).expect("a new key");
        sender.rekey(self.sender_keys(key)).expect("a new key");
        if self.mki_len == 0 {
            receiver.drop_replaced_keys();
        } else {
            let old = vec![key - 1; self.mki_len];
            receiver.remove_keys(&old).expect("the key before");
            sender.remove_keys(&old).expect("the key before");
        }
    }

    /// A valid RTP packet, or an RTCP packet.
    fn packet(&self, input: &mut Input<'_>, sequence_number: u16) -> Vec<u8> {
        let flags = input.byte();
        let ssrc = SSRCS[input.choice(SSRCS.len())].to_be_bytes();
        if flags >= 0xe0 {
            let mut packet = vec![0x80 | flags & 0x3f, 200 + flags % 8, 0, 1];
            packet.extend(ssrc);
            packet.extend(input.bytes(usize::from(flags) % 64));
            return packet;
        }
        let csrcs = usize::from(flags % 3);
        let extended = flags & 0x10 != 0;
        let mut packet = vec![0x80 | csrcs as u8 | flags & 0x10, 96];
        packet.extend(sequence_number.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(ssrc);
        packet.resize(12 + 4 * csrcs, 0xcc);
        if extended {
            packet.extend(Self::extension(input));
        }
        packet.extend(input.bytes(usize::from(flags)));
        if flags & 0x20 != 0 {
            packet[0] |= 0x20;
            packet.extend([0, 0, 3]);
        }
        packet
    }

    fn extension(input: &mut Input<'_>) -> Vec<u8> {
        let (id, len) = (1 + input.byte() % 14, input.choice(16));
        let mut body = if input.choice(2) == 0 {
            let mut body = vec![0xbe, 0xde, 0, 0, id << 4 | len as u8];
            body.resize(6 + len, 0xee);
            body
        } else {
            let mut body = vec![0x10, 0, 0, 0, id, len as u8];
            body.resize(6 + len, 0xee);
            body
        };
        body.resize(body.len().next_multiple_of(4), 0);
        body[3] = (body.len() / 4 - 1) as u8;
        body
    }

    /// What came out is what went in, but that Cryptex may have had to add an empty header extension.
    fn assert_same(&self, opened: &[u8], plain: &[u8]) {
        let csrcs = usize::from(plain[0] & 0x0f) * 4;
        let bare = plain[0] & 0x10 == 0 && csrcs > 0 && classify(plain) == Kind::Rtp;
        if !self.cryptex || !bare {
            assert_eq!(opened, plain);
            return;
        }
        let mut expected = plain.to_vec();
        expected[0] |= 0x10;
        expected.splice(12 + csrcs..12 + csrcs, [0xbe, 0xde, 0, 0]);
        assert_eq!(opened, expected);
    }
}

/// Packets with sequence numbers that go up, now and then by more than one.
#[derive(Default)]
pub(crate) struct Packets {
    sequence_number: Option<u16>,
}

impl Packets {
    pub(crate) fn next(&mut self, setup: &Setup, input: &mut Input<'_>) -> Vec<u8> {
        let sequence_number = match self.sequence_number {
            None => input.u16(),
            Some(last) => last.wrapping_add(1 + u16::from(input.byte()) / 16),
        };
        self.sequence_number = Some(sequence_number);
        setup.packet(input, sequence_number)
    }
}

/// A protected packet with what it was.
#[derive(Clone)]
struct Sealed {
    plain: Vec<u8>,
    packet: Vec<u8>,
    delivered: bool,
}

impl Sealed {
    fn new(sender: &mut Sender, plain: Vec<u8>) -> Option<Self> {
        let packet = seal(sender, &plain).ok()?;
        Some(Self {
            plain,
            packet,
            delivered: false,
        })
    }

    fn unprotect(packet: &mut [u8], receiver: &mut Receiver) -> Option<::srtp::Unprotected> {
        match classify(packet) {
            Kind::Rtp => receiver.unprotect_rtp(packet).ok(),
            Kind::Rtcp => receiver.unprotect_rtcp(packet).ok(),
        }
    }

    fn deliver(&mut self, receiver: &mut Receiver, setup: &Setup) {
        let mut packet = self.packet.clone();
        let opened = Self::unprotect(&mut packet, receiver);
        let Some(opened) = opened else {
            let dropped = setup.duplicates == Duplicates::Drop;
            assert!(self.delivered || dropped, "an authentic packet was refused");
            return;
        };
        assert_eq!(
            opened.freshness == Freshness::New,
            !self.delivered && !opened.is_duplicate()
        );
        assert!(!self.delivered || opened.is_duplicate(), "handed out twice");
        self.delivered = true;
        if opened.freshness == Freshness::New || setup.duplicates == Duplicates::Deliver {
            setup.assert_same(&packet[..opened.len], &self.plain);
        } else {
            assert!(
                packet[opened.len..self.plain.len()]
                    .iter()
                    .all(|&byte| byte == 0)
            );
        }
    }

    fn forge(mut self, receiver: &mut Receiver, input: &mut Input<'_>) {
        let at = usize::from(input.u16()) % self.packet.len();
        self.packet[at] ^= 1 << input.choice(8);
        let mut packet = self.packet.clone();
        assert_eq!(Self::unprotect(&mut packet, receiver), None);
        assert_eq!(packet, self.packet);
    }
}
