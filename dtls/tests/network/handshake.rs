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
