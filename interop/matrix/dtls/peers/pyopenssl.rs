//! OpenSSL 4 through pyOpenSSL, whose wheel brings it along.

use std::process::Command;

use super::super::peer::{Call, Facts, Peer};
use super::super::plan::{CM_32, CM_80, GCM_128, GCM_256};
use super::{first_line, source};
use crate::folder;

pub(super) const PEER: Peer = Peer {
    name: "openssl-4",
    version,
    install: "interop/setup.sh openssl-4",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command,
    read: Facts::read_word,
};

fn python() -> Command {
    Command::new(folder().join("python/bin/python"))
}

fn version() -> Option<String> {
    let script = "import OpenSSL.SSL as s; print(s.SSLeay_version(0).decode().split()[1])";
    first_line(python().args(["-c", script]))
}

fn command(call: &Call<'_>) -> Command {
    let mut command = python();
    command
        .arg(source("pyopenssl/peer.py"))
        .args(call.arguments());
    command
}
