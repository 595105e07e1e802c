//! Records that are wrong in different ways and look alike from outside.

use std::time::{Duration, Instant};

use dtls::{Discard, Error};

use crate::pair::{FLAVOURS, MS, Pair, Side, config};

/// Everything that somebody outside can see of a connection, and when it will stir next.
#[derive(Debug, PartialEq, Eq)]
struct Outside {
    sent: usize,
    events: usize,
    error: Option<Error>,
    timeout: Option<Instant>,
    rest: Option<Instant>,
    digest: u64,
}

impl Outside {
    fn of(pair: &Pair, side: Side) -> Self {
        let end = pair.end(side);
        Self {
            sent: end.sent,
            events: end.events.len(),
            error: end.error.clone(),
            timeout: end.connection.poll_timeout(),
            rest: end.connection.poll_rest(),
            digest: end.connection.state_digest(),
        }
    }
}

/// A record with what is wrong with it in the operator's statistics.
type Forgery = (&'static str, Vec<u8>, Discard);

/// T-CRY-08, RFC 6347 §4.1.2.1: a tag, ciphertext or content type that is wrong, padding that would
/// be, keys that are not there: whoever sends it learns nothing, not even from what comes later.
#[test]
fn t_cry_08_forgeries_look_alike() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let mut pair = Pair::new(config(flavour));
            assert!(pair.connect());
            pair.run_for(Duration::from_secs(1));
            let now = pair.now;
            pair.connection(side.peer())
                .send(now, &[0; 40])
                .expect("connected");
            let genuine = pair.take_datagrams(side.peer()).remove(0);
            let silence = Outside::of(&pair, side);
            for (name, mut forgery, reason) in forgeries(&genuine) {
                let before = counts(&pair, side);
                pair.deliver(side, &mut forgery);
                assert_eq!(Outside::of(&pair, side), silence, "{name}");
                // Its counter tells the operator, and no other one does.
                let changed: Vec<_> = counts(&pair, side)
                    .into_iter()
                    .filter(|count| !before.contains(count))
                    .map(|(reason, _)| reason)
                    .collect();
                assert_eq!(changed, [reason], "{name}, {flavour:?}");
            }
            pair.run_for(MS * 100);
            pair.deliver(side, &mut genuine.clone());
            assert_eq!(pair.end(side).received(), [[0; 40]]);
        }
    }
}

fn counts(pair: &Pair, side: Side) -> Vec<(Discard, u32)> {
    pair.end(side).connection.statistics().discards().collect()
}

fn forgeries(genuine: &[u8]) -> Vec<Forgery> {
    const TAG: usize = 16;
    let is_unified = genuine[0] >> 5 == 1;
    let header = if is_unified { 5 } else { 13 };
    let changed = |at: usize, bits: u8| {
        let mut record = genuine.to_vec();
        record[at] ^= bits;
        record
    };
    let tag = genuine.len() - TAG;
    let mut forgeries: Vec<Forgery> = (tag..genuine.len())
        .map(|at| ("tag", changed(at, 1), Discard::Forged))
        .collect();
    // In DTLS 1.3 the last byte before the tag is where padding ends, or the content type.
    for at in header..tag {
        // The first 16 bytes of DTLS 1.3 also change what the record number is taken for.
        if !is_unified || at >= header + 16 {
            forgeries.push(("ciphertext", changed(at, 0x80), Discard::Forged));
        }
    }
    let unknown = if is_unified {
        changed(0, 2)
    } else {
        changed(4, 2)
    };
    forgeries.push(("unknown epoch", unknown, Discard::UnknownEpoch));
    if !is_unified {
        forgeries.push(("content type", changed(0, 1), Discard::Forged));
    }
    forgeries
}
