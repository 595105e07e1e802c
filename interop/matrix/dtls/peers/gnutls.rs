//! GnuTLS, by a program of ours in C.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_32, CM_80};
use super::{c_command, c_program, pkg_config};

pub(super) const PEER: Peer = Peer {
    name: "gnutls",
    version: || c_program("gnutls").and_then(|_| pkg_config("gnutls")),
    install: "interop/setup.sh gnutls",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| c_command("gnutls", call),
    read: Facts::read_word,
};
