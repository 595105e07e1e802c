use std::time::Duration;

use super::*;
use crate::certificate::Certificate;
use crate::config::ConfigBuilder;
use crate::crypto;
use crate::event::Direction;
use crate::stats::Discard;
use crate::wire::{AlertDescription, ContentType, ProtocolVersion};

/// A client and a server, connected, of which a test can make either break the rules.
struct Pair {
    now: Instant,
    ends: [Connection; 2],
}

/// Plaintext is taken for the peer's.
fn strict(config: ConfigBuilder, version: ProtocolVersion) -> ConfigBuilder {
    config
        .versions(&[version])
        .plaintext_patience(Duration::ZERO)
}

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3];

impl Pair {
    fn new(version: ProtocolVersion) -> Self {
        Self::with(|config| config.versions(&[version]))
    }

    fn with(change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        let provider = crypto::default_provider();
        let config = change(Config::builder(Arc::clone(&provider)));
        let config = Arc::new(config.build().expect("configuration"));
        let now = Instant::now();
        let ends = [Role::Client, Role::Server].map(|role| {
            let certificate = Arc::new(Certificate::generate(&*provider).expect("certificate"));
            let config = Arc::clone(&config);
            Connection::new(config, role, certificate, PeerIdentity::DangerousAny, now)
                .expect("connection")
        });
        Self { now, ends }
    }

    fn connected(version: ProtocolVersion) -> Self {
        let mut pair = Self::new(version);
        for _ in 0..6 {
            pair.exchange();
        }
        assert!(pair.ends.iter().all(|end| end.info().is_some()));
        while pair.ends.iter_mut().any(|end| end.poll_event().is_some()) {}
        pair
    }

    /// Carries over what both ends have to send.
    fn exchange(&mut self) {
        for from in [0, 1] {
            let mut buf = [0; 2048];
            while let Some(length) = self.ends[from].poll_transmit(self.now, &mut buf) {
                let datagram = &mut buf[..length];
                self.ends[1 - from]
                    .handle_datagram(self.now, datagram)
                    .expect("alive");
            }
        }
    }

    /// Lets the client send any record at all, and the server take it.
    fn inject(&mut self, content_type: ContentType, content: &[u8]) -> Result<(), Error> {
        let mut out = vec![0; content.len() + 100];
        let sealed = self.ends[0]
            .seal(content_type, content, &mut out)
            .expect("number left");
        self.ends[1].handle_datagram(self.now, &mut out[..sealed])
    }
}

/// T-REC-14: an authentic peer that sends nothing but empty records.
#[test]
fn t_rec_14_empty_records() {
    for version in VERSIONS {
        for content_type in [ContentType::APPLICATION_DATA, ContentType::HANDSHAKE] {
            let mut pair = Pair::connected(version);
            for round in 0..5 {
                for _ in 0..MAX_EMPTY_RECORDS {
                    assert_eq!(
                        pair.inject(content_type, b""),
                        Ok(()),
                        "{version:?} {round}"
                    );
                }
                assert_eq!(pair.inject(ContentType::APPLICATION_DATA, b"data"), Ok(()));
            }
            for _ in 0..MAX_EMPTY_RECORDS {
                assert_eq!(pair.inject(content_type, b""), Ok(()));
            }
            assert_eq!(
                pair.inject(content_type, b""),
                Err(Error::TooManyEmptyRecords)
            );
        }
    }
}

/// The same as BoringSSL's limit.
const MAX_EMPTY_RECORDS: usize = 32;

#[test]
fn warnings() {
    let harmless = [
        (ProtocolVersion::DTLS1_2, AlertDescription::NO_RENEGOTIATION),
        (ProtocolVersion::DTLS1_2, AlertDescription::USER_CANCELED),
        (ProtocolVersion::DTLS1_3, AlertDescription::USER_CANCELED),
    ];
    for (version, description) in harmless {
        let mut pair = Pair::connected(version);
        let warning = [1, description.0];
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(pair.inject(ContentType::ALERT, &warning), Ok(()));
            }
            assert_eq!(pair.inject(ContentType::APPLICATION_DATA, b"data"), Ok(()));
        }
        for _ in 0..4 {
            assert_eq!(pair.inject(ContentType::ALERT, &warning), Ok(()));
        }
        let fifth = pair.inject(ContentType::ALERT, &warning);
        assert_eq!(fifth, Err(Error::TooManyWarnings));
        assert_eq!(pair.ends[1].statistics().discarded(Discard::Warning), 16);
    }
}

/// RFC 8446 §6: in DTLS 1.3 the description of an alert tells whether it is an error, not its level.
#[test]
fn errors_at_warning_level() {
    let internal = AlertDescription::INTERNAL_ERROR;
    let warning = [1, internal.0];
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_3);
    let refused = Err(Error::AlertReceived(internal));
    assert_eq!(pair.inject(ContentType::ALERT, &warning), refused);
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_2);
    assert_eq!(pair.inject(ContentType::ALERT, &warning), Ok(()));
}

/// RFC 8446 §6.1: what follows close_notify is ignored, except that the peer's last flight is still
/// acknowledged, or it would send it for minutes.
#[test]
fn after_close_notify() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        pair.ends[0].close(pair.now);
        pair.exchange();
        assert_eq!(pair.ends[1].poll_event(), Some(Event::Closed));
        for (content_type, content) in [
            (ContentType::APPLICATION_DATA, &b"late"[..]),
            (ContentType::ALERT, &[2, 80]),
            (ContentType(99), &[]),
        ] {
            assert_eq!(pair.inject(content_type, content), Ok(()));
        }
        assert_eq!(pair.ends[1].statistics().discarded(Discard::Closed), 3);
        assert_eq!(pair.ends[1].poll_event(), None);
    }
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_3);
    let requested = pair.ends[0].request_key_update(pair.now, false);
    assert_eq!(requested, Ok(()));
    let mut lost = [0; 100];
    assert!(pair.ends[0].poll_transmit(pair.now, &mut lost).is_some());
    pair.ends[0].close(pair.now);
    pair.exchange();
    pair.now = pair.ends[0].poll_timeout().expect("unacknowledged");
    pair.ends[0].handle_timeout(pair.now).expect("alive");
    pair.exchange();
    pair.now = pair.ends[1].poll_timeout().expect("an ACK is owed");
    pair.ends[1].handle_timeout(pair.now).expect("alive");
    pair.exchange();
    assert_eq!(pair.ends[0].poll_timeout(), None);
    assert_eq!(
        pair.ends[0].poll_event(),
        Some(Event::KeyUpdated(Direction::Write))
    );
}

/// A connection that an error ended has no keys any more, not even for the alert that is still to
/// be sent; and that goes out once.
#[test]
fn a_failed_connection_has_no_keys() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        assert!(pair.inject(ContentType(99), &[]).is_err());
        assert_eq!(pair.ends[1].records.write_epoch(), 0);
        let mut out = [0; 100];
        let length = pair.ends[1].poll_transmit(pair.now, &mut out);
        let told = pair.ends[0].handle_datagram(pair.now, &mut out[..length.expect("an alert")]);
        let unexpected = AlertDescription::UNEXPECTED_MESSAGE;
        assert_eq!(told, Err(Error::AlertReceived(unexpected)));
        assert_eq!(pair.ends[1].poll_transmit(pair.now, &mut out), None);
        assert_eq!(pair.ends[0].records.write_epoch(), 0);
    }
}

/// RFC 9147 §8: it is how often keys change that tells an attack, not how often they did.
#[test]
fn keys_may_change_for_days() {
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_3);
    let update = |pair: &mut Pair| {
        let requested = pair.ends[0].request_key_update(pair.now, false);
        assert_eq!(requested, Ok(()));
        let mut buf = [0; 100];
        let length = pair.ends[0]
            .poll_transmit(pair.now, &mut buf)
            .expect("sent");
        pair.ends[1].handle_datagram(pair.now, &mut buf[..length])?;
        pair.now += Duration::from_millis(100);
        pair.ends[1].handle_timeout(pair.now)?;
        pair.exchange();
        Ok(())
    };
    for _ in 0..100 {
        assert_eq!(update(&mut pair), Ok(()));
        pair.now += Duration::from_secs(3600);
    }
    // More than the rate, for long enough.
    let refused = (0..64).find_map(|_| update(&mut pair).err());
    assert_eq!(refused, Some(Error::TooManyKeyUpdates));
}

/// DTLS 1.2 can't change its keys: the application is told in time, once, and then it ends.
#[test]
fn worn_keys_of_dtls_1_2_are_told() {
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_2);
    for round in 0..3 {
        pair.ends[0].records.set_sealed(1 << 33);
        pair.ends[0].send(pair.now, b"data").expect("connected");
        pair.exchange();
        let told = pair.ends[0].poll_event();
        let worn = Event::KeysWearOut(Direction::Write);
        assert_eq!(told, (round == 0).then_some(worn));
    }
    pair.ends[1].records.set_forged(1 << 35);
    pair.ends[0].send(pair.now, b"data").expect("connected");
    pair.exchange();
    let events: Vec<_> = std::iter::from_fn(|| pair.ends[1].poll_event()).collect();
    assert!(events.contains(&Event::KeysWearOut(Direction::Read)));
    pair.ends[0].records.set_sealed(23_726_566 << 10);
    pair.ends[0].send(pair.now, b"data").expect("connected");
    assert_eq!(pair.ends[0].poll_transmit(pair.now, &mut [0; 100]), None);
    let end = pair.ends[0].handle_timeout(pair.now);
    assert_eq!(end, Err(Error::KeyExhausted));
}

/// Settings without an end are no instants that can be computed.
#[test]
fn durations_without_end() {
    use crate::config::RetransmitConfig;
    for version in VERSIONS {
        let provider = crypto::default_provider();
        let certificate = Arc::new(Certificate::generate(&*provider).expect("certificate"));
        let config = Config::builder(provider)
            .versions(&[version])
            .handshake_timeout(Some(Duration::MAX))
            .retransmit(RetransmitConfig {
                initial: Duration::MAX,
                ceiling: Duration::MAX,
                recovery: crate::config::Recovery::Timer,
                ..RetransmitConfig::default()
            });
        let config = Arc::new(config.build().expect("configuration"));
        let now = Instant::now();
        let mut ends = [Role::Client, Role::Server].map(|role| {
            let (config, certificate) = (Arc::clone(&config), Arc::clone(&certificate));
            Connection::new(config, role, certificate, PeerIdentity::DangerousAny, now)
                .expect("connection")
        });
        for end in &mut ends {
            assert_eq!(end.handle_timeout(now + Duration::from_secs(1)), Ok(()));
        }
        let mut pair = Pair { now, ends };
        for _ in 0..6 {
            pair.exchange();
            assert!(pair.ends.iter().all(|end| end.poll_timeout().is_none()));
        }
        assert!(pair.ends.iter().all(|end| end.info().is_some()));
    }
}

#[test]
fn alerts_that_are_none() {
    for version in VERSIONS {
        for content in [&[][..], &[2], &[2, 40, 2], &[2, 40, 2, 40]] {
            let mut pair = Pair::connected(version);
            assert_eq!(
                pair.inject(ContentType::ALERT, content),
                Err(Error::BadAlert)
            );
        }
        let mut pair = Pair::connected(version);
        assert_eq!(
            pair.inject(ContentType::ALERT, &[7, 40]),
            Err(Error::UnknownAlertLevel)
        );
        let mut pair = Pair::connected(version);
        let refused = Err(Error::AlertReceived(AlertDescription::ACCESS_DENIED));
        assert_eq!(pair.inject(ContentType::ALERT, &[2, 49]), refused);
        // Nothing is answered to an alert.
        assert_eq!(pair.ends[1].poll_transmit(pair.now, &mut [0; 100]), None);
    }
}

/// T-HSK-11: a ChangeCipherSpec under keys, and content types that nobody knows.
#[test]
fn t_hsk_11_records_out_of_place() {
    for version in VERSIONS {
        for content_type in [
            ContentType::CHANGE_CIPHER_SPEC,
            ContentType(24),
            ContentType(255),
        ] {
            let mut pair = Pair::connected(version);
            let refused = Err(Error::UnexpectedRecord(content_type));
            assert_eq!(pair.inject(content_type, &[1]), refused, "{version:?}");
            // The peer is told, once.
            let mut out = [0; 100];
            assert!(pair.ends[1].poll_transmit(pair.now, &mut out).is_some());
            assert_eq!(pair.ends[1].poll_transmit(pair.now, &mut out), None);
        }
    }
}

/// T-REC-03: application data without protection, before there are keys: never delivered.
#[test]
fn t_rec_03_plaintext_data() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        assert_eq!(pair.inject(ContentType::APPLICATION_DATA, b"data"), Ok(()));
        assert_eq!(pair.ends[1].poll_event(), None);
        let statistics = pair.ends[1].statistics();
        assert_eq!(statistics.discarded(Discard::InvalidPlaintext), 1);
        let mut pair = Pair::with(|config| strict(config, version));
        let refused = Err(Error::UnexpectedRecord(ContentType::APPLICATION_DATA));
        assert_eq!(pair.inject(ContentType::APPLICATION_DATA, b"data"), refused);
        assert_eq!(pair.ends[1].poll_event(), None);
    }
}

#[test]
fn malformed_change_cipher_spec() {
    for content in [&[][..], &[0], &[1, 1]] {
        let mut pair = Pair::new(ProtocolVersion::DTLS1_2);
        let result = pair.inject(ContentType::CHANGE_CIPHER_SPEC, content);
        assert_eq!(result, Ok(()));
        let mut pair = Pair::with(|config| strict(config, ProtocolVersion::DTLS1_2));
        let result = pair.inject(ContentType::CHANGE_CIPHER_SPEC, content);
        assert_eq!(result, Err(Error::BadChangeCipherSpec));
    }
}

/// RFC 9147 §4.5.3: keys that have sealed much are changed without being asked, and the data
/// goes on.
#[test]
fn worn_keys_are_changed() {
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_3);
    for generation in 0..3 {
        let epoch = pair.ends[0].records.write_epoch();
        assert_eq!(epoch, 3 + generation);
        // A record under these keys, so that the other side is at them.
        pair.ends[0].send(pair.now, b"data").expect("connected");
        pair.exchange();
        pair.ends[0].records.set_sealed(1 << 33);
        pair.ends[0].send(pair.now, b"data").expect("connected");
        pair.exchange();
        pair.now += Duration::from_millis(100);
        pair.ends[1].handle_timeout(pair.now).expect("alive");
        pair.exchange();
        assert_eq!(pair.ends[0].records.write_epoch(), epoch + 1);
    }
}

/// T-REC-16: the peer is asked for new keys when much was forged under its present ones.
#[test]
fn t_rec_16_forgeries_lead_to_new_keys() {
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_3);
    pair.ends[0].send(pair.now, b"data").expect("connected");
    pair.exchange();
    pair.ends[1].records.set_forged(1 << 35);
    pair.ends[0].send(pair.now, b"data").expect("connected");
    for _ in 0..6 {
        pair.exchange();
        pair.now += Duration::from_millis(100);
        pair.ends
            .iter_mut()
            .for_each(|end| end.handle_timeout(pair.now).expect("alive"));
    }
    assert_eq!(
        pair.ends.each_ref().map(|end| end.records.write_epoch()),
        [4, 4]
    );
}

/// T-REC-10: when the record numbers are used up, the connection ends, and says so.
#[test]
fn t_rec_10_no_number_left() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version);
        pair.ends[0].records.skip_writing(1 << 48);
        pair.ends[0].send(pair.now, b"data").expect("connected");
        assert_eq!(pair.ends[0].poll_transmit(pair.now, &mut [0; 100]), None);
        assert_eq!(pair.ends[0].poll_timeout(), Some(pair.now));
        assert_eq!(
            pair.ends[0].handle_timeout(pair.now),
            Err(Error::SequenceExhausted)
        );
        assert_eq!(pair.ends[0].handle_timeout(pair.now), Err(Error::Closed));
    }
}

/// Who does not poll its events loses data, and nothing else.
#[test]
fn events_are_bounded() {
    let mut pair = Pair::connected(ProtocolVersion::DTLS1_3);
    for _ in 0..300 {
        assert_eq!(pair.inject(ContentType::APPLICATION_DATA, b"data"), Ok(()));
    }
    assert_eq!(
        pair.ends[1].statistics().discarded(Discard::TooManyEvents),
        44
    );
    assert_eq!(
        std::iter::from_fn(|| pair.ends[1].poll_event()).count(),
        256
    );
}

/// RFC 5246 §7.2.2, RFC 6347 §4.2.2: a handshake that begins anew under keys is refused by a warning, and
/// the connection goes on. OpenSSL numbers its messages from 0 again.
#[test]
fn renegotiation_is_refused() {
    // A ClientHello and a HelloRequest, each whole: type, length, message_seq, offset, length.
    let wishes: [&[u8]; 2] = [
        &[1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0xfe, 0xfd],
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    for wish in wishes {
        let mut pair = Pair::connected(ProtocolVersion::DTLS1_2);
        for attempt in 1..=2 {
            assert_eq!(pair.inject(ContentType::HANDSHAKE, wish), Ok(()));
            pair.exchange();
            let [client, server] = &pair.ends;
            assert_eq!(client.statistics().discarded(Discard::Warning), attempt);
            assert!(server.info().is_some());
        }
        assert_eq!(pair.inject(ContentType::APPLICATION_DATA, b"data"), Ok(()));
        let data = Some(Event::ApplicationData(b"data".to_vec()));
        assert_eq!(pair.ends[1].poll_event(), data);
    }
}
