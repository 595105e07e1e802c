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
        std::mem::swap(&mut receiver, &mut pair.receiver);
        let record = pair.seal(b"early");
        assert_eq!(pair.open(&record), discard(Discard::UnknownEpoch));
        pair.receiver = receiver;
        assert_eq!(pair.open(&record).as_deref(), Ok(&b"early"[..]));
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

/// A record under the keys of generation 1 with a unified header of any form.
fn seal_unified(sequence: u64, long: bool, with_length: bool, inner: &[u8]) -> Vec<u8> {
    let mut keys = keys(V13, 1);
    keys.thaw(&*crypto::default_provider());
    let number = RecordNumber::new(3, sequence);
    let length = (inner.len() + crypto::TAG_LEN) as u16;
    let [first, s0, s1, l0, l1] = header::unified(number, length);
    let mut head = vec![first];
    if long {
        head.extend([s0, s1]);
    } else {
        head[0] &= !0b1000;
        head.push(s1);
    }
    if with_length {
        head.extend([l0, l1]);
    } else {
        head[0] &= !0b0100;
    }
    // The inner type is written by `seal`, so it is given apart.
    let (inner_type, content) = inner.split_last().expect("inner plaintext");
    let mut body = content.to_vec();
    body.resize(inner.len() + crypto::TAG_LEN, 0);
    keys.seal(number, &head, ContentType(*inner_type), &mut body);
    let mask = keys.mask(&body).expect("long enough");
    let sequence_bytes = if long { 2 } else { 1 };
    header::mask(&mut head[..1 + sequence_bytes], mask);
    [head, body].concat()
}

/// RFC 9147 §4: all forms of the header are taken.
#[test]
fn all_forms_of_the_unified_header() {
    let mut pair = Pair::new(V13);
    let mut sequence = 0;
    for long in [true, false] {
        for with_length in [true, false] {
            let record = seal_unified(sequence, long, with_length, b"form\x17");
            assert_eq!(
                pair.open(&record).as_deref(),
                Ok(&b"form"[..]),
                "{long} {with_length}"
            );
            sequence += 1;
        }
    }
    // Without a length it takes up the datagram, so that what follows spoils it.
    let mut datagram = seal_unified(sequence, true, false, b"form\x17");
    datagram.extend(seal_unified(sequence + 1, true, true, b"next\x17"));
    assert_eq!(pair.open(&datagram), discard(Discard::Forged));
}

/// T-REC-13, RFC 9147 §9: no connection ID was negotiated.
#[test]
fn t_rec_13_connection_id_bit() {
    let mut pair = Pair::new(V13);
    let mut record = pair.seal(b"x");
    record[0] |= 0b0001_0000;
    assert_eq!(pair.open(&record), discard(Discard::MalformedRecord));
}

/// RFC 8446 §5.4: padding is taken off; only padding is a violation.
#[test]
fn padding() {
    let mut pair = Pair::new(V13);
    let padded = seal_unified(0, true, true, b"padded\x17\0\0\0");
    assert_eq!(pair.open(&padded).as_deref(), Ok(&b"padded"[..]));
    let nothing = seal_unified(1, true, true, &[0; 20]);
    assert_eq!(
        pair.open(&nothing),
        Err(OpenFailure::Fatal(Error::MissingContentType))
    );
}

/// T-REC-14, RFC 8446 §5.2: too much plaintext from an authentic peer.
#[test]
fn t_rec_14_too_long_a_plaintext() {
    let mut pair = Pair::new(V13);
    let overflow = Err(OpenFailure::Fatal(Error::RecordOverflow));
    let inner = |content: usize, padding: usize| {
        let mut inner = vec![1; content];
        inner.push(23);
        inner.resize(inner.len() + padding, 0);
        inner
    };
    assert!(
        pair.open(&seal_unified(0, true, true, &inner(MAX_PLAINTEXT, 0)))
            .is_ok()
    );
    assert_eq!(
        pair.open(&seal_unified(1, true, true, &inner(MAX_PLAINTEXT + 1, 0))),
        overflow
    );
    assert_eq!(
        pair.open(&seal_unified(2, true, true, &inner(MAX_PLAINTEXT, 1))),
        overflow
    );
}

/// T-REC-08, RFC 9147 §4.2.2: more records than the header has numbers for, and losses.
#[test]
fn t_rec_08_more_records_than_16_bits() {
    let mut pair = Pair::new(V13);
    let last = 251 * 280;
    for sequence in 0..(1 << 17) + 10_u64 {
        let record = pair.seal(b"");
        // Every 251st arrives; once, 2^15 in a row don't, and the next one does.
        let lost = (last + 1..=last + (1 << 15)).contains(&sequence);
        if sequence % 251 == 0 && !lost || sequence == last + (1 << 15) + 1 {
            assert_eq!(pair.open(&record).as_deref(), Ok(&b""[..]), "{sequence}");
        }
    }
}

/// T-REC-10: the last two numbers are used, and then none.
#[test]
fn t_rec_10_sequence_numbers_run_out() {
    let suite = Suite {
        algorithm: AeadAlgorithm::ChaCha20Poly1305,
        ..V13
    };
    let mut pair = Pair::new(suite);
    pair.sender.skip_writing(MAX_SEQUENCE - 1);
    pair.seal(b"last but one");
    pair.seal(b"last");
    let mut out = [0; 100];
    assert_eq!(
        pair.sender.seal(3, DATA, &mut out, 1),
        Err(Error::SequenceExhausted)
    );
}

/// RFC 9147 §4.5.3: AES-GCM keys ask for an update in time, and stop at their limit.
#[test]
fn keys_wear_out() {
    let mut pair = Pair::new(V13);
    pair.sender.skip_writing((1 << 23) - 1);
    assert_eq!(
        pair.sender.take_update_need(),
        UpdateNeed {
            write: false,
            read: false
        }
    );
    pair.seal(b"");
    assert_eq!(
        pair.sender.take_update_need(),
        UpdateNeed {
            write: true,
            read: false
        }
    );
    pair.sender.skip_writing(23_726_566);
    assert_eq!(
        pair.sender.seal(3, DATA, &mut [0; 100], 1),
        Err(Error::SequenceExhausted)
    );
    pair.sender
        .install_write(Stage::Update, keys(V13, 2))
        .expect("epoch left");
    assert_eq!(pair.sender.write_epoch(), 4);
    assert_eq!(
        pair.sender.take_update_need(),
        UpdateNeed {
            write: false,
            read: false
        }
    );
    assert!(pair.sender.seal(4, DATA, &mut [0; 100], 1).is_ok());
}

/// T-REC-15: in DTLS 1.2 the explicit nonce is the record number (RFC 5288 §3).
#[test]
fn t_rec_15_explicit_nonce_is_the_record_number() {
    let mut pair = Pair::new(V12);
    for _ in 0..300 {
        let record = pair.seal(b"x");
        assert_eq!(record[3..11], record[13..21]);
    }
}

/// T-REC-16, RFC 9147 §4.5.3: forged records are counted, and the key is given up at 2^36.
#[test]
fn t_rec_16_forged_records_are_counted() {
    let mut pair = Pair::new(V13);
    let first = pair.seal(b"x");
    assert!(pair.open(&first).is_ok());
    let mut forged = pair.seal(b"y");
    *forged.last_mut().expect("tag") ^= 1;
    for _ in 0..1000 {
        assert_eq!(pair.open(&forged), discard(Discard::Forged));
    }
    pair.receiver.set_forged((1 << 35) - 1);
    assert_eq!(
        pair.receiver.take_update_need(),
        UpdateNeed {
            write: false,
            read: false
        }
    );
    assert_eq!(pair.open(&forged), discard(Discard::Forged));
    assert_eq!(
        pair.receiver.take_update_need(),
        UpdateNeed {
            write: false,
            read: true
        }
    );
    pair.receiver.set_forged((1 << 36) - 2);
    assert_eq!(pair.open(&forged), discard(Discard::Forged));
    assert_eq!(
        pair.open(&forged),
        Err(OpenFailure::Fatal(Error::ForgeryLimit))
    );
}

/// T-D13-10, RFC 9147 §4.2.1: records under the old keys are read for some time.
#[test]
fn t_d13_10_old_keys_are_kept_for_a_time() {
    let mut pair = Pair::new(V13);
    let first = pair.seal(b"old");
    assert!(pair.open(&first).is_ok());
    pair.change(Stage::Update, V13, 2);
    let [late, too_late] = [pair.seal_in(3, b"late"), pair.seal_in(3, b"too late")];
    let new = pair.seal(b"new");
    assert_eq!(pair.open(&new).as_deref(), Ok(&b"new"[..]));
    pair.now += PREVIOUS_LIFETIME;
    assert_eq!(pair.open(&late).as_deref(), Ok(&b"late"[..]));
    pair.now += Duration::from_secs(1);
    assert_eq!(pair.open(&too_late), discard(Discard::UnknownEpoch));
}

/// RFC 9147 §8: the new keys are taken into use by the first record under them, and a third
/// epoch displaces the first.
#[test]
fn epochs_move_on_with_records() {
    let mut pair = Pair::new(V13);
    let mut old = None;
    for generation in 2..20 {
        let (present, stray) = (pair.seal(b"present"), pair.seal(b"stray"));
        assert!(pair.open(&present).is_ok());
        pair.change(Stage::Update, V13, generation);
        assert!(pair.receiver.read.newest() > 3);
        let new = pair.seal(b"new");
        assert!(pair.open(&new).is_ok());
        assert!(pair.open(&stray).is_ok());
        if let Some(oldest) = old.replace(pair.seal_in(pair.sender.write_epoch() - 1, b"oldest")) {
            assert!(pair.open(&oldest).is_err());
        }
        let epoch = pair.sender.write_epoch();
        pair.sender.retain_write(|older| older + 1 == epoch);
    }
}

/// RFC 9147 §8: epochs don't wrap.
#[test]
fn epochs_run_out() {
    assert_eq!(Stage::Update.epoch(u16::MAX - 1), Ok(u16::MAX));
    assert_eq!(Stage::Update.epoch(u16::MAX), Err(Error::TooManyKeyUpdates));
}

/// RFC 6347 §4.1, RFC 9147 §5.3: the version in plaintext headers.
#[test]
fn plaintext_headers() {
    let mut pair = Pair::new(V13);
    let mut out = [0; 64];
    let fresh = &mut RecordLayer::new(crypto::default_provider());
    let version = |records: &mut RecordLayer, out: &mut [u8]| {
        records
            .seal(0, ContentType::HANDSHAKE, out, 3)
            .expect("number left");
        u16::from_be_bytes([out[1], out[2]])
    };
    assert_eq!(version(fresh, &mut out), 0xfeff);
    fresh.set_version(ProtocolVersion::DTLS1_3);
    assert_eq!(version(fresh, &mut out), 0xfefd);
    assert_eq!(out[3..13], [0, 0, 0, 0, 0, 0, 0, 1, 0, 3]);
    // Any version of DTLS will do to read it, anything else will not.
    let mut datagram = out[..16].to_vec();
    datagram[2] = 0x11;
    assert_eq!(pair.open(&datagram).as_deref(), Ok(&[0, 0, 0][..]));
    datagram[1] = 3;
    assert_eq!(pair.open(&datagram), discard(Discard::WrongHeader));
}
