//! OpenSSL's own programs, `s_client` and `s_server`.

use std::process::Command;

use super::super::peer::{Call, Facts, Peer};
use super::super::plan::{CM_32, CM_80, GCM_128, GCM_256, Profile};

pub(super) const PEER: Peer = Peer {
    name: "openssl",
    version,
    install: "apt-get install openssl",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: true,
    command,
    read,
};

fn version() -> Option<String> {
    let output = Command::new("openssl").arg("version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1).map(str::to_owned)
}

/// OpenSSL's names of the profiles, beside IANA's.
const PROFILES: [(&str, Profile); 4] = [
    ("SRTP_AEAD_AES_128_GCM", GCM_128),
    ("SRTP_AEAD_AES_256_GCM", GCM_256),
    ("SRTP_AES128_CM_SHA1_80", CM_80),
    ("SRTP_AES128_CM_SHA1_32", CM_32),
];

fn command(call: &Call<'_>) -> Command {
    let mut command = Command::new("openssl");
    let address = format!("127.0.0.1:{}", call.port);
    if call.is_server() {
        command.args(["s_server", "-Verify", "1", "-accept", &address]);
    } else {
        command.args(["s_client", "-connect", &address]);
    }
    let profile = PROFILES
        .iter()
        .find(|(_, known)| *known == call.shape.profile);
    let length = call.shape.profile.keys.to_string();
    command
        .args([
            "-dtls1_2",
            "-mtu",
            "1200",
            "-cert",
            &call.certificate,
            "-key",
            &call.key,
        ])
        .args(["-use_srtp", profile.map_or("", |profile| profile.0)])
        .args([
            "-keymatexport",
            "EXTRACTOR-dtls_srtp",
            "-keymatexportlen",
            &length,
        ]);
    command
}

fn read(line: &str, facts: &mut Facts) {
    let line = line.trim();
    if line == "ACCEPT" {
        facts.ready = true;
    } else if let Some(hex) = line.strip_prefix("Keying material: ") {
        facts.ekm = Some(hex.to_lowercase());
    } else if let Some(name) = line.strip_prefix("SRTP Extension negotiated, profile=") {
        let known = PROFILES.iter().find(|(openssl, _)| *openssl == name);
        facts.profile = known.map(|(_, profile)| profile.iana.to_owned());
    } else if line.contains(":error:") {
        facts.error = Some(line.to_owned());
    }
}
