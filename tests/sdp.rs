//! Descriptions: those of browsers, those that lack something, and ours.

mod support;

use std::sync::Arc;
use std::time::Instant;

use dtls::{Certificate, Fingerprint, FingerprintError, Role};
use ice_lite::{CandidateError, CredentialsError};
use portcullis::signalling::{
    Audio, Direction, MAX_LENGTH, RemoteDescription, SdpError, Setup, Signalling, SignallingError,
};
use portcullis::{IceMode, ParametersError, Session, SessionConfig};
use support::{Terms, caller_address, server_address};

const CHROMIUM_OFFER: &str = include_str!("data/sdp/chromium-offer-av-dc.sdp");
const FIREFOX_OFFER: &str = include_str!("data/sdp/firefox-offer-av-dc.sdp");

/// What a server says to an offer.
fn answer(offer: &str) -> Result<String, SignallingError> {
    answer_as(Role::Server, offer)
}

fn answer_as(role: Role, offer: &str) -> Result<String, SignallingError> {
    let terms = Terms {
        answerer: role,
        ..Terms::DEFAULT
    };
    let config = terms.config(IceMode::Lite, server_address());
    answered(config, offer).map(|(.., answer)| answer)
}

fn answered(
    config: SessionConfig,
    offer: &str,
) -> Result<(Session, Signalling, String), SignallingError> {
    Signalling::answer(Arc::new(config), Audio::default(), Instant::now(), offer)
}

fn refusal(offer: &str) -> SdpError {
    match answer(offer) {
        Err(SignallingError::Sdp(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Removes all lines with this beginning.
fn without(sdp: &str, beginning: &str) -> String {
    let kept = sdp.lines().filter(|line| !line.starts_with(beginning));
    kept.map(|line| format!("{line}\r\n")).collect()
}

/// What of a browser's description matters: setup, payload type of Opus, candidates of use, Cryptex.
type Expected = (Setup, u8, usize, bool);

#[test]
fn descriptions_of_browsers_are_understood() {
    let (offer, answer) = (Setup::ActPass, Setup::Active);
    #[rustfmt::skip]
    let all: [(&str, Expected); 9] = [
        (CHROMIUM_OFFER, (offer, 111, 2, false)),
        (include_str!("data/sdp/chromium-offer-av-dc-cryptex.sdp"), (offer, 111, 2, true)),
        (include_str!("data/sdp/chromium-answer-cryptex.sdp"), (answer, 111, 2, true)),
        (include_str!("data/sdp/chromium-to-firefox-offer.sdp"), (offer, 111, 2, false)),
        (include_str!("data/sdp/chromium-to-firefox-answer.sdp"), (answer, 111, 2, false)),
        (FIREFOX_OFFER, (offer, 109, 2, false)),
        (include_str!("data/sdp/firefox-offer-av-dc-mdns.sdp"), (offer, 109, 0, false)),
        (include_str!("data/sdp/firefox-to-chromium-offer.sdp"), (offer, 109, 2, false)),
        (include_str!("data/sdp/firefox-to-chromium-answer.sdp"), (answer, 109, 2, false)),
    ];
    for (sdp, expected) in all {
        let remote = RemoteDescription::parse(sdp).expect(sdp);
        let payload_type = remote.audio().opus.expect("Opus");
        let found = (
            remote.setup,
            payload_type,
            remote.candidates.len(),
            remote.cryptex,
        );
        assert_eq!(found, expected, "{sdp}");
        assert_eq!((remote.fingerprints.len(), remote.sections.len()), (1, 3));
        assert_eq!(remote.audio().mid.as_deref(), Some("0"));
        assert_eq!(remote.audio().direction, Direction::SendRecv);
        assert!(!remote.ice_lite);
    }
}

/// RFC 8840: Firefox says when it has gathered all; Chromium trickles and says nothing in its offer.
#[test]
fn the_end_of_candidates_is_read() {
    for (sdp, ended) in [(FIREFOX_OFFER, true), (CHROMIUM_OFFER, false)] {
        let remote = RemoteDescription::parse(sdp).expect("an offer");
        assert_eq!(remote.end_of_candidates, ended);
    }
    let in_another_section =
        CHROMIUM_OFFER.replace("a=mid:1\r\n", "a=mid:1\r\na=end-of-candidates\r\n");
    assert_ne!(in_another_section, CHROMIUM_OFFER);
    let remote = RemoteDescription::parse(&in_another_section).expect("an offer");
    assert!(!remote.end_of_candidates);
    let full = CHROMIUM_OFFER.replace("a=ice-options:trickle\r\n", "");
    let remote = RemoteDescription::parse(&full).expect("an offer");
    assert!(remote.end_of_candidates, "it does not trickle");
}

/// A call of data channels alone has no media for us.
#[test]
fn offers_without_audio_are_refused() {
    for offer in [
        include_str!("data/sdp/chromium-offer-dc-mdns.sdp"),
        include_str!("data/sdp/chromium-offer-dc-sped-snap.sdp"),
    ] {
        assert_eq!(refusal(offer), SdpError::NoUsableMedia);
    }
}

/// Browsers compare the answer with their offer section by section (RFC 3264 §6, RFC 9143 §7.3).
#[test]
fn an_answer_repeats_the_sections_and_takes_one() {
    for offer in [CHROMIUM_OFFER, FIREFOX_OFFER] {
        let text = answer(offer).expect("an answer");
        let sections: Vec<_> = text.lines().filter(|line| line.starts_with("m=")).collect();
        let offered: Vec<_> = offer
            .lines()
            .filter(|line| line.starts_with("m="))
            .collect();
        assert_eq!(sections.len(), offered.len());
        let opus = RemoteDescription::parse(offer)
            .expect("an offer")
            .audio()
            .opus;
        let opus = opus.expect("Opus");
        assert_eq!(
            sections[0],
            format!("m=audio 3478 UDP/TLS/RTP/SAVPF {opus}")
        );
        for (ours, theirs) in sections.iter().zip(&offered).skip(1) {
            let [kind, _, rest] = split(theirs);
            assert_eq!(split(ours), [kind, "0", rest]);
        }
        assert_eq!(text.matches("a=inactive\r\n").count(), 2);
        for line in [
            "a=group:BUNDLE 0\r\n",
            "a=ice-lite\r\n",
            "a=setup:passive\r\n",
            "a=rtcp-mux\r\n",
            "a=sendrecv\r\n",
            "a=mid:0\r\n",
            "a=mid:1\r\n",
            "a=mid:2\r\n",
            "a=candidate:1 1 udp 2130706431 198.51.100.2 3478 typ host\r\n",
            "a=end-of-candidates\r\n",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
        }
        let ours = RemoteDescription::parse(&text).expect("our own answer");
        assert!(ours.end_of_candidates);
        assert!(ours.ice_lite && ours.setup == Setup::Passive);
        assert_eq!(ours.candidates.len(), 1);
    }
}

fn split(line: &str) -> [&str; 3] {
    let mut words = line.splitn(3, ' ');
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

#[test]
fn what_is_missing_is_named() {
    let lacks = |beginning: &str| refusal(&without(CHROMIUM_OFFER, beginning));
    assert_eq!(lacks("a=ice-ufrag"), SdpError::NoUfrag);
    assert_eq!(lacks("a=ice-pwd"), SdpError::NoPassword);
    assert_eq!(lacks("a=fingerprint"), SdpError::NoFingerprint);
    assert_eq!(lacks("a=setup"), SdpError::NoSetup);
    assert_eq!(lacks("a=rtcp-mux"), SdpError::NoRtcpMux);
    assert_eq!(lacks("a=rtpmap:111"), SdpError::NoUsableMedia);
    assert_eq!(lacks("m=audio"), SdpError::NoUsableMedia);
    assert_eq!(lacks("v="), SdpError::NotSdp);
    assert_eq!(refusal(""), SdpError::NotSdp);
    assert_eq!(refusal("v=0\r\nnot a line\r\n"), SdpError::Malformed(2));
}

#[test]
fn what_is_wrong_is_named() {
    let with = |from: &str, to: &str| refusal(&CHROMIUM_OFFER.replace(from, to));
    assert_eq!(with("setup:actpass", "setup:holdconn"), SdpError::BadSetup);
    assert_eq!(
        with("UDP/TLS/RTP/SAVPF", "RTP/AVPF"),
        SdpError::NoUsableMedia
    );
    assert_eq!(
        with("a=ice-ufrag:Bdrv", "a=ice-ufrag:abc"),
        SdpError::Credentials(CredentialsError::UfragLength(3))
    );
    assert_eq!(
        with("a=ice-pwd:", "a=ice-pwd:%"),
        SdpError::Credentials(CredentialsError::PasswordCharacter)
    );
    let unusable = |error| SdpError::UnusableFingerprint(error);
    assert_eq!(
        with("sha-256 ", "sha-1 "),
        unusable(FingerprintError::UnsupportedHash)
    );
    assert_eq!(
        with("sha-256 ", "sha-512 "),
        unusable(FingerprintError::Malformed)
    );
    // RFC 3264 §6: port 0 without being in a group says no. An offer that bundles is another matter.
    let rejected = CHROMIUM_OFFER.replace("m=audio 45312", "m=audio 0");
    assert_eq!(
        refusal(&without(&rejected, "a=group")),
        SdpError::NoUsableMedia
    );
    assert!(answer(&rejected).is_ok(), "bundle-only");
}

/// At most 64 KiB are looked at.
#[test]
fn length_has_a_limit() {
    let mut offer = CHROMIUM_OFFER.to_owned();
    let filler = format!("a=x:{}\r\n", "y".repeat(1000));
    while offer.len() + filler.len() <= MAX_LENGTH {
        offer.push_str(&filler);
    }
    assert!(answer(&offer).is_ok());
    offer.push_str(&filler);
    assert_eq!(refusal(&offer), SdpError::TooLong(offer.len()));
}

/// RFC 8122 §5: several lines, at either level; those of a section go before those of the session.
#[test]
fn every_fingerprint_counts() {
    let other = Certificate::generate(&*dtls::crypto::default_provider()).expect("a certificate");
    let line = format!("a=fingerprint:{}\r\n", other.fingerprint_sha256());
    let weak = "a=fingerprint:sha-1 00:11\r\n";
    let own =
        |sdp: &str| -> Vec<Fingerprint> { RemoteDescription::parse(sdp).expect(sdp).fingerprints };
    let first = own(CHROMIUM_OFFER);
    let several = CHROMIUM_OFFER.replace("a=setup", &format!("{line}{weak}a=setup"));
    assert_eq!(own(&several), [first[0], other.fingerprint_sha256()]);
    let session = CHROMIUM_OFFER.replace("a=group", &format!("{line}a=group"));
    assert_eq!(own(&session), first);
    let session = without(CHROMIUM_OFFER, "a=fingerprint");
    let session = session.replace("a=group", &format!("{line}a=group"));
    assert_eq!(own(&session), [other.fingerprint_sha256()]);
    let many = CHROMIUM_OFFER.replace("a=setup", &format!("{}a=setup", line.repeat(40)));
    assert_eq!(refusal(&many), SdpError::TooManyFingerprints);
}

/// RFC 9143 §7.1.3: within a group, the transport of the first section is that of all.
#[test]
fn a_bundled_section_may_leave_its_transport_to_the_first() {
    // The video section becomes the first and only one with a transport.
    let (head, rest) = CHROMIUM_OFFER.split_at(CHROMIUM_OFFER.find("m=audio").expect("audio"));
    let (audio, rest) = rest.split_at(rest.find("m=video").expect("video"));
    let (video, _) = rest.split_at(rest.find("m=application").expect("data"));
    let head = head.replace("BUNDLE 0 1 2", "BUNDLE 1 0");
    let mut bare = audio.replace("m=audio 45312", "m=audio 0");
    for beginning in ["a=ice-", "a=fingerprint", "a=setup", "a=candidate"] {
        bare = without(&bare, beginning);
    }
    let whole = RemoteDescription::parse(CHROMIUM_OFFER).expect("an offer");
    let offer = format!("{head}{video}{bare}");
    let remote = RemoteDescription::parse(&offer).expect("an offer");
    assert_eq!(remote.audio, 1);
    assert_eq!(remote.fingerprints, whole.fingerprints);
    assert_eq!(remote.credentials.ufrag(), "Bdrv");
    let text = answer(&offer).expect("an answer");
    assert!(text.contains("m=video 0 ") && text.contains("a=group:BUNDLE 0\r\n"));
}

/// RFC 4145 §4.1, RFC 5763 §5.
#[test]
fn roles_follow_from_the_offer() {
    let as_active = CHROMIUM_OFFER.replace("setup:actpass", "setup:active");
    let as_passive = CHROMIUM_OFFER.replace("setup:actpass", "setup:passive");
    for (ours, offer, setup) in [
        (Role::Server, CHROMIUM_OFFER, "passive"),
        (Role::Client, CHROMIUM_OFFER, "active"),
        (Role::Client, &as_active, "passive"),
        (Role::Server, &as_passive, "active"),
    ] {
        let text = answer_as(ours, offer).expect("an answer");
        assert!(text.contains(&format!("a=setup:{setup}\r\n")), "{text}");
    }
}

/// RFC 3264 §6.1.
#[test]
fn directions_are_answered() {
    for (offered, answered) in [
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ] {
        let offer = CHROMIUM_OFFER.replacen("a=sendrecv", &format!("a={offered}"), 1);
        let text = answer(&offer).expect("an answer");
        let (audio, _) = text.split_at(text.find("m=video").expect("video"));
        assert!(audio.contains(&format!("a={answered}\r\n")), "{text}");
        assert_eq!(audio.contains("a=msid"), answered == "sendonly", "{text}");
    }
}

/// Our offer, and what is no answer to it.
#[test]
fn answers_have_to_fit_the_offer() {
    let now = Instant::now();
    let config = Arc::new(Terms::DEFAULT.config(IceMode::Lite, caller_address()));
    let offered =
        || Signalling::offer(Arc::clone(&config), Audio::default(), now).expect("an offer");
    let (.., offer) = offered();
    assert!(offer.contains("a=setup:actpass\r\n"));
    let full = Terms::DEFAULT.config(IceMode::Controlling, server_address());
    let (.., answer) = answered(full, &offer).expect("an answer");
    let refusal = |answer: &str| {
        let (mut session, mut signalling, _) = offered();
        signalling.accept_answer(&mut session, now, answer)
    };
    assert_eq!(refusal(&answer), Ok(()));

    let sdp = |error| Err(SignallingError::Sdp(error));
    let conflict = SdpError::SetupConflict {
        offer: Setup::ActPass,
        answer: Setup::ActPass,
    };
    let with = |from, to| refusal(&answer.replace(from, to));
    assert_eq!(with("setup:passive", "setup:actpass"), sdp(conflict));
    assert_eq!(
        with("setup:passive", "setup:holdconn"),
        sdp(SdpError::BadSetup)
    );
    assert_eq!(
        with("m=audio 3478", "m=audio 0"),
        sdp(SdpError::AllRejected)
    );
    assert_eq!(
        refusal(CHROMIUM_OFFER),
        sdp(SdpError::MediaMismatch),
        "more sections"
    );
    let lite = answer.replace("a=group", "a=ice-lite\r\na=group");
    assert_eq!(refusal(&lite), Err(ParametersError::BothIceLite.into()));
    let (mut session, mut signalling, _) = offered();
    let accepted = signalling.accept_answer(&mut session, now, &answer);
    accepted.expect("an answer");
    assert_eq!(
        signalling.accept_answer(&mut session, now, &answer),
        sdp(SdpError::WrongState)
    );
}

/// RFC 3264 §8: the sections of a call stay, the rejected ones too.
#[test]
fn an_offer_to_restart_repeats_the_sections() {
    let config = Terms::DEFAULT.config(IceMode::Lite, server_address());
    let (mut session, mut signalling, answer) =
        answered(config, CHROMIUM_OFFER).expect("a good offer");
    let offer = signalling.restart_ice(&mut session, CHROMIUM_OFFER);
    let offer = offer.expect("the call stands");
    let lines = |sdp: &str, kind: &str| -> Vec<_> {
        sdp.lines()
            .filter(|line| line.starts_with(kind))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(&offer, "m="), lines(&answer, "m="));
    assert_eq!(lines(&offer, "a=mid:"), lines(&answer, "a=mid:"));
    let ufrag = session.local_parameters().credentials.ufrag().to_owned();
    assert_eq!(
        lines(&offer, "a=ice-ufrag:"),
        [format!("a=ice-ufrag:{ufrag}")]
    );
    let read = RemoteDescription::parse(&offer).expect("a good offer");
    assert_eq!((read.sections.len(), read.audio), (3, 0));
    let version = |sdp: &str| {
        sdp.split(' ')
            .nth(2)
            .and_then(|word| word.parse::<u64>().ok())
    };
    assert_eq!(version(&offer), version(&answer).map(|it| it + 1));
}

/// Such as the host name of a browser that hides its address.
#[test]
fn a_line_that_is_no_candidate_changes_nothing() {
    let config = Terms::DEFAULT.config(IceMode::Controlling, server_address());
    let (mut session, signalling, _) = answered(config, CHROMIUM_OFFER).expect("a good offer");
    let digest = session.state_digest();
    let hidden = "candidate:1 1 udp 1 6d4b3a2e-0c1f-4d7e-9b8a-112233445566.local 9 typ host";
    for (line, error) in [
        (hidden, CandidateError::NotAnIpAddress),
        ("a=end-of-candidates", CandidateError::Prefix),
        ("", CandidateError::Prefix),
    ] {
        let taken = signalling.add_remote_candidate(&mut session, line);
        assert_eq!(taken, Err(error.into()), "{line}");
    }
    assert_eq!(session.state_digest(), digest);
    let line = "a=candidate:1 1 udp 1 192.0.2.9 9 typ host";
    let taken = signalling.add_remote_candidate(&mut session, line);
    assert_eq!(taken, Ok(()));
    assert_ne!(session.state_digest(), digest);
}
