//! BoringSSL, built by the crate `boring`.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_32, CM_80, GCM_128, GCM_256};
use super::{locked, own_command, program};

const PROGRAM: &str = "peer-boringssl";

pub(super) const PEER: Peer = Peer {
    name: "boringssl",
    version: || program(PROGRAM).and_then(|_| locked("boring-sys")),
    install: "interop/setup.sh boringssl",
    dtls: &["1.2", "1.3"],
    groups13: &["X25519MLKEM768", "X25519", "P-256"],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| own_command(PROGRAM, call),
    read: Facts::read_word,
};
