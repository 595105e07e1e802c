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

use std::process::Command;

use super::peer::{Call, Peer};
use crate::packages::{compiled, debian, first_line, locked, pkg_config, program, source};

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

/// The command of a program of this package.
fn own_command(name: &str, call: &Call<'_>) -> Command {
    let mut command = Command::new(program(name).unwrap_or_default());
    command.args(call.arguments());
    command
}

/// The command of such a program.
fn compiled_command(name: &str, call: &Call<'_>) -> Command {
    let mut command = Command::new(compiled(name).unwrap_or_default());
    command.args(call.arguments());
    command
}
