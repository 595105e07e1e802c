//! A peer that falls silent.

use std::time::Duration;

use dtls::{Error, Recovery, RetransmitConfig};

use crate::pair::{FLAVOURS, MS, Pair, Side, config};

/// Nothing but the timer brings lost datagrams back.
const BY_TIMER: RetransmitConfig = RetransmitConfig {
    initial: Duration::from_millis(400),
    ceiling: Duration::from_secs(60),
    max_retries: 12,
    recovery: Recovery::Timer,
};

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
                // Six at most in 30 s, and six copies of the first three.
                assert!(end.connection.statistics().retransmissions <= 12 + 6);
            }
        }
    }
}

/// Without a time limit the retransmissions end it: the 13th wait is the last.
#[test]
fn retransmissions_run_out() {
    for flavour in FLAVOURS {
        let by_timer = config(flavour).retransmit(BY_TIMER);
        let mut pair = Pair::new(by_timer.handshake_timeout(None));
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

/// The first three retransmissions have two copies each, a quarter of the first wait apart, which
/// change nothing about the waits.
#[test]
fn retransmissions_are_followed_by_copies() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        pair.network = Box::new(|_, _, _| vec![]);
        pair.run_for(Duration::from_secs(29));
        let mut sent: Vec<_> = pair
            .log
            .iter()
            .map(|(time, _, _)| time.as_millis())
            .collect();
        sent.dedup();
        let expected = [
            0, 400, 500, 600, 1200, 1300, 1400, 2800, 2900, 3000, 6000, 12_400, 25_200,
        ];
        assert_eq!(sent, expected);
    }
}

/// A new timing in the midst of a wait: the start and the doublings stay.
#[test]
fn timing_changes_in_mid_handshake() {
    let mut pair = Pair::new(config(FLAVOURS[0]).retransmit(BY_TIMER));
    pair.network = Box::new(|_, _, _| vec![]);
    pair.run_for(MS * 500);
    let retransmit = |initial| RetransmitConfig {
        initial,
        ..BY_TIMER
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
