//! pion/dtls, by a program of ours in Go.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_32, CM_80, GCM_128, GCM_256};
use super::{compiled, compiled_command, source};

pub(super) const PEER: Peer = Peer {
    name: "pion",
    version: || compiled("pion").and_then(|_| required()),
    install: "interop/setup.sh pion",
    dtls: &["1.3", "1.2"],
    groups13: &["X25519MLKEM768", "X25519"],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| compiled_command("pion", call),
    read: Facts::read_word,
};

/// The version that the module file names.
fn required() -> Option<String> {
    let module = std::fs::read_to_string(source("pion/go.mod")).ok()?;
    let (_, rest) = module.split_once("github.com/pion/dtls/v4 v")?;
    rest.split_whitespace().next().map(str::to_owned)
}
