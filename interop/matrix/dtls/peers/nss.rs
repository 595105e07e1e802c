//! NSS, by a program of ours in C. Its certificates lie in a database. Debian's version has a draft of DTLS 1.3,
//! and none of SRTP's AEAD profiles.

use std::process::Command;

use super::super::peer::{Call, Facts, Peer};
use super::super::plan::{CM_32, CM_80};
use super::{compiled, compiled_command, pkg_config};
use crate::folder;

pub(super) const PEER: Peer = Peer {
    name: "nss",
    version: || compiled("nss").and_then(|_| pkg_config("nss")),
    install: "interop/setup.sh nss",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command,
    read: Facts::read_word,
};

fn command(call: &Call<'_>) -> Command {
    let mut command = compiled_command("nss", call);
    command.env("NSSDB", format!("sql:{}", folder().join("nss").display()));
    command
}
