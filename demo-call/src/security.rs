//! What this side offers and what both sides agreed on, under the usual names.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis::Summary;
use portcullis::dtls::crypto::{CryptoProvider, default_provider};
use portcullis::dtls::{
    Certificate, CertificateError, Config, NamedGroup, ProtocolVersion, Role, SrtpProfile,
};

use crate::cli;
use crate::error::Error;
use crate::key_log::KeyLogFile;

/// What the handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Security {
    /// Such as `1.3`.
    pub(crate) dtls_version: String,
    pub(crate) cipher_suite: String,
    pub(crate) group: String,
    /// The key exchange withstands quantum computers.
    pub(crate) post_quantum: bool,
    pub(crate) srtp_profile: String,
    /// Hash function and bytes, as in SDP.
    pub(crate) local_fingerprint: String,
    pub(crate) remote_fingerprint: String,
}

/// What this side offers and accepts.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) config: Arc<Config>,
    /// The certificate for all calls; with `None`, each call generates its own.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// Our role in the handshake, where we may choose.
    pub(crate) role: Role,
    versions: Vec<ProtocolVersion>,
    profiles: Vec<SrtpProfile>,
}

impl Offer {
    /// The settings from the command line.
    pub(crate) fn new(asked: &cli::Security) -> Result<Self, Error> {
        let provider = default_provider();
        let mut versions: Vec<_> = asked.versions.iter().map(|&it| it.into()).collect();
        if versions.is_empty() {
            versions = vec![ProtocolVersion::DTLS1_3, ProtocolVersion::DTLS1_2];
        }
        let mut profiles: Vec<_> = asked.profiles.iter().map(|&it| it.into()).collect();
        if profiles.is_empty() {
            profiles = cli::Profile::USUAL.map(SrtpProfile::from).to_vec();
        }
        let certificate = match (&asked.certificate, &asked.key) {
            (Some(chain), Some(key)) => Some(load(chain, key, &*provider)?),
            _ => None,
        };
        let mut config = Config::builder(provider)
            .versions(&versions)
            .srtp_profiles(&profiles);
        if !asked.groups.is_empty() {
            let groups: Vec<_> = asked.groups.iter().map(|&it| it.into()).collect();
            config = config.groups(&groups);
        }
        if let Some(path) = &asked.key_log {
            let log = KeyLogFile::append(path).map_err(Error::file(path))?;
            config = config.key_log(Arc::new(log));
        }
        Ok(Self {
            config: Arc::new(config.build()?),
            certificate,
            role: asked.dtls_role.into(),
            versions,
            profiles,
        })
    }
}

/// The certificate at `chain` with the key at `key`.
fn load(
    chain: &Path,
    key: &Path,
    provider: &dyn CryptoProvider,
) -> Result<Arc<Certificate>, Error> {
    let read = |path: &Path| fs::read_to_string(path).map_err(Error::file(path));
    let loaded = Certificate::from_pem(&read(chain)?, &read(key)?, provider);
    let named = |source: CertificateError| Error::Certificate {
        path: chain.to_owned(),
        source,
    };
    loaded.map(Arc::new).map_err(named)
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
            post_quantum: info.group == NamedGroup::X25519MLKEM768,
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
            cli::Profile::CmSha1Short => Self::AES128_CM_HMAC_SHA1_32,
        }
    }
}

impl From<cli::Group> for NamedGroup {
    fn from(group: cli::Group) -> Self {
        match group {
            cli::Group::X25519MlKem768 => Self::X25519MLKEM768,
            cli::Group::X25519 => Self::X25519,
            cli::Group::P256 => Self::SECP256R1,
            cli::Group::P384 => Self::SECP384R1,
        }
    }
}

impl From<cli::Role> for Role {
    fn from(role: cli::Role) -> Self {
        match role {
            cli::Role::Client => Self::Client,
            cli::Role::Server => Self::Server,
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
