//! The first offer of a call: what it has of BUNDLE, and which answers end it.

mod support;

use std::sync::Arc;
use std::time::Instant;

use portcullis::signalling::sdp::{Codec, MediaKind, SdpError};
use portcullis::signalling::{Capabilities, Refusal, Signalling, SignallingError, refusal};
use portcullis::{IceMode, ParametersError};
use support::negotiation::{browser, m_lines, read, sent};
use support::{Terms, caller_address, server_address};

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
