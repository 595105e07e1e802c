//! The first flights: in pieces, with strangers among them, with cookies.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dtls::{Config, Discard, Error, Event, NamedGroup, ProtocolVersion};

use crate::chance::Chance;
use crate::pair::{FLAVOURS, MS, PROVIDER, Pair, Side, config};

/// A ChangeCipherSpec in epoch 0.
const CHANGE_CIPHER_SPEC: [u8; 14] = [20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 1, 1];

/// T-HSK-11: a ChangeCipherSpec before, during and after the handshake changes nothing: keys come
/// from the key exchange alone.
#[test]
fn t_hsk_11_change_cipher_spec_says_nothing() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        let limit = pair.now + Duration::from_secs(1);
        loop {
            for side in Side::BOTH {
                for _ in 0..2 {
                    pair.deliver(side, &mut CHANGE_CIPHER_SPEC.clone());
                }
            }
            if pair.is_connected() || !pair.step(limit) {
                break;
            }
        }
        pair.check_connected();
        let statistics = pair.end(Side::Server).connection.statistics();
        let dropped = [Discard::ChangeCipherSpec, Discard::LatePlaintext]
            .map(|reason| statistics.discarded(reason));
        assert!(dropped.iter().sum::<u32>() >= 4, "{dropped:?}");
    }
}

/// T-HSK-13, RFC 8446 §5.1: the messages behind a DTLS 1.3 ServerHello must not be in plaintext.
#[test]
fn t_hsk_13_plaintext_behind_the_server_hello() {
    // EncryptedExtensions, message_seq 1, no extensions.
    const EXTENSIONS: [u8; 14] = [8, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0];
    let flavour = FLAVOURS[1];
    let hello = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&hello);
    let mut pair = Pair::new(config(flavour).plaintext_patience(Duration::ZERO));
    pair.network = Box::new(move |side, n, datagram| {
        if (side, n) == (Side::Server, 0) {
            seen.borrow_mut().extend_from_slice(datagram);
            return vec![];
        }
        vec![MS]
    });
    pair.run_until(MS * 10, |pair| pair.end(Side::Server).sent > 0);
    let datagram = hello.borrow();
    let (head, rest) = datagram.split_at(11);
    let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    let fragments = [&rest[2..2 + length], &EXTENSIONS].concat();
    let mut record = [head, &(fragments.len() as u16).to_be_bytes(), &fragments].concat();
    pair.deliver(Side::Client, &mut record);
    let client = pair.end(Side::Client);
    assert_eq!(client.error, Some(Error::ExcessHandshakeData));
    assert!(!client.is_connected());
}

/// T-HSK-14: application data that overtakes the Finished before it is not delivered early.
#[test]
fn t_hsk_14_early_application_data() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        // The one who is connected first speaks at once.
        let first = match flavour.version {
            ProtocolVersion::DTLS1_2 => Side::Server,
            _ => Side::Client,
        };
        assert!(pair.run_until(Duration::from_secs(1), |pair| {
            pair.end(first).is_connected()
        }));
        let now = pair.now;
        pair.network = Box::new(|_, _, _| vec![Duration::ZERO]);
        pair.connection(first)
            .send(now, b"early")
            .expect("connected");
        pair.run_for(Duration::from_secs(2));
        let events = &pair.end(first.peer()).events;
        let is_data = |event: &Event| matches!(event, Event::ApplicationData(_));
        let is_connected = |event: &Event| matches!(event, Event::Connected(_));
        let connected = events.iter().position(is_connected).expect("connected");
        assert!(
            events
                .iter()
                .position(is_data)
                .is_none_or(|data| data > connected)
        );
        pair.check_connected();
    }
}

/// T-D13-04: a ClientHello of many pieces, in any order, twice, with losses: DTLS 1.3 is chosen,
/// and the handshake completes.
#[test]
fn t_d13_04_hello_in_pieces() {
    for mtu in [128, 200, 576, 1200] {
        for seed in 0..8 {
            let both = Config::builder(Arc::clone(&PROVIDER)).mtu(mtu);
            let mut pair = Pair::new(both.fallback_mtu(None));
            let mut chance = Chance::new(seed);
            pair.network = Box::new(move |_, _, _| {
                let copies = if chance.hits(0.1) {
                    0
                } else {
                    1 + chance.below(2)
                };
                (0..copies).map(|_| MS * chance.below(40) as u32).collect()
            });
            let connected = pair.connect();
            let errors = Side::BOTH.map(|side| pair.end(side).error.clone());
            assert!(
                connected,
                "MTU {mtu}, seed {seed}: {errors:?} {:?}",
                pair.log
            );
            for side in Side::BOTH {
                let info = pair.end(side).connection.info().expect("connected");
                assert_eq!(info.version, ProtocolVersion::DTLS1_3);
                assert_eq!(info.group, NamedGroup::X25519MLKEM768);
            }
            pair.check_connected();
        }
    }
}
