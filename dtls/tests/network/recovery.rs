//! What a loss or another order costs (RFC 9147 §7): no more than it must.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::chance::Chance;
use crate::pair::{FLAVOURS, Flavour, MS, Pair, Side, config};

/// One way.
const PATH: Duration = Duration::from_millis(50);

/// The first wait for an answer, by default.
const WAIT: Duration = Duration::from_millis(400);

fn retransmissions(pair: &Pair) -> u32 {
    let ends = Side::BOTH.map(|side| pair.end(side).connection.statistics().retransmissions);
    ends.iter().sum()
}

fn bytes(pair: &Pair) -> usize {
    pair.log.iter().map(|(_, _, length)| length).sum()
}

/// A handshake in which the datagrams of `from` with these numbers take so much longer, or for ever.
fn disturbed(flavour: Flavour, from: Side, late: &[usize], delay: Option<Duration>) -> Pair {
    let mut pair = Pair::new(config(flavour).mtu(600).fallback_mtu(None));
    let late = late.to_vec();
    pair.network = Box::new(move |side, index, _| match delay {
        _ if side != from || !late.contains(&index) => vec![PATH],
        Some(delay) => vec![PATH + delay],
        None => vec![],
    });
    assert!(pair.connect(), "{flavour:?} {from:?}");
    pair
}

/// Datagrams of each side's flights over an undisturbed path: of the client's hello and the server's
/// flight.
fn counts(flavour: Flavour) -> [usize; 2] {
    let pair = disturbed(flavour, Side::Client, &[], None);
    let hello = pair.log.iter().filter(|(time, ..)| time.is_zero()).count();
    let flight = pair.log.iter().filter(|(time, ..)| *time == PATH).count();
    [hello, flight]
}

/// Any order of a flight costs nothing but the time of its last datagram, and nothing is sent twice
/// in DTLS 1.2; in DTLS 1.3 disorder is acknowledged, and may bring a datagram once more.
#[test]
fn a_reordered_flight_costs_nothing() {
    for flavour in FLAVOURS {
        let usual = disturbed(flavour, Side::Server, &[], None).elapsed();
        let [_, flight] = counts(flavour);
        for late in 0..flight {
            let pair = disturbed(flavour, Side::Server, &[late], Some(MS * 2));
            assert!(pair.elapsed() <= usual + MS * 2, "{flavour:?} {late}");
            let repeated = retransmissions(&pair);
            assert!(repeated <= 1, "{flavour:?} {late}: {repeated}");
        }
    }
}

/// A lost datagram of a server's flight costs one round trip and a quarter of the wait at most, and
/// no more than it is sent again (DTLS 1.3, where a client can say what it has).
#[test]
fn a_lost_datagram_costs_a_round_trip() {
    for flavour in [FLAVOURS[2]] {
        let usual = disturbed(flavour, Side::Server, &[], None);
        let [_, flight] = counts(flavour);
        assert!(flight > 1, "{flavour:?}");
        for lost in 0..flight {
            let pair = disturbed(flavour, Side::Server, &[lost], None);
            let bound = usual.elapsed() + PATH * 2 + WAIT / 4;
            assert!(
                pair.elapsed() <= bound,
                "{flavour:?} {lost}: {:?} after {:?}, {:?}",
                pair.elapsed(),
                usual.elapsed(),
                pair.log
            );
            let more = bytes(&pair) - bytes(&usual);
            // What was lost, and the ACKs that told of it.
            assert!(more <= 600 + 2 * 100, "{flavour:?} {lost}: {more} bytes");
        }
    }
}

/// Jitter of 2 ms without any loss: with post-quantum flights of several datagrams a handshake takes
/// as long as without.
#[test]
fn jitter_costs_nothing() {
    for flavour in FLAVOURS {
        let median = |jitter: u64| {
            let mut times: Vec<_> = (0..101)
                .map(|seed| {
                    let mut pair = Pair::new(config(flavour));
                    let mut chance = Chance::new(seed);
                    pair.network = Box::new(move |_, _, _| {
                        let late = chance.below(1000 * jitter + 1);
                        vec![MS * 20 + Duration::from_micros(late) - MS * jitter as u32 / 2]
                    });
                    assert!(pair.connect());
                    pair.elapsed()
                })
                .collect();
            times.sort();
            times[times.len() / 2]
        };
        let (still, shaken) = (median(0), median(2));
        assert!(
            shaken * 10 <= still * 11,
            "{flavour:?}: {shaken:?} after {still:?}"
        );
    }
}

/// RFC 9147 §7.1 and §7.2: a gap is acknowledged when it is seen, and what is missing comes when that
/// is heard; no timer is waited for.
#[test]
fn a_gap_under_keys_is_mended_without_a_timer() {
    let run = |lost: Option<usize>| {
        let mut pair = Pair::new(config(FLAVOURS[1]).mtu(200).fallback_mtu(None));
        pair.network = Box::new(move |side, index, _| match side {
            Side::Server if Some(index) == lost => vec![],
            _ => vec![PATH],
        });
        assert!(pair.connect());
        pair
    };
    let usual = run(None);
    let flight = usual.log.iter().filter(|(time, ..)| *time == PATH).count();
    assert!(flight > 3);
    // Not the hello, which is in plaintext, and not the end, which nothing follows.
    for lost in 1..flight - 1 {
        let pair = run(Some(lost));
        assert_eq!(pair.elapsed(), usual.elapsed() + PATH * 2, "{:?}", pair.log);
    }
}

/// Who repeats itself tells that it heard nothing: the answer does not wait for our own timer, which
/// may be in a long wait.
#[test]
fn a_repetition_brings_the_answer_forward() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        let cut = Rc::new(RefCell::new(true));
        let is_cut = Rc::clone(&cut);
        // The server is heard by nobody for 10 s.
        pair.network = Box::new(move |side, _, _| match side {
            Side::Server if *is_cut.borrow() => vec![],
            _ => vec![PATH],
        });
        pair.run_for(Duration::from_secs(10));
        *cut.borrow_mut() = false;
        let before = pair.log.len();
        assert!(pair.connect(), "{flavour:?}");
        let client = pair.log[before..]
            .iter()
            .find(|entry| entry.1 == Side::Client);
        let repeated = client.expect("the client repeats its hello").0;
        let answered = pair.log[before..]
            .iter()
            .find(|entry| entry.1 == Side::Server);
        let answered = answered.expect("the server answers").0;
        assert!(
            answered <= repeated + PATH,
            "{flavour:?}: {repeated:?} {answered:?}"
        );
    }
}
