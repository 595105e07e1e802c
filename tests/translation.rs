//! What one browser sends, in the numbers of another.

use std::sync::Arc;
use std::time::Instant;

use portcullis::signalling::sdp::{Description, MediaKind};
use portcullis::signalling::{Agreed, Capabilities, Signalling, Translation};
use portcullis::srtp::HeaderExtension;
use portcullis::{SessionConfig, dtls};
use rtp_types::RtpPacketBuilder;

const CHROMIUM: &str = include_str!("data/sdp/chromium-offer-av-dc.sdp");
const FIREFOX: &str = include_str!("data/sdp/firefox-offer-av-dc.sdp");
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// What is agreed on with a browser for its video.
fn video(offer: &str) -> Agreed {
    let dtls = dtls::Config::new(dtls::crypto::default_provider()).expect("it is valid");
    let config = Arc::new(SessionConfig::new(Arc::new(dtls)));
    let offer = Description::read(offer).expect("a browser's offer");
    let capabilities = Capabilities::browser();
    let answered = Signalling::answer(config, Instant::now(), &offer, &capabilities);
    let (_, signalling, _) = answered.expect("it is taken");
    let mut sections = signalling.agreed();
    let video = sections.find(|it| it.ours.kind == MediaKind::Video);
    video.expect("it has video").clone()
}

/// The payload type of VP8, and of what repeats it.
fn vp8(section: &Agreed) -> [u8; 2] {
    let codecs = &section.theirs.codecs;
    let vp8 = codecs.iter().find(|codec| codec.is("VP8")).expect("VP8");
    let of = Some(vp8.payload_type);
    let again = codecs.iter().find(|codec| codec.repeats() == of);
    [vp8.payload_type, again.expect("rtx").payload_type]
}

/// A packet with these elements in 16 bytes of header extension.
fn packet(payload_type: u8, elements: &[(u8, &[u8])]) -> Vec<u8> {
    let mut packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
        .payload_type(payload_type)
        .marker_bit(true)
        .extension(0xbede, &[0; 16])
        .payload(b"picture")
        .write_vec()
        .expect("it is valid");
    HeaderExtension::rewrite(&mut packet, elements.iter().copied()).expect("there is room");
    packet
}

#[test]
fn a_packet_of_chromiums_becomes_one_for_firefox() {
    let (from, to) = (video(CHROMIUM), video(FIREFOX));
    let translation = Translation::new(&from, &to);
    let ([theirs, again], expected) = (vp8(&from), vp8(&to));
    assert_ne!([theirs, again], expected, "their numbers differ");
    assert_eq!(translation.payload_type(theirs), Some(expected[0]));
    assert_eq!(translation.payload_type(again), Some(expected[1]));
    let number = |section: &Agreed| {
        let number = section.theirs.extension_id(MID).expect("it has mids");
        u8::try_from(number).expect("a byte")
    };
    let mid = to.mid.as_deref().expect("it has a mid").as_bytes();
    // The second is one that nobody has agreed on.
    let sent = packet(theirs, &[(number(&from), b"video"), (14, b"?")]);
    let mut copy = sent.clone();
    assert!(translation.apply(&sent, &mut copy));
    assert_eq!(copy, packet(expected[0], &[(number(&to), mid)]));
}

#[test]
fn what_the_receiver_does_not_take_is_not_for_it() {
    let (from, mut to) = (video(CHROMIUM), video(FIREFOX));
    to.theirs.codecs.retain(|codec| !codec.is("VP8"));
    let translation = Translation::new(&from, &to);
    for theirs in vp8(&from) {
        assert_eq!(translation.payload_type(theirs), None);
        let sent = packet(theirs, &[]);
        assert!(!translation.apply(&sent, &mut sent.clone()));
    }
    assert_eq!(translation.payload_type(255), None);
    assert!(!translation.apply(&[], &mut []));
}
