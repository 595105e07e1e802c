//! Chosen losses: whichever datagrams are lost, the handshake completes.

use std::time::Duration;

use crate::pair::{FLAVOURS, Fate, Flavour, MS, Pair, Side, config};

/// Datagrams of each side, counted from the first, that may be chosen: more than a handshake
/// without losses has.
const CHOICE: usize = 6;

/// Drops these datagrams, and delivers all others after 10 ms.
fn complete_without(flavour: Flavour, mtu: usize, lost: &[(Side, usize)]) -> Duration {
    let mut pair = Pair::new(config(flavour).mtu(mtu));
    let dropped = lost.to_vec();
    pair.network = Box::new(move |side, index, _| -> Fate {
        if dropped.contains(&(side, index)) {
            vec![]
        } else {
            vec![MS * 10]
        }
    });
    assert!(
        pair.connect(),
        "{flavour:?} MTU {mtu} without {lost:?}: {:?}",
        pair.log
    );
    let elapsed = pair.elapsed();
    pair.check_connected();
    elapsed
}

fn choices() -> Vec<(Side, usize)> {
    Side::BOTH
        .into_iter()
        .flat_map(|side| (0..CHOICE).map(move |index| (side, index)))
        .collect()
}

/// T-HSK-19: every pair.
#[test]
fn t_hsk_19_any_two_datagrams_may_be_lost() {
    let choices = choices();
    for flavour in FLAVOURS {
        for mtu in [300, 1200] {
            for (n, &first) in choices.iter().enumerate() {
                for &second in &choices[n..] {
                    // Two losses cost two waits at most: 400 ms and 800 ms, and some answers.
                    let elapsed = complete_without(flavour, mtu, &[first, second]);
                    assert!(
                        elapsed < MS * 1600,
                        "{flavour:?} {first:?} {second:?}: {elapsed:?}"
                    );
                }
            }
        }
    }
}

/// T-HSK-19: every triple.
#[test]
fn t_hsk_19_any_three_datagrams_may_be_lost() {
    let choices = choices();
    for flavour in FLAVOURS {
        for (n, &first) in choices.iter().enumerate() {
            for (m, &second) in choices.iter().enumerate().skip(n + 1) {
                for &third in &choices[m + 1..] {
                    complete_without(flavour, 1200, &[first, second, third]);
                }
            }
        }
    }
}

/// An outage of both ways at any time, shorter than the last timer of the time limit.
#[test]
fn outages() {
    for flavour in FLAVOURS {
        for first in 0..5 {
            for length in [1, 2, 3, 5] {
                let lost: Vec<_> = Side::BOTH
                    .into_iter()
                    .flat_map(|side| (first..first + length).map(move |index| (side, index)))
                    .collect();
                complete_without(flavour, 1200, &lost);
            }
        }
    }
}
