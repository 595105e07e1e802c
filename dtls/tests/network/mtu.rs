//! Datagram sizes.

use std::time::Duration;

use crate::chance::Chance;
use crate::pair::{FLAVOURS, MS, Pair, Side, config};

#[test]
fn any_mtu() {
    for flavour in FLAVOURS {
        for mtu in (dtls::MIN_MTU..=1500).step_by(7) {
            let mut pair = Pair::new(config(flavour).mtu(mtu));
            assert!(pair.connect(), "{flavour:?} MTU {mtu}");
            assert!(pair.log.iter().all(|&(_, _, length)| length <= mtu));
            assert!(
                pair.elapsed() <= MS * 5,
                "{flavour:?} MTU {mtu}: {:?}",
                pair.elapsed()
            );
            pair.check_connected();
        }
    }
}

/// Small pieces and loss together.
#[test]
fn small_mtu_with_loss() {
    for flavour in FLAVOURS {
        for mtu in [300, 600] {
            for seed in 0..30 {
                let mut pair = Pair::new(config(flavour).mtu(mtu));
                let mut chance = Chance::new(seed);
                pair.network = Box::new(move |_, _, _| {
                    if chance.hits(0.2) {
                        vec![]
                    } else {
                        vec![MS * 10]
                    }
                });
                assert!(pair.connect(), "{flavour:?} MTU {mtu} seed {seed}");
                pair.check_connected();
            }
        }
    }
}

/// RFC 9147 §4.4: a path that swallows large datagrams; the fourth transmission gets through.
#[test]
fn a_path_with_a_smaller_mtu() {
    for flavour in FLAVOURS {
        for fallback in [Some(548), None] {
            let mut pair = Pair::new(config(flavour).mtu(1200).fallback_mtu(fallback));
            pair.network = Box::new(|_, _, datagram| {
                if datagram.len() > 560 {
                    vec![]
                } else {
                    vec![MS * 10]
                }
            });
            let fits = pair.connect();
            let largest = pair.log.iter().map(|&(_, _, length)| length).max();
            let needed = largest > Some(560);
            assert_eq!(
                fits,
                fallback.is_some() || !needed,
                "{flavour:?} {fallback:?}"
            );
            if fits && needed {
                // Each flight that is too large waits 0.4, 0.8 and 1.6 s; but once lowered, the
                // MTU stays so.
                assert!(
                    pair.elapsed() < Duration::from_secs(9),
                    "{:?}",
                    pair.elapsed()
                );
            }
        }
    }
}

/// An MTU that is set in the middle of a handshake holds at once, and ends the fallback.
#[test]
fn mtu_changes_in_mid_handshake() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let mut pair = Pair::new(config(flavour));
            pair.network = Box::new(|_, index, _| if index < 2 { vec![] } else { vec![MS] });
            pair.flush();
            pair.connection(side).set_mtu(400);
            let before = pair.log.len();
            assert!(pair.connect());
            let after = &pair.log[before..];
            assert!(
                after
                    .iter()
                    .all(|&(_, from, length)| from != side || length <= 400)
            );
            pair.check_connected();
        }
    }
}
