//! A call of offers and answers, whose sections change while media flows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::signalling::sdp::{Description, Direction, Media, MediaKind, Msid};
use portcullis::signalling::{Capabilities, Signalling};
use portcullis::{IceMode, Session, SessionEvent};

use super::{Terms, caller_address, exchange, rtp, server_address};

/// One side of a call.
pub(crate) struct Side {
    pub(crate) session: Session,
    pub(crate) signalling: Signalling,
}

/// A call between a browser, say, that has offered audio, and a server.
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) caller: Side,
    pub(crate) server: Side,
}

pub(crate) fn read(text: &str) -> Description {
    Description::read(text).expect("a description")
}

pub(crate) fn browser() -> Capabilities {
    Capabilities::browser()
}

/// A section of the server's, which it sends.
pub(crate) fn sent(kind: MediaKind, stream: &str) -> Media {
    let mut media = browser().direction(Direction::SendOnly).media(kind);
    media.msids = vec![Msid::new(stream, "track")];
    media
}

impl Call {
    /// Offered and answered, and not connected yet.
    pub(crate) fn signalled() -> Self {
        let now = Instant::now();
        let audio = browser().media(MediaKind::Audio);
        let calling = Terms::DEFAULT.config(IceMode::Controlling, caller_address());
        let serving = Terms::DEFAULT.config(IceMode::Lite, server_address());
        let (session, signalling, offer) =
            Signalling::offer(Arc::new(calling), now, [audio]).expect("an offer");
        let mut caller = Side {
            session,
            signalling,
        };
        let (session, signalling, answer) =
            Signalling::answer(Arc::new(serving), now, &read(&offer), &browser())
                .expect("an answer");
        caller
            .signalling
            .accept_answer(&mut caller.session, now, &read(&answer))
            .expect("it fits");
        Self {
            now,
            caller,
            server: Side {
                session,
                signalling,
            },
        }
    }

    pub(crate) fn connected() -> Self {
        let mut call = Self::signalled();
        for _ in 0..100 {
            call.run();
        }
        assert!(call.caller.session.connection_info().is_some());
        assert!(call.server.session.connection_info().is_some());
        call.drain();
        call
    }

    pub(crate) fn run(&mut self) {
        self.now += Duration::from_millis(20);
        exchange(self.now, &mut self.caller.session, &mut self.server.session);
    }

    /// The events of both sides.
    pub(crate) fn drain(&mut self) -> [Vec<SessionEvent>; 2] {
        [&mut self.caller, &mut self.server]
            .map(|side| std::iter::from_fn(|| side.session.poll_event()).collect())
    }

    /// What the server asks for, the caller takes.
    pub(crate) fn server_offers(&mut self) -> (String, String) {
        let Self {
            now,
            caller,
            server,
        } = self;
        negotiate(*now, server, caller)
    }

    pub(crate) fn caller_offers(&mut self) -> (String, String) {
        let Self {
            now,
            caller,
            server,
        } = self;
        negotiate(*now, caller, server)
    }

    /// Media still flows both ways with the keys of before, and nobody has begun anything anew.
    pub(crate) fn goes_on(&mut self, sequence: u16) {
        for _ in 0..4 {
            self.run();
        }
        let restarted = |event: &SessionEvent| {
            matches!(event, SessionEvent::IceRestarted | SessionEvent::Closed(_))
        };
        assert!(!self.drain().iter().flatten().any(restarted));
        let Self {
            now,
            caller,
            server,
        } = self;
        for from_caller in [true, false] {
            let (from, to) = match from_caller {
                true => (&mut *caller, &mut *server),
                false => (&mut *server, &mut *caller),
            };
            let (mut buf, len) = rtp::packet(7, sequence);
            let sealed = from
                .session
                .protect_rtp(*now, &mut buf, len)
                .expect("it is secured");
            let path = portcullis::Path::udp(sealed.path.remote, sealed.path.local);
            let received = to
                .session
                .handle_datagram(*now, path, &mut buf[..sealed.len]);
            let rtp =
                matches!(received, Ok(portcullis::Received::Rtp(packet)) if packet.len() == len);
            assert!(rtp);
        }
    }
}

/// An offer, its answer, and what both sides make of it.
pub(crate) fn negotiate(now: Instant, from: &mut Side, to: &mut Side) -> (String, String) {
    let offer = from
        .signalling
        .offer_again(&from.session)
        .expect("an offer");
    let answer = to
        .signalling
        .accept_offer(&mut to.session, now, &read(&offer), &browser())
        .expect("an answer");
    from.signalling
        .accept_answer(&mut from.session, now, &read(&answer))
        .expect("it fits");
    (offer, answer)
}

pub(crate) fn m_lines(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with("m="));
    let words = lines.map(|line| {
        let mut words = line.split(' ');
        let kind = words.next().unwrap_or_default();
        let port = words.next().unwrap_or_default();
        format!("{kind} {}", if port == "0" { "off" } else { "on" })
    });
    words.collect()
}

pub(crate) fn value(text: &str, name: &str) -> String {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name));
    values.next().unwrap_or_default().to_owned()
}
