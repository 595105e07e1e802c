//! What an application sees of a section.

use portcullis::dtls::{Certificate, FingerprintError, Role};
use portcullis::ice_lite::CredentialsError;
use portcullis::signalling::sdp::{
    Description, DescriptionKind, Direction, MediaKind, Msid, Payload, RidDirection, SdpError,
    Source, SourceGroup,
};
use portcullis::{MAX_FINGERPRINTS, dtls};

const CHROMIUM: &str = include_str!("../data/sdp/chromium-offer-av-dc.sdp");
const FIREFOX: &str = include_str!("../data/sdp/firefox-offer-av-dc.sdp");

fn read(text: &str) -> Description {
    Description::read(text).expect("a description")
}

fn form(name: &str) -> Description {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sdp/forms");
    read(&std::fs::read_to_string(format!("{folder}/{name}.sdp")).expect("a form"))
}

#[test]
fn a_section_of_a_browser_as_types() {
    let offer = read(CHROMIUM);
    let video = offer.section("1").expect("video");
    assert_eq!(
        (video.port, video.protocol.as_str()),
        (37446, "UDP/TLS/RTP/SAVPF")
    );
    assert_eq!(
        (video.group, video.rtcp_mux, video.bundle_only),
        (Some(0), true, false)
    );
    assert_eq!(video.payload(), Some(Payload::Rtp));
    let media = &video.media;
    assert_eq!(
        (&media.kind, media.direction),
        (&MediaKind::Video, Direction::SendRecv)
    );
    assert!(media.rtcp_rsize && media.extmap_allow_mixed);
    assert_eq!(media.codecs.len(), 23);
    let vp8 = media.codec(96).expect("VP8");
    assert_eq!(
        (vp8.name.as_str(), vp8.clock_rate, vp8.channels),
        ("VP8", 90_000, 1)
    );
    assert_eq!(
        vp8.feedback,
        ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]
    );
    let h264 = media.codec(108).expect("H.264");
    assert_eq!(h264.parameter("Packetization-Mode"), Some("1"));
    assert_eq!(media.codec(97).expect("rtx").repeats(), Some(96));
    assert_eq!(
        media.extension_id("urn:ietf:params:rtp-hdrext:sdes:mid"),
        Some(4)
    );
    assert_eq!(media.extensions.len(), 11);
    let stream = "f5c37cce-2d6a-4d69-93e3-02ec9381f4ea";
    let track = "ff96b389-6349-47db-8d90-52abc3beb666";
    assert_eq!(media.msids, [Msid::new(stream, track)]);
    let source = |ssrc| {
        let mut source = Source::new(ssrc, "/NZvdvu2T33GBFr1");
        source.attributes = vec![format!("msid:{stream} {track}")];
        source
    };
    assert_eq!(media.sources, [source(2_509_384_971), source(839_373_566)]);
    let group = SourceGroup::new("FID", &[2_509_384_971, 839_373_566]);
    assert_eq!(media.source_groups, [group]);
    let others = media
        .attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_deref()));
    assert_eq!(
        others.collect::<Vec<_>>(),
        [("rtcp-xr", Some("rcvr-rtt=all"))]
    );
    let data = offer
        .section("2")
        .expect("data")
        .media
        .data
        .as_ref()
        .expect("SCTP");
    assert_eq!((data.port, data.max_message_size), (5000, 262_144));
}

/// RFC 8841 §6.1, and the form from before it.
#[test]
fn data_channels_without_a_word() {
    let read = |name| {
        let offer = form(name);
        let data = offer.sections()[0].media.data.clone().expect("SCTP");
        (data.port, data.max_message_size)
    };
    assert_eq!(read("data-without-attributes"), (5000, 65_536));
    assert_eq!(read("data-sctpmap"), (5001, 65_536));
    assert_eq!(read("data-only"), (6000, 1_073_741_823));
}

/// RFC 8851 §4, RFC 8853 §5.1.
#[test]
fn simulcast_streams_are_seen() {
    let offer = form("simulcast");
    let media = &offer.sections()[0].media;
    let rids: Vec<_> = media
        .rids
        .iter()
        .map(|rid| {
            (
                rid.id.as_str(),
                rid.direction,
                &rid.payload_types[..],
                rid.restrictions.as_str(),
            )
        })
        .collect();
    let send = RidDirection::Send;
    let expected: [(_, _, &[u8], _); 3] = [
        ("h", send, &[], ""),
        ("m", send, &[], "max-width=640;max-height=360"),
        ("l", send, &[96], "max-width=320"),
    ];
    assert_eq!(rids, expected);
    let simulcast = media.simulcast.as_ref().expect("simulcast");
    let streams: Vec<_> = simulcast
        .send
        .iter()
        .flatten()
        .map(|it| (it.rid.as_str(), it.paused))
        .collect();
    assert_eq!(streams, [("h", false), ("m", false), ("l", true)]);
    assert_eq!(simulcast.to_string(), "send h;m;~l");
}

/// Groups of sources, as an SFU sends them.
#[test]
fn groups_of_sources_are_seen() {
    let offer = form("jitsi-colibri");
    let media = &offer.section("video").expect("video").media;
    assert_eq!(media.sources.len(), 6);
    assert_eq!(media.source_groups.len(), 4);
    assert_eq!(
        media.source_groups[0],
        SourceGroup::new("SIM", &[11, 12, 13])
    );
}

/// RFC 8838 §3, RFC 8840 §4.2: who does not trickle has told all.
#[test]
fn the_end_of_candidates_is_read() {
    let ended = |text: &str| {
        read(text)
            .parameters(0, DescriptionKind::Offer)
            .expect("parameters")
            .end_of_candidates
    };
    assert!(ended(FIREFOX), "it says so");
    assert!(!ended(CHROMIUM), "it trickles");
    assert!(
        ended(&CHROMIUM.replace("a=ice-options:trickle\r\n", "")),
        "it does not trickle"
    );
}

#[test]
fn candidates_of_use_are_read() {
    let addresses = |name| {
        let parameters = form(name)
            .parameters(0, DescriptionKind::Offer)
            .expect("parameters");
        let candidates = parameters.candidates.iter();
        candidates
            .map(|it| it.address.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        addresses("candidate-of-another-ufrag"),
        ["192.0.2.7:49160", "192.0.2.9:49160"]
    );
    assert_eq!(addresses("candidates-of-no-use"), ["192.0.2.7:49160"]);
}

/// RFC 4145 §4: what holds without the attribute differs between offers and answers.
#[test]
fn the_role_is_read() {
    use DescriptionKind::{Answer, Offer};
    let role = |name, kind| form(name).parameters(0, kind).map(|it| it.dtls_role);
    assert_eq!(role("setup-active", Offer), Ok(Some(Role::Client)));
    assert_eq!(role("setup-passive", Offer), Ok(Some(Role::Server)));
    assert_eq!(role("mid-without-group", Offer), Ok(None));
    assert_eq!(
        role("mid-without-group", Answer),
        Err(SdpError::UndecidedSetup)
    );
    assert_eq!(role("setup-missing", Offer), Ok(Some(Role::Client)));
    assert_eq!(role("setup-missing", Answer), Ok(Some(Role::Server)));
    assert_eq!(role("setup-unknown", Offer), Err(SdpError::BadSetup));
}

#[test]
fn what_is_no_description_is_said() {
    let refused = |text: &str| Description::read(text).map(|_| ());
    assert_eq!(refused(""), Err(SdpError::NotSdp));
    assert_eq!(refused("m=audio 9 RTP/AVP 0\r\n"), Err(SdpError::NotSdp));
    assert_eq!(
        refused("v=0\r\nnot a line\r\n"),
        Err(SdpError::Malformed(2))
    );
    assert_eq!(
        refused("v=0\r\nm=audio nine RTP/AVP 0\r\n"),
        Err(SdpError::Malformed(2))
    );
}

#[test]
fn credentials_that_can_not_be_used_are_named() {
    let with = |from: &str, to: &str| {
        let text = CHROMIUM.replace(from, to);
        let parameters = read(&text).parameters(0, DescriptionKind::Offer);
        parameters.map(|_| ()).expect_err("they can't be used")
    };
    assert_eq!(
        with("a=ice-ufrag:Bdrv", "a=ice-ufrag:abc"),
        CredentialsError::UfragLength(3).into()
    );
    assert_eq!(
        with("a=ice-pwd:", "a=ice-pwd:%"),
        CredentialsError::PasswordCharacter.into()
    );
    let unusable = SdpError::UnusableFingerprint;
    assert_eq!(
        with("sha-256 ", "sha-1 "),
        unusable(FingerprintError::UnsupportedHash)
    );
    assert_eq!(
        with("sha-256 ", "sha-512 "),
        unusable(FingerprintError::Malformed)
    );
}

/// RFC 8122 §5: several lines, at either level; those of a section go before those of the session.
#[test]
fn every_fingerprint_counts() {
    let other = Certificate::generate(&*dtls::crypto::default_provider()).expect("a certificate");
    let other = other.fingerprint_sha256();
    let line = format!("a=fingerprint:{other}\r\n");
    let weak = "a=fingerprint:sha-1 00:11\r\n";
    let own = |text: &str| {
        let parameters = read(text).parameters(0, DescriptionKind::Offer);
        parameters.map(|parameters| parameters.fingerprints)
    };
    let first = own(CHROMIUM).expect("a fingerprint")[0];
    let several = CHROMIUM.replace("a=setup", &format!("{line}{weak}a=setup"));
    assert_eq!(own(&several), Ok(vec![first, other]));
    let session = CHROMIUM.replacen("a=group", &format!("{line}a=group"), 1);
    assert_eq!(own(&session), Ok(vec![first]));
    let lines = session
        .lines()
        .filter(|text| !text.ends_with(&first.to_string()));
    let session: String = lines.map(|line| format!("{line}\r\n")).collect();
    assert_eq!(own(&session), Ok(vec![other]));
    let many = |count| CHROMIUM.replace("a=setup", &format!("{}a=setup", line.repeat(count)));
    assert_eq!(
        own(&many(MAX_FINGERPRINTS - 1)).map(|all| all.len()),
        Ok(MAX_FINGERPRINTS)
    );
    assert_eq!(
        own(&many(MAX_FINGERPRINTS)),
        Err(SdpError::TooManyFingerprints)
    );
}
