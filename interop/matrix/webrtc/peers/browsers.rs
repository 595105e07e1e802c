//! Chromium and Firefox.

use std::process::Command;

use interop::browser::Kind;

use super::super::peer::{How, Media, Peer};
use super::super::plan::{Caller, Special};
use crate::dtls::{CM_32, CM_80, GCM_128, GCM_256, Role};

pub(super) const CHROMIUM: Peer = Peer {
    name: "chromium",
    version: || version(Kind::Chromium),
    install: "interop/setup.sh browsers",
    callers: &[Caller::Peer, Caller::We],
    roles: &[Role::Server, Role::Client],
    dtls: &["1.3", "1.2"],
    groups13: &["X25519MLKEM768", "X25519"],
    // It does not offer SRTP_AES128_CM_HMAC_SHA1_32.
    profiles: &[GCM_128, GCM_256, CM_80],
    specials: &[
        Special::Rsa,
        Special::Impaired,
        Special::Cryptex,
        Special::Sped,
        Special::Tcp,
    ],
    media: Media::Tone,
    how: How::Browser(Kind::Chromium),
};

pub(super) const FIREFOX: Peer = Peer {
    name: "firefox",
    version: || version(Kind::Firefox),
    install: "interop/setup.sh browsers",
    callers: &[Caller::Peer, Caller::We],
    roles: &[Role::Server, Role::Client],
    dtls: &["1.3", "1.2"],
    groups13: &["X25519MLKEM768", "X25519"],
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    // It has no Cryptex.
    specials: &[Special::Rsa, Special::Impaired, Special::Tcp],
    media: Media::Tone,
    how: How::Browser(Kind::Firefox),
};

/// The version in what a browser prints, such as `Chromium 156.0.8078.79 built on Debian`.
fn version(kind: Kind) -> Option<String> {
    let output = Command::new(kind.program())
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    text.split_whitespace().find(is_version).map(str::to_owned)
}
