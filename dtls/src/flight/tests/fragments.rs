//! Handshake records as a peer should not make them.

use super::*;

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
            unified: true,
        };
        end.flights
            .accept(end.now, &record, false, &mut end.statistics)
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
        unified: true,
    };
    assert_eq!(
        end.flights
            .accept(end.now, &record, false, &mut end.statistics),
        Ok(())
    );
    assert_eq!(
        end.flights
            .next_message(|_| true)
            .map(|message| message.message_seq),
        Some(0)
    );
    assert_eq!(end.flights.next_message(|_| true), None);
}
