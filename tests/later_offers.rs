//! Later offers from either side, on a call that goes on: its transport and its keys stay.

mod support;

use portcullis::signalling::SignallingError;
use portcullis::signalling::sdp::{DataChannels, Direction, Media, MediaKind, Msid};
use support::negotiation::{Call, Side, browser, m_lines, read, sent};

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

/// What is changed while another exchange is under way is in our next offer.
#[test]
fn changes_outlive_an_exchange_under_way() {
    let mut call = Call::connected();
    let video = call.server.signalling.add(sent(MediaKind::Video, "x"));
    call.server_offers();
    // The peer's offer comes first.
    assert!(call.server.signalling.stop(&video));
    call.caller_offers();
    assert!(call.server.signalling.is_stopping());
    // An offer of ours that says nothing of it yet is answered.
    let second = call.server.signalling.add(sent(MediaKind::Video, "y"));
    call.server_offers();
    let now = call.now;
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let offer = signalling.offer_again(session).expect("an offer");
    signalling.media_mut("0").expect("a section").direction = Direction::Inactive;
    assert!(signalling.stop(&second));
    let caller = &mut call.caller;
    let answer = caller
        .signalling
        .accept_offer(&mut caller.session, now, &read(&offer), &browser())
        .expect("an answer");
    signalling
        .accept_answer(session, now, &read(&answer))
        .expect("it fits");
    let (offer, answer) = call.server_offers();
    assert_eq!(m_lines(&offer), m_lines(&answer));
    assert!(
        m_lines(&offer)[1..]
            .iter()
            .all(|line| line.ends_with("off"))
    );
    assert!(offer.contains("a=inactive\r\n") && !offer.contains("a=sendrecv\r\n"));
    assert!(!call.server.signalling.is_stopping());
    call.goes_on(1);
}
