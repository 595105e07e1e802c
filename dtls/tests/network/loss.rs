//! Random loss: how many handshakes complete within 30 s, with the default timer.
//!
//! By default few enough run to take seconds. `PORTCULLIS_LOSS_RUNS=30000 cargo test --release
//! --test network loss -- --nocapture` shows the rates with the precision that they claim.

use std::time::Duration;

use dtls::{Direction, Event};

use crate::chance::Chance;
use crate::pair::{FLAVOURS, Flavour, MS, Pair, Side, config};

/// Loss each way, and the share of handshakes that may fail.
const TARGETS: [(f64, f64); 3] = [(0.1, 0.0001), (0.2, 0.001), (0.3, 0.01)];

const DEFAULT_RUNS: u64 = 300;

fn runs() -> u64 {
    let runs = std::env::var("PORTCULLIS_LOSS_RUNS").ok();
    runs.map_or(DEFAULT_RUNS, |runs| runs.parse().expect("a number"))
}

/// How long the handshake with this seed took, if it completed.
fn lossy_handshake(flavour: Flavour, loss: f64, seed: u64) -> Option<Duration> {
    let mut pair = Pair::new(config(flavour));
    let mut chance = Chance::new(seed);
    pair.network = Box::new(move |_, _, _| {
        if chance.hits(loss) {
            vec![]
        } else {
            vec![MS * (20 + chance.below(10) as u32)]
        }
    });
    pair.connect().then(|| pair.elapsed())
}

#[test]
fn handshakes_complete_in_spite_of_loss() {
    let runs = runs();
    for flavour in FLAVOURS {
        for (loss, may_fail) in TARGETS {
            let mut times: Vec<Option<Duration>> = (0..runs)
                .map(|seed| lossy_handshake(flavour, loss, seed))
                .collect();
            let failed = times.iter().filter(|time| time.is_none()).count();
            times.sort_by_key(|time| time.unwrap_or(Duration::MAX));
            let at = |share: f64| times[((runs - 1) as f64 * share) as usize];
            println!(
                "{flavour:?} loss {loss}: {failed} of {runs} failed; median {:?}, 99 % {:?}",
                at(0.5),
                at(0.99),
            );
            // A sample of a few hundred may have one failure more than its share.
            let bound = (may_fail * runs as f64).floor() as usize + usize::from(runs < 10_000);
            assert!(
                failed <= bound,
                "{flavour:?} at loss {loss}: {failed} of {runs} failed"
            );
        }
    }
}

/// Other ways than by an even chance in which a network loses datagrams.
#[derive(Clone, Copy, Debug)]
enum Mood {
    /// Less of what the client sends than of what the server sends.
    Uneven,
    /// Nothing gets through for a quarter of a second, again and again, from a moment by chance.
    BurstsByClock,
    /// One datagram in thirty takes the next four of both sides with it.
    BurstsByCount,
}

/// How long the handshake with this seed took in this mood of the network, if it completed.
fn moody_handshake(flavour: Flavour, mood: Mood, seed: u64) -> Option<Duration> {
    let mut pair = Pair::new(config(flavour));
    let mut chance = Chance::new(seed);
    let clock = std::rc::Rc::clone(&pair.clock);
    let (period, outage) = (1000, 250);
    let phase = chance.below(period);
    let mut doomed = 0;
    pair.network = Box::new(move |side, _, _| {
        let is_lost = match (mood, side) {
            (Mood::Uneven, Side::Client) => chance.hits(0.1),
            (Mood::Uneven, Side::Server) => chance.hits(0.4),
            (Mood::BurstsByClock, _) => (clock.get().as_millis() as u64 + phase) % period < outage,
            (Mood::BurstsByCount, _) if doomed > 0 => {
                doomed -= 1;
                true
            }
            (Mood::BurstsByCount, _) => {
                let begins = chance.hits(1.0 / 30.0);
                doomed = if begins { 4 } else { 0 };
                begins
            }
        };
        match is_lost {
            true => vec![],
            false => vec![MS * (20 + chance.below(10) as u32)],
        }
    });
    pair.connect().then(|| pair.elapsed())
}

#[test]
fn handshakes_complete_in_spite_of_uneven_loss_and_bursts() {
    let runs = runs();
    for flavour in FLAVOURS {
        for mood in [Mood::Uneven, Mood::BurstsByClock, Mood::BurstsByCount] {
            let times = (0..runs).map(|seed| moody_handshake(flavour, mood, seed));
            let mut times: Vec<_> = times.collect();
            let failed = times.iter().filter(|time| time.is_none()).count();
            times.sort_by_key(|time| time.unwrap_or(Duration::MAX));
            let at = |share: f64| times[((runs - 1) as f64 * share) as usize];
            println!(
                "{flavour:?} {mood:?}: {failed} of {runs} failed; median {:?}, 99 % {:?}",
                at(0.5),
                at(0.99),
            );
            // As with a loss of 30 %, of which one in a hundred may fail.
            assert!(
                failed as u64 <= runs / 100,
                "{flavour:?} {mood:?}: {failed} of {runs}"
            );
        }
    }
}

/// Keys change again and again where a third of the datagrams get lost, and data goes on.
#[test]
fn keys_change_in_spite_of_loss() {
    let mut pair = Pair::new(config(FLAVOURS[1]));
    assert!(pair.connect());
    let mut chance = Chance::new(5);
    for round in 0..40 {
        let (side, now) = (Side::BOTH[round % 2], pair.now);
        let request = pair
            .connection(side)
            .request_key_update(now, round % 3 == 0);
        assert_eq!(request, Ok(()));
        let mut chance = Chance::new(chance.next());
        pair.network = Box::new(move |_, _, _| {
            if chance.hits(0.3) {
                vec![]
            } else {
                vec![MS * 5]
            }
        });
        pair.run_for(Duration::from_secs(20));
        pair.check_connected();
    }
    let updated = Event::KeyUpdated(Direction::Read);
    let events = &pair.end(Side::Server).events;
    assert!(events.iter().filter(|event| **event == updated).count() >= 20);
}
