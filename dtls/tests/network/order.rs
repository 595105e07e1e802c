//! Reordering, duplication and delay.

use std::ops::Range;

use crate::chance::Chance;
use crate::pair::{FLAVOURS, Flavour, MS, Pair, Side, config};

/// The datagrams of each flight of a handshake without losses: the side, and their indices.
fn flights(flavour: Flavour, mtu: usize) -> Vec<(Side, Range<usize>)> {
    let mut pair = Pair::new(config(flavour).mtu(mtu));
    assert!(pair.connect());
    let mut sent = [0; 2];
    let mut flights: Vec<(Side, Range<usize>)> = Vec::new();
    let mut last = None;
    for &(time, side, _) in &pair.log {
        let index = sent[side as usize];
        sent[side as usize] += 1;
        match flights.last_mut() {
            Some((_, range)) if last == Some((time, side)) => range.end = index + 1,
            _ => flights.push((side, index..index + 1)),
        }
        last = Some((time, side));
    }
    flights
}

/// All orders of `0..n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let shorter = orders(n - 1);
    let insert = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, n - 1);
        order
    };
    shorter
        .iter()
        .flat_map(|order| (0..n).map(move |at| insert(order, at)))
        .collect()
}

/// T-HSK-12: every order of the datagrams of each flight leads to the same result.
#[test]
fn t_hsk_12_every_order_of_a_flight() {
    for flavour in FLAVOURS {
        // Flights of several datagrams, few enough to try all orders.
        for mtu in [320, 500, 1200] {
            for (flight_side, flight) in flights(flavour, mtu) {
                if flight.len() > 5 {
                    continue;
                }
                for order in orders(flight.len()) {
                    let mut pair = Pair::new(config(flavour).mtu(mtu));
                    let (range, ranks) = (flight.clone(), order.clone());
                    pair.network = Box::new(move |side, index, _| {
                        let in_flight = side == flight_side && range.contains(&index);
                        let rank = if in_flight {
                            ranks[index - range.start]
                        } else {
                            0
                        };
                        vec![MS * (10 + rank as u32)]
                    });
                    assert!(
                        pair.connect(),
                        "{flavour:?} MTU {mtu} {flight_side:?} {order:?}"
                    );
                    pair.check_connected();
                }
            }
        }
    }
}

/// T-D13-04 and all its like: pieces small and shuffled, five copies of each.
#[test]
fn t_d13_04_small_pieces_shuffled_and_repeated() {
    for flavour in FLAVOURS {
        for mtu in [300, 576] {
            for seed in 0..20 {
                let mut pair = Pair::new(config(flavour).mtu(mtu));
                let mut chance = Chance::new(seed);
                pair.network = Box::new(move |_, _, _| {
                    (0..5).map(|_| MS * (5 + chance.below(60) as u32)).collect()
                });
                assert!(pair.connect(), "{flavour:?} MTU {mtu} seed {seed}");
                assert!(
                    pair.elapsed() < MS * 1000,
                    "{flavour:?} {seed}: {:?}",
                    pair.elapsed()
                );
                pair.check_connected();
            }
        }
    }
}

/// A round trip that takes longer than the timer makes repetitions, not failures.
#[test]
fn slow_paths() {
    for flavour in FLAVOURS {
        for one_way in [100, 190, 210, 500, 1500] {
            let mut pair = Pair::new(config(flavour));
            pair.network = Box::new(move |_, _, _| vec![MS * one_way]);
            assert!(pair.connect(), "{flavour:?} at {one_way} ms");
            let round_trips = if flavour.version == dtls::ProtocolVersion::DTLS1_2 {
                4
            } else {
                3
            };
            assert_eq!(pair.elapsed(), MS * one_way * round_trips, "{flavour:?}");
            for side in Side::BOTH {
                let repeated = pair.end(side).connection.statistics().retransmissions;
                // As many as fit into the wait for an answer, 0.4, 1.2 and 2.8 s after a flight,
                // each with a copy 0.1 s later, and one for each repetition of the peer; each side
                // has two flights.
                let bound = match one_way * 2 {
                    0..400 => 0,
                    400..1200 => 8,
                    _ => 20,
                };
                assert!(
                    repeated <= bound,
                    "{flavour:?} {one_way} {side:?}: {repeated}"
                );
            }
        }
    }
}
