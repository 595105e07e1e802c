//! KeyUpdate (RFC 9147 §8): asked for by either side, by both at once, too often, over loss.

use std::time::Duration;

use dtls::{AlertDescription, Direction, Error, Event, SendError};

use crate::chance::Chance;
use crate::pair::{FLAVOURS, Flavour, MS, Pair, Side, config};

const DTLS12: Flavour = FLAVOURS[0];
const DTLS13: Flavour = FLAVOURS[1];

const SECOND: Duration = Duration::from_secs(1);

/// A pair whose handshake is acknowledged to the last message.
fn settled() -> Pair {
    let mut pair = Pair::new(config(DTLS13));
    assert!(pair.connect());
    pair.run_for(SECOND);
    pair
}

fn request(pair: &mut Pair, side: Side, ask_peer: bool) {
    let now = pair.now;
    let requested = pair.connection(side).request_key_update(now, ask_peer);
    assert_eq!(requested, Ok(()));
    pair.flush();
}

/// Which keys of a side changed, in their order.
fn updates(pair: &Pair, side: Side) -> Vec<Direction> {
    let events = pair.end(side).events.iter();
    let updates = events.filter_map(|event| match event {
        Event::KeyUpdated(direction) => Some(*direction),
        _ => None,
    });
    updates.collect()
}

/// Who updates changes its own keys; the peer changes its own only if it was asked to.
#[test]
fn either_side_updates() {
    for side in Side::BOTH {
        for ask_peer in [false, true] {
            let mut pair = settled();
            request(&mut pair, side, ask_peer);
            pair.run_for(SECOND);
            let (mut ours, mut theirs) = (updates(&pair, side), updates(&pair, side.peer()));
            ours.sort_by_key(|direction| *direction == Direction::Read);
            theirs.sort_by_key(|direction| *direction == Direction::Write);
            let expected = if ask_peer { 2 } else { 1 };
            assert_eq!(ours, [Direction::Write, Direction::Read][..expected]);
            assert_eq!(theirs, [Direction::Read, Direction::Write][..expected]);
            pair.check_connected();
        }
    }
}

/// An update that is asked for before the client's Finished is acknowledged waits for that.
#[test]
fn an_update_waits_for_the_handshake() {
    let mut pair = Pair::new(config(DTLS13));
    assert!(pair.run_until(SECOND, |pair| pair.end(Side::Client).is_connected()));
    request(&mut pair, Side::Client, true);
    pair.run_for(SECOND);
    assert_eq!(updates(&pair, Side::Client).len(), 2);
    pair.check_connected();
}

/// Many updates, from both sides at the same time, with data between them.
#[test]
fn both_sides_update_at_once() {
    let mut pair = settled();
    for n in 1..=50 {
        for side in Side::BOTH {
            request(&mut pair, side, true);
            // A second wish before the first is acknowledged is no further update.
            request(&mut pair, side, false);
        }
        pair.run_for(SECOND);
        pair.check_connected();
        let counts = Side::BOTH.map(|side| updates(&pair, side).len());
        assert!(counts.iter().all(|count| *count >= 2 * n), "{counts:?}");
    }
}

/// T-D13-09: 32 updates in a row without data are borne, and one for each second that they take; the
/// next one is not.
#[test]
fn t_d13_09_too_many_updates() {
    for side in Side::BOTH {
        let mut pair = settled();
        let start = pair.now;
        let mut borne = 0;
        while pair.end(side.peer()).error.is_none() && borne < 100 {
            request(&mut pair, side, false);
            pair.run_for(SECOND / 8);
            borne += u64::from(pair.end(side.peer()).error.is_none());
        }
        assert_eq!(borne, 32 + (pair.now - start).as_secs());
        assert_eq!(pair.end(side.peer()).error, Some(Error::TooManyKeyUpdates));
        let alert = Error::AlertReceived(AlertDescription::UNEXPECTED_MESSAGE);
        assert_eq!(pair.end(side).error, Some(alert));
    }
}

/// Data between them makes any number of updates good.
#[test]
fn data_makes_updates_good() {
    let mut pair = settled();
    for _ in 0..100 {
        request(&mut pair, Side::Client, false);
        pair.run_for(SECOND);
        pair.check_connected();
    }
    assert_eq!(updates(&pair, Side::Server).len(), 100);
}

/// T-D13-07: a KeyUpdate and its ACK get lost like anything else.
#[test]
fn t_d13_07_updates_over_loss() {
    for seed in 0..20 {
        let mut pair = settled();
        let mut chance = Chance::new(seed);
        pair.network = Box::new(move |_, _, _| {
            if chance.hits(0.3) {
                vec![]
            } else {
                vec![MS * chance.below(30) as u32]
            }
        });
        for side in Side::BOTH {
            request(&mut pair, side, true);
        }
        pair.run_for(SECOND * 60);
        for side in Side::BOTH {
            assert!(updates(&pair, side).len() >= 2, "seed {seed}");
        }
        pair.check_connected();
    }
}

/// T-D13-10, RFC 9147 §4.2.1: data under the old keys that arrives after the KeyUpdate.
#[test]
fn t_d13_10_data_under_old_keys() {
    let mut pair = settled();
    let now = pair.now;
    pair.network = Box::new(|_, _, _| vec![MS * 50]);
    pair.connection(Side::Client)
        .send(now, b"late")
        .expect("connected");
    pair.flush();
    pair.network = crate::pair::ideal(MS);
    request(&mut pair, Side::Client, false);
    pair.run_for(SECOND);
    assert_eq!(updates(&pair, Side::Server), [Direction::Read]);
    assert_eq!(pair.end(Side::Server).received(), [b"late"]);
    pair.check_connected();
}

/// DTLS 1.2 has no such thing, and nobody has it before the handshake is over.
#[test]
fn no_updates_elsewhere() {
    let mut pair = Pair::new(config(DTLS12));
    let early = |pair: &mut Pair| {
        let now = pair.now;
        pair.connection(Side::Client).request_key_update(now, true)
    };
    assert_eq!(early(&mut pair), Err(SendError::NotConnected));
    assert!(pair.connect());
    assert_eq!(early(&mut pair), Err(SendError::NotConnected));
}
