//! Later offers from either side, on a call that goes on: its transport and its keys stay.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::signalling::sdp::{
    Codec, Description, Direction, Media, MediaKind, Msid, SdpError,
};
use portcullis::signalling::sdp::{DataChannels, Fragment};
use portcullis::signalling::{Capabilities, Refusal, Signalling, SignallingError, refusal};
use portcullis::{IceMode, ParametersError, Session, SessionEvent};
use support::{Terms, caller_address, exchange, rtp, server_address};

/// One side of a call.
struct Side {
    session: Session,
    signalling: Signalling,
}

/// A call between a browser, say, that has offered audio, and a server.
struct Call {
    now: Instant,
    caller: Side,
    server: Side,
}

fn read(text: &str) -> Description {
    Description::read(text).expect("a description")
}

fn browser() -> Capabilities {
    Capabilities::browser()
}

/// A section of the server's, which it sends.
fn sent(kind: MediaKind, stream: &str) -> Media {
    let mut media = browser().direction(Direction::SendOnly).media(kind);
    media.msids = vec![Msid::new(stream, "track")];
    media
}

impl Call {
    /// Offered and answered, and not connected yet.
    fn signalled() -> Self {
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

    fn connected() -> Self {
        let mut call = Self::signalled();
        for _ in 0..100 {
            call.run();
        }
        assert!(call.caller.session.connection_info().is_some());
        assert!(call.server.session.connection_info().is_some());
        call.drain();
        call
    }

    fn run(&mut self) {
        self.now += Duration::from_millis(20);
        exchange(self.now, &mut self.caller.session, &mut self.server.session);
    }

    /// The events of both sides.
    fn drain(&mut self) -> [Vec<SessionEvent>; 2] {
        [&mut self.caller, &mut self.server]
            .map(|side| std::iter::from_fn(|| side.session.poll_event()).collect())
    }

    /// What the server asks for, the caller takes.
    fn server_offers(&mut self) -> (String, String) {
        let Self {
            now,
            caller,
            server,
        } = self;
        negotiate(*now, server, caller)
    }

    fn caller_offers(&mut self) -> (String, String) {
        let Self {
            now,
            caller,
            server,
        } = self;
        negotiate(*now, caller, server)
    }

    /// Media still flows both ways with the keys of before, and nobody has begun anything anew.
    fn goes_on(&mut self, sequence: u16) {
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
fn negotiate(now: Instant, from: &mut Side, to: &mut Side) -> (String, String) {
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

fn m_lines(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with("m="));
    let words = lines.map(|line| {
        let mut words = line.split(' ');
        let kind = words.next().unwrap_or_default();
        let port = words.next().unwrap_or_default();
        format!("{kind} {}", if port == "0" { "off" } else { "on" })
    });
    words.collect()
}

fn value(text: &str, name: &str) -> String {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name));
    values.next().unwrap_or_default().to_owned()
}

/// RFC 3264 §8.1: a publisher joins, and its tracks reach a viewer by a later offer.
#[test]
fn sections_are_added_while_media_flows() {
    let mut call = Call::connected();
    let video = call.server.signalling.add(sent(MediaKind::Video, "other"));
    let audio = call.server.signalling.add(sent(MediaKind::Audio, "other"));
    let (offer, answer) = call.server_offers();
    assert_eq!(m_lines(&offer), ["m=audio on", "m=video on", "m=audio on"]);
    assert_eq!(m_lines(&answer), m_lines(&offer));
    assert!(
        answer.contains(&format!("a=group:BUNDLE 0 {video} {audio}\r\n")),
        "{answer}"
    );
    let seen = call
        .caller
        .signalling
        .section(&video)
        .expect("the new section");
    assert_eq!(seen.direction, Direction::RecvOnly);
    assert_eq!(seen.theirs.msids, [Msid::new("other", "track")]);
    let ours = call
        .server
        .signalling
        .section(&video)
        .expect("the new section");
    assert_eq!(ours.direction, Direction::SendOnly);
    assert!(ours.theirs.codecs.iter().any(|codec| codec.is("VP8")));
    call.goes_on(1);
    // The caller adds one in turn.
    call.caller
        .signalling
        .add(Media::data_channels(DataChannels::new(100_000)));
    let (offer, answer) = call.caller_offers();
    assert_eq!(m_lines(&answer), m_lines(&offer));
    assert_eq!(call.server.signalling.agreed().count(), 4);
    let data = call
        .server
        .signalling
        .agreed()
        .last()
        .expect("data channels");
    assert_eq!(
        data.theirs.data.as_ref().map(|it| it.max_message_size),
        Some(100_000)
    );
    call.goes_on(2);
}

/// RFC 3264 §8.2, RFC 9429 §5.2.2: a stopped section keeps its place until another one takes it.
#[test]
fn stopped_sections_give_their_places_to_others() {
    let mut call = Call::connected();
    let first = call.server.signalling.add(sent(MediaKind::Video, "first"));
    call.server.signalling.add(sent(MediaKind::Audio, "first"));
    call.server_offers();
    assert!(call.server.signalling.stop(&first));
    let (offer, answer) = call.server_offers();
    assert_eq!(m_lines(&offer), ["m=audio on", "m=video off", "m=audio on"]);
    assert_eq!(m_lines(&answer), m_lines(&offer));
    assert!(call.caller.signalling.section(&first).is_none());
    assert!(
        !call.server.signalling.stop(&first),
        "it is stopped already"
    );
    call.goes_on(1);
    // Of another kind, by the other side.
    let second = call
        .caller
        .signalling
        .add(Media::data_channels(DataChannels::new(1000)));
    let (offer, answer) = call.caller_offers();
    assert_eq!(
        m_lines(&offer),
        ["m=audio on", "m=application on", "m=audio on"]
    );
    assert_eq!(m_lines(&answer), m_lines(&offer));
    assert_ne!(first, second, "a mid is not used again");
    assert!(
        offer.contains(&format!("a=group:BUNDLE 0 {second} ")),
        "{offer}"
    );
    call.goes_on(2);
}

/// RFC 3264 §8: the peer's sections are never fewer and never others, as long as they live.
#[test]
fn sections_keep_their_places() {
    let mut call = Call::connected();
    call.caller
        .signalling
        .add(browser().media(MediaKind::Video));
    let (offer, _) = call.caller_offers();
    let before = call.server.session.state_digest();
    let now = call.now;
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let mut refused = |text: &str| {
        signalling
            .accept_offer(session, now, &read(text), &browser())
            .expect_err("no such offer")
    };
    let (audio, video) = (
        offer.find("m=audio").expect("audio"),
        offer.find("m=video").expect("video"),
    );
    let (head, first, second) = (&offer[..audio], &offer[audio..video], &offer[video..]);
    let fewer = SignallingError::SectionCount {
        expected: 2,
        found: 1,
    };
    assert_eq!(refused(&format!("{head}{first}")), fewer);
    let changed = SignallingError::SectionChanged;
    assert_eq!(refused(&format!("{head}{second}{first}")), changed(0));
    assert_eq!(refused(&offer.replace("m=video", "m=audio")), changed(1));
    assert_eq!(
        refused(&offer.replace("a=mid:o1\r\n", "a=mid:9\r\n")),
        changed(1)
    );
    assert_eq!(refused(&offer.replace("SAVPF", "SAVP")), changed(0));
    assert_eq!(call.server.session.state_digest(), before);
    call.goes_on(1);
}

/// RFC 3264 §8.4: on hold and back.
#[test]
fn directions_change() {
    let mut call = Call::connected();
    for (wish, answered) in [
        (Direction::SendOnly, Direction::RecvOnly),
        (Direction::Inactive, Direction::Inactive),
        (Direction::SendRecv, Direction::SendRecv),
    ] {
        let media = call.caller.signalling.media_mut("0").expect("a section");
        media.direction = wish;
        let (_, answer) = call.caller_offers();
        assert!(
            answer.contains(&format!("a={}\r\n", answered.name())),
            "{answer}"
        );
        let agreed = call.server.signalling.section("0").expect("a section");
        assert_eq!(agreed.direction, answered);
        let agreed = call.caller.signalling.section("0").expect("a section");
        assert_eq!(agreed.direction, wish);
    }
    call.goes_on(1);
}

/// RFC 3264 §4, RFC 9429 §4.1.10.2: of two offers that cross, one gives way.
#[test]
fn one_of_two_offers_gives_way() {
    let mut call = Call::connected();
    let now = call.now;
    let added = call.server.signalling.add(sent(MediaKind::Video, "x"));
    let ours = call
        .server
        .signalling
        .offer_again(&call.server.session)
        .expect("an offer");
    call.caller
        .signalling
        .add(Media::data_channels(DataChannels::new(1000)));
    let theirs = call
        .caller
        .signalling
        .offer_again(&call.caller.session)
        .expect("an offer");
    let again = call.caller.signalling.offer_again(&call.caller.session);
    assert_eq!(again, Err(SignallingError::Glare));
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let glare = signalling.accept_offer(session, now, &read(&theirs), &browser());
    assert_eq!(glare, Err(SignallingError::Glare));
    assert!(signalling.is_offered());
    signalling.rollback(session);
    assert!(!signalling.is_offered());
    let answer = signalling
        .accept_offer(session, now, &read(&theirs), &browser())
        .expect("an answer");
    let Side {
        session,
        signalling,
    } = &mut call.caller;
    signalling
        .accept_answer(session, now, &read(&answer))
        .expect("it fits");
    // What was withdrawn is in the next offer.
    let (offer, _) = call.server_offers();
    assert_eq!(m_lines(&ours), ["m=audio on", "m=video on"]);
    assert_eq!(
        m_lines(&offer),
        ["m=audio on", "m=application on", "m=video on"]
    );
    assert!(call.caller.signalling.section(&added).is_some());
    call.goes_on(1);
}

/// RFC 8839 §4.4.3.1.1: a change of the ufrag, or of the password, is a restart; both sides change.
#[test]
fn either_side_restarts_ice() {
    let mut call = Call::connected();
    for (sequence, from_caller) in [(1, true), (2, false), (3, true)] {
        let now = call.now;
        let before = call.server.session.local_ufrag().to_owned();
        let (from, to) = match from_caller {
            true => (&mut call.caller, &mut call.server),
            false => (&mut call.server, &mut call.caller),
        };
        let old = from.session.local_ufrag().to_owned();
        let offer = from
            .signalling
            .restart_ice(&mut from.session)
            .expect("an offer");
        assert_ne!(value(&offer, "a=ice-ufrag:"), old);
        assert_eq!(from.session.local_ufrag(), old, "until the answer comes");
        let answer = to
            .signalling
            .accept_offer(&mut to.session, now, &read(&offer), &browser())
            .expect("an answer");
        from.signalling
            .accept_answer(&mut from.session, now, &read(&answer))
            .expect("it fits");
        for side in call.drain() {
            assert_eq!(side, [SessionEvent::IceRestarted]);
        }
        assert_ne!(call.server.session.local_ufrag(), before);
        for _ in 0..10 {
            call.run();
        }
        call.drain();
        call.goes_on(sequence);
    }
}

#[test]
fn a_new_password_alone_is_a_restart() {
    let mut call = Call::connected();
    let offer = call
        .caller
        .signalling
        .offer_again(&call.caller.session)
        .expect("an offer");
    let password = value(&offer, "a=ice-pwd:");
    let other = offer.replace(&password, "0123456789012345678901");
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let ours = session.local_ufrag().to_owned();
    signalling
        .accept_offer(session, call.now, &read(&other), &browser())
        .expect("an answer");
    assert_ne!(session.local_ufrag(), ours);
    assert_eq!(call.drain()[1], [SessionEvent::IceRestarted]);
}

/// A restart that is withdrawn leaves the answer to the peer's offer as it was.
#[test]
fn a_restart_is_rolled_back() {
    let mut call = Call::connected();
    let now = call.now;
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let ours = session.local_ufrag().to_owned();
    signalling.restart_ice(session).expect("an offer");
    signalling.rollback(session);
    let (_, answer) = call.caller_offers();
    assert_eq!(value(&answer, "a=ice-ufrag:"), ours);
    assert_eq!(call.now, now);
    call.goes_on(1);
}

/// RFC 8842 §5.5: a new DTLS association is refused, and the call goes on with the old one.
#[test]
fn a_new_association_is_refused_and_the_call_goes_on() {
    let mut call = Call::connected();
    let offer = call
        .caller
        .signalling
        .offer_again(&call.caller.session)
        .expect("an offer");
    let (now, before) = (call.now, call.server.session.state_digest());
    let tls_id = value(&offer, "a=tls-id:");
    let fingerprint = value(&offer, "a=fingerprint:");
    let other =
        dtls::Certificate::generate(&*dtls::crypto::default_provider()).expect("a certificate");
    let other = other.fingerprint_sha256().to_string();
    for text in [
        offer.replace(&tls_id, "0123456789012345678901"),
        offer.replace(&format!("a=tls-id:{tls_id}\r\n"), ""),
        offer.replace(&fingerprint, &other),
    ] {
        let Side {
            session,
            signalling,
        } = &mut call.server;
        let refused = signalling.accept_offer(session, now, &read(&text), &browser());
        assert_eq!(refused, Err(ParametersError::NewAssociation.into()));
    }
    assert_eq!(call.server.session.state_digest(), before);
    call.caller.signalling.rollback(&mut call.caller.session);
    call.caller_offers();
    call.goes_on(1);
}

/// RFC 3264 §8.2: everything may stop, and begin again.
#[test]
fn a_call_without_sections_goes_on() {
    let mut call = Call::connected();
    assert!(call.caller.signalling.stop("0"));
    let (offer, answer) = call.caller_offers();
    assert_eq!(
        (m_lines(&offer), m_lines(&answer)),
        (vec!["m=audio off".into()], vec!["m=audio off".into()])
    );
    assert_eq!(call.server.signalling.agreed().count(), 0);
    call.goes_on(1);
    // There is no transport to restart.
    let Call {
        now,
        caller,
        server,
    } = &mut call;
    let offer = caller
        .signalling
        .restart_ice(&mut caller.session)
        .expect("an offer");
    let answer = server
        .signalling
        .accept_offer(&mut server.session, *now, &read(&offer), &browser())
        .expect("an answer");
    let accepted = caller
        .signalling
        .accept_answer(&mut caller.session, *now, &read(&answer));
    assert_eq!(accepted, Ok(()));
    call.server.signalling.add(sent(MediaKind::Video, "x"));
    let (offer, answer) = call.server_offers();
    assert_eq!(m_lines(&offer), ["m=video on"]);
    assert_eq!(m_lines(&answer), ["m=video on"]);
    call.goes_on(2);
}

/// RFC 8866 §5.2: each description of a session is one version more.
#[test]
fn versions_count_up() {
    let mut call = Call::signalled();
    let origin = |text: &str| {
        let words: Vec<_> = text
            .lines()
            .nth(1)
            .expect("a line")
            .split(' ')
            .map(str::to_owned)
            .collect();
        (words[1].clone(), words[2].parse::<u64>().expect("a number"))
    };
    let (first, _) = call.server_offers();
    let (second, _) = call.server_offers();
    let (_, third) = call.caller_offers();
    let (id, version) = origin(&first);
    assert_eq!(origin(&second), (id.clone(), version + 1));
    assert_eq!(origin(&third), (id, version + 2));
}

/// RFC 9143 §7.2: in the first offer one section has the address; RFC 8858 §4.2.
#[test]
fn our_first_offer_bundles() {
    let config = Arc::new(Terms::DEFAULT.config(IceMode::Lite, server_address()));
    let now = Instant::now();
    let kinds = [MediaKind::Audio, MediaKind::Video, MediaKind::Application];
    let media = kinds.map(|kind| browser().media(kind));
    let (mut session, mut signalling, offer) =
        Signalling::offer(Arc::clone(&config), now, media).expect("an offer");
    assert_eq!(
        m_lines(&offer),
        ["m=audio on", "m=video off", "m=application off"]
    );
    assert_eq!(offer.matches("a=bundle-only\r\n").count(), 2);
    assert_eq!(offer.matches("a=rtcp-mux-only\r\n").count(), 2);
    assert!(offer.contains("a=group:BUNDLE 0 1 2\r\n") && offer.contains("a=setup:actpass\r\n"));
    let full = Arc::new(Terms::DEFAULT.config(IceMode::Controlling, caller_address()));
    let (_, _, answer) =
        Signalling::answer(full, now, &read(&offer), &browser()).expect("an answer");
    assert_eq!(
        m_lines(&answer),
        ["m=audio on", "m=video on", "m=application on"]
    );

    let mut refused = |text: &str| {
        signalling
            .accept_answer(&mut session, now, &read(text))
            .expect_err("no such answer")
    };
    let changed = SignallingError::SectionChanged;
    assert_eq!(refused(&answer.replace("m=video", "m=text")), changed(1));
    assert_eq!(refused(&answer.replace("SAVPF", "SAVP")), changed(0));
    assert_eq!(refused(&answer.replace("a=mid:2", "a=mid:7")), changed(2));
    let fewer = SignallingError::SectionCount {
        expected: 3,
        found: 2,
    };
    assert_eq!(
        refused(&answer[..answer.find("m=application").expect("data")]),
        fewer
    );
    assert_eq!(
        refused(&answer.replace("setup:passive", "setup:actpass")),
        SdpError::UndecidedSetup.into()
    );
    assert_eq!(
        refused(&refusal(&read(&offer))),
        SignallingError::AllRefused
    );
    let lite = answer.replacen("a=group", "a=ice-lite\r\na=group", 1);
    assert_eq!(refused(&lite), ParametersError::BothIceLite.into());
    // The offer still waits.
    signalling
        .accept_answer(&mut session, now, &read(&answer))
        .expect("it fits");
    let again = signalling.accept_answer(&mut session, now, &read(&answer));
    assert_eq!(again, Err(SignallingError::NoOffer));
    assert_eq!(signalling.agreed().count(), 3);
}

/// RFC 9143 §7.4: a peer without BUNDLE takes one section; what it takes beside has no transport.
#[test]
fn a_peer_without_bundle_has_one_section() {
    let config = Arc::new(Terms::DEFAULT.config(IceMode::Lite, server_address()));
    let now = Instant::now();
    let media = [MediaKind::Audio, MediaKind::Video].map(|kind| browser().media(kind));
    let (mut session, mut signalling, offer) =
        Signalling::offer(config, now, media).expect("an offer");
    let full = Arc::new(Terms::DEFAULT.config(IceMode::Controlling, caller_address()));
    let (_, _, answer) =
        Signalling::answer(full, now, &read(&offer), &browser()).expect("an answer");
    let alone = answer.replace("a=group:BUNDLE 0 1\r\n", "");
    assert_ne!(alone, answer);
    signalling
        .accept_answer(&mut session, now, &read(&alone))
        .expect("it fits");
    let mids: Vec<_> = signalling
        .agreed()
        .map(|agreed| agreed.mid.clone())
        .collect();
    assert_eq!(mids, [Some("0".into())]);

    let offer = include_str!("data/sdp/forms/no-mid.sdp");
    let config = Arc::new(Terms::DEFAULT.config(IceMode::Lite, server_address()));
    let (session, mut signalling, _) =
        Signalling::answer(config, now, &read(offer), &browser()).expect("an answer");
    signalling.add(sent(MediaKind::Video, "x"));
    let refused = signalling.offer_again(&session);
    assert_eq!(refused, Err(SignallingError::NoBundle));
}

/// What an application refuses, and why it could not have been taken.
#[test]
fn a_refused_offer_says_why() {
    let config = Arc::new(Terms::DEFAULT.config(IceMode::Lite, server_address()));
    let only_opus = Capabilities::new().codec(
        MediaKind::Audio,
        Codec::new(111, "opus", 48_000).with_channels(2),
    );
    for (form, expected) in [
        (
            include_str!("data/sdp/forms/all-disabled.sdp"),
            Refusal::Disabled,
        ),
        (
            include_str!("data/sdp/forms/data-only.sdp"),
            Refusal::Unwanted,
        ),
        (
            include_str!("data/sdp/forms/h264-profiles.sdp"),
            Refusal::Unwanted,
        ),
    ] {
        let offer = read(form);
        let refused = Signalling::answer(Arc::clone(&config), Instant::now(), &offer, &only_opus);
        let error = refused.map(|_| ()).expect_err("nothing is taken");
        assert_eq!(error, SignallingError::NothingTaken(expected));
        let answer = refusal(&offer);
        assert!(
            m_lines(&answer).iter().all(|line| line.ends_with("off")),
            "{answer}"
        );
    }
}

/// RFC 8840 §9, RFC 9725 §4.3: what a WHIP client sends with PATCH.
#[test]
fn fragments_trickle_and_restart() {
    let mut call = Call::connected();
    let now = call.now;
    let peer = call
        .server
        .signalling
        .peer()
        .expect("a peer")
        .credentials
        .clone();
    let (ufrag, password) = (peer.ufrag(), peer.password());
    let section = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
    let candidate = "a=candidate:9 1 udp 1 192.0.2.99 9999 typ host\r\na=end-of-candidates\r\n";
    let same = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n{section}{candidate}");
    let other_ufrag = format!("a=ice-ufrag:zzzz\r\n{section}{candidate}");
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let before = session.state_digest();
    let fragment = |text: &str| Fragment::read(text).expect("a fragment");
    for text in [same.as_str(), &other_ufrag, section, ""] {
        let reply = signalling.accept_fragment(session, now, &fragment(text));
        assert_eq!(reply, Ok(None), "{text}");
    }
    assert_eq!(
        session.state_digest(),
        before,
        "a lite agent needs none of it"
    );

    let restart = format!(
        "{section}a=ice-ufrag:wxyz\r\na=ice-pwd:{}\r\n{candidate}",
        "9".repeat(24)
    );
    let reply = signalling.accept_fragment(session, now, &fragment(&restart));
    let reply = reply.expect("a restart").expect("a fragment of ours");
    assert_eq!(value(&reply, "a=ice-ufrag:"), session.local_ufrag());
    assert_eq!(value(&reply, "a=mid:"), "0");
    assert!(
        reply.starts_with("a=ice-lite\r\na=group:BUNDLE 0\r\nm=audio 9 "),
        "{reply}"
    );
    assert!(reply.contains("a=candidate:") && reply.ends_with("a=end-of-candidates\r\n"));
    let events = call.drain();
    assert_eq!(events[1], [SessionEvent::IceRestarted]);
    // The offer that follows knows.
    let peer = call.server.signalling.peer().expect("a peer");
    assert_eq!(peer.credentials.ufrag(), "wxyz");

    let Side {
        session,
        signalling,
    } = &mut call.server;
    let half = "a=ice-pwd:0123456789012345678901\r\n";
    let refused = signalling.accept_fragment(session, now, &fragment(half));
    assert_eq!(refused, Err(SdpError::NoUfrag.into()));
    signalling.offer_again(session).expect("an offer");
    let again = restart.replace("wxyz", "abcd");
    let refused = signalling.accept_fragment(session, now, &fragment(&again));
    assert_eq!(refused, Err(SignallingError::Glare));
    assert_eq!(Fragment::read("a=mid").map(|_| ()), Ok(()));
    assert_eq!(Fragment::read("x").map(|_| ()), Err(SdpError::Malformed(1)));
}

/// Candidates one by one, as scripts of browsers have them.
#[test]
fn candidates_come_one_by_one() {
    let now = Instant::now();
    let config = Arc::new(Terms::DEFAULT.config(IceMode::Controlling, caller_address()));
    let offer = include_str!("data/sdp/forms/ice-options-with-commas.sdp");
    let offer: String = offer
        .lines()
        .filter(|line| !line.starts_with("a=candidate"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let (mut session, mut signalling, _) =
        Signalling::answer(config, now, &read(&offer), &browser()).expect("an answer");
    let mut sends = |line: &str| {
        signalling
            .accept_candidate(&mut session, line)
            .expect("a peer");
        let mut buf = [0; 1500];
        let sent = session.poll_transmit(now, &mut buf);
        sent.map(|transmit| transmit.path.remote.to_string())
    };
    assert_eq!(
        sends("candidate:1 1 udp 1 192.0.2.50 5000 typ host generation 0 ufrag bbbb"),
        None
    );
    assert_eq!(sends("candidate:1 1 udp 1 abc.local 5000 typ host"), None);
    assert_eq!(sends("nonsense"), None);
    let ours = sends("a=candidate:1 1 udp 1 192.0.2.51 5000 typ host generation 0 ufrag aaaa");
    assert_eq!(ours.as_deref(), Some("192.0.2.51:5000"));
    assert_eq!(sends(""), None, "there are no more");
}
