//! The section that the transport of a BUNDLE group is tagged by is stopped or refused in a later offer: the
//! next section of the group has the tag, and the transport, its keys and the media go on (RFC 9143).

mod support;

use portcullis::signalling::sdp::{Direction, Media, MediaKind, Section};
use support::negotiation::{Call, Side, browser, m_lines, read, sent, value};

/// A call with an audio section that tags the group, and a video section; and the mid of that.
fn with_video() -> (Call, Box<str>) {
    let mut call = Call::connected();
    let video = call.server.signalling.add(sent(MediaKind::Video, "other"));
    let (_, answer) = call.server_offers();
    assert_eq!(value(&answer, "a=group:"), format!("BUNDLE 0 {video}"));
    call.goes_on(1);
    (call, video)
}

/// The section of this kind in a description.
fn section<'a>(text: &'a str, kind: &str) -> &'a str {
    let start = text.find(&format!("m={kind} ")).expect("a section");
    let rest = &text[start..];
    let end = rest[2..].find("\r\nm=").map_or(rest.len(), |end| end + 4);
    &rest[..end]
}

/// Lets one side offer, and the other take all but what `refuses` says.
fn offer_refused(
    from: &mut Side,
    to: &mut Side,
    now: std::time::Instant,
    edit: impl Fn(String) -> String,
    refuses: impl Fn(&Section) -> bool,
) -> String {
    let offer = from.signalling.offer_again(&from.session);
    let offer = read(&edit(offer.expect("an offer")));
    let decide = |section: &Section, current: Option<&Media>| {
        let mut capabilities = &browser();
        let wish = portcullis::signalling::Decide::decide(&mut capabilities, section, current);
        wish.filter(|_| !refuses(section))
    };
    let answer = to
        .signalling
        .accept_offer(&mut to.session, now, &offer, decide);
    let answer = answer.expect("an answer");
    from.signalling
        .accept_answer(&mut from.session, now, &read(&answer))
        .expect("it fits");
    answer
}

/// RFC 9143 §7.5.3, §7.3.1: by an offer of either side.
#[test]
fn either_side_stops_the_tagged_section() {
    for by_caller in [true, false] {
        let (mut call, video) = with_video();
        let side = match by_caller {
            true => &mut call.caller,
            false => &mut call.server,
        };
        assert!(side.signalling.stop("0"));
        assert!(side.signalling.is_stopping());
        let (offer, answer) = match by_caller {
            true => call.caller_offers(),
            false => call.server_offers(),
        };
        for text in [&offer, &answer] {
            assert_eq!(m_lines(text), ["m=audio off", "m=video on"]);
            assert_eq!(value(text, "a=group:"), format!("BUNDLE {video}"));
            let (audio, video) = (section(text, "audio"), section(text, "video"));
            assert!(video.contains("a=candidate:") && video.contains("a=ice-ufrag:"));
            assert!(!audio.contains("a=ice-ufrag:") && !text.contains("a=bundle-only"));
        }
        for side in [&call.caller, &call.server] {
            let mids: Vec<_> = side.signalling.agreed().map(|it| it.mid.clone()).collect();
            assert_eq!(mids, [Some(video.clone())]);
            assert!(!side.signalling.is_stopping());
        }
        call.goes_on(2);
        // The next offers have it as the tag too.
        let (offer, _) = call.caller_offers();
        assert_eq!(value(&offer, "a=group:"), format!("BUNDLE {video}"));
        call.goes_on(3);
    }
}

/// RFC 9143 §7.1.3: attributes of the transport may stand at the tagged section only; it is another one now.
#[test]
fn the_transport_is_read_at_the_next_section() {
    let (mut call, _) = with_video();
    let third = call.server.signalling.add(sent(MediaKind::Audio, "third"));
    call.server_offers();
    call.goes_on(2);
    let Call {
        now,
        caller,
        server,
    } = &mut call;
    assert!(caller.signalling.stop("0"));
    let bare = |offer: String| {
        let (head, last) = offer.split_at(offer.rfind("m=audio").expect("the third"));
        let is_transport = |line: &str| {
            let names = ["ice-", "fingerprint", "setup", "tls-id"];
            names.iter().any(|name| line[2..].starts_with(name))
        };
        let kept = last.lines().filter(|line| !is_transport(line));
        head.to_owned() + &kept.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    let answer = offer_refused(caller, server, *now, bare, |_| false);
    assert_eq!(
        m_lines(&answer),
        ["m=audio off", "m=video on", "m=audio on"]
    );
    assert!(call.server.signalling.section(&third).is_some());
    call.goes_on(3);
}

/// RFC 9143 §7.3.3: an answerer that does not want the tagged section keeps it, and stops it by an offer.
#[test]
fn the_tagged_section_is_not_refused_alone() {
    let (mut call, video) = with_video();
    let Call {
        now,
        caller,
        server,
    } = &mut call;
    let audio = |section: &Section| section.media.kind == MediaKind::Audio;
    let answer = offer_refused(caller, server, *now, |offer| offer, audio);
    assert_eq!(m_lines(&answer), ["m=audio on", "m=video on"]);
    assert_eq!(value(&answer, "a=group:"), format!("BUNDLE 0 {video}"));
    assert!(section(&answer, "audio").contains("a=inactive\r\n"));
    for side in [&call.caller, &call.server] {
        let audio = side.signalling.section("0").expect("it is kept");
        assert_eq!(audio.direction, Direction::Inactive);
    }
    call.goes_on(2);
    assert!(call.server.signalling.is_stopping());
    let (offer, answer) = call.server_offers();
    for text in [&offer, &answer] {
        assert_eq!(m_lines(text), ["m=audio off", "m=video on"]);
        assert_eq!(value(text, "a=group:"), format!("BUNDLE {video}"));
    }
    assert!(!call.server.signalling.is_stopping());
    call.goes_on(3);
}

/// RFC 9143 §7.3.3: other sections are refused alone, and all of them are together.
#[test]
fn other_sections_are_refused_alone_and_all_together() {
    let (mut call, _) = with_video();
    let Call {
        now,
        caller,
        server,
    } = &mut call;
    let video = |section: &Section| section.media.kind == MediaKind::Video;
    let answer = offer_refused(caller, server, *now, |offer| offer, video);
    assert_eq!(m_lines(&answer), ["m=audio on", "m=video off"]);
    assert_eq!(value(&answer, "a=group:"), "BUNDLE 0");
    let answer = offer_refused(caller, server, *now, |offer| offer, |_| true);
    assert_eq!(m_lines(&answer), ["m=audio off", "m=video off"]);
    assert_eq!(value(&answer, "a=group:"), "");
    assert!(!server.signalling.is_stopping());
    assert_eq!(server.signalling.agreed().count(), 0);
    call.goes_on(2);
}

/// RFC 9143 §7.5.1: a peer suggests a new section for the tag, as browsers do where it takes the place of a
/// stopped one; §7.3.3 holds for it too.
#[test]
fn a_new_tagged_section_is_not_refused_alone() {
    for new in [sent(MediaKind::Audio, "new"), sent(MediaKind::Video, "new")] {
        let (mut call, video) = with_video();
        assert!(call.caller.signalling.stop("0"));
        call.caller_offers();
        let new = call.caller.signalling.add(new);
        let Call {
            now,
            caller,
            server,
        } = &mut call;
        let order = format!("BUNDLE {video} {new}");
        let turned = format!("BUNDLE {new} {video}");
        let turn = |offer: String| {
            assert!(offer.contains(&order), "{offer}");
            offer.replace(&order, &turned)
        };
        let is_new = |section: &Section| section.mid.as_deref() == Some(&*new);
        let answer = offer_refused(caller, server, *now, turn, is_new);
        assert_eq!(value(&answer, "a=group:"), turned);
        let kept = server.signalling.section(&new).expect("it is kept");
        assert_eq!(kept.direction, Direction::Inactive);
        call.goes_on(2);
        let (_, answer) = call.server_offers();
        assert_eq!(value(&answer, "a=group:"), format!("BUNDLE {video}"));
        assert!(call.caller.signalling.section(&new).is_none());
        call.goes_on(3);
    }
}

/// RFC 9143 §7.5: we suggest a section that both sides have, so that a peer may refuse the new one.
#[test]
fn our_new_sections_can_be_refused() {
    let (mut call, video) = with_video();
    assert!(call.caller.signalling.stop("0"));
    call.caller_offers();
    let new = call.caller.signalling.add(sent(MediaKind::Audio, "new"));
    let Call {
        now,
        caller,
        server,
    } = &mut call;
    let is_new = |section: &Section| section.mid.as_deref() == Some(&*new);
    let answer = offer_refused(caller, server, *now, |offer| offer, is_new);
    assert_eq!(m_lines(&answer), ["m=audio off", "m=video on"]);
    assert_eq!(value(&answer, "a=group:"), format!("BUNDLE {video}"));
    assert!(!server.signalling.is_stopping());
    call.goes_on(2);
}

/// RFC 9143 §7.3.3 forbids it, and a peer does it nevertheless.
#[test]
fn a_peer_refuses_our_tagged_section_alone() {
    let (mut call, video) = with_video();
    let Call {
        now,
        caller,
        server,
    } = &mut call;
    let offer = server.signalling.offer_again(&server.session);
    let offer = read(&offer.expect("an offer"));
    let answer = caller
        .signalling
        .accept_offer(&mut caller.session, *now, &offer, &browser());
    let answer = answer.expect("an answer");
    let refused = section(&answer, "audio");
    let port = refused.split(' ').nth(1).expect("a port");
    let alone = refused.replacen(port, "0", 1);
    let answer = answer.replace(refused, &alone);
    let answer = answer.replace("BUNDLE 0 ", "BUNDLE ");
    assert_eq!(m_lines(&answer), ["m=audio off", "m=video on"]);
    server
        .signalling
        .accept_answer(&mut server.session, *now, &read(&answer))
        .expect("it fits");
    let mids: Vec<_> = server
        .signalling
        .agreed()
        .map(|agreed| agreed.mid.clone())
        .collect();
    assert_eq!(mids, [Some(video.clone())]);
    call.goes_on(2);
    let (offer, answer) = call.server_offers();
    for text in [&offer, &answer] {
        assert_eq!(value(text, "a=group:"), format!("BUNDLE {video}"));
    }
    call.goes_on(3);
}
