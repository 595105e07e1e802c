//! What a call waits for, and what it asks of its session, beside the packets that it hears.

mod support;

use std::time::Duration;

use portcullis::{Arrival, SessionEvent};
use support::served::Served;

/// A packet makes a call wait for less time than its session does; what it then asks for goes out at
/// once. Whether packets come in batches or one by one is the same.
#[test]
fn a_timer_that_a_packet_sets_rings_in_time() {
    for batched in [false, true] {
        let mut served = Served::with_calls(2);
        let (now, id, path) = (served.now, served.callers[1].id, served.path(1));
        let wait = Duration::from_millis(20);
        served
            .gate
            .with(now, id, |call, _| call.replies_after = Some(wait));
        assert!(
            served
                .gate
                .poll_timeout()
                .is_none_or(|alarm| alarm > now + wait)
        );
        let mut bytes = served.sealed(1, 1);
        let bytes = &mut bytes[..];
        match batched {
            true => served
                .gate
                .handle_datagrams(now, [Arrival::new(path, bytes)], |_, _| {}),
            false => {
                served.gate.handle_datagram(now, path, bytes);
            }
        }
        assert_eq!(served.gate.poll_timeout(), Some(now + wait));
        assert!(served.gate.outbox().is_empty());
        served.gate.handle_timeout(now + wait);
        assert_eq!(served.gate.outbox().len(), 1);
        served.now += wait;
        served.deliver_answers();
        let heard = SessionEvent::ApplicationData(b"reply".to_vec());
        assert!(served.callers[1].peer.events.contains(&heard));
        assert!(
            served
                .gate
                .poll_timeout()
                .is_none_or(|alarm| alarm > now + wait)
        );
    }
}
