//! What ends a wait, and what is sent again.

use super::*;

/// RFC 9147 §7.1 and RFC 6347 §4.2.4: a part of the next flight ends the wait in DTLS 1.3 alone.
#[test]
fn a_part_of_the_answer_acknowledges() {
    for version in [V12, V13] {
        let [mut a, mut b] = [0; 2].map(|_| End::staged(version, Stage::Handshake));
        a.flight(&[100], Expect::Reply);
        b.give(&a.drain());
        assert_eq!(a.wait(), Some(RTO));
        b.mtu = 200;
        b.flight(&[300], Expect::Reply);
        let answer = b.drain();
        a.give(&answer[..1]);
        let wait = if version == V13 { RTO / 4 } else { RTO };
        assert_eq!(
            (a.wait(), a.flights.is_pending()),
            (Some(wait), version == V12)
        );
        if version == V13 {
            assert_eq!(a.time_out(), Ok(None));
            assert_eq!(a.drain().len(), 1);
            assert_eq!(a.wait(), None);
        }
        a.give(&answer[1..]);
        assert_eq!(a.messages(), [300]);
        a.flight(&[5], Expect::Reply);
        assert_eq!(a.wait(), None);
        assert_eq!(a.drain().len(), 1);
        assert_eq!(a.wait(), Some(RTO));
    }
}

/// RFC 6347 §4.2.4: the final flight goes out again when the peer repeats its own; T-HSK-22.
#[test]
fn t_hsk_22_final_flight_answers_repetitions() {
    let [mut a, mut b] = End::pair(V12);
    a.flight(&[100, 12], Expect::Reply);
    let datagrams = a.drain();
    b.give(&datagrams);
    assert_eq!(b.messages(), [100, 12]);
    b.flight(&[12], Expect::Nothing);
    let answer = b.drain();
    b.flights.complete();
    assert_eq!((answer.len(), b.wait()), (1, None));
    for _ in 0..5 {
        b.give(&datagrams);
        let again = b.drain();
        // The same but for the record's sequence number.
        assert_eq!((again.len(), &again[0][13..]), (1, &answer[0][13..]));
    }
    let answers: usize = (0..100)
        .map(|_| {
            b.give(&datagrams);
            b.drain().len()
        })
        .sum();
    assert_eq!(answers, 3);
    // Two copies follow the last answer, in case that it got lost too; then there is silence.
    for wait in [RTO, RTO * 2] {
        assert_eq!(b.wait(), Some(wait));
        b.time_out().expect("copy");
        assert_eq!(b.drain().len(), 1);
    }
    assert_eq!(b.wait(), None);
    // Whose last flight was answered has nothing to say again.
    a.give(&answer);
    a.flights.complete();
    a.give(&answer);
    assert_eq!(a.drain(), Vec::<Vec<u8>>::new());
}

/// In the midst of the handshake a repetition is answered too, but not more often than the timer
/// would have it.
#[test]
fn a_repeated_flight_brings_ours_again() {
    for version in [V12, V13] {
        let [mut a, mut b] = End::pair(version);
        a.flight(&[100], Expect::Reply);
        b.give(&a.drain());
        assert_eq!(b.messages(), [100]);
        b.flight(&[300], Expect::Reply);
        b.drain();
        let timeout = b.flights.poll_timeout();
        for (after, sent) in [(MS, 0), (RTO - MS * 2, 0), (MS, 1), (MS, 0)] {
            b.now += after;
            a.time_out().expect("retransmission");
            let repeated = a.drain();
            b.give(&repeated);
            let flights = b.drain().len();
            assert_eq!(flights, sent, "{version:?} {after:?}");
        }
        assert!(b.flights.poll_timeout() > timeout || version == V13);
    }
}

/// T-HSK-20: the timer fires before the flight was taken out.
#[test]
fn t_hsk_20_retransmission_while_sending_is_blocked() {
    let [mut a, mut b] = End::pair(V12);
    a.mtu = 200;
    a.flight(&[1000], Expect::Reply);
    let all = a.drain();
    a.time_out().expect("retransmission");
    let mut out = vec![0; 200];
    a.flights
        .fill(a.now, &mut a.records, &mut out)
        .expect("number left");
    assert_eq!(out[13..], all[0][13..]);
    assert_eq!(a.wait(), None);
    a.flights.resend();
    let again = a.drain();
    for (first, second) in all.iter().zip(&again) {
        assert_eq!((&first[..5], &first[11..]), (&second[..5], &second[11..]));
    }
    b.give(&again);
    assert_eq!(b.messages(), [1000]);
}
