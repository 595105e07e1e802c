//! What this side offers, and what both agreed on, with the names that people know.

use std::sync::Arc;

use portcullis::Summary;
use portcullis::dtls::crypto::default_provider;
use portcullis::dtls::{Config, ConfigError, ProtocolVersion, SrtpProfile};

use crate::cli;

/// What the handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Security {
    /// Such as `1.3`.
    pub(crate) dtls_version: String,
    pub(crate) cipher_suite: String,
    pub(crate) group: String,
    pub(crate) srtp_profile: String,
    /// Hash function and bytes, as in SDP.
    pub(crate) local_fingerprint: String,
    pub(crate) remote_fingerprint: String,
}

/// What this side offers and accepts.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) config: Arc<Config>,
    versions: Vec<ProtocolVersion>,
    profiles: Vec<SrtpProfile>,
}

impl Offer {
    /// What the command line asks for.
    pub(crate) fn new(asked: &cli::Security) -> Result<Self, ConfigError> {
        let mut versions: Vec<_> = asked.versions.iter().map(|&it| it.into()).collect();
        if versions.is_empty() {
            versions = vec![ProtocolVersion::DTLS1_3, ProtocolVersion::DTLS1_2];
        }
        let mut profiles: Vec<_> = asked.profiles.iter().map(|&it| it.into()).collect();
        if profiles.is_empty() {
            profiles = cli::Profile::ALL.map(SrtpProfile::from).to_vec();
        }
        let config = Config::builder(default_provider())
            .versions(&versions)
            .srtp_profiles(&profiles)
            .build()?;
        Ok(Self {
            config: Arc::new(config),
            versions,
            profiles,
        })
    }
}

impl std::fmt::Display for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let versions = versions(&self.versions);
        write!(f, "DTLS {versions} with {}", profiles(&self.profiles))
    }
}

impl From<&Summary> for Security {
    fn from(summary: &Summary) -> Self {
        let info = &summary.connection;
        Self {
            dtls_version: version(info.version),
            cipher_suite: format!("{:?}", info.cipher_suite),
            group: format!("{:?}", info.group),
            srtp_profile: info.srtp_profile.map(profile).unwrap_or_default(),
            local_fingerprint: info.local_fingerprint.to_string(),
            remote_fingerprint: info
                .peer_fingerprint
                .map(|fingerprint| fingerprint.to_string())
                .unwrap_or_default(),
        }
    }
}

impl From<cli::Version> for ProtocolVersion {
    fn from(version: cli::Version) -> Self {
        match version {
            cli::Version::V12 => Self::DTLS1_2,
            cli::Version::V13 => Self::DTLS1_3,
        }
    }
}

impl From<cli::Profile> for SrtpProfile {
    fn from(profile: cli::Profile) -> Self {
        match profile {
            cli::Profile::Gcm128 => Self::AEAD_AES_128_GCM,
            cli::Profile::Gcm256 => Self::AEAD_AES_256_GCM,
            cli::Profile::CmSha1 => Self::AES128_CM_HMAC_SHA1_80,
        }
    }
}

/// The names of versions, such as `1.3 and 1.2`.
pub(crate) fn versions(versions: &[ProtocolVersion]) -> String {
    list(versions.iter().map(|&it| version(it)))
}

/// The names of profiles, as IANA has them.
pub(crate) fn profiles(profiles: &[SrtpProfile]) -> String {
    list(profiles.iter().map(|&it| profile(it)))
}

fn version(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::DTLS1_2 => "1.2".to_owned(),
        ProtocolVersion::DTLS1_3 => "1.3".to_owned(),
        other => format!("{other:?}"),
    }
}

fn profile(profile: SrtpProfile) -> String {
    format!("SRTP_{profile:?}")
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    match names.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
