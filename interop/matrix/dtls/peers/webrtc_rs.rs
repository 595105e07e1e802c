//! The DTLS of webrtc-rs.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_80, GCM_128, GCM_256};
use super::{locked, own_command, program};

const PROGRAM: &str = "peer-webrtc-rs";

pub(super) const PEER: Peer = Peer {
    name: "webrtc-rs",
    version: || program(PROGRAM).and_then(|_| locked("webrtc-dtls")),
    install: "interop/setup.sh webrtc-rs",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80],
    // It does not read RSA keys in PEM.
    certificates: &["ecdsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| own_command(PROGRAM, call),
    read: Facts::read_word,
};
