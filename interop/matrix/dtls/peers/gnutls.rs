//! GnuTLS, by a program of ours in C.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_32, CM_80};
use super::{compiled, compiled_command, pkg_config};

pub(super) const PEER: Peer = Peer {
    name: "gnutls",
    version: || compiled("gnutls").and_then(|_| pkg_config("gnutls")),
    install: "interop/setup.sh gnutls",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| compiled_command("gnutls", call),
    read: Facts::read_word,
};
