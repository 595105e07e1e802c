//! Noise: what is not authentic changes nothing (RFC 9147 §4.5.2), at any moment of a connection.

use std::time::Duration;

use dtls::{Discard, ProtocolVersion};

use crate::chance::Chance;
use crate::pair::{FLAVOURS, MS, Pair, Side, config};

/// All of a connection's state but its statistics, which are its last field, and the count of
/// forged records, which RFC 9147 §4.5.3 demands.
fn digest(pair: &Pair, side: Side) -> String {
    let all = format!("{:?}", pair.end(side).connection);
    let (state, _) = all.split_once("statistics:").expect("statistics");
    state
        .split("forged: ")
        .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()))
        .collect()
}

fn discards(pair: &Pair, side: Side) -> u64 {
    let statistics = pair.end(side).connection.statistics();
    let dropped = statistics.discards().map(|(_, count)| u64::from(count));
    dropped.sum::<u64>() + statistics.records_early
}

fn early(pair: &Pair, side: Side) -> u64 {
    pair.end(side).connection.statistics().records_early
}

/// Gives noise to a side: no state changes, nothing is sent, nothing is told, but it is counted.
fn check_noise(pair: &mut Pair, side: Side, noise: &[u8]) {
    let end = pair.end(side);
    let before = (
        digest(pair, side),
        pair.log.len(),
        end.events.len(),
        discards(pair, side),
        early(pair, side),
    );
    pair.deliver(side, &mut noise.to_vec());
    let end = pair.end(side);
    assert_eq!(end.error, None, "{noise:02x?}");
    assert_eq!(
        (pair.log.len(), end.events.len()),
        (before.1, before.2),
        "{noise:02x?}"
    );
    // What may be a record of the next epoch is kept for its keys, and begins a wait for them.
    if early(pair, side) == before.4 {
        assert_eq!(digest(pair, side), before.0, "{noise:02x?}");
    }
    assert!(
        noise.is_empty() || discards(pair, side) > before.3,
        "{noise:02x?}"
    );
}

/// Bytes of the first record of a datagram.
fn first_record(datagram: &[u8]) -> usize {
    let at = if is_unified(datagram) { 3 } else { 11 };
    at + 2 + usize::from(u16::from_be_bytes([datagram[at], datagram[at + 1]]))
}

fn is_unified(datagram: &[u8]) -> bool {
    datagram[0] >> 5 == 1
}

fn is_protected(datagram: &[u8]) -> bool {
    is_unified(datagram) || datagram[3..5] != [0, 0]
}

/// Datagrams that no peer sent: random ones, and spoilt copies of `genuine`.
fn make_noise(chance: &mut Chance, genuine: &[u8]) -> Vec<Vec<u8>> {
    let mut noise = Vec::new();
    for first in [
        0, 19, 20, 21, 22, 23, 24, 25, 26, 31, 32, 44, 45, 46, 47, 60, 63, 64, 128, 255,
    ] {
        let length = 1 + chance.below(80) as usize;
        let mut random: Vec<u8> = (0..length).map(|_| chance.next() as u8).collect();
        random[0] = first;
        noise.push(random);
    }
    // T-REC-05, T-REC-04: plaintext of epochs that are none.
    for (content_type, epoch) in [(21, 1), (21, 2), (22, 1), (22, 3), (22, 0xffff), (23, 5)] {
        let [e0, e1] = u16::to_be_bytes(epoch);
        noise.push(vec![
            content_type,
            0xfe,
            0xfd,
            e0,
            e1,
            0,
            0,
            0,
            0,
            9,
            9,
            0,
            2,
            2,
            40,
        ]);
    }
    let record = first_record(genuine);
    for cut in [1, 5, 12, 13, record / 2, record - 1] {
        noise.push(genuine[..cut.min(record - 1)].to_vec());
    }
    if is_protected(genuine) {
        // T-REC-01: any byte changed.
        for _ in 0..10 {
            let mut forged = genuine[..record].to_vec();
            let at = chance.below(record as u64) as usize;
            forged[at] ^= 1 << chance.below(8);
            // The length of a record could only be changed to a longer or a shorter one.
            noise.push(forged);
        }
        // T-REC-13: a connection ID that was not negotiated.
        if is_unified(genuine) {
            let mut with_cid = genuine.to_vec();
            with_cid[0] |= 0x10;
            noise.push(with_cid);
        }
    }
    noise
}

/// T-REC-01, -04, -05, -06, -07, -13: at each step of a handshake, and after it.
#[test]
fn noise_changes_nothing() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        let mut chance = Chance::new(1);
        pair.connect_with(|pair, side, datagram| {
            for noise in make_noise(&mut chance, datagram) {
                check_noise(pair, side, &noise);
            }
        });
        pair.check_connected();
        for side in Side::BOTH {
            let now = pair.now;
            pair.connection(side.peer())
                .send(now, b"data")
                .expect("connected");
            let genuine = pair.take_datagrams(side.peer()).remove(0);
            for noise in make_noise(&mut chance, &genuine) {
                check_noise(&mut pair, side, &noise);
            }
            pair.deliver(side, &mut genuine.clone());
            assert_eq!(pair.end(side).received().last(), Some(&&b"data"[..]));
            // T-REC-12: and again.
            for _ in 0..100 {
                check_noise(&mut pair, side, &genuine);
            }
            let statistics = pair.end(side).connection.statistics();
            assert!(statistics.discarded(Discard::Replayed) >= 100);
        }
    }
}

/// T-REC-04: plaintext alerts after keys, of any epoch, and a plaintext ACK (T-D13-06).
#[test]
fn t_rec_04_plaintext_after_the_handshake() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        assert!(pair.connect());
        pair.check_connected();
        for side in Side::BOTH {
            for epoch in 0..=16 {
                for (content_type, body) in [
                    (21, &[2, 40][..]),
                    (21, &[1, 0]),
                    (23, b"hi"),
                    (26, &[0, 0]),
                    (20, &[1]),
                ] {
                    let length = body.len() as u8;
                    let mut record = vec![
                        content_type,
                        0xfe,
                        0xfd,
                        0,
                        epoch,
                        0,
                        0,
                        0,
                        0,
                        1,
                        0,
                        0,
                        length,
                    ];
                    record.extend_from_slice(body);
                    check_noise(&mut pair, side, &record);
                }
            }
        }
        pair.check_connected();
    }
}

/// T-REC-12: records duplicated and shuffled within the window are delivered once each.
#[test]
fn t_rec_12_shuffled_and_repeated_data() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        assert!(pair.connect());
        pair.run_for(MS * 500);
        let mut chance = Chance::new(3);
        pair.network = Box::new(move |_, _, _| {
            (0..1 + chance.below(4))
                .map(|_| MS * (1 + chance.below(250) as u32))
                .collect()
        });
        let now = pair.now;
        let sent: Vec<Vec<u8>> = (0..120_u8).map(|n| vec![n; 20]).collect();
        for data in &sent {
            pair.connection(Side::Client).send(now, data).expect("room");
        }
        pair.run_for(Duration::from_secs(1));
        let mut received: Vec<_> = pair
            .end(Side::Server)
            .received()
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect();
        received.sort();
        assert_eq!(received, sent);
    }
}

/// Before there are keys, a peer can say in plaintext alone that it can't go on, and so can anybody
/// else: it ends a handshake that does not go on within 2 s.
#[test]
fn a_plaintext_alert_ends_a_handshake_that_does_not_go_on() {
    for flavour in FLAVOURS {
        for (alert, description) in [
            ([2, 40], dtls::AlertDescription::HANDSHAKE_FAILURE),
            ([1, 0], dtls::AlertDescription::CLOSE_NOTIFY),
        ] {
            for patience in [Duration::from_secs(2), Duration::ZERO] {
                let config = config(flavour).plaintext_patience(patience);
                let mut pair = Pair::new(config);
                pair.network = Box::new(|_, _, _| vec![]);
                pair.flush();
                let mut record = vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
                record.extend(alert);
                pair.deliver(Side::Client, &mut record);
                if !patience.is_zero() {
                    pair.run_for(patience - MS);
                    assert_eq!(pair.end(Side::Client).error, None);
                    pair.run_for(MS);
                }
                let refused = dtls::Error::AlertReceived(description);
                assert_eq!(pair.end(Side::Client).error, Some(refused));
                assert!(pair.take_datagrams(Side::Client).is_empty());
                assert_eq!(pair.end(Side::Client).connection.poll_timeout(), None);
            }
        }
    }
}

/// The header of records is that of the version, and DTLS 1.3 has plaintext hellos alone.
#[test]
fn record_headers_are_those_of_the_version() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        let mut protected = 0;
        pair.connect_with(|_, _, datagram| protected += usize::from(is_unified(datagram)));
        let expected = flavour.version == ProtocolVersion::DTLS1_3;
        assert_eq!(protected > 0, expected, "{flavour:?}");
    }
}

/// T-D13-08 (RFC 9147 §7): a peer that is not verified yet floods with ACKs that acknowledge nothing.
/// They may be a wish for what is missing (RFC 9147 §7.1), which is granted once in a quarter of the
/// first wait, and for no more than three times the bytes of the wishes.
#[test]
fn t_d13_08_a_flood_of_empty_acks() {
    // An ACK in plaintext without any record number.
    let ack = |number: u64| {
        let mut record = vec![26, 0xfe, 0xfd, 0, 0];
        record.extend(&number.to_be_bytes()[2..]);
        record.extend([0, 2, 0, 0]);
        record
    };
    for side in Side::BOTH {
        let transmissions = |flood: bool| {
            let mut pair = Pair::new(config(FLAVOURS[1]));
            // The server hears the client's first flight, and then nobody hears anybody.
            pair.network = Box::new(move |from, index, _| match (from, index) {
                (Side::Client, 0) if side == Side::Server => vec![MS],
                _ => vec![],
            });
            pair.run_for(MS * 10);
            for number in 1..2000 {
                if flood {
                    pair.deliver(side, &mut ack(number));
                }
                pair.run_for(MS);
            }
            assert_eq!(pair.end(side).error, None);
            let sent = pair.log.iter().filter(|(_, from, _)| *from == side);
            let sent: Vec<_> = sent.map(|(_, _, length)| *length).collect();
            (sent.len(), sent.iter().sum::<usize>())
        };
        let (quiet, flooded) = (transmissions(false), transmissions(true));
        assert!(quiet.0 > 1, "{quiet:?}");
        // A client does not know the version yet, and so what an ACK is.
        let hastened = if side == Side::Server { 20 } else { 0 };
        assert!(flooded.0 <= quiet.0 + hastened, "{side:?}: {flooded:?}");
        assert!(flooded.1 <= quiet.1 + 3 * 1999 * ack(0).len());
    }
}
