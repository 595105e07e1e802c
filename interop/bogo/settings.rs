//! From the runner's flags to a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dtls::crypto::{CryptoProvider, default_provider};
use dtls::{
    AlertDescription, Certificate, CertificateVerifier, ClientAuth, Config, ConfigError,
    Connection, NamedGroup, PeerIdentity, ProtocolVersion, Recovery, RetransmitConfig, Role,
    SignatureScheme, SrtpProfile,
};

use crate::flags::{Credential, Flags};

/// Settings that the flags ask for and that can't be had.
#[derive(Debug)]
#[expect(dead_code, reason = "read through Debug, by the runner")]
pub(crate) enum SettingsError {
    Config(ConfigError),
    Certificate(dtls::CertificateError),
    File(std::io::Error),
    Connection(dtls::Error),
}

/// The certificates that `flags` name, or one of our own making.
pub(crate) fn certificates(flags: &Flags) -> Result<Vec<Arc<Certificate>>, SettingsError> {
    let provider = default_provider();
    let named = flags.credentials.iter().chain(&flags.default_credential);
    let certificates: Vec<_> = named
        .map(|named| certificate(named, &*provider))
        .collect::<Result<_, _>>()?;
    if !certificates.is_empty() {
        return Ok(certificates);
    }
    let certificate = Certificate::generate(&*provider).map_err(SettingsError::Certificate)?;
    Ok(vec![Arc::new(certificate)])
}

/// The connection that `flags` describe.
pub(crate) fn connection(
    flags: &Flags,
    certificates: &[Arc<Certificate>],
    verifier: &Arc<Verifier>,
    now: Instant,
) -> Result<Connection, SettingsError> {
    let role = if flags.server {
        Role::Server
    } else {
        Role::Client
    };
    let config = Arc::new(config(flags, default_provider()).map_err(SettingsError::Config)?);
    Connection::new(
        config,
        role,
        certificates.to_vec(),
        PeerIdentity::Verifier(Arc::clone(verifier) as _),
        now,
    )
    .map_err(SettingsError::Connection)
}

/// What the tests suppose for retransmission: 13 timeouts in all, the ceiling at 60 s, and nothing sent again
/// before the time of BoringSSL's timer, however clear a loss is.
pub(crate) fn retransmit(initial: Duration) -> RetransmitConfig {
    RetransmitConfig {
        initial,
        recovery: Recovery::Timer,
        ..RetransmitConfig::default()
    }
}

fn config(flags: &Flags, provider: Arc<dyn CryptoProvider>) -> Result<Config, ConfigError> {
    let alpn: Vec<_> = flags.alpn.iter().map(String::as_bytes).collect();
    let mut builder = Config::builder(provider)
        .versions(&versions(flags))
        .client_auth(client_auth(flags))
        .srtp_profiles(&srtp_profiles(flags))
        .srtp_required(false)
        .alpn(&alpn)
        .max_handshake_message(flags.max_cert_list.unwrap_or(u16::MAX))
        .invite_tickets(!flags.no_ticket)
        // What the runner sends in plaintext is what the peer sent, and its violations are named at once.
        .plaintext_patience(Duration::ZERO)
        .retransmit(retransmit(RetransmitConfig::default().initial))
        .handshake_timeout(None);
    if !flags.groups.is_empty() {
        let groups: Vec<_> = flags.groups.iter().copied().map(NamedGroup).collect();
        builder = builder.groups(&groups);
    }
    if !flags.verify_prefs.is_empty() {
        let schemes: Vec<_> = flags
            .verify_prefs
            .iter()
            .copied()
            .map(SignatureScheme)
            .collect();
        builder = builder.signature_schemes(&schemes);
    }
    if let Some(name) = &flags.host_name {
        builder = builder.server_name(name);
    }
    if let Some(mtu) = flags.mtu {
        builder = builder.mtu(mtu);
    }
    if let Some(milliseconds) = flags.initial_timeout_ms {
        builder = builder.retransmit(retransmit(Duration::from_millis(milliseconds)));
    }
    builder.build()
}

/// The versions between `-min-version` and `-max-version`; on the wire a newer one has a lower number.
fn versions(flags: &Flags) -> Vec<ProtocolVersion> {
    let all = [
        (ProtocolVersion::DTLS1_3, flags.no_dtls13),
        (ProtocolVersion::DTLS1_2, flags.no_dtls12),
    ];
    all.into_iter()
        .filter(|(version, switched_off)| {
            !switched_off
                && flags.min_version.is_none_or(|min| version.0 <= min)
                && flags.max_version.is_none_or(|max| version.0 >= max)
        })
        .map(|(version, _)| version)
        .collect()
}

fn client_auth(flags: &Flags) -> ClientAuth {
    match (flags.require_client_certificate, flags.verify_peer) {
        (true, _) => ClientAuth::Required,
        (false, true) => ClientAuth::Optional,
        (false, false) => ClientAuth::None,
    }
}

fn srtp_profiles(flags: &Flags) -> Vec<SrtpProfile> {
    let names = flags
        .srtp_profiles
        .as_deref()
        .unwrap_or_default()
        .split(':');
    names
        .filter_map(|name| match name {
            "SRTP_AES128_CM_SHA1_80" => Some(SrtpProfile::AES128_CM_HMAC_SHA1_80),
            "SRTP_AES128_CM_SHA1_32" => Some(SrtpProfile::AES128_CM_HMAC_SHA1_32),
            _ => None,
        })
        .collect()
}

fn certificate(
    credential: &Credential,
    provider: &dyn CryptoProvider,
) -> Result<Arc<Certificate>, SettingsError> {
    let chain = std::fs::read_to_string(&credential.cert_file).map_err(SettingsError::File)?;
    let key = std::fs::read_to_string(&credential.key_file).map_err(SettingsError::File)?;
    let certificate =
        Certificate::from_pem(&chain, &key, provider).map_err(SettingsError::Certificate)?;
    if credential.signing_prefs.is_empty() {
        return Ok(Arc::new(certificate));
    }
    let schemes: Vec<_> = credential
        .signing_prefs
        .iter()
        .copied()
        .map(SignatureScheme)
        .collect();
    Ok(Arc::new(certificate.with_signature_schemes(&schemes)))
}

/// Judges the peer's certificate as the test says.
#[derive(Debug)]
pub(crate) struct Verifier {
    refusal: Option<AlertDescription>,
    asked: AtomicBool,
}

impl Verifier {
    pub(crate) fn new(flags: &Flags) -> Self {
        // The runner expects the alert of the interface that said no.
        let refusal = if flags.custom_verify_callback {
            AlertDescription::UNKNOWN_CERTIFICATE
        } else {
            AlertDescription::HANDSHAKE_FAILURE
        };
        Self {
            refusal: flags.verify_fail.then_some(refusal),
            asked: AtomicBool::new(false),
        }
    }

    pub(crate) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl CertificateVerifier for Verifier {
    fn verify(&self, _end_entity: &[u8], _chain: &[&[u8]]) -> Result<(), AlertDescription> {
        self.asked.store(true, Ordering::Relaxed);
        self.refusal.map_or(Ok(()), Err)
    }
}
