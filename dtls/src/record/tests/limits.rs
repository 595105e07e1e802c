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

/// RFC 9147 §4.5.3, RFC 9325 §4.4: AES-GCM keys of either version ask for an update in time, and
/// stop at their limit, which is one of blocks.
#[test]
fn keys_wear_out() {
    for suite in [V12, V13] {
        let mut pair = Pair::new(suite);
        // More records than 2^24.5, and all of them small.
        pair.sender.skip_writing(1 << 28);
        pair.seal(b"small");
        assert!(!pair.sender.take_update_need().write);
    }
    let mut pair = Pair::new(V13);
    pair.sender.set_sealed((1 << 33) - 1);
    assert_eq!(
        pair.sender.take_update_need(),
        UpdateNeed {
            write: false,
            read: false
        }
    );
    pair.seal(b"");
    for write in [true, false] {
        let read = false;
        let told = pair.sender.take_update_need();
        assert_eq!(told, UpdateNeed { write, read }, "once");
    }
    pair.sender.set_sealed((23_726_566 << 10) - 1);
    pair.seal(b"the last one");
    assert_eq!(
        pair.sender.seal(3, DATA, &mut [0; 100], 1),
        Err(Error::KeyExhausted)
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
    pair.now += PREVIOUS_LIFETIME - Duration::from_millis(1);
    assert_eq!(pair.open(&late).as_deref(), Ok(&b"late"[..]));
    pair.now += Duration::from_millis(1);
    assert_eq!(pair.open(&too_late), discard(Discard::UnknownEpoch));
}

/// T-D13-10: the old keys go when their time is over, though no record ever comes.
#[test]
fn t_d13_10_old_keys_go_on_an_idle_connection() {
    let mut pair = Pair::new(V13);
    let first = pair.seal(b"old");
    assert!(pair.open(&first).is_ok());
    assert_eq!(pair.receiver.expiry(), None);
    pair.change(Stage::Update, V13, 2);
    let (old, new) = (pair.seal_in(3, b"too late"), pair.seal(b"new"));
    assert!(pair.open(&new).is_ok());
    let expiry = pair.receiver.expiry().expect("keys of the past");
    assert_eq!(expiry, pair.now + PREVIOUS_LIFETIME);
    pair.receiver.tidy(expiry - Duration::from_millis(1));
    assert!(pair.receiver.expiry().is_some());
    pair.receiver.tidy(expiry);
    assert_eq!(pair.receiver.expiry(), None);
    assert_eq!(pair.open(&old), discard(Discard::UnknownEpoch));
}

/// A forged record makes no more of a resting connection's keys than it takes to drop it.
#[test]
fn a_forgery_does_not_wake_resting_keys() {
    for suite in [V12, V13] {
        let mut pair = Pair::new(suite);
        let (first, next) = (pair.seal(b"genuine"), pair.seal(b"later"));
        assert!(pair.open(&first).is_ok());
        assert!(pair.receiver.read.current_mut().is_thawed());
        pair.receiver.rest();
        let mut forged = next.clone();
        *forged.last_mut().expect("a tag") ^= 1;
        for noise in [&forged, &first, &next[..suite_header(suite) + 8].to_vec()] {
            assert!(pair.open(noise).is_err());
            assert!(!pair.receiver.read.current_mut().is_thawed());
        }
        assert!(pair.open(&next).is_ok());
        assert!(pair.open(&forged).is_err());
        assert!(pair.receiver.read.current_mut().is_thawed());
    }
}

fn suite_header(suite: Suite) -> usize {
    if suite.stage == Stage::Traffic12 {
        13
    } else {
        5
    }
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
