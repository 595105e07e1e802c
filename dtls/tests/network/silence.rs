//! A peer that falls silent.

use std::time::Duration;

use dtls::{Error, RetransmitConfig};

use crate::pair::{FLAVOURS, MS, Pair, Side, config};

/// T-HSK-21: after each number of datagrams nothing comes any more. Each end gives up in time, and
/// says so.
#[test]
fn t_hsk_21_silence_ends_a_handshake() {
    for flavour in FLAVOURS {
        for heard in 0..4 {
            let mut pair = Pair::new(config(flavour).mtu(600));
            pair.network =
                Box::new(move |_, index, _| if index < heard { vec![MS * 10] } else { vec![] });
            pair.run_for(Duration::from_secs(40));
            for side in Side::BOTH {
                let end = pair.end(side);
                if end.sent == 0 {
                    continue;
                }
                let server_is_done = end.is_connected();
                if !server_is_done {
                    assert_eq!(
                        end.error,
                        Some(Error::HandshakeTimeout),
                        "{flavour:?} {side:?}"
                    );
                }
                let last = pair
                    .log
                    .iter()
                    .rfind(|(_, from, _)| *from == side)
                    .expect("sent");
                assert!(server_is_done || last.0 <= Duration::from_secs(31));
                assert!(end.connection.statistics().retransmissions <= 12);
            }
        }
    }
}

/// Without a time limit the retransmissions end it: the 13th wait is the last.
#[test]
fn retransmissions_run_out() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour).handshake_timeout(None));
        pair.network = Box::new(|_, _, _| vec![]);
        pair.run_for(Duration::from_secs(1000));
        let end = pair.end(Side::Client);
        assert_eq!(end.error, Some(Error::RetransmissionLimit));
        assert_eq!(end.connection.statistics().retransmissions, 12);
        let mut sent: Vec<_> = pair
            .log
            .iter()
            .map(|(time, _, _)| time.as_millis())
            .collect();
        sent.dedup();
        let expected = [
            0, 400, 1200, 2800, 6000, 12_400, 25_200, 50_800, 102_000, 162_000, 222_000, 282_000,
            342_000,
        ];
        assert_eq!(sent, expected);
    }
}

/// A new timing in the midst of a wait: the start and the doublings stay.
#[test]
fn timing_changes_in_mid_handshake() {
    let mut pair = Pair::new(config(FLAVOURS[0]));
    pair.network = Box::new(|_, _, _| vec![]);
    pair.run_for(MS * 500);
    let retransmit = |initial| RetransmitConfig {
        initial,
        ..RetransmitConfig::default()
    };
    let deadline = |pair: &Pair| {
        let timeout = pair
            .end(Side::Client)
            .connection
            .poll_timeout()
            .expect("timer");
        timeout - pair.start
    };
    assert_eq!(deadline(&pair), MS * 1200);
    pair.connection(Side::Client)
        .set_retransmit(retransmit(MS * 100));
    assert_eq!(deadline(&pair), MS * 600);
    pair.run_for(MS * 100);
    assert_eq!(deadline(&pair), MS * 1000);
    assert_eq!(pair.log.len(), 3);
}

/// A suspended end sends nothing by itself; flights come out when asked for.
#[test]
fn suspended_retransmission() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour).handshake_timeout(None));
        pair.network = Box::new(|_, _, _| vec![]);
        pair.flush();
        let now = pair.now;
        pair.connection(Side::Client).suspend_retransmission(now);
        let first = pair.log.len();
        pair.run_for(Duration::from_secs(20));
        assert_eq!(pair.log.len(), first);
        pair.connection(Side::Client).resend_flight();
        pair.flush();
        assert_eq!(pair.log.len(), 2 * first);
        let now = pair.now;
        pair.connection(Side::Client).resume_retransmission(now);
        pair.run_for(MS * 399);
        assert_eq!(pair.log.len(), 2 * first);
        pair.run_for(MS);
        assert_eq!(pair.log.len(), 3 * first);
    }
}
