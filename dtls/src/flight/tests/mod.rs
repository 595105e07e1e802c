//! Two ends of flights without a handshake, and what they do with each other's records.

mod acks;
mod fragments;
mod packing;
mod repetition;

use std::time::Duration;

use super::*;
use crate::config::Recovery;
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
            flights: Flights::new(RetransmitConfig {
                recovery: Recovery::Timer,
                ..RetransmitConfig::default()
            }),
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
        self.flights.receive(datagram.len());
        let mut rest = &mut datagram[..];
        let mut all = Vec::new();
        while let Some(result) = self.records.open(self.now, &mut rest) {
            let Ok(record) = result else { continue };
            if record.number.epoch() > 0 {
                self.flights.prove();
            }
            let mut got = Got {
                number: record.number,
                fragments: vec![],
                acked: vec![],
            };
            if record.content_type == ContentType::ACK {
                ack::read(&record, |number| got.acked.push(number)).expect("ACK");
                self.flights
                    .handle_ack(self.now, &record, &mut self.statistics)
                    .expect("ACK");
            } else {
                let mut reader = Reader::new(record.content);
                while !reader.is_empty() {
                    got.fragments
                        .push(read_fragment(&mut reader).expect("fragment").0);
                }
                self.flights
                    .accept(self.now, &record, false, &mut self.statistics)
                    .expect("fragments");
            }
            all.push(got);
        }
        all
    }

    fn messages(&mut self) -> Vec<usize> {
        std::iter::from_fn(|| self.flights.next_message(|_| true))
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
