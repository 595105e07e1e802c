//! Batches: many senders and receivers, each packet with its own outcome.

mod pair;

use pair::{SSRC, open, rtcp, rtp, seal, sender};
use srtp::{
    Freshness, Incoming, Kind, MAX_OVERHEAD, Outgoing, Profile, ProtectError, Receiver,
    ReceiverConfig, ReceiverKeys, Sender, SenderConfig, SenderKeys, UnprotectError,
};

/// A sender and a receiver of each profile, with and without MKI, under keys of their own.
fn contexts() -> (Vec<Sender>, Vec<Receiver>) {
    let mut senders = Vec::new();
    let mut receivers = Vec::new();
    for (number, profile) in Profile::ALL.into_iter().cycle().take(40).enumerate() {
        let (master, salt) = pair::master(profile, number as u8);
        let sender_keys = SenderKeys::from_raw(profile, &master, &salt).expect("lengths fit");
        let receiver_keys = ReceiverKeys::from_raw(profile, &master, &salt).expect("lengths fit");
        let (sender_keys, receiver_keys) = if number % 3 == 0 {
            (
                sender_keys.with_mki(&[1, 2]).expect("valid"),
                receiver_keys.with_mki(&[1, 2]).expect("valid"),
            )
        } else {
            (sender_keys, receiver_keys)
        };
        let config = SenderConfig {
            allow_null_cipher: true,
            ..SenderConfig::default()
        };
        senders.push(Sender::new(sender_keys, config).expect("valid"));
        let config = ReceiverConfig {
            allow_null_cipher: true,
            ..ReceiverConfig::default()
        };
        receivers.push(Receiver::new(receiver_keys, config).expect("valid"));
    }
    (senders, receivers)
}

/// Packets of all lengths, RTP and RTCP, of all contexts: a batch gives the bytes that one by one
/// gives.
#[test]
fn a_batch_does_what_one_by_one_does() {
    let (mut senders, mut receivers) = contexts();
    let (mut single_senders, _) = contexts();
    for round in 0..10_u16 {
        let mut plain = Vec::new();
        for number in 0..200_usize {
            let sender = number * 7 % senders.len();
            let mut packet = if number % 9 == 0 {
                rtcp(SSRC)
            } else {
                rtp(SSRC, 200 * round + number as u16)
            };
            packet.resize(20 + number * 31 % 1400, number as u8);
            plain.push((sender, packet));
        }
        let mut buffers: Vec<Vec<u8>> = plain
            .iter()
            .map(|(_, packet)| [&packet[..], &[0; MAX_OVERHEAD + 2]].concat())
            .collect();
        let mut packets: Vec<_> = buffers
            .iter_mut()
            .zip(&plain)
            .map(|(buffer, (sender, packet))| match srtp::classify(packet) {
                Kind::Rtp => Outgoing::rtp(*sender, buffer, packet.len()),
                Kind::Rtcp => Outgoing::rtcp(*sender, buffer, packet.len()),
            })
            .collect();
        assert!(packets.iter().all(|packet| packet.outcome().is_none()));
        srtp::protect_batch(&mut senders, &mut packets);
        let mut sealed = Vec::new();
        for (packet, (sender, plain)) in packets.iter().zip(&plain) {
            let together = packet.outcome().expect("it has run").expect("fresh");
            let alone = match srtp::classify(plain) {
                Kind::Rtp => seal(&mut single_senders[*sender], plain),
                Kind::Rtcp => pair::seal_rtcp(&mut single_senders[*sender], plain),
            };
            assert_eq!(alone.as_deref(), Ok(together));
            sealed.push((*sender, together.to_vec()));
        }
        let mut packets: Vec<_> = sealed
            .iter_mut()
            .map(|(receiver, packet)| Incoming::new(*receiver, packet))
            .collect();
        srtp::unprotect_batch(&mut receivers, &mut packets);
        for (packet, (_, plain)) in packets.iter_mut().zip(&plain) {
            assert_eq!(packet.kind(), srtp::classify(plain));
            let (unprotected, opened) = packet.outcome().expect("it has run").expect("authentic");
            assert_eq!(
                (unprotected.freshness, &*opened),
                (Freshness::New, &plain[..])
            );
        }
    }
}

/// One failure changes nothing for the others, on either side.
#[test]
fn every_packet_has_its_own_outcome() {
    let (mut senders, mut receivers) = contexts();
    let plain = rtp(SSRC, 7);
    let mut buffers = vec![[&plain[..], &[0; MAX_OVERHEAD + 2]].concat(); 5];
    buffers[2].truncate(plain.len());
    let [first, second, third, fourth, fifth] = &mut buffers[..] else {
        unreachable!("five were made");
    };
    let mut packets = [
        Outgoing::rtp(1, first, plain.len()),
        Outgoing::rtp(1, second, plain.len()),
        Outgoing::rtp(2, third, plain.len()),
        Outgoing::rtp(99, fourth, plain.len()),
        Outgoing::rtp(3, fifth, plain.len()),
    ];
    srtp::protect_batch(&mut senders, &mut packets);
    let outcomes: Vec<_> = packets
        .iter()
        .map(|packet| packet.outcome().expect("it has run").map(<[u8]>::to_vec))
        .collect();
    let needed = plain.len() + Profile::ALL[2].rtp_tag_len();
    assert!(outcomes[0].is_ok());
    assert_eq!(outcomes[1], Err(ProtectError::IndexUsed));
    assert_eq!(outcomes[2], Err(ProtectError::BufferTooSmall(needed)));
    assert_eq!(outcomes[3], Err(ProtectError::UnknownSender));
    assert!(outcomes[4].is_ok());

    let good = outcomes[0].clone().expect("checked above");
    let mut forged = good.clone();
    forged[15] ^= 1;
    let mut arriving = [
        (1, good.clone()),
        (1, good.clone()),
        (1, forged),
        (99, good.clone()),
        (2, good),
        (3, vec![0x80; 5]),
    ];
    let mut packets: Vec<_> = arriving
        .iter_mut()
        .map(|(receiver, packet)| Incoming::new(*receiver, packet))
        .collect();
    srtp::unprotect_batch(&mut receivers, &mut packets);
    let outcomes: Vec<_> = packets
        .iter_mut()
        .map(|packet| packet.outcome().expect("it has run"))
        .map(|outcome| outcome.map(|(unprotected, _)| unprotected.freshness))
        .collect();
    assert_eq!(
        outcomes,
        [
            Ok(Freshness::New),
            Ok(Freshness::Duplicate),
            Err(UnprotectError::Forged),
            Err(UnprotectError::UnknownReceiver),
            Err(UnprotectError::Forged),
            Err(UnprotectError::Truncated),
        ]
    );
    assert_eq!(receivers[1].statistics().duplicates, 1);
    assert_eq!(
        receivers[1].statistics().discarded(UnprotectError::Forged),
        1
    );
}

/// T-SRT-05 in a batch: the first packets of a stream beyond the edge, all looked at before any is
/// committed.
#[test]
fn t_srt_05_a_batch_finds_a_stream_whose_start_was_lost() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair::pair(profile);
        seal(&mut sender, &rtp(SSRC, 0xfff0)).expect("fresh, and lost");
        let mut sealed: Vec<_> = (0..100)
            .map(|number| seal(&mut sender, &rtp(SSRC, number)).expect("fresh"))
            .collect();
        let mut packets: Vec<_> = sealed
            .iter_mut()
            .map(|packet| Incoming::new(0, packet))
            .collect();
        srtp::unprotect_batch(&mut [&mut receiver], &mut packets);
        for (number, packet) in packets.iter_mut().enumerate() {
            let (unprotected, _) = packet.outcome().expect("it has run").expect("authentic");
            assert_eq!(unprotected.index, 0x1_0000 + number as u64);
        }
        assert_eq!(receiver.statistics().recovered, 1);
    }
}

/// One payload to a thousand receivers, each with a header of its own.
#[test]
fn one_payload_goes_to_many() {
    let payload = [0x5a; 900];
    let (mut senders, mut receivers) = contexts();
    let mut buffers = vec![vec![0; 12 + payload.len() + MAX_OVERHEAD + 2]; 1000];
    for round in 0..3 {
        let mut packets = Vec::new();
        for (number, buffer) in buffers.iter_mut().enumerate() {
            let ssrc = 1000 + number as u32 / 40;
            let header = &rtp(ssrc, round)[..12];
            buffer[..12].copy_from_slice(header);
            packets.push(Outgoing::rtp(number % 40, buffer, 12));
        }
        srtp::protect_fan_out(&mut senders, &payload, &mut packets);
        for (number, packet) in packets.iter().enumerate() {
            let mut sealed = packet
                .outcome()
                .expect("it has run")
                .expect("fresh")
                .to_vec();
            let opened = receivers[number % 40].unprotect_rtp(&mut sealed);
            let opened = opened.expect("authentic");
            assert_eq!(sealed[12..opened.len], payload);
        }
    }
    let mut small = [0; 100];
    small[..12].copy_from_slice(&rtp(SSRC, 1)[..12]);
    let mut packets = [Outgoing::rtp(0, &mut small, 12)];
    srtp::protect_fan_out(&mut senders, &payload, &mut packets);
    let outcome = packets[0].outcome().expect("it has run");
    assert_eq!(outcome, Err(ProtectError::BufferTooSmall(912)));
}

/// Contexts in a structure of the caller's.
#[test]
fn contexts_may_be_parts_of_sessions() {
    struct Session {
        sender: Sender,
    }
    impl AsRef<Sender> for Session {
        fn as_ref(&self) -> &Sender {
            &self.sender
        }
    }
    impl AsMut<Sender> for Session {
        fn as_mut(&mut self) -> &mut Sender {
            &mut self.sender
        }
    }
    let profile = Profile::AeadAes128Gcm;
    let mut sessions = [Session {
        sender: sender(profile, SenderConfig::default()),
    }];
    let mut buffer = [&rtp(SSRC, 1)[..], &[0; 16]].concat();
    let len = buffer.len() - 16;
    let mut packets = [Outgoing::rtp(0, &mut buffer, len)];
    srtp::protect_batch(&mut sessions, &mut packets);
    let sealed = packets[0].outcome().expect("it has run").expect("fresh");
    let (_, mut receiver) = pair::pair(profile);
    assert!(open(&mut receiver, sealed).is_ok());
}
