//! Headers of all forms, padding, and sequence numbers that outgrow them.

use super::*;

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
