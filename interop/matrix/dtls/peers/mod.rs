//! The peers, each in a file of its own.

mod boringssl;
mod botan;
mod dimpl;
mod gnutls;
mod gstreamer;
mod java;
mod mbedtls;
mod nss;
mod openssl;
mod pion;
mod pyopenssl;
mod webrtc_rs;
mod wolfssl;

use std::path::PathBuf;
use std::process::Command;

use super::peer::{Call, Peer};
use crate::folder;

/// All peers of DTLS, in the order of the table.
pub(crate) const ALL: &[Peer] = &[
    openssl::PEER,
    pyopenssl::PEER,
    gnutls::PEER,
    boringssl::PEER,
    wolfssl::PEER,
    mbedtls::PEER,
    nss::PEER,
    botan::PEER,
    pion::PEER,
    dimpl::PEER,
    webrtc_rs::PEER,
    java::BOUNCY_CASTLE,
    java::JSSE,
    java::SCANDIUM,
    gstreamer::PEER,
];

/// A file of `interop/peers/`.
fn source(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "peers", path].iter().collect()
}

/// The first line that a command prints, if it runs and succeeds.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned())
}

/// A program of this package, which stands beside this one if its feature was switched on.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(name);
    path.exists().then_some(path)
}

/// The version of a crate in the lock file of this workspace.
fn locked(name: &str) -> Option<String> {
    let lock = include_str!("../../../../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split_once('"').map(|(version, _)| version.to_owned())
}

/// The command of a program of this package.
fn own_command(name: &str, call: &Call<'_>) -> Command {
    let mut command = Command::new(program(name).unwrap_or_default());
    command.args(call.arguments());
    command
}

/// A program in C, C++ or Go, which `interop/setup.sh` has compiled.
fn compiled(name: &str) -> Option<PathBuf> {
    let path = folder().join("bin").join(format!("peer-{name}"));
    path.exists().then_some(path)
}

/// The command of such a program.
fn compiled_command(name: &str, call: &Call<'_>) -> Command {
    let mut command = Command::new(compiled(name).unwrap_or_default());
    command.args(call.arguments());
    command
}

/// The version of a library, by pkg-config.
fn pkg_config(library: &str) -> Option<String> {
    first_line(Command::new("pkg-config").args(["--modversion", library]))
}

/// The upstream version of an installed package of Debian.
fn debian(package: &str) -> Option<String> {
    let version = first_line(Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]))?;
    let end = version.find(['-', '+']).unwrap_or(version.len());
    version.get(..end).map(str::to_owned)
}
