//! Datagrams that somebody else sent from the peer's address: none ends a handshake that goes on
//! (RFC 6347 §4.1.2.7, RFC 9147 §4.5.2), and none draws more than three times its bytes.

use std::time::Duration;

use dtls::{Discard, Error};

use crate::chance::Chance;
use crate::pair::{FLAVOURS, Flavour, MS, Pair, Side, config};

/// A record of epoch 0.
fn plaintext(content_type: u8, content: &[u8]) -> Vec<u8> {
    let mut record = vec![content_type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 77];
    record.extend((content.len() as u16).to_be_bytes());
    record.extend(content);
    record
}

/// A handshake record with one fragment.
fn fragment(msg_type: u8, length: u32, message_seq: u16, offset: u32, data: &[u8]) -> Vec<u8> {
    let mut content = vec![msg_type];
    content.extend(&length.to_be_bytes()[1..]);
    content.extend(message_seq.to_be_bytes());
    content.extend(&offset.to_be_bytes()[1..]);
    content.extend(&(data.len() as u32).to_be_bytes()[1..]);
    content.extend(data);
    plaintext(22, &content)
}

/// One forgery of each kind, by name.
fn forgeries() -> Vec<(&'static str, Vec<u8>)> {
    let ack = |entries: &[(u64, u64)]| {
        let mut content = (16 * entries.len() as u16).to_be_bytes().to_vec();
        for (epoch, sequence) in entries {
            content.extend(epoch.to_be_bytes());
            content.extend(sequence.to_be_bytes());
        }
        plaintext(26, &content)
    };
    let first_records: Vec<_> = (0..8).map(|sequence| (0, sequence)).collect();
    let mut early = vec![0x2e, 1, 2, 0, 40];
    early.extend([0xa5; 40]);
    vec![
        ("a fatal alert", plaintext(21, &[2, 40])),
        ("close_notify", plaintext(21, &[1, 0])),
        ("a warning", plaintext(21, &[1, 90])),
        ("an alert of no level", plaintext(21, &[9, 40])),
        ("a short alert", plaintext(21, &[2])),
        ("application data", plaintext(23, b"data")),
        ("an unknown type", plaintext(99, b"what")),
        ("a heartbeat", plaintext(24, &[1, 0, 0])),
        ("a short fragment", plaintext(22, &[1, 0, 0])),
        ("no fragment", plaintext(22, &[])),
        (
            "a fragment beyond its message",
            fragment(1, 10, 0, 8, &[0; 5]),
        ),
        ("a message too long", fragment(11, 0xff_ffff, 0, 0, &[1])),
        ("a malformed ACK", plaintext(26, &[0, 15, 1])),
        ("an ACK of later keys", ack(&[(2, 0)])),
        ("an ACK of no epoch", ack(&[(1 << 40, 0)])),
        ("an empty ACK", ack(&[])),
        ("an ACK of what may have got lost", ack(&first_records)),
        ("a malformed ChangeCipherSpec", plaintext(20, &[2])),
        ("a ChangeCipherSpec", plaintext(20, &[1])),
        ("a HelloRequest", fragment(0, 0, 0, 0, &[])),
        ("a later HelloRequest", fragment(0, 0, 2, 0, &[])),
        ("a later slot", fragment(11, 2000, 5, 0, &[7; 100])),
        ("the next slot", fragment(20, 12, 1, 0, &[7; 12])),
        (
            "a ClientHello that is none",
            fragment(1, 20, 0, 0, &[7; 20]),
        ),
        (
            "a ServerHello that is none",
            fragment(2, 20, 0, 0, &[7; 20]),
        ),
        (
            "a part of a ClientHello",
            fragment(1, 1400, 0, 200, &[7; 100]),
        ),
        (
            "a part of a ServerHello",
            fragment(2, 1174, 0, 200, &[7; 100]),
        ),
        (
            "a Certificate that is none",
            fragment(11, 4, 1, 0, &[0, 0, 9, 9]),
        ),
        ("a Finished in plaintext", fragment(20, 12, 3, 0, &[7; 12])),
        ("a record of the next epoch", early),
    ]
}

/// The forgery goes to whoever is about to receive the `at`th datagram, so often.
fn forged_at(flavour: Flavour, mtu: usize, at: usize, forged: &[u8], times: usize) -> Pair {
    let mut pair = Pair::new(config(flavour).mtu(mtu).fallback_mtu(None));
    let mut seen = 0;
    pair.connect_with(|pair, side, _| {
        if seen == at {
            for _ in 0..times {
                pair.deliver(side, &mut forged.to_vec());
            }
        }
        seen += 1;
    });
    pair
}

/// At every moment of a handshake, one of each, and a hundred.
#[test]
fn one_forged_datagram_does_not_end_a_handshake() {
    for flavour in FLAVOURS {
        for (name, forged) in forgeries() {
            for at in 0..5 {
                for (mtu, times) in [(1200, 1), (300, 1), (1200, 100)] {
                    let mut pair = forged_at(flavour, mtu, at, &forged, times);
                    let errors = Side::BOTH.map(|side| pair.end(side).error.clone());
                    assert_eq!(errors, [None, None], "{name}, {flavour:?} at {at}");
                    pair.check_connected();
                }
            }
        }
    }
}

/// A genuine fragment with other bytes, after it; or one of another length, before it: the handshake
/// completes with the genuine message. (Of two whole messages that differ in bytes alone, the one
/// that came first is as good as the other.)
#[test]
fn a_forged_copy_of_a_fragment_does_not_end_a_handshake() {
    for flavour in FLAVOURS {
        for after in [false, true] {
            for spoilt in if after {
                [25, 26, 40, 100]
            } else {
                [14, 15, 16, 13]
            } {
                let mut pair = Pair::new(config(flavour).mtu(300).fallback_mtu(None));
                let mut forged_after = Vec::new();
                pair.connect_with(|pair, side, datagram| {
                    let plain = datagram[0] == 22 && datagram[3..5] == [0, 0];
                    // The hello that comes in a single fragment is what it is.
                    let Some([_, l0, l1, l2, .., f0, f1, f2]) = datagram.get(13..25) else {
                        return;
                    };
                    if !plain || [l0, l1, l2] == [f0, f1, f2] || spoilt >= datagram.len() {
                        return;
                    }
                    let mut forged = datagram.to_vec();
                    forged[spoilt] ^= 1;
                    if after {
                        forged_after.push((side, forged));
                    } else {
                        pair.deliver(side, &mut forged);
                    }
                    for (side, mut forged) in forged_after.drain(..forged_after.len() / 2) {
                        pair.deliver(side, &mut forged);
                    }
                });
                pair.check_connected();
            }
        }
    }
}

/// What is dropped is counted.
#[test]
fn forgeries_are_counted() {
    let count = |forged: &[u8], reason| {
        let pair = forged_at(FLAVOURS[1], 1200, 0, forged, 3);
        let statistics = pair.end(Side::Server).connection.statistics();
        statistics.discarded(reason)
    };
    assert_eq!(count(&plaintext(21, &[2, 40]), Discard::UnprovenAlert), 3);
    for forged in [
        plaintext(23, b"data"),
        plaintext(22, &[1]),
        plaintext(21, &[2]),
        fragment(20, 12, 0, 0, &[7; 12]),
    ] {
        assert_eq!(count(&forged, Discard::InvalidPlaintext), 3, "{forged:?}");
    }
}

/// An alert that was forged is forgotten as soon as the handshake goes on, so that a later one has
/// all the time again, and a handshake that stands is not ended.
#[test]
fn a_forged_alert_is_forgotten() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let mut pair = Pair::new(config(flavour));
            let mut alert = plaintext(21, &[2, 40]);
            pair.network = Box::new(|_, _, _| vec![MS * 400]);
            pair.flush();
            pair.deliver(side, &mut alert);
            assert!(pair.connect(), "{flavour:?} {side:?}");
            pair.run_for(Duration::from_secs(5));
            pair.check_connected();
        }
    }
}

/// An alert that was true ends the handshake with its reason, though datagrams from before it come
/// late.
#[test]
fn a_true_alert_ends_a_handshake_in_time() {
    let [v12, v13, _] = FLAVOURS;
    let configs = [config(v12), config(v13)];
    let mut pair = Pair::with(configs, Side::BOTH.map(crate::pair::expects));
    pair.network = Box::new(|_, _, _| vec![MS * 50]);
    pair.run_for(MS * 2099);
    assert_eq!(pair.end(Side::Client).error, None);
    pair.run_for(MS);
    let refused = Error::AlertReceived(dtls::AlertDescription::PROTOCOL_VERSION);
    assert_eq!(pair.end(Side::Client).error, Some(refused));
}

/// T-DOS-02: what is drawn by forgeries before the peer's first protected record is at most three
/// times as long as they are.
#[test]
fn t_dos_02_amplification_by_forgeries() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            // The hellos go through; nobody answers the flight that follows.
            let heard = move |from: Side| from != side;
            let sent = |forged: Option<&[u8]>| {
                let mut pair = Pair::new(config(flavour));
                let mut hello = Vec::new();
                pair.network = Box::new(move |from, index, _| {
                    if heard(from) && index < 2 {
                        vec![MS]
                    } else {
                        vec![]
                    }
                });
                if side == Side::Server {
                    hello = pair.take_datagrams(Side::Client);
                    for datagram in &hello {
                        pair.deliver(Side::Server, &mut datagram.clone());
                    }
                }
                let mut injected = 0;
                for _ in 0..700 {
                    pair.run_for(MS * 40);
                    if let Some(forged) = forged {
                        // A repetition by who saw the hello.
                        let replayed = hello.last().filter(|_| forged.is_empty());
                        let mut forged = replayed.map_or(forged.to_vec(), Vec::clone);
                        injected += forged.len();
                        pair.deliver(side, &mut forged);
                    }
                }
                let sent = pair.log.iter().filter(|(_, from, _)| *from == side);
                let sent: usize = sent.map(|(_, _, length)| length).sum();
                (sent, injected)
            };
            let (due, _) = sent(None);
            let alerts = ["a fatal alert", "close_notify"];
            let all = forgeries().into_iter().chain([
                ("an empty message", fragment(1, 0, 0, 0, &[])),
                ("an end of a hello", fragment(1, 1397, 0, 1396, &[1])),
                ("the hello again", Vec::new()),
            ]);
            for (name, forged) in all.filter(|(name, _)| !alerts.contains(name)) {
                let (drawn, injected) = sent(Some(&forged));
                let drawn = drawn.saturating_sub(due);
                assert!(
                    drawn <= 3 * injected,
                    "{name}: {drawn} for {injected}, {flavour:?} {side:?}"
                );
            }
        }
    }
}

/// Every corpus of datagrams in the repository, in every handshake and at each of its moments. What a
/// handshake can't survive is a whole message in plaintext of somebody else in the place of the peer's;
/// those of our own handshakes are left out, and the parts of browsers' hellos are none.
#[test]
fn foreign_datagrams_in_a_handshake() {
    let mut foreign = corpora();
    for flavour in FLAVOURS {
        for mtu in [1200, 300] {
            let mut pair = Pair::new(config(flavour).mtu(mtu).fallback_mtu(None));
            pair.connect_with(|_, _, datagram| {
                if !is_plaintext_message(datagram) {
                    foreign.push(datagram.to_vec());
                }
            });
        }
    }
    foreign.extend(forgeries().into_iter().map(|(_, forged)| forged));
    let (mut all, mut failed) = (0, Vec::new());
    for flavour in FLAVOURS {
        for (number, datagram) in foreign.iter().enumerate() {
            for at in 0..5 {
                let mut pair = Pair::new(config(flavour));
                let mut seen = 0;
                pair.network = Box::new(|_, _, _| vec![MS * 20]);
                let mut chance = Chance::new(number as u64);
                let early = MS * chance.below(20) as u32;
                pair.flush();
                while !pair.is_connected() && pair.elapsed() < Duration::from_secs(10) {
                    if seen == at {
                        for side in Side::BOTH {
                            pair.deliver(side, &mut datagram.clone());
                        }
                    }
                    seen += 1;
                    let limit = pair.now + Duration::from_secs(10) + early;
                    if !pair.step(limit) {
                        break;
                    }
                }
                all += 1;
                if !pair.is_connected() {
                    failed.push((number, flavour, at));
                }
            }
        }
    }
    println!("{} of {all} failed: {failed:?}", failed.len());
    assert!(1000 * failed.len() <= all, "{failed:?} of {all}");
}

/// It begins with a handshake message in plaintext.
fn is_plaintext_message(datagram: &[u8]) -> bool {
    datagram[0] == 22 && datagram[3..5] == [0, 0]
}

/// What other tests and fuzzers have: ClientHellos of browsers, in parts, STUN, SDP.
fn corpora() -> Vec<Vec<u8>> {
    let hex = |text: &str| -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |d: u8| char::from(d).to_digit(16).expect("hex") as u8;
        digits
            .chunks_exact(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect()
    };
    let mut all = Vec::new();
    for hello in [
        hex(include_str!(
            "../data/clienthello/chromium156-clienthello.hex"
        )),
        hex(include_str!(
            "../data/clienthello/firefox153-clienthello.hex"
        )),
    ] {
        for cut in [1, 12, 13, 14, 24, 25, 26, 100, 500, 1200] {
            all.push(hello[..cut.min(hello.len() - 1)].to_vec());
            all.push(hello[cut.min(hello.len() - 1)..].to_vec());
        }
    }
    let files: [&[u8]; 11] = [
        include_bytes!("../../../fuzz/corpus/dtls_address_proof/chromium_hello"),
        include_bytes!("../../../fuzz/corpus/dtls_address_proof/chromium_hello_12"),
        include_bytes!("../../../fuzz/corpus/dtls_address_proof/firefox_hello"),
        include_bytes!("../../../fuzz/corpus/dtls_address_proof/firefox_hello_12"),
        include_bytes!("../../../fuzz/corpus/dtls_receive/chromium_hello"),
        include_bytes!("../../../fuzz/corpus/dtls_receive/firefox_hello"),
        include_bytes!("../../../fuzz/corpus/gate_sdp/chromium-answer-cryptex.sdp"),
        include_bytes!("../../../fuzz/corpus/gate_sdp/chromium-offer-av-dc.sdp"),
        include_bytes!("../../../fuzz/corpus/gate_sdp/firefox-offer-av-dc.sdp"),
        include_bytes!("../../../fuzz/corpus/stun_parse/rfc5769-request"),
        include_bytes!("../../../fuzz/corpus/stun_parse/rfc5769-response-ipv4"),
    ];
    all.extend(files.iter().map(|file| file.to_vec()));
    all
}
