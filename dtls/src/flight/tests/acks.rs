//! ACKs in both directions (RFC 9147 §7).

use super::*;

/// RFC 9147 §7.2: what was acknowledged is not sent again.
#[test]
fn only_what_is_not_acknowledged_is_sent_again() {
    let [mut a, mut b] = End::pair(V13);
    a.mtu = 300;
    a.flight(&[500, 20, 700], Expect::Nothing);
    let first = b.give(&a.drain());
    assert!(first.len() >= 5);
    for lost in 0..first.len() {
        let acked: Vec<_> = (0..first.len()).filter(|&n| n != lost).collect();
        let [mut a, mut b] = End::pair(V13);
        a.mtu = 300;
        a.flight(&[500, 20, 700], Expect::Nothing);
        let got = b.give(&a.drain());
        let numbers: Vec<_> = acked.iter().map(|&n| got[n][0].number).collect();
        let ack = b.ack(&numbers);
        a.give(&[ack]);
        assert_eq!(a.time_out(), Ok(Some(1)));
        let again = b.give(&a.drain());
        assert_eq!(
            fragments(&again),
            fragments(&got[lost..=lost]),
            "lost {lost}"
        );
        // The rest of the ACK ends it, also by the number of the first transmission.
        let ack = b.ack(&[got[lost][0].number]);
        a.give(&[ack]);
        assert!(!a.flights.is_pending());
        assert_eq!(a.wait(), None);
    }
}

/// RFC 9147 §7: sorted, the newest 32, again after each repetition.
#[test]
fn acks_list_the_newest_records_in_order() {
    let [mut a, mut b] = End::pair(V13);
    a.mtu = 128;
    a.flight(&[4000], Expect::Nothing);
    let mut datagrams = a.drain();
    assert!(datagrams.len() > 40);
    datagrams.truncate(40);
    datagrams.reverse();
    b.give(&datagrams);
    assert_eq!(b.wait(), Some(RTO / 4));
    assert_eq!(b.time_out(), Ok(None));
    let ack = b.drain();
    let got = a.give(&ack);
    let expected: Vec<_> = (0..32)
        .map(|sequence| RecordNumber::new(3, sequence))
        .collect();
    assert_eq!(got[0][0].acked, expected);
    assert_eq!(b.wait(), None);
    // A single record more displaces the oldest, number 31.
    a.time_out().expect("retransmission");
    let again = a.drain();
    b.give(&again[..1]);
    b.time_out().expect("ACK");
    let ack = b.drain();
    let got = a.give(&ack);
    assert_eq!(got[0][0].acked.len(), 32);
    assert_eq!(got[0][0].acked[..31], expected[..31]);
    assert!(got[0][0].acked[31] >= RecordNumber::new(3, 40));
}

/// An ACK is cut to what the MTU allows, the newest first.
#[test]
fn acks_fit_the_mtu() {
    let [mut a, mut b] = End::pair(V13);
    a.mtu = 128;
    a.flight(&[2000], Expect::Nothing);
    let datagrams = a.drain();
    b.give(&datagrams);
    b.mtu = 128;
    b.time_out().expect("ACK");
    let ack = b.drain();
    assert!(ack[0].len() <= 128);
    let got = a.give(&ack);
    let last = datagrams.len() as u64;
    let expected: Vec<_> = (last - 6..last).map(|n| RecordNumber::new(3, n)).collect();
    assert_eq!(got[0][0].acked, expected);
}

/// RFC 9147 §7.1: after the handshake nothing but an ACK acknowledges.
#[test]
fn after_the_handshake_only_acks_acknowledge() {
    let [mut a, mut b] = End::pair(V13);
    a.flight(&[100], Expect::Nothing);
    a.flights.complete();
    b.give(&a.drain());
    b.flight(&[300], Expect::Nothing);
    a.give(&b.drain());
    assert!(a.flights.is_pending());
}

/// RFC 9147 §7.1: the final flight of the peer is acknowledged at once, and so is its repetition,
/// later (T-D13-07).
#[test]
fn t_d13_07_final_flight_is_acknowledged_again() {
    let [mut a, mut b] = End::pair(V13);
    a.flight(&[100], Expect::Nothing);
    b.give(&a.drain());
    assert_eq!(b.messages(), [100]);
    b.flights.complete();
    assert_eq!(b.wait(), None);
    assert_eq!(b.drain().len(), 1);
    for retries in 1..=5 {
        assert_eq!(a.time_out(), Ok(Some(retries)));
        b.now = a.now;
        b.give(&a.drain());
        assert_eq!(b.wait(), Some(RTO / 4));
        b.time_out().expect("ACK");
        let ack = b.drain();
        if retries == 5 {
            a.give(&ack);
        }
    }
    assert_eq!((a.wait(), a.flights.is_pending()), (None, false));
}

/// T-D13-05: ACKs of records never sent, of an odd length, of impossible epochs.
#[test]
fn t_d13_05_strange_acks() {
    let [mut a, mut b] = End::pair(V13);
    a.flight(&[100], Expect::Reply);
    let sent = b.give(&a.drain())[0][0].number;
    let never: Vec<_> = (0..4090).map(|n| RecordNumber::new(3, n + 1000)).collect();
    let ack = b.ack(&never[..900]);
    a.give(&[ack]);
    assert!(a.flights.is_pending());
    let mut read = |content: &[u8], epoch| {
        let number = RecordNumber::new(epoch, 0);
        let record = Opened {
            content_type: ContentType::ACK,
            number,
            content,
            newest: true,
            unified: true,
        };
        a.flights.handle_ack(a.now, &record, &mut a.statistics)
    };
    assert_eq!(read(&[0, 15], 3), Err(Error::BadAck));
    assert_eq!(read(&[0; 1], 3), Err(Error::BadAck));
    assert_eq!(
        read(&[&[0, 15][..], &[0; 15]].concat(), 3),
        Err(Error::BadAck)
    );
    assert_eq!(
        read(&[&[0, 16][..], &[0; 17]].concat(), 3),
        Err(Error::BadAck)
    );
    let entry = |epoch: u64, sequence: u64| {
        [&[0, 16][..], &epoch.to_be_bytes(), &sequence.to_be_bytes()].concat()
    };
    assert_eq!(read(&entry(2, 0), 0), Err(Error::AckEpoch));
    assert_eq!(read(&entry(1 << 63, 0), 3), Err(Error::AckEpoch));
    assert_eq!(read(&entry(3, 1 << 48), 3), Err(Error::AckEpoch));
    assert_eq!(read(&entry(7, 0), 3), Ok(Acknowledged::Part));
    assert_eq!(read(&[0, 0], 3), Ok(Acknowledged::Part));
    assert_eq!(
        read(&entry(3, sent.sequence()), 3),
        Ok(Acknowledged::Flight)
    );
    assert_eq!(read(&entry(3, sent.sequence()), 3), Ok(Acknowledged::Part));
}

/// ACKs mean nothing before the version is known, and are out of place in DTLS 1.2.
#[test]
fn acks_belong_to_dtls_1_3() {
    let content = &[0, 0][..];
    let number = RecordNumber::new(0, 0);
    let record = Opened {
        content_type: ContentType::ACK,
        number,
        content,
        newest: true,
        unified: true,
    };
    let mut statistics = Statistics::default();
    let mut flights = Flights::new(RetransmitConfig::default());
    assert_eq!(
        flights.handle_ack(Instant::now(), &record, &mut statistics),
        Ok(Acknowledged::Part)
    );
    assert_eq!(statistics.discarded(Discard::EarlyAck), 1);
    flights.set_version(V12);
    let unexpected = Err(Error::UnexpectedRecord(ContentType::ACK));
    assert_eq!(
        flights.handle_ack(Instant::now(), &record, &mut statistics),
        unexpected
    );
}

/// RFC 9147 §7: a record of which a part was dropped is not acknowledged.
#[test]
fn what_was_dropped_is_not_acknowledged() {
    let mut end = End::new(V13);
    let number = RecordNumber::new(3, 0);
    let far = [1, 0, 0, 1, 0, 99, 0, 0, 0, 0, 0, 1, 7];
    let near = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7];
    let content = &[far, near].concat()[..];
    let record = Opened {
        content_type: ContentType::HANDSHAKE,
        number,
        content,
        newest: true,
        unified: true,
    };
    assert_eq!(
        end.flights
            .accept(end.now, &record, false, &mut end.statistics),
        Ok(())
    );
    assert_eq!(end.statistics.discarded(Discard::NoRoom), 1);
    assert_eq!(end.wait(), None);
    assert!(end.flights.next_message(|_| true).is_some());
}
