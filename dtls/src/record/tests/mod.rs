//! A sender and a receiver that share keys, and what gets through between them.

mod headers;
mod limits;

use std::time::Duration;

use super::epoch::PREVIOUS_LIFETIME;
use super::number::MAX_SEQUENCE;
use super::*;
use crate::crypto::{self, AeadAlgorithm};

const DATA: ContentType = ContentType::APPLICATION_DATA;

/// Version and AEAD of the keys under test.
#[derive(Clone, Copy, Debug)]
struct Suite {
    stage: Stage,
    algorithm: AeadAlgorithm,
}

const ALGORITHMS: [AeadAlgorithm; 3] = [
    AeadAlgorithm::Aes128Gcm,
    AeadAlgorithm::Aes256Gcm,
    AeadAlgorithm::ChaCha20Poly1305,
];

fn suites() -> impl Iterator<Item = Suite> {
    [Stage::Traffic12, Stage::Application]
        .into_iter()
        .flat_map(|stage| ALGORITHMS.map(|algorithm| Suite { stage, algorithm }))
}

const V12: Suite = Suite {
    stage: Stage::Traffic12,
    algorithm: AeadAlgorithm::Aes128Gcm,
};
const V13: Suite = Suite {
    stage: Stage::Application,
    algorithm: AeadAlgorithm::Aes128Gcm,
};

/// Keys that differ by `generation`.
fn keys(suite: Suite, generation: u8) -> EpochKeys {
    let algorithm = suite.algorithm;
    let key = vec![generation; algorithm.key_len()];
    if suite.stage == Stage::Traffic12 {
        let iv_len = if algorithm == AeadAlgorithm::ChaCha20Poly1305 {
            12
        } else {
            4
        };
        EpochKeys::v12(algorithm, &key, &vec![generation; iv_len])
    } else {
        EpochKeys::v13(algorithm, &key, &[generation; 12], &key)
    }
}

/// A sender and a receiver that share keys.
struct Pair {
    sender: RecordLayer,
    receiver: RecordLayer,
    now: Instant,
}

impl Pair {
    fn new(suite: Suite) -> Self {
        let mut pair = Self {
            sender: RecordLayer::new(crypto::default_provider()),
            receiver: RecordLayer::new(crypto::default_provider()),
            now: Instant::now(),
        };
        pair.receiver.close_early();
        pair.change(suite.stage, suite, 1);
        pair
    }

    fn change(&mut self, stage: Stage, suite: Suite, generation: u8) {
        self.sender
            .install_write(stage, keys(suite, generation))
            .expect("epoch left");
        self.receiver
            .install_read(stage, keys(suite, generation))
            .expect("epoch left");
    }

    fn seal_in(&mut self, epoch: u16, content: &[u8]) -> Vec<u8> {
        let mut out = vec![0; content.len() + 64];
        let room = self.sender.payload_room(epoch, &mut out).expect("room");
        room[..content.len()].copy_from_slice(content);
        let (_, length) = self
            .sender
            .seal(epoch, DATA, &mut out, content.len())
            .expect("number left");
        out.truncate(length);
        out
    }

    fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        self.seal_in(self.sender.write_epoch(), content)
    }

    fn open_all(&mut self, mut datagram: Vec<u8>) -> Vec<Result<Vec<u8>, OpenFailure>> {
        let mut rest = &mut datagram[..];
        let receiver = &mut self.receiver;
        std::iter::from_fn(|| receiver.open(self.now, &mut rest))
            .map(|result| result.map(|opened| opened.content.to_vec()))
            .collect()
    }

    fn open(&mut self, datagram: &[u8]) -> Result<Vec<u8>, OpenFailure> {
        let mut all = self.open_all(datagram.to_vec());
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

fn discard(reason: Discard) -> Result<Vec<u8>, OpenFailure> {
    Err(OpenFailure::Discard(reason))
}

#[test]
fn records_come_out_as_they_went_in() {
    for suite in suites() {
        let mut pair = Pair::new(suite);
        for content in [&b""[..], b"x", b"hello", &[7; 1000], &[9; MAX_PLAINTEXT]] {
            let record = pair.seal(content);
            assert!(!content.is_empty() || record.len() == pair.sender.write_overhead());
            assert_eq!(pair.open(&record).as_deref(), Ok(content), "{suite:?}");
        }
    }
}

#[test]
fn several_records_share_a_datagram() {
    for suite in suites() {
        let mut pair = Pair::new(suite);
        let datagram = [pair.seal(b"one"), pair.seal(b"two"), pair.seal(b"three")].concat();
        let opened: Vec<_> = pair
            .open_all(datagram)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(opened, [&b"one"[..], b"two", b"three"]);
    }
}

/// T-REC-01, RFC 9147 §4.5.1: a forged record far ahead does not shut out genuine ones.
#[test]
fn t_rec_01_forged_far_ahead() {
    let mut pair = Pair::new(V12);
    let genuine = pair.seal(b"genuine");
    let mut forged = genuine.clone();
    forged[5..11].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(pair.open(&forged), discard(Discard::Forged));
    assert_eq!(pair.open(&genuine).as_deref(), Ok(&b"genuine"[..]));

    let mut pair = Pair::new(V13);
    let genuine = pair.seal(b"genuine");
    for flip in 0..genuine.len() {
        let mut forged = genuine.clone();
        forged[flip] ^= 0x40;
        assert!(
            pair.open_all(forged).iter().all(Result::is_err),
            "byte {flip}"
        );
    }
    assert_eq!(pair.open(&genuine).as_deref(), Ok(&b"genuine"[..]));
    assert_eq!(pair.open(&genuine), discard(Discard::Replayed));
}

/// T-REC-02: records of the next epoch before there is one.
#[test]
fn t_rec_02_next_epoch_too_early() {
    for suite in [V12, V13] {
        let mut pair = Pair::new(suite);
        let mut receiver = RecordLayer::new(crypto::default_provider());
        receiver.close_early();
        std::mem::swap(&mut receiver, &mut pair.receiver);
        let record = pair.seal(b"early");
        assert_eq!(pair.open(&record), discard(Discard::UnknownEpoch));
        pair.receiver = receiver;
        assert_eq!(pair.open(&record).as_deref(), Ok(&b"early"[..]));
    }
}

/// In the midst of a handshake records that overtake their keys are opened when those come.
#[test]
fn records_may_come_before_their_keys() {
    for suite in suites() {
        let mut pair = Pair::new(suite);
        let mut receiver = RecordLayer::new(crypto::default_provider());
        std::mem::swap(&mut receiver, &mut pair.receiver);
        let records = [pair.seal(b"one"), pair.seal(b"two")];
        for record in records.iter().rev() {
            assert_eq!(pair.open(record), Err(OpenFailure::Early));
        }
        assert_eq!(pair.receiver.take_early(), None);
        let installed = pair.receiver.install_read(suite.stage, keys(suite, 1));
        installed.expect("epoch left");
        for content in [&b"two"[..], b"one"] {
            let record = pair.receiver.take_early().expect("kept");
            assert_eq!(pair.open(&record).as_deref(), Ok(content), "{suite:?}");
        }
        assert_eq!(pair.receiver.take_early(), None);
    }
}

/// T-REC-03, T-REC-04, T-REC-05: once something protected came, plaintext is not listened to, of
/// whatever epoch it claims to be.
#[test]
fn t_rec_03_04_05_plaintext_after_keys() {
    for suite in [V12, V13] {
        let mut pair = Pair::new(suite);
        let record = pair.seal(b"protected");
        assert!(pair.open(&record).is_ok());
        for content_type in [
            ContentType::ALERT,
            ContentType::HANDSHAKE,
            ContentType::ACK,
            DATA,
        ] {
            for epoch in (0..17).chain([u16::MAX]) {
                let number = RecordNumber::new(epoch, 77);
                let version = ProtocolVersion::DTLS1_2;
                let mut forged = header::plaintext(content_type, version, number, 2).to_vec();
                forged.extend_from_slice(&[2, 40]);
                let reason = match pair.open(&forged) {
                    Err(OpenFailure::Discard(reason)) => reason,
                    other => panic!("{other:?} for epoch {epoch}"),
                };
                let known = epoch == pair.receiver.read.newest();
                let expected = match suite.stage {
                    Stage::Traffic12 if known => Discard::TooShort,
                    _ if known => Discard::WrongHeader,
                    _ if epoch == 0 => Discard::LatePlaintext,
                    _ => Discard::UnknownEpoch,
                };
                assert_eq!(reason, expected, "{suite:?} epoch {epoch}");
            }
        }
    }
}

/// T-REC-06, RFC 9147 §4.2.3 and §4.5.2.
#[test]
fn t_rec_06_short_bodies() {
    for suite in suites() {
        let mut pair = Pair::new(suite);
        for length in 0..40 {
            let unified = pair.sender.write.get(3).is_some();
            let number = RecordNumber::new(pair.sender.write_epoch(), length);
            let mut record = if unified {
                header::unified(number, length as u16).to_vec()
            } else {
                header::plaintext(DATA, ProtocolVersion::DTLS1_2, number, length as u16).to_vec()
            };
            record.resize(record.len() + length as usize, 0xa5);
            let result = pair.open(&record);
            let noise = [Discard::TooShort, Discard::Forged].map(discard);
            assert!(noise.contains(&result), "{suite:?} {length}: {result:?}");
            if length < 16 {
                assert_eq!(result, discard(Discard::TooShort));
            }
        }
    }
}

/// T-REC-07: lengths that don't fit the datagram.
#[test]
fn t_rec_07_lengths() {
    for suite in [V12, V13] {
        let mut pair = Pair::new(suite);
        let (first, second) = (pair.seal(b"first"), pair.seal(b"second"));
        for cut in 1..second.len() {
            let datagram = [&first[..], &second[..cut]].concat();
            let mut opened = pair.open_all(datagram).into_iter();
            let first = opened.next().expect("first record");
            assert!(matches!(
                first,
                Ok(_) | Err(OpenFailure::Discard(Discard::Replayed))
            ));
            assert_eq!(opened.next(), Some(discard(Discard::MalformedRecord)));
            assert_eq!(opened.next(), None);
        }
    }
}
