//! A caller's best pair dies between its first success and its nomination.

use std::time::Duration;

use super::Link;
use super::peer::{Peer, VERSIONS, run, run_until};
use super::street::URL;

/// Within which the call has to be there all the same.
const LIMIT: Duration = Duration::from_secs(3);

/// RFC 8445 §14.2: no two checks are closer.
const TA: Duration = Duration::from_millis(50);

#[test]
fn a_caller_whose_best_pair_dies_is_connected_over_the_other_within_3_s() {
    let Some(link) = Link::new() else { return };
    let Some(_other) = link.neighbour(1) else {
        return;
    };
    // The near host has both addresses; the far one reaches both.
    link.far.ip("route add default via 10.78.0.1");
    let _listen = link.listen(&[
        "--public-address",
        "10.78.0.1",
        "--public-address",
        "10.78.1.1",
        "--play",
        super::RECORDING,
    ]);
    for version in VERSIONS {
        let mut caller = Peer::calling(&link.far, "10.78.0.2:0", URL, &[version]);
        caller.best_dies = true;
        let took = run_until(&mut [&mut caller], Duration::from_secs(60), |peers| {
            let caller = &peers[0];
            caller.is_secured() && !caller.heard.is_empty()
        });
        let took = took.expect("it is connected");
        assert!(took < LIMIT, "{version:?}: {took:?}");
        // What it does about the dead one later is paced too.
        run(&mut [&mut caller], Duration::from_secs(4));
        let apart = caller.checks.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let least = apart.min().expect("there were some");
        let count = caller.checks.len();
        println!("{version:?}: connected after {took:?}; {count} checks, {least:?} apart at least");
        assert_eq!(caller.dead.len(), 1, "there was a best pair, and it died");
        assert_ne!(
            caller.session.selected_path().map(|path| path.remote),
            caller.dead.first().copied()
        );
        assert!(least >= TA, "{least:?}");
    }
}
