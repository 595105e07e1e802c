//! How messages share records, and records datagrams.

use super::*;

#[test]
fn messages_of_an_epoch_share_a_record() {
    let [mut a, mut b] = End::pair(V13);
    a.flight(&[100, 0, 300, 5], Expect::Reply);
    let datagrams = a.drain();
    let got = b.give(&datagrams);
    assert_eq!(
        (got.len(), got[0].len(), got[0][0].fragments.len()),
        (1, 1, 4)
    );
    assert_eq!(b.messages(), [100, 0, 300, 5]);
}

#[test]
fn plaintext_messages_share_a_datagram() {
    let [mut a, mut b] = End::pair(V12);
    a.flight(&[100, 0, 300], Expect::Reply);
    let datagrams = a.drain();
    let got = b.give(&datagrams);
    assert_eq!((got.len(), got[0].len()), (1, 3));
    assert_eq!(b.messages(), [100, 0, 300]);
}

/// RFC 9147 §4.4 and §5.5: at any MTU all fits, and no room is wasted.
#[test]
fn records_are_filled_at_any_mtu() {
    for version in [V12, V13] {
        for mtu in (128..700).chain([1200, 1500]) {
            let [mut a, mut b] = End::pair(version);
            a.mtu = mtu;
            a.flight(&[1, 150, 0, 1000, 33, 2000], Expect::Reply);
            let datagrams = a.drain();
            let got = b.give(&datagrams);
            assert_eq!(b.messages(), [1, 150, 0, 1000, 33, 2000], "MTU {mtu}");
            let full = datagrams.len() - 1;
            for (datagram, got) in datagrams.iter().zip(&got).take(full) {
                let free = mtu - datagram.len();
                let last = got
                    .last()
                    .and_then(|got| got.fragments.last())
                    .expect("fragment");
                let cut = last.fragment_offset + last.fragment_length < last.length;
                // A cut fragment fills the datagram; else not even one more byte would have fit.
                assert!(
                    if cut { free == 0 } else { free < 13 + 13 },
                    "MTU {mtu}: {free} free"
                );
            }
        }
    }
}

/// The MTU of the moment holds, also for what was sent with another.
#[test]
fn retransmission_at_another_mtu() {
    let [mut a, mut b] = End::pair(V13);
    a.flight(&[1000, 400], Expect::Reply);
    a.drain();
    for mtu in [300, 301, 302, 303, 299, 298, 297] {
        a.mtu = mtu;
        a.time_out().expect("retransmission");
        let datagrams = a.drain();
        let (last, full) = datagrams.split_last().expect("some");
        assert!(full.iter().all(|datagram| datagram.len() == mtu) && last.len() <= mtu);
        b.give(&datagrams[datagrams.len() / 2..]);
    }
    b.give(&a.drain());
}

/// RFC 9147 §5.2: there is no message after number 65535.
#[test]
fn message_numbers_run_out() {
    let mut end = End::new(V13);
    for message_seq in 0..=u16::MAX {
        assert_eq!(end.flights.next_message_seq(), message_seq);
        let pushed = end.flights.push(3, HandshakeType::KEY_UPDATE, Vec::new());
        assert_eq!(pushed, Ok(()));
        end.flights.end_flight(Expect::Nothing);
    }
    let pushed = end.flights.push(3, HandshakeType::KEY_UPDATE, Vec::new());
    assert_eq!(pushed, Err(Error::SequenceExhausted));
}
