//! A batch gives what its packets give one by one: outcomes, bytes, counters, events and state.
//!
//! There is one exception, which `docs/srtp.md` tells: what is refused in a batch may be wiped
//! where, one by one, it is left as it came.

mod pair;

use pair::{receiver_keys, sender_keys};
use srtp::{
    CryptexPolicy, DerivationRate, Duplicates, Event, ExtensionIds, Incoming, Kind, Lifetime,
    MAX_OVERHEAD, Outgoing, Profile, ProtectError, Receiver, ReceiverConfig, RocRecovery, Sender,
    SenderConfig, Tier, UnprotectError, Unprotected,
};

/// How many batches each receiver gets.
const BATCHES: u32 = if cfg!(debug_assertions) { 6 } else { 40 };

/// Numbers from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: u64) -> u64 {
        (self.next() >> 16) % count
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// What both ends of a session agree on.
#[derive(Clone)]
struct Session {
    profile: Profile,
    key: u8,
    cryptex: bool,
    ids: ExtensionIds,
    mki: bool,
    lifetime: Lifetime,
    rate: DerivationRate,
    receiving: ReceiverConfig,
}

impl Session {
    fn new(profile: Profile, duplicates: Duplicates, key: u8, random: &mut Random) -> Self {
        let null = matches!(profile, Profile::NullSha1_80 | Profile::NullSha1_32);
        let header = if null { 0 } else { random.below(3) };
        let tiers: Vec<_> = Tier::available().collect();
        let mut ids = ExtensionIds::NONE;
        if header == 1 {
            ids.insert(1);
            ids.insert(3);
        }
        let few = Lifetime { rtp: 200, rtcp: 20 };
        let rates = [
            DerivationRate::NEVER,
            DerivationRate::every(256).expect("valid"),
        ];
        Self {
            profile,
            key,
            cryptex: header == 2,
            ids,
            mki: random.one_in(3),
            lifetime: random.choose(&[Lifetime::RFC3711, Lifetime::RFC3711, few]),
            rate: rates[usize::from(random.one_in(6))],
            receiving: ReceiverConfig {
                allow_weak_tags: false,
                cryptex: match header {
                    2 => random.choose(&[CryptexPolicy::Accept, CryptexPolicy::Require]),
                    _ => CryptexPolicy::Off,
                },
                encrypted_extensions: ids,
                require_encrypted_rtcp: random.one_in(2),
                allow_null_cipher: true,
                rtp_window: random.choose(&[64, 1024]),
                rtcp_window: 64,
                duplicates,
                roc_recovery: random.choose(&[
                    RocRecovery::Never,
                    RocRecovery::FirstPacket,
                    RocRecovery::Always,
                ]),
                max_streams: random.choose(&[2, 3, 100]),
                max_retired_streams: random.choose(&[1, 100]),
                tier: random.choose(&tiers),
            },
        }
    }

    fn receiver(&self) -> Receiver {
        let mut keys = receiver_keys(self.profile, self.key)
            .with_derivation_rate(self.rate)
            .with_lifetime(self.lifetime)
            .expect("valid");
        if self.mki {
            keys = keys.with_mki(&[7, 8]).expect("valid");
        }
        Receiver::new(keys, self.receiving.clone()).expect("valid")
    }

    fn sender(&self, config: SenderConfig) -> Sender {
        let mut keys = sender_keys(self.profile, self.key).with_derivation_rate(self.rate);
        if self.mki {
            keys = keys.with_mki(&[7, 8]).expect("valid");
        }
        Sender::new(keys, config).expect("valid")
    }

    /// Seals a packet under an index of the caller's.
    fn seal(&self, kind: Kind, ssrc: u32, index: u64, random: &mut Random) -> Vec<u8> {
        let careless = random.one_in(30);
        let config = SenderConfig {
            cryptex: self.cryptex && !careless,
            encrypted_extensions: if careless {
                ExtensionIds::NONE
            } else {
                self.ids
            },
            encrypt_rtcp: !random.one_in(10),
            allow_null_cipher: true,
            ..SenderConfig::default()
        };
        let mut sender = self.sender(config);
        let plain = plain(kind, ssrc, index as u16, random);
        let mut buffer = plain.clone();
        buffer.resize(plain.len() + MAX_OVERHEAD + 2, 0);
        let len = match kind {
            Kind::Rtp => {
                sender.set_roc(ssrc, (index >> 16) as u32).expect("new");
                sender.protect_rtp(&mut buffer, plain.len())
            }
            Kind::Rtcp => {
                sender.set_rtcp_index(ssrc, index as u32).expect("new");
                sender.protect_rtcp(&mut buffer, plain.len())
            }
        };
        // A malformed extension that is to be encrypted is not sealed.
        buffer.truncate(len.unwrap_or(plain.len()));
        buffer
    }
}

fn plain(kind: Kind, ssrc: u32, sequence_number: u16, random: &mut Random) -> Vec<u8> {
    let filler = random.next() as u8;
    let len = random.below(200) as usize >> random.below(6);
    if kind == Kind::Rtcp {
        let mut packet = vec![0x80, 200, 0, 1];
        packet.extend(ssrc.to_be_bytes());
        packet.resize(8 + len, filler);
        return packet;
    }
    let csrcs = if random.one_in(4) { random.below(3) } else { 0 } as u8;
    let mut packet = vec![0x80 | csrcs, 96];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.resize(12 + 4 * usize::from(csrcs), 0xcc);
    if random.one_in(3) {
        packet[0] |= 0x10;
        // The last runs past its end.
        packet.extend(random.choose(&[
            [0xbe, 0xde, 0, 1, 0x11, 8, 9, 0],
            [0x10, 0, 0, 1, 3, 2, 8, 9],
            [0xbe, 0xde, 0, 1, 0x1f, 8, 9, 0],
        ]));
    }
    packet.resize(packet.len() + len, filler);
    if random.one_in(5) {
        packet[0] |= 0x20;
    }
    packet
}

/// Packets of some streams, with steps of every size, late ones, doubles, and some that are spoiled.
#[derive(Default)]
struct Traffic {
    at: [[u64; 4]; 2],
    recent: Vec<Vec<u8>>,
}

impl Traffic {
    fn next(&mut self, session: &Session, random: &mut Random) -> Vec<u8> {
        if !self.recent.is_empty() && random.one_in(5) {
            let place = random.below(self.recent.len() as u64) as usize;
            return self.recent[place].clone();
        }
        let kind = if random.one_in(6) {
            Kind::Rtcp
        } else {
            Kind::Rtp
        };
        let stream = random.below(4) as usize;
        let at = &mut self.at[kind as usize][stream];
        let forwards = match random.below(40) {
            0 => random.below(0x2_0000),
            1 => 0x7f00 + random.below(0x200),
            2..8 => random.below(100),
            _ => 1,
        };
        let index = match random.below(10) {
            0 => at.saturating_sub(random.below(100)),
            1 if random.one_in(4) => at.saturating_sub(random.below(0x1_0000)),
            _ => *at + forwards,
        };
        *at = index.max(*at);
        let mut packet = session.seal(kind, 100 + stream as u32, index, random);
        match random.below(20) {
            0 => {
                let place = random.below(packet.len() as u64) as usize;
                packet[place] ^= 1 << random.below(8);
            }
            1 => packet.truncate(random.below(packet.len() as u64) as usize),
            _ => {}
        }
        if self.recent.len() == 40 {
            self.recent.remove(0);
        }
        self.recent.push(packet.clone());
        packet
    }
}

fn events(mut poll: impl FnMut() -> Option<Event>) -> Vec<Event> {
    std::iter::from_fn(&mut poll).collect()
}

/// What one by one gives: the outcomes, and the buffers then.
fn unprotect_one_by_one(
    receivers: &mut [Receiver],
    arriving: &[(usize, Vec<u8>)],
) -> Vec<(Result<Unprotected, UnprotectError>, Vec<u8>)> {
    arriving
        .iter()
        .map(|(who, packet)| {
            let mut packet = packet.clone();
            let result = match srtp::classify(&packet) {
                Kind::Rtp => receivers[*who].unprotect_rtp(&mut packet),
                Kind::Rtcp => receivers[*who].unprotect_rtcp(&mut packet),
            };
            (result, packet)
        })
        .collect()
}

/// Receivers of sessions of this profile and policy, and what they hear.
fn compare_receivers(profile: Profile, duplicates: Duplicates, seed: u64) -> [u64; 3] {
    let mut random = Random(seed);
    let sessions: Vec<_> = (0..3)
        .map(|key| {
            let other = random.choose(&Profile::ALL);
            let profile = if key == 2 { other } else { profile };
            Session::new(profile, duplicates, key, &mut random)
        })
        .collect();
    let mut traffic: Vec<_> = sessions.iter().map(|_| Traffic::default()).collect();
    let mut single: Vec<_> = sessions.iter().map(Session::receiver).collect();
    let mut batched: Vec<_> = sessions.iter().map(Session::receiver).collect();
    let mut seen = [0; 3];
    for round in 0..BATCHES {
        if random.one_in(4) {
            let (who, roc) = (random.below(3) as usize, random.below(3) as u32);
            let told = [&mut single[who], &mut batched[who]].map(|end| end.set_roc(103, roc));
            assert_eq!(told[0], told[1]);
        }
        let arriving: Vec<_> = (0..random.below(140))
            .map(|_| {
                let who = random.below(3) as usize;
                (who, traffic[who].next(&sessions[who], &mut random))
            })
            .collect();
        let expected = unprotect_one_by_one(&mut single, &arriving);
        let mut buffers = arriving.clone();
        let mut packets: Vec<_> = buffers
            .iter_mut()
            .map(|(who, packet)| Incoming::new(*who, packet))
            .collect();
        srtp::unprotect_batch(&mut batched, &mut packets);
        let outcomes: Vec<_> = packets
            .iter_mut()
            .map(|packet| packet.outcome().expect("it has run"))
            .map(|outcome| outcome.map(|(unprotected, _)| unprotected))
            .collect();
        for (place, (outcome, (expected, left))) in outcomes.iter().zip(&expected).enumerate() {
            let whose = format!("{profile} {duplicates:?} {seed} {round} {place}");
            assert_eq!(outcome, expected, "{whose}");
            let buffer = &buffers[place].1;
            match outcome {
                Ok(opened) => {
                    assert_eq!(buffer[..opened.len], left[..opened.len], "{whose}");
                    seen[usize::from(opened.is_duplicate())] += 1;
                }
                Err(_) => {
                    assert!(
                        buffer == left || is_wiped(buffer, &arriving[place].1),
                        "{whose}"
                    );
                    seen[2] += 1;
                }
            }
        }
        for (single, batched) in single.iter_mut().zip(&mut batched) {
            assert_eq!(single.statistics(), batched.statistics());
            assert_eq!(single.state_digest(), batched.state_digest());
            let heard = events(|| single.poll_event());
            assert_eq!(heard, events(|| batched.poll_event()));
        }
    }
    seen
}

/// Whether nothing is left of a packet but its fixed header and its trailer.
fn is_wiped(buffer: &[u8], arrived: &[u8]) -> bool {
    let header = match srtp::classify(arrived) {
        Kind::Rtp => 12,
        Kind::Rtcp => 8,
    };
    let trailer = 16 + 4 + 2;
    let end = buffer.len().saturating_sub(trailer).max(header);
    buffer[..header] == arrived[..header] && buffer[header..end].iter().all(|&byte| byte == 0)
}

fn receivers_agree(duplicates: Duplicates) {
    for profile in Profile::ALL {
        let mut seen = [0; 3];
        for seed in 1..=4 {
            let counts = compare_receivers(profile, duplicates, seed << 8 | profile as u64);
            seen.iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
        }
        // New ones, duplicates and refused ones: there was enough of each to compare.
        let [new, old, refused] = seen;
        assert!(new > 200 && refused > 100, "{profile} {seen:?}");
        assert!(
            old > 30 || duplicates == Duplicates::Drop,
            "{profile} {seen:?}"
        );
    }
}

#[test]
fn receivers_agree_that_drop_duplicates() {
    receivers_agree(Duplicates::Drop);
}

#[test]
fn receivers_agree_that_report_duplicates() {
    receivers_agree(Duplicates::Report);
}

#[test]
fn receivers_agree_that_deliver_duplicates() {
    receivers_agree(Duplicates::Deliver);
}

/// Senders likewise, with sequence numbers that come again, step back and wrap, and packets that
/// can't be sealed.
#[test]
fn senders_agree() {
    for profile in Profile::ALL {
        for seed in 1..=4_u64 {
            let mut random = Random(seed << 8 | profile as u64);
            let sessions: Vec<_> = (0..3)
                .map(|key| Session::new(profile, Duplicates::Report, key, &mut random))
                .collect();
            let config = |session: &Session| SenderConfig {
                cryptex: session.cryptex,
                encrypted_extensions: session.ids,
                allow_null_cipher: true,
                window: 64,
                max_streams: 2,
                max_retired_streams: 3,
                tier: session.receiving.tier,
                ..SenderConfig::default()
            };
            let senders = || -> Vec<_> {
                let make = |session: &Session| session.sender(config(session));
                sessions.iter().map(make).collect()
            };
            let (mut single, mut batched) = (senders(), senders());
            let mut at = [0_u64; 6];
            for _ in 0..BATCHES {
                let plain: Vec<_> = (0..random.below(140))
                    .map(|_| {
                        let stream = random.below(6) as usize;
                        at[stream] += random.choose(&[0, 1, 1, 1, 2, 50, 0x7000]);
                        let back = random.choose(&[0, 0, 0, 1, 70, 0x9000]);
                        let index = at[stream].saturating_sub(back);
                        let kind = random.choose(&[Kind::Rtp, Kind::Rtp, Kind::Rtp, Kind::Rtcp]);
                        let ssrc = 100 + stream as u32;
                        let mut packet = plain(kind, ssrc, index as u16, &mut random);
                        if random.one_in(30) {
                            packet.truncate(random.below(12) as usize);
                        }
                        let room = random.choose(&[MAX_OVERHEAD + 2, MAX_OVERHEAD + 2, 5]);
                        (random.below(3) as usize, kind, packet, room)
                    })
                    .collect();
                let buffer = |plain: &[u8], room: usize| [plain, &vec![0xee; room]].concat();
                let mut left = Vec::new();
                let expected: Vec<Result<Vec<u8>, ProtectError>> = plain
                    .iter()
                    .map(|(who, kind, plain, room)| {
                        let mut buffer = buffer(plain, *room);
                        let result = match kind {
                            Kind::Rtp => single[*who].protect_rtp(&mut buffer, plain.len()),
                            Kind::Rtcp => single[*who].protect_rtcp(&mut buffer, plain.len()),
                        };
                        left.push(buffer.clone());
                        result.map(|len| buffer[..len].to_vec())
                    })
                    .collect();
                let mut buffers: Vec<_> = plain
                    .iter()
                    .map(|(_, _, plain, room)| buffer(plain, *room))
                    .collect();
                let mut packets: Vec<_> = buffers
                    .iter_mut()
                    .zip(&plain)
                    .map(|(buffer, (who, kind, plain, _))| match kind {
                        Kind::Rtp => Outgoing::rtp(*who, buffer, plain.len()),
                        Kind::Rtcp => Outgoing::rtcp(*who, buffer, plain.len()),
                    })
                    .collect();
                srtp::protect_batch(&mut batched, &mut packets);
                let outcomes: Vec<_> = packets
                    .iter()
                    .map(|packet| packet.outcome().expect("it has run"))
                    .map(|outcome| outcome.map(<[u8]>::to_vec))
                    .collect();
                assert_eq!(outcomes, expected, "{profile} {seed}");
                assert_eq!(buffers, left, "{profile} {seed}");
                for (single, batched) in single.iter_mut().zip(&mut batched) {
                    assert_eq!(single.statistics(), batched.statistics());
                    let heard = events(|| single.poll_event());
                    assert_eq!(heard, events(|| batched.poll_event()));
                    for ssrc in 100..106 {
                        assert_eq!(single.roc(ssrc), batched.roc(ssrc));
                        assert_eq!(single.rtcp_index(ssrc), batched.rtcp_index(ssrc));
                    }
                }
            }
        }
    }
}

/// A step of more than 2^15 in a batch takes those behind it along: what was refused before it is
/// taken after it, and what was opened before it is not.
#[test]
fn a_large_step_in_a_batch_counts_for_those_behind_it() {
    for profile in Profile::ALL {
        let random = &mut Random(profile as u64 + 1);
        let mut session = Session::new(profile, Duplicates::Drop, 0, random);
        session.receiving.roc_recovery = RocRecovery::Always;
        session.receiving.rtp_window = 64;
        session.lifetime = Lifetime::RFC3711;
        session.rate = DerivationRate::NEVER;
        (session.cryptex, session.ids) = (false, ExtensionIds::NONE);
        session.receiving.cryptex = CryptexPolicy::Off;
        session.receiving.encrypted_extensions = ExtensionIds::NONE;
        let seal = |index: u64| {
            let config = SenderConfig {
                allow_null_cipher: true,
                ..SenderConfig::default()
            };
            let mut sender = session.sender(config);
            sender.set_roc(1, (index >> 16) as u32).expect("new");
            pair::seal(&mut sender, &pair::rtp(1, index as u16)).expect("fresh")
        };
        let mut receiver = session.receiver();
        receiver.set_roc(1, 1).expect("a new stream");
        assert!(pair::open(&mut receiver, &seal(0x1_9000)).is_ok());
        // The second seems too old until the first has come; the third opens until then.
        let mut arriving = [0x2_8fd0, 0x2_8fb0, 0x1_9003].map(seal);
        let mut packets: Vec<_> = arriving
            .iter_mut()
            .map(|packet| Incoming::new(0, packet))
            .collect();
        srtp::unprotect_batch(&mut [&mut receiver], &mut packets);
        let outcomes: Vec<_> = packets
            .iter_mut()
            .map(|packet| packet.outcome().expect("it has run"))
            .map(|outcome| outcome.map(|(opened, _)| opened.index))
            .collect();
        let expected = [Ok(0x2_8fd0), Ok(0x2_8fb0), Err(UnprotectError::Forged)];
        assert_eq!(outcomes, expected, "{profile}");
        let sent_in_the_clear = matches!(profile, Profile::NullSha1_80 | Profile::NullSha1_32);
        let plaintext = arriving[2].windows(20).any(|bytes| bytes == [0x5a; 20]);
        assert!(!plaintext || sent_in_the_clear);
    }
}
