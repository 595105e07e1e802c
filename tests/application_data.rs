//! Records of application data, such as those of SCTP: their length, and how many may wait.

mod support;

use portcullis::dtls::SendError::{QueueFull, TooLong};
use portcullis::{MAX_APPLICATION_DATA, SessionEvent};
use support::served::Served;

/// The records that a peer has got.
fn received(events: &[SessionEvent]) -> Vec<&[u8]> {
    let data = events.iter().filter_map(|event| match event {
        SessionEvent::ApplicationData(data) => Some(&data[..]),
        _ => None,
    });
    data.collect()
}

/// One that never fits a datagram would hold up all that follow.
#[test]
fn a_record_too_long_for_a_datagram_is_refused_and_blocks_nothing() {
    let mut served = Served::with_calls(1);
    let (now, id) = (served.now, served.callers[0].id);
    let (length, limit) = (MAX_APPLICATION_DATA + 1, MAX_APPLICATION_DATA);
    let longest = vec![7; limit];
    let sent = served.gate.with(now, id, |_, cx| {
        let session = cx.session_mut();
        let refused = session.send_application_data(now, &vec![7; length]);
        assert_eq!(refused, Err(TooLong { length, limit }.into()));
        session.send_application_data(now, &longest)?;
        session.send_application_data(now, b"next")
    });
    assert_eq!(sent, Some(Ok(())));
    served.shuttle();
    let events = &served.callers[0].peer.events;
    assert_eq!(received(events), [&longest[..], b"next"]);
}

/// Who sends faster than the network takes is told, and loses nothing that was taken.
#[test]
fn a_full_queue_is_told_and_nothing_that_was_taken_is_lost() {
    let mut served = Served::with_calls(1);
    let (now, id) = (served.now, served.callers[0].id);
    let record = [7; 1000];
    let taken = served.gate.with(now, id, |_, cx| {
        let session = cx.session_mut();
        let mut results = (0..).map(|_| session.send_application_data(now, &record));
        let taken = results.by_ref().take_while(Result::is_ok).count();
        assert_eq!(results.next(), Some(Err(QueueFull.into())));
        taken
    });
    assert_eq!(taken, Some(65), "64 KiB");
    served.shuttle();
    let events = &served.callers[0].peer.events;
    assert_eq!(received(events).len(), 65);
}
