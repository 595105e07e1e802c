use std::time::Duration;

use super::*;
use crate::crypto::{self, AeadAlgorithm};
use crate::record::{EpochKeys, RecordNumber, Stage};
use crate::wire::{Ack, Writer};

const MS: Duration = Duration::from_millis(1);
const RTO: Duration = Duration::from_millis(400);

/// One end: flights and the records that carry them.
struct End {
    flights: Flights,
    records: RecordLayer,
    statistics: Statistics,
    now: Instant,
    mtu: usize,
}

/// What came in one record.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    number: RecordNumber,
    fragments: Vec<Header>,
    acked: Vec<RecordNumber>,
}

impl End {
    /// An end whose flights go by the rules of `version`, under keys of epoch 3 in DTLS 1.3.
    fn new(version: ProtocolVersion) -> Self {
        Self::staged(version, Stage::Application)
    }

    fn staged(version: ProtocolVersion, stage: Stage) -> Self {
        let mut end = Self {
            flights: Flights::new(RetransmitConfig::default()),
            records: RecordLayer::new(crypto::default_provider()),
            statistics: Statistics::default(),
            now: Instant::now(),
            mtu: 1200,
        };
        end.flights.set_version(version);
        end.records.set_version(version);
        if version == ProtocolVersion::DTLS1_3 {
            end.records.install_write(stage, keys()).expect("epoch");
            end.records.install_read(stage, keys()).expect("epoch");
        }
        end
    }

    fn pair(version: ProtocolVersion) -> [Self; 2] {
        [Self::new(version), Self::new(version)]
    }

    /// Queues a flight of messages with these lengths.
    fn flight(&mut self, lengths: &[usize], expect: Expect) {
        let epoch = self.records.write_epoch();
        for &length in lengths {
            let body = (0..length).map(|n| (n + length) as u8).collect();
            self.flights
                .push(epoch, HandshakeType::CERTIFICATE, body)
                .expect("number left");
        }
        self.flights.end_flight(expect);
    }

    /// Takes all datagrams out.
    fn drain(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| {
            let mut out = vec![0; self.mtu];
            let length = self
                .flights
                .fill(self.now, &mut self.records, &mut out)
                .expect("number");
            out.truncate(length);
            (length > 0).then_some(out)
        })
        .collect()
    }

    /// Takes datagrams in; returns what was in each record.
    fn give(&mut self, datagrams: &[Vec<u8>]) -> Vec<Vec<Got>> {
        datagrams
            .iter()
            .map(|datagram| self.give_one(datagram.clone()))
            .collect()
    }

    fn give_one(&mut self, mut datagram: Vec<u8>) -> Vec<Got> {
        let mut rest = &mut datagram[..];
        let mut all = Vec::new();
        while let Some(result) = self.records.open(self.now, &mut rest) {
            let Ok(record) = result else { continue };
            let mut got = Got {
                number: record.number,
                fragments: vec![],
                acked: vec![],
            };
            if record.content_type == ContentType::ACK {
                ack::read(&record, |number| got.acked.push(number)).expect("ACK");
                self.flights
                    .handle_ack(&record, &mut self.statistics)
                    .expect("ACK");
            } else {
                let mut reader = Reader::new(record.content);
                while !reader.is_empty() {
                    got.fragments
                        .push(read_fragment(&mut reader).expect("fragment").0);
                }
                self.flights
                    .accept(self.now, &record, &mut self.statistics)
                    .expect("fragments");
            }
            all.push(got);
        }
        all
    }

    fn messages(&mut self) -> Vec<usize> {
        std::iter::from_fn(|| self.flights.next_message())
            .map(|message| {
                let length = message.body.len();
                assert!(
                    message
                        .body
                        .iter()
                        .enumerate()
                        .all(|(n, b)| *b == (n + length) as u8)
                );
                length
            })
            .collect()
    }

    /// Lets the time of the next timeout come.
    fn time_out(&mut self) -> Result<Option<u32>, Error> {
        self.now = self.flights.poll_timeout().expect("a timer runs");
        self.flights.handle_timeout(self.now)
    }

    /// The time to the next timeout.
    fn wait(&self) -> Option<Duration> {
        self.flights.poll_timeout().map(|when| when - self.now)
    }

    /// Acknowledges these records of the peer, under the present keys.
    fn ack(&mut self, numbers: &[RecordNumber]) -> Vec<u8> {
        let mut body = Vec::new();
        let numbers = numbers.iter().map(|n| (n.epoch().into(), n.sequence()));
        Ack::write_numbers(&mut Writer::new(&mut body), numbers);
        let mut out = vec![0; body.len() + 64];
        let epoch = self.records.write_epoch();
        let room = self.records.payload_room(epoch, &mut out).expect("room");
        room[..body.len()].copy_from_slice(&body);
        let sealed = self
            .records
            .seal(epoch, ContentType::ACK, &mut out, body.len());
        out.truncate(sealed.expect("number left").1);
        out
    }
}

fn keys() -> EpochKeys {
    EpochKeys::v13(AeadAlgorithm::Aes128Gcm, &[1; 16], &[1; 12], &[1; 16])
}

const V12: ProtocolVersion = ProtocolVersion::DTLS1_2;
const V13: ProtocolVersion = ProtocolVersion::DTLS1_3;

fn fragments(got: &[Vec<Got>]) -> Vec<(u16, u32, u32)> {
    let all = got.iter().flatten().flat_map(|got| &got.fragments);
    all.map(|h| (h.message_seq, h.fragment_offset, h.fragment_length))
        .collect()
}

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
        };
        a.flights.handle_ack(&record, &mut a.statistics)
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
    };
    let mut statistics = Statistics::default();
    let mut flights = Flights::new(RetransmitConfig::default());
    assert_eq!(
        flights.handle_ack(&record, &mut statistics),
        Ok(Acknowledged::Part)
    );
    assert_eq!(statistics.discarded(Discard::EarlyAck), 1);
    flights.set_version(V12);
    let unexpected = Err(Error::UnexpectedRecord(ContentType::ACK));
    assert_eq!(flights.handle_ack(&record, &mut statistics), unexpected);
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
    };
    assert_eq!(
        end.flights.accept(end.now, &record, &mut end.statistics),
        Ok(())
    );
    assert_eq!(end.statistics.discarded(Discard::NoRoom), 1);
    assert_eq!(end.wait(), None);
    assert!(end.flights.next_message().is_some());
}

/// RFC 8446 §5.1, RFC 9147 §5.5: what a handshake record must not hold.
#[test]
fn bad_handshake_records() {
    let mut end = End::new(V13);
    let mut accept = |content: &[u8], newest| {
        let number = RecordNumber::new(3, 0);
        let record = Opened {
            content_type: ContentType::HANDSHAKE,
            number,
            content,
            newest,
        };
        end.flights.accept(end.now, &record, &mut end.statistics)
    };
    let whole = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7];
    for cut in 1..whole.len() {
        assert_eq!(
            accept(&whole[..cut], true),
            Err(Error::BadHandshakeRecord),
            "{cut}"
        );
    }
    let beyond = [1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 7];
    assert_eq!(accept(&beyond, true), Err(Error::BadHandshakeRecord));
    let far_beyond = [1, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0, 0, 1, 7];
    assert_eq!(accept(&far_beyond, true), Err(Error::BadHandshakeRecord));
    assert_eq!(accept(&whole, false), Err(Error::ExcessHandshakeData));
    assert_eq!(accept(&[], true), Ok(()));
    assert_eq!(accept(&whole, true), Ok(()));
}

/// T-HSK-08: many messages in one record.
#[test]
fn t_hsk_08_many_messages_in_one_record() {
    let mut end = End::new(V13);
    let number = RecordNumber::new(3, 0);
    let content: Vec<u8> = (0..1000_u16)
        .flat_map(|_| [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .collect();
    let record = Opened {
        content_type: ContentType::HANDSHAKE,
        number,
        content: &content,
        newest: true,
    };
    assert_eq!(
        end.flights.accept(end.now, &record, &mut end.statistics),
        Ok(())
    );
    assert_eq!(
        end.flights
            .next_message()
            .map(|message| message.message_seq),
        Some(0)
    );
    assert_eq!(end.flights.next_message(), None);
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
