//! Keys that wear out and keys that change.

use super::*;

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
