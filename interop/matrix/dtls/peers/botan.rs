//! Botan, by a program of ours in C++.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_32, CM_80, GCM_128, GCM_256};
use super::{compiled, compiled_command, pkg_config};

pub(super) const PEER: Peer = Peer {
    name: "botan",
    version: || compiled("botan").and_then(|_| pkg_config("botan-2")),
    install: "interop/setup.sh botan",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| compiled_command("botan", call),
    read: Facts::read_word,
};
