//! use_srtp and ALPN.

use super::harness::{
    Outcome, Pair, VERSIONS, client, config, server, with_answers, with_client_hello,
};
use crate::config::{ConfigBuilder, Role};
use crate::error::Error;
use crate::event::ConnectionInfo;
use crate::wire::{
    AlpnAnswer, ExtensionType, List, ProtocolVersion, ServerExtensions, SrtpProfile, UseSrtp,
};

const GCM: SrtpProfile = SrtpProfile::AEAD_AES_128_GCM;
const CM: SrtpProfile = SrtpProfile::AES128_CM_HMAC_SHA1_80;
const CM_32: SrtpProfile = SrtpProfile::AES128_CM_HMAC_SHA1_32;

/// A handshake that completes, and what it agreed on.
fn agreed(configs: [ConfigBuilder; 2]) -> ConnectionInfo {
    let mut pair = Pair::with(configs);
    assert_eq!(pair.run(|_, _| ()), Ok(()));
    let [client, server] = [Role::Client, Role::Server].map(|role| {
        let established = pair.end(role).handshake.established().expect("established");
        ConnectionInfo::clone(&established.info)
    });
    assert_eq!(
        (client.srtp_profile, &client.alpn),
        (server.srtp_profile, &server.alpn)
    );
    client
}

fn srtp(version: ProtocolVersion, profiles: &[SrtpProfile]) -> ConfigBuilder {
    config(version).srtp_profiles(profiles)
}

/// T-NEG-10, RFC 5764 §4.1.1: no common profile ends the handshake, and the error lists both.
#[test]
fn t_neg_10_no_common_profile() {
    for version in VERSIONS {
        let run = |configs| Pair::with(configs).run(|_, _| ());
        let outcome = run([srtp(version, &[CM, CM_32]), srtp(version, &[GCM])]);
        let (ours, theirs) = (vec![GCM], vec![CM, CM_32]);
        assert_eq!(outcome, server(Error::NoCommonSrtpProfile { ours, theirs }));
        let outcome = run([srtp(version, &[]), srtp(version, &[GCM])]);
        let (ours, theirs) = (vec![GCM], vec![]);
        assert_eq!(outcome, server(Error::NoCommonSrtpProfile { ours, theirs }));
        let outcome = run([srtp(version, &[GCM]), srtp(version, &[])]);
        let (ours, theirs) = (vec![GCM], vec![]);
        assert_eq!(outcome, client(Error::NoCommonSrtpProfile { ours, theirs }));
    }
}

/// Who can do without SRTP goes on without it.
#[test]
fn srtp_can_be_optional() {
    for version in VERSIONS {
        let optional = |profiles: &[_]| srtp(version, profiles).srtp_required(false);
        for configs in [
            [optional(&[CM]), optional(&[GCM])],
            [optional(&[]), optional(&[GCM])],
            [optional(&[GCM]), optional(&[])],
            [srtp(version, &[]), srtp(version, &[])],
        ] {
            assert_eq!(agreed(configs).srtp_profile, None);
        }
        assert_eq!(
            agreed([optional(&[GCM]), optional(&[CM, GCM])]).srtp_profile,
            Some(GCM)
        );
    }
}

/// A client's handshake whose server answers use_srtp otherwise.
fn with_srtp(version: ProtocolVersion, profiles: &[SrtpProfile], mki: &[u8]) -> Outcome {
    let profiles = List::Values(profiles);
    with_answers(srtp(version, &[GCM, CM]).mki(&[1, 2]), |answers| {
        answers.use_srtp = Some(UseSrtp { profiles, mki });
    })
}

/// T-NEG-10, RFC 5764 §4.1.1 and §4.1.3: exactly one profile, one that was offered; the MKI that
/// was offered or none.
#[test]
fn t_neg_10_bad_answers() {
    for version in VERSIONS {
        for profiles in [&[GCM, CM][..], &[CM_32], &[SrtpProfile::NULL_HMAC_SHA1_80]] {
            let error = Error::BadSrtpProfileAnswer(profiles.to_vec());
            assert_eq!(with_srtp(version, profiles, &[]), client(error));
        }
        for mki in [&[1, 3][..], &[1]] {
            assert_eq!(
                with_srtp(version, &[GCM], mki),
                client(Error::SrtpMkiMismatch)
            );
        }
    }
}

/// RFC 5764 §4.1.3: our server takes up the MKI that it is configured for, and no other.
#[test]
fn mki() {
    for version in VERSIONS {
        let with = |mki: &[u8]| config(version).mki(mki);
        for (client, server, taken) in [
            (&[1, 2][..], &[1, 2][..], &[1, 2][..]),
            (&[1, 2], &[1, 3], &[]),
            (&[1, 2], &[], &[]),
            (&[], &[1, 2], &[]),
        ] {
            assert_eq!(agreed([with(client), with(server)]).mki, taken);
        }
    }
}

/// RFC 7301 §3.2.
#[test]
fn no_common_application_protocol() {
    for version in VERSIONS {
        let one = config(version).alpn(&[b"webrtc"]);
        let two = config(version).alpn(&[b"c-webrtc"]);
        let outcome = Pair::with([one, two]).run(|_, _| ());
        assert_eq!(outcome, server(Error::NoCommonApplicationProtocol));
    }
}

/// RFC 7301 §3.1: one protocol, one that was offered.
#[test]
fn bad_application_protocol() {
    for version in VERSIONS {
        let config = srtp(version, &[]).alpn(&[b"webrtc"]);
        let outcome = with_answers(config, |answers| {
            answers.alpn = Some(AlpnAnswer::Name(b"h3"));
        });
        assert_eq!(outcome, client(Error::UnofferedApplicationProtocol));
    }
}

/// Only one side has ALPN: there is no protocol, and no harm.
#[test]
fn one_sided_application_protocol() {
    for version in VERSIONS {
        let with = || config(version).alpn(&[b"webrtc"]);
        assert_eq!(agreed([with(), config(version)]).alpn, None);
        assert_eq!(agreed([config(version), with()]).alpn, None);
        assert_eq!(
            agreed([with(), with()]).alpn.as_deref(),
            Some(&b"webrtc"[..])
        );
    }
}

/// RFC 8449 §4: less than 64 bytes is illegal from either side, and an answer must have been asked for.
#[test]
fn record_size_limits() {
    for version in VERSIONS {
        let plain = || config(version).srtp_required(false);
        let limited = || plain().record_size_limit(100);
        let outcome = with_client_hello(limited(), |hello| {
            hello.extensions.record_size_limit = Some(63);
        });
        assert_eq!(outcome, server(Error::RecordSizeLimitTooSmall(63)));
        let small: fn(&mut ServerExtensions<'_>) = |answers| answers.record_size_limit = Some(63);
        let outcome = with_answers(limited(), small);
        assert_eq!(outcome, client(Error::RecordSizeLimitTooSmall(63)));
        let outcome = with_answers(plain(), small);
        let kind = ExtensionType::RECORD_SIZE_LIMIT;
        assert_eq!(outcome, client(Error::UnsolicitedExtension(kind)));
    }
}

/// RFC 6066 §3: a name with what no host has in it, such as a zero byte, is none.
#[test]
fn names_are_seen_whole() {
    let read = |name: &[u8]| super::super::server_name(Some(name));
    assert_eq!(read(b"a.example").as_deref(), Some("a.example"));
    for name in [
        &b"a\0.example"[..],
        b"a example",
        "\u{e4}.example".as_bytes(),
    ] {
        assert_eq!(read(name), None);
    }
}
