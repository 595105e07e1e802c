//! The peers in Java: BouncyCastle, JSSE, Californium's Scandium.

use std::fs;
use std::process::Command;

use super::super::peer::{Call, Facts, Peer};
use super::super::plan::{CM_32, CM_80, GCM_128, GCM_256};
use super::first_line;
use crate::folder;

pub(super) const BOUNCY_CASTLE: Peer = Peer {
    name: "bouncycastle",
    version: || library("bctls-jdk18on-"),
    install: "interop/setup.sh java",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command: |call| java("BouncyCastle", call),
    read: Facts::read_word,
};

/// It has neither use_srtp nor an exporter.
pub(super) const JSSE: Peer = Peer {
    name: "jsse",
    version: || first_line(Command::new("java").arg("--version")).filter(|_| is_compiled()),
    srtp: false,
    profiles: &[GCM_128],
    tells_keys: false,
    command: |call| java("Jsse", call),
    ..BOUNCY_CASTLE
};

/// It has neither use_srtp nor an exporter.
pub(super) const SCANDIUM: Peer = Peer {
    name: "scandium",
    version: || library("scandium-"),
    srtp: false,
    profiles: &[GCM_128],
    tells_keys: false,
    command: |call| java("Scandium", call),
    ..BOUNCY_CASTLE
};

fn is_compiled() -> bool {
    folder().join("java/classes/Peer.class").exists()
}

/// The version in the name of a library.
fn library(prefix: &str) -> Option<String> {
    let names = fs::read_dir(folder().join("java/libraries")).ok()?;
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut versions = names.filter_map(|name| {
        let version = name.strip_prefix(prefix)?.strip_suffix(".jar")?;
        Some(version.to_owned())
    });
    versions.next().filter(|_| is_compiled())
}

fn java(class: &str, call: &Call<'_>) -> Command {
    let mut command = Command::new("java");
    let folder = folder().join("java");
    let path = format!("{0}/classes:{0}/libraries/*", folder.display());
    // A virtual machine that starts quickly.
    command.args([
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-cp",
        &path,
        class,
    ]);
    command.args(call.arguments());
    command
}
