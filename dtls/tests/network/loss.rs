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
