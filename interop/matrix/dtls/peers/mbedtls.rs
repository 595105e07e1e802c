//! mbed TLS, by a program of ours in C. It has none of SRTP's AEAD profiles.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_32, CM_80};
use super::{compiled, compiled_command, debian};

pub(super) const PEER: Peer = Peer {
    name: "mbedtls",
    version: || compiled("mbedtls").and_then(|_| debian("libmbedtls-dev")),
    install: "interop/setup.sh mbedtls",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| compiled_command("mbedtls", call),
    read: Facts::read_word,
};
