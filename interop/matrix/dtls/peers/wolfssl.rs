//! wolfSSL, by a program of ours in C, with the source in the crate `wolfssl-sys`.

use super::super::peer::{Facts, Peer};
use super::super::plan::{CM_32, CM_80, GCM_128, GCM_256};
use super::{compiled, compiled_command};
use crate::folder;

pub(super) const PEER: Peer = Peer {
    name: "wolfssl",
    version: || compiled("wolfssl").and_then(|_| wolfssl_version()),
    install: "interop/setup.sh wolfssl",
    dtls: &["1.2", "1.3"],
    groups13: &["X25519MLKEM768", "X25519", "P-256"],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    // Its server drops a first ClientHello in fragments without a word: NSS's and BoringSSL's clients
    // with a share of ML-KEM time out, too. It takes a second one.
    takes_fragmented_hello: false,
    tells_keys: true,
    command: |call| compiled_command("wolfssl", call),
    read: Facts::read_word,
};

fn wolfssl_version() -> Option<String> {
    let header = folder().join("wolfssl/source/wolfssl/version.h");
    let header = std::fs::read_to_string(header).ok()?;
    let (_, rest) = header.split_once("LIBWOLFSSL_VERSION_STRING \"")?;
    rest.split_once('"').map(|(version, _)| version.to_owned())
}
