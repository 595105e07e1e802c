//! SRTP against other implementations, packet by packet over random traffic: both seal the same packets, and both open what arrives.
//!
//! Since the sealed bytes have to be equal, either side's packets are opened by the other. `PORTCULLIS_SRTP_PACKETS` sets how many
//! packets each profile gets. What the others do differently is listed in `docs/srtp.md`.

mod headers;
#[cfg(feature = "libsrtp")]
mod libsrtp;
#[cfg(feature = "libsrtp-shared")]
mod libsrtp_shared;
mod peer;
#[cfg(feature = "pion-srtp")]
mod pion;
mod traffic;
mod webrtc;

use peer::{Keying, Ours, Peer};
use srtp::Profile;
use traffic::{Network, Traffic};

/// How many packets each profile gets in an ordinary test run.
const PACKETS: u64 = if cfg!(debug_assertions) {
    2_000
} else {
    20_000
};

fn packets() -> u64 {
    std::env::var("PORTCULLIS_SRTP_PACKETS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(PACKETS)
}

/// Runs one profile against `theirs`; panics at the first difference.
fn compare(keying: &Keying, theirs: &mut dyn Peer) {
    let profile = keying.profile;
    let mut ours = Ours::new(keying);
    let mut traffic = Traffic::new(profile as u64, keying);
    let mut network = Network::new(!(profile as u64));
    let mut opened = 0_u64;
    let count = packets();
    for number in 0..count {
        let (kind, plain) = traffic.next();
        let sealed = ours.protect(kind, &plain);
        assert_eq!(
            sealed,
            theirs.protect(kind, &plain),
            "{profile}: packet {number} sealed, {kind:?} {plain:02x?}"
        );
        let sealed = sealed.unwrap_or_else(|| panic!("{profile}: packet {number} was refused"));
        for (kind, arrived) in network.transfer(kind, sealed) {
            let plain = ours.unprotect(kind, &arrived);
            assert_eq!(
                plain,
                theirs.unprotect(kind, &arrived),
                "{profile}: opened at packet {number}, {kind:?} {arrived:02x?}"
            );
            opened += u64::from(plain.is_some());
        }
    }
    // Some are lost, forged, or come twice; most are opened.
    assert!(
        opened > count * 4 / 5,
        "{profile}: {opened} of {count} opened"
    );
}

#[test]
fn t_srt_18_webrtc_srtp() {
    for profile in [
        Profile::Aes128CmSha1_80,
        Profile::Aes128CmSha1_32,
        Profile::Aes256CmSha1_80,
        Profile::Aes256CmSha1_32,
        Profile::AeadAes128Gcm,
        Profile::AeadAes256Gcm,
    ] {
        let keying = Keying::new(profile);
        let mut theirs = webrtc::WebrtcSrtp::new(&keying);
        compare(&keying, &mut theirs);
    }
}

#[cfg(feature = "libsrtp")]
#[test]
fn t_srt_18_libsrtp() {
    for profile in Profile::ALL {
        // libsrtp 2.3 does not heed `srtp_set_stream_roc` with AES-GCM. The second ROC is so far from the last that a million
        // packets don't reach it.
        let gcm = matches!(profile, Profile::AeadAes128Gcm | Profile::AeadAes256Gcm);
        let first_rocs = [0, u32::MAX - 0x1_0000];
        for &first_roc in if gcm { &first_rocs[..1] } else { &first_rocs } {
            let keying = Keying {
                first_roc,
                ..Keying::new(profile)
            };
            compare(&keying, &mut libsrtp::Libsrtp::new(&keying));
        }
    }
}

/// With a master key identifier, and with header extensions encrypted one by one.
///
/// libsrtp 2.3 looks for the identifier of SRTCP where the tag of SRTP would begin, so that profiles with two lengths of tags are left
/// out; and it mistakes two-byte elements of header extensions, which are left out too.
#[cfg(feature = "libsrtp")]
#[test]
fn t_srt_18_libsrtp_with_mki_and_encrypted_extensions() {
    for (profile, encrypted) in [
        (Profile::Aes128CmSha1_80, vec![1, 3, 5]),
        (Profile::Aes256CmSha1_80, vec![1, 3, 5]),
        (Profile::NullSha1_80, vec![]),
        (Profile::AeadAes128Gcm, vec![1, 3, 5]),
        (Profile::AeadAes256Gcm, vec![1, 3, 5]),
    ] {
        let keying = Keying {
            mki: vec![1, 2, 3],
            encrypted,
            ..Keying::new(profile)
        };
        compare(&keying, &mut libsrtp::Libsrtp::new(&keying));
    }
}

/// The profiles that encrypt, which is what Cryptex is for.
#[cfg(any(feature = "libsrtp-shared", feature = "pion-srtp"))]
const ENCRYPTING: [Profile; 6] = [
    Profile::Aes128CmSha1_80,
    Profile::Aes128CmSha1_32,
    Profile::Aes256CmSha1_80,
    Profile::Aes256CmSha1_32,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

/// Cryptex (RFC 9335), also with CSRCs that have no header extension, and everything without it.
#[cfg(feature = "pion-srtp")]
#[test]
fn t_srt_18_pion_srtp() {
    for profile in ENCRYPTING {
        for cryptex in [true, false] {
            let keying = Keying {
                cryptex,
                ..Keying::new(profile)
            };
            compare(&keying, &mut pion::Pion::new(&keying));
        }
    }
}

/// Cryptex (RFC 9335). libsrtp refuses CSRCs that have no header extension: where there are CSRCs,
/// there is an extension here.
#[cfg(feature = "libsrtp-shared")]
#[test]
fn t_srt_18_libsrtp_with_cryptex() {
    for path in libsrtp_shared::paths() {
        for profile in ENCRYPTING {
            for cryptex in [true, false] {
                let keying = Keying {
                    cryptex,
                    csrcs_alone: !cryptex,
                    ..Keying::new(profile)
                };
                let mut theirs = libsrtp_shared::LibsrtpShared::new(&path, &keying);
                compare(&keying, &mut theirs);
            }
        }
    }
}

/// What libsrtp does otherwise with Cryptex: CSRCs without a header extension are refused, where we
/// add an empty one (RFC 9335 §5.1).
#[cfg(feature = "libsrtp-shared")]
#[test]
fn libsrtp_refuses_csrcs_without_an_extension() {
    for path in libsrtp_shared::paths() {
        let keying = Keying {
            cryptex: true,
            ..Keying::new(Profile::AeadAes128Gcm)
        };
        let mut theirs = libsrtp_shared::LibsrtpShared::new(&path, &keying);
        let mut plain = vec![0x81, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9];
        plain.extend([7; 20]);
        assert_eq!(theirs.protect(srtp::Kind::Rtp, &plain), None);
        let sealed = Ours::new(&keying).protect(srtp::Kind::Rtp, &plain);
        let opened = theirs.unprotect(srtp::Kind::Rtp, &sealed.expect("fresh"));
        plain[0] |= 0x10;
        plain.splice(16..16, [0xbe, 0xde, 0, 0]);
        assert_eq!(opened, Some(plain), "but it opens what we add one to");
    }
}

/// Encrypted header extensions (RFC 6904) without padding between them are the same; where there is
/// padding, libsrtp's key stream stands still and ours, as §2.1 has it, goes on.
#[cfg(feature = "libsrtp-shared")]
#[test]
fn libsrtp_does_not_count_padding_between_encrypted_extensions() {
    for path in libsrtp_shared::paths() {
        let keying = Keying {
            encrypted: vec![1, 2],
            ..Keying::new(Profile::Aes128CmSha1_80)
        };
        let mut theirs = libsrtp_shared::LibsrtpShared::new(&path, &keying);
        let mut ours = Ours::new(&keying);
        let head = |number| {
            vec![
                0x90, 96, 0, number, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 2,
            ]
        };
        let mut together = head(1);
        together.extend([0x11, 1, 2, 0x21, 3, 4, 0, 0]);
        assert_eq!(
            ours.protect(srtp::Kind::Rtp, &together),
            theirs.protect(srtp::Kind::Rtp, &together)
        );
        let mut apart = head(2);
        apart.extend([0x11, 1, 2, 0, 0x21, 3, 4, 0]);
        let sealed = ours.protect(srtp::Kind::Rtp, &apart).expect("fresh");
        let other = theirs.protect(srtp::Kind::Rtp, &apart).expect("fresh");
        assert_eq!(
            sealed[..21],
            other[..21],
            "the first element, and what is in the clear"
        );
        assert_ne!(sealed[21..23], other[21..23], "the second");
    }
}
