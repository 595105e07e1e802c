//! dimpl, the DTLS of str0m.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_80, GCM_128, GCM_256};
use super::{locked, own_command, program};

const PROGRAM: &str = "peer-dimpl";

pub(super) const PEER: Peer = Peer {
    name: "dimpl",
    version: || program(PROGRAM).and_then(|_| locked("dimpl")),
    install: "interop/setup.sh dimpl",
    dtls: &["1.2", "1.3"],
    groups13: &["X25519", "P-256"],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80],
    certificates: &["ecdsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| own_command(PROGRAM, call),
    read: Facts::read_word,
};
