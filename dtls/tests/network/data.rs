//! Application data and the end of a connection.

use dtls::{AlertDescription, Discard, Error, Event, SendError};

use crate::pair::{FLAVOURS, MS, Pair, Side, config};

#[test]
fn data_has_limits() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        let now = pair.now;
        assert_eq!(
            pair.connection(Side::Client).send(now, b"x"),
            Err(SendError::NotConnected)
        );
        assert!(pair.connect());
        let now = pair.now;
        let client = pair.connection(Side::Client);
        let too_long = SendError::TooLong {
            length: 16_385,
            limit: 16_384,
        };
        assert_eq!(client.send(now, &[0; 16_385]), Err(too_long));
        assert_eq!(client.send(now, b""), Err(SendError::Empty));
        let taken = (0..1000)
            .take_while(|_| client.send(now, &[1; 1000]).is_ok())
            .count();
        assert_eq!(taken, 65);
        assert_eq!(client.send(now, &[1; 1000]), Err(SendError::QueueFull));
        pair.run_for(MS * 10);
        assert_eq!(pair.end(Side::Server).received().len(), 65);
        assert_eq!(pair.connection(Side::Client).send(now, &[1; 1000]), Ok(()));
    }
}

/// RFC 8446 §6.1: close_notify comes after the data before it, and the other side may still
/// send.
#[test]
fn close() {
    for flavour in FLAVOURS {
        for side in Side::BOTH {
            let mut pair = Pair::new(config(flavour));
            assert!(pair.connect());
            let now = pair.now;
            pair.connection(side)
                .send(now, b"last words")
                .expect("connected");
            pair.connection(side).close(now);
            pair.connection(side).close(now);
            assert_eq!(
                pair.connection(side).send(now, b"more"),
                Err(SendError::Closed)
            );
            pair.run_for(MS * 10);
            let peer = pair.end(side.peer());
            assert_eq!(peer.received(), [b"last words"]);
            assert_eq!(peer.events.last(), Some(&Event::Closed));
            assert_eq!(
                peer.events
                    .iter()
                    .filter(|event| **event == Event::Closed)
                    .count(),
                1
            );
            let now = pair.now;
            pair.connection(side.peer())
                .send(now, b"answer")
                .expect("half open");
            pair.connection(side.peer()).close(now);
            pair.run_for(MS * 10);
            assert_eq!(pair.end(side).received(), [b"answer"]);
            assert_eq!(pair.end(side).events.last(), Some(&Event::Closed));
            assert_eq!(pair.end(side).error, None);
        }
    }
}

#[test]
fn abort() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        assert!(pair.connect());
        pair.connection(Side::Server)
            .abort(AlertDescription::ACCESS_DENIED);
        pair.run_for(MS * 10);
        let refused = Error::AlertReceived(AlertDescription::ACCESS_DENIED);
        assert_eq!(pair.end(Side::Client).error, Some(refused));
        for side in Side::BOTH {
            let now = pair.now;
            let connection = pair.connection(side);
            assert_eq!(connection.send(now, b"x"), Err(SendError::Closed));
            assert_eq!(
                connection.handle_datagram(now, &mut [1]),
                Err(Error::Closed)
            );
            assert_eq!(connection.handle_timeout(now), Err(Error::Closed));
            assert_eq!(connection.poll_timeout(), None);
            assert!(connection.info().is_none() && connection.srtp_keying_material().is_none());
        }
    }
}

/// T-HSK-14: data that overtakes the handshake is dropped, and does no harm.
#[test]
fn t_hsk_14_data_before_the_handshake_is_over() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        // The client's last flight, or the server's, takes longer than the data behind it.
        pair.network = Box::new(move |side, index, datagram| {
            let handshake = index < 3 && datagram.len() > 60;
            vec![if handshake && side == Side::Client {
                MS * 50
            } else {
                MS * 5
            }]
        });
        pair.run_until(MS * 2000, |pair| pair.end(Side::Client).is_connected());
        let now = pair.now;
        pair.connection(Side::Client)
            .send(now, b"early")
            .expect("connected");
        assert!(pair.connect());
        pair.run_for(MS * 100);
        let server = pair.end(Side::Server);
        assert_eq!(server.error, None);
        let dropped = server.connection.statistics();
        let early = dropped.discarded(Discard::EarlyApplicationData)
            + dropped.discarded(Discard::UnknownEpoch);
        assert_eq!(server.received().len() + early as usize, 1, "{flavour:?}");
    }
}
