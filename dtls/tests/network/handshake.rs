//! Handshakes over a network that behaves.

use crate::pair::{FLAVOURS, Pair, Side, config};

#[test]
fn completes() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        assert!(pair.connect(), "{flavour:?}: {:?}", pair.log);
        pair.check_connected();
        for side in Side::BOTH {
            let info = pair.end(side).connection.info().expect("connected");
            assert_eq!((info.version, info.group), (flavour.version, flavour.group));
        }
    }
}

/// A server that wants X25519MLKEM768 most asks for it where the client lists it without a share: the
/// price is a round trip, and the setting decides whether to pay it.
#[test]
fn a_post_quantum_share_is_asked_for() {
    use dtls::{NamedGroup, PostQuantumRetry};
    let [_, _, hybrid] = FLAVOURS;
    for (retry, group, trips) in [
        (PostQuantumRetry::Never, NamedGroup::X25519, 3),
        (PostQuantumRetry::IfFree, NamedGroup::X25519, 3),
        (PostQuantumRetry::Always, hybrid.group, 5),
    ] {
        let groups = [hybrid.group, NamedGroup::X25519];
        let server = config(hybrid).groups(&groups).post_quantum_retry(retry);
        let client = config(hybrid).groups(&groups).small_client_hello();
        let mut pair = Pair::with([client, server], Side::BOTH.map(crate::pair::expects));
        assert!(pair.connect());
        assert_eq!(pair.elapsed(), crate::pair::MS * trips, "{retry:?}");
        let info = pair.end(Side::Server).connection.info().expect("connected");
        assert_eq!(info.group, group);
    }
}
