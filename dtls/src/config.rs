//! What an application chooses: versions, algorithms, SRTP profiles, timing, identities.

mod builder;

use std::sync::Arc;
use std::time::Duration;

pub use self::builder::ConfigBuilder;
use crate::crypto::CryptoProvider;
use crate::fingerprint::Fingerprint;
use crate::handshake::CertificateVerifier;
use crate::keylog::KeyLog;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile};

/// Which side of the handshake we are. SDP `setup:active` is the client (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sends the first ClientHello.
    Client,
    /// Answers it.
    Server,
}

/// What a server demands of its client's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// The client must prove a certificate; DTLS-SRTP needs this (RFC 5763 §5).
    #[default]
    Required,
    /// The client is asked, and may answer with none.
    Optional,
    /// The client is not asked.
    None,
}

/// How we know that the peer is the one we want to talk to.
#[derive(Clone, Debug)]
pub enum PeerIdentity {
    /// The `a=fingerprint` values of the peer's SDP, compared by the rules of RFC 8122 §5.
    Fingerprints(Vec<Fingerprint>),
    /// [`Connection::set_peer_fingerprints`](crate::Connection::set_peer_fingerprints) will
    /// follow.
    ///
    /// The handshake runs on the wire to its end, since the peer may be waiting for it; but until
    /// the fingerprints came and one matched there is no [`Event::Connected`](crate::Event), no
    /// exported key and no application data in either direction.
    Later,
    /// The application judges the certificate itself, e.g. by a chain of trust.
    Verifier(Arc<dyn CertificateVerifier>),
    /// Anyone is taken. For tests of other things than identity.
    DangerousAny,
}

/// When unanswered flights are sent again (RFC 6347 §4.2.4, RFC 9147 §5.8.2). There is no jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetransmitConfig {
    /// Time from a flight to its first retransmission; it doubles after each.
    pub initial: Duration,
    /// The longest time between two retransmissions.
    pub ceiling: Duration,
    /// Retransmissions of a flight after which the connection gives up.
    pub max_retries: u32,
    /// What else than these times brings lost datagrams back.
    pub recovery: Recovery,
}

/// When a server asks for X25519MLKEM768 that a client lists without a share, although there is a
/// share of another group to go on with (DTLS 1.3, and a server that wants it most).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostQuantumRetry {
    /// Never: the classic share is taken.
    Never,
    /// Where the client must be asked for something else anyway, such as a cookie, so that it costs
    /// no round trip.
    IfFree,
    /// Always, which costs a round trip.
    #[default]
    Always,
}

/// What makes up for lost datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// Whatever tells of a loss, within limits on rate and bytes: gaps are acknowledged at once, what
    /// an ACK shows to be missing is sent at once (RFC 9147 §7.1, §7.2), who has a part of a flight
    /// asks for the rest, the first retransmissions are followed by a copy each, and waits are
    /// measured by the round trips of the handshake where those are shorter than
    /// [`RetransmitConfig::initial`].
    #[default]
    Prompt,
    /// The timer alone, as in BoringSSL, whose conformance tests count on it.
    Timer,
}

impl Default for RetransmitConfig {
    /// 400 ms, as RFC 9147 §5.8.2 has it for DTLS-SRTP; 60 s; 12 retransmissions.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(400),
            ceiling: Duration::from_secs(60),
            max_retries: 12,
            recovery: Recovery::default(),
        }
    }
}

/// A configuration that was checked once and is shared by many connections.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) provider: Arc<dyn CryptoProvider>,
    pub(crate) dtls12: bool,
    pub(crate) dtls13: bool,
    pub(crate) cipher_suites: Vec<CipherSuite>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) signature_schemes: Vec<SignatureScheme>,
    pub(crate) srtp_profiles: Vec<SrtpProfile>,
    pub(crate) srtp_required: bool,
    pub(crate) mki: Vec<u8>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) max_message: u16,
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) server_name: Option<String>,
    pub(crate) mtu: usize,
    pub(crate) fallback_mtu: Option<usize>,
    pub(crate) retransmit: RetransmitConfig,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) plaintext_patience: Duration,
    pub(crate) post_quantum_retry: PostQuantumRetry,
    pub(crate) plain_master_secret: bool,
    pub(crate) client_auth: ClientAuth,
    pub(crate) invite_tickets: bool,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
}

/// The least MTU that [`ConfigBuilder::mtu`] takes: room for a record's header and tag, a fragment
/// header and some bytes of a message.
pub const MIN_MTU: usize = 128;

/// The MTU that fits the paths of the Internet: QUIC's and WebRTC's 1200 bytes of UDP payload.
pub const DEFAULT_MTU: usize = 1200;

/// The longest handshake message taken by default. Certificate chains of WebRTC's peers stay far below.
pub(crate) const MAX_MESSAGE: u16 = 1 << 14;

/// The MTU to fall back to by default: what a path of 576 bytes, the least that every host takes
/// (RFC 791 §3.1), leaves after the headers of IPv4 and UDP.
const FALLBACK_MTU: usize = 576 - 20 - 8;

/// How long a handshake has to go on after an alert in plaintext: some round trips, and two
/// retransmissions.
const PLAINTEXT_PATIENCE: Duration = Duration::from_secs(2);

impl Config {
    /// Whether plaintext that breaks the rules ends a handshake at once.
    pub(crate) fn is_strict(&self) -> bool {
        self.plaintext_patience.is_zero()
    }

    /// The defaults of [`Config::builder`], unchanged.
    ///
    /// # Errors
    /// If the provider lacks what the defaults need.
    pub fn new(provider: Arc<dyn CryptoProvider>) -> Result<Self, ConfigError> {
        Self::builder(provider).build()
    }

    /// Starts from the defaults: DTLS 1.3 and 1.2, every algorithm of the provider, the SRTP
    /// profiles AEAD_AES_128_GCM, AEAD_AES_256_GCM and AES128_CM_HMAC_SHA1_80, a client
    /// certificate demanded, MTU 1200, handshakes of at most 30 s.
    pub fn builder(provider: Arc<dyn CryptoProvider>) -> ConfigBuilder {
        let groups = provider.groups().iter().map(|group| group.name()).collect();
        let signature_schemes = provider.signature_schemes().to_vec();
        ConfigBuilder {
            config: Self {
                provider,
                dtls12: true,
                dtls13: true,
                cipher_suites: DEFAULT_CIPHER_SUITES.to_vec(),
                groups,
                signature_schemes,
                srtp_profiles: DEFAULT_SRTP_PROFILES.to_vec(),
                srtp_required: true,
                mki: Vec::new(),
                alpn: Vec::new(),
                max_message: MAX_MESSAGE,
                record_size_limit: None,
                server_name: None,
                mtu: DEFAULT_MTU,
                fallback_mtu: Some(FALLBACK_MTU),
                retransmit: RetransmitConfig::default(),
                handshake_timeout: Some(Duration::from_secs(30)),
                plaintext_patience: PLAINTEXT_PATIENCE,
                post_quantum_retry: PostQuantumRetry::default(),
                plain_master_secret: false,
                client_auth: ClientAuth::default(),
                invite_tickets: false,
                key_log: None,
            },
        }
    }

    /// Starts from this configuration.
    pub fn to_builder(&self) -> ConfigBuilder {
        ConfigBuilder {
            config: self.clone(),
        }
    }

    /// The versions allowed, newest first.
    #[must_use]
    pub fn versions(&self) -> Vec<ProtocolVersion> {
        let newest = self.dtls13.then_some(ProtocolVersion::DTLS1_3);
        let older = self.dtls12.then_some(ProtocolVersion::DTLS1_2);
        newest.into_iter().chain(older).collect()
    }

    /// When flights are sent again.
    #[must_use]
    pub fn retransmit(&self) -> RetransmitConfig {
        self.retransmit
    }

    /// The crypto provider.
    #[must_use]
    pub fn provider(&self) -> &Arc<dyn CryptoProvider> {
        &self.provider
    }
}

/// Suites by default: AES-128-GCM first, since it is fastest where AES instructions are, and
/// enough.
const DEFAULT_CIPHER_SUITES: [CipherSuite; 9] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// SRTP profiles by default: the AEAD ones before the one that every WebRTC peer has.
const DEFAULT_SRTP_PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AEAD_AES_128_GCM,
    SrtpProfile::AEAD_AES_256_GCM,
    SrtpProfile::AES128_CM_HMAC_SHA1_80,
];

/// Why a configuration can't work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither DTLS 1.2 nor DTLS 1.3 is allowed.
    #[error("no DTLS version is allowed")]
    NoVersion,
    /// None of the cipher suites serves an allowed version.
    #[error("no cipher suite for {0:?}")]
    NoCipherSuite(ProtocolVersion),
    /// None of the groups serves an allowed version.
    #[error("no key exchange group for any allowed version")]
    NoGroup,
    /// There is no certificate to show.
    #[error("no certificate")]
    NoCertificate,
    /// The provider can't do this group.
    #[error("the crypto provider lacks group {0:?}")]
    UnknownGroup(NamedGroup),
    /// No signature scheme.
    #[error("no signature scheme")]
    NoSignatureScheme,
    /// An MTU below [`MIN_MTU`].
    #[error("an MTU of {0} bytes is below the minimum of {MIN_MTU}")]
    MtuTooSmall(usize),
    /// An MKI of more than 255 bytes.
    #[error("an MKI of {0} bytes is longer than 255")]
    MkiTooLong(usize),
    /// An application protocol name that is empty or longer than 255 bytes, or too many of them.
    #[error(
        "an application protocol name is empty or longer than 255 bytes, or there are too many"
    )]
    BadApplicationProtocol,
    /// A name that is no host's (RFC 6066 §3).
    #[error("the server's name is empty, too long, an address, or has characters that no host has")]
    BadServerName,
    /// A `record_size_limit` outside of 64 to 16385.
    #[error("a record size limit of {0} is not between 64 and 16385")]
    BadRecordSizeLimit(u16),
    /// An initial retransmission time of zero.
    #[error("the initial retransmission time is zero")]
    ZeroRetransmitTime,
    /// A server that asks for no certificate can't compare fingerprints.
    #[error("fingerprints are expected, but no client certificate is asked for")]
    NothingToVerify,
    /// A peer identity without a single fingerprint: no certificate could ever match.
    #[error("no fingerprint is given for the peer")]
    NoFingerprint,
}
