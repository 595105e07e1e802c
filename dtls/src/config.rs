//! What an application chooses: versions, algorithms, SRTP profiles, timing, who must be whom.

use std::sync::Arc;
use std::time::Duration;

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
}

impl Default for RetransmitConfig {
    /// 400 ms, as RFC 9147 §5.8.2 has it for DTLS-SRTP; 60 s; 12 retransmissions.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(400),
            ceiling: Duration::from_secs(60),
            max_retries: 12,
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
    pub(crate) mtu: usize,
    pub(crate) fallback_mtu: Option<usize>,
    pub(crate) retransmit: RetransmitConfig,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) client_auth: ClientAuth,
    pub(crate) send_cookie: bool,
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
}

/// The least MTU that [`ConfigBuilder::mtu`] takes: room for a record's header and tag, a fragment
/// header and some bytes of a message.
pub const MIN_MTU: usize = 128;

/// The MTU that fits the paths of the Internet: QUIC's and WebRTC's 1200 bytes of UDP payload.
pub const DEFAULT_MTU: usize = 1200;

/// The MTU to fall back to by default: what a path of 576 bytes, the least that every host takes
/// (RFC 791 §3.1), leaves after the headers of IPv4 and UDP.
const FALLBACK_MTU: usize = 576 - 20 - 8;

impl Config {
    /// The defaults of [`Config::builder`] as they are.
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
                mtu: DEFAULT_MTU,
                fallback_mtu: Some(FALLBACK_MTU),
                retransmit: RetransmitConfig::default(),
                handshake_timeout: Some(Duration::from_secs(30)),
                client_auth: ClientAuth::default(),
                send_cookie: false,
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

    /// The crypto provider.
    #[must_use]
    pub fn provider(&self) -> &Arc<dyn CryptoProvider> {
        &self.provider
    }
}

/// Puts a [`Config`] together. Setters replace defaults; [`ConfigBuilder::build`] checks the whole.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConfigBuilder {
    config: Config,
}

impl ConfigBuilder {
    /// The versions to offer or accept, in any order; the newest common one is used.
    pub fn versions(mut self, versions: &[ProtocolVersion]) -> Self {
        self.config.dtls12 = versions.contains(&ProtocolVersion::DTLS1_2);
        self.config.dtls13 = versions.contains(&ProtocolVersion::DTLS1_3);
        self
    }

    /// Cipher suites, most wanted first. As server, our order decides, not the client's.
    pub fn cipher_suites(mut self, suites: &[CipherSuite]) -> Self {
        self.config.cipher_suites = suites.to_vec();
        self
    }

    /// Key exchange groups, most wanted first.
    ///
    /// As server our order decides among those for which the client sent a share; a
    /// HelloRetryRequest goes out only if there is no such group. As client, the first group gets
    /// a share in DTLS 1.3; a hybrid group also gives the share of its classic part.
    pub fn groups(mut self, groups: &[NamedGroup]) -> Self {
        self.config.groups = groups.to_vec();
        self
    }

    /// Puts hybrid groups behind the classic ones, so that a ClientHello has some 250 bytes, not
    /// 1400: for a client that may not send so much yet, since its peer's address is not proved.
    pub fn small_client_hello(mut self) -> Self {
        self.config
            .groups
            .sort_by_key(|&group| group == NamedGroup::X25519MLKEM768);
        self
    }

    /// Signature schemes accepted from the peer, most wanted first.
    pub fn signature_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.config.signature_schemes = schemes.to_vec();
        self
    }

    /// SRTP profiles, most wanted first (RFC 5764). As server, our order decides. Empty: no
    /// use_srtp at all.
    pub fn srtp_profiles(mut self, profiles: &[SrtpProfile]) -> Self {
        self.config.srtp_profiles = profiles.to_vec();
        self
    }

    /// Whether a handshake without a common SRTP profile fails (the default). If not, it ends in a
    /// connection without a profile, which RFC 5764 §4.1.1 permits to those who also speak plain
    /// DTLS.
    pub fn srtp_required(mut self, required: bool) -> Self {
        self.config.srtp_required = required;
        self
    }

    /// The MKI to offer as client (RFC 5764 §4.1.3); at most 255 bytes. As server the client's MKI
    /// is not taken up.
    pub fn mki(mut self, mki: &[u8]) -> Self {
        self.config.mki = mki.to_vec();
        self
    }

    /// Application protocols (RFC 7301), most wanted first, e.g. `webrtc`, `c-webrtc`.
    pub fn alpn(mut self, protocols: &[&[u8]]) -> Self {
        self.config.alpn = protocols.iter().map(|name| name.to_vec()).collect();
        self
    }

    /// The largest datagram to send, in bytes of UDP payload.
    pub fn mtu(mut self, mtu: usize) -> Self {
        self.config.mtu = mtu;
        self
    }

    /// The largest datagram from the third retransmission of a flight on, if that is less than
    /// the MTU: large datagrams may be what gets lost (RFC 9147 §4.4). `None` to go on as before.
    pub fn fallback_mtu(mut self, mtu: Option<usize>) -> Self {
        self.config.fallback_mtu = mtu;
        self
    }

    /// Timing of retransmissions.
    pub fn retransmit(mut self, retransmit: RetransmitConfig) -> Self {
        self.config.retransmit = retransmit;
        self
    }

    /// The time after which an unfinished handshake fails, counted from the start of the
    /// connection; `None` for no limit.
    pub fn handshake_timeout(mut self, limit: Option<Duration>) -> Self {
        self.config.handshake_timeout = limit;
        self
    }

    /// What a server demands of its client's certificate.
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.config.client_auth = client_auth;
        self
    }

    /// Whether a server makes its clients prove their address by a cookie: HelloVerifyRequest in
    /// 1.2, HelloRetryRequest in 1.3. Off by default, since ICE proves the path.
    pub fn send_cookie(mut self, send: bool) -> Self {
        self.config.send_cookie = send;
        self
    }

    /// Where secrets are logged in the SSLKEYLOGFILE format. Off unless set: who has the log can
    /// read the traffic.
    pub fn key_log(mut self, log: Arc<dyn KeyLog>) -> Self {
        self.config.key_log = Some(log);
        self
    }

    /// Checks the whole.
    ///
    /// # Errors
    /// The first thing found that can't work.
    pub fn build(self) -> Result<Config, ConfigError> {
        let mut config = self.config;
        config.check_algorithms()?;
        config.drop_versions_without_group()?;
        let least = config
            .fallback_mtu
            .map_or(config.mtu, |fallback| fallback.min(config.mtu));
        if least < MIN_MTU {
            return Err(ConfigError::MtuTooSmall(least));
        }
        if config.mki.len() > usize::from(u8::MAX) {
            return Err(ConfigError::MkiTooLong(config.mki.len()));
        }
        let fits = |name: &Vec<u8>| (1..=usize::from(u8::MAX)).contains(&name.len());
        if !config.alpn.iter().all(fits) {
            return Err(ConfigError::BadApplicationProtocol);
        }
        if config.retransmit.initial.is_zero() {
            return Err(ConfigError::ZeroRetransmitTime);
        }
        Ok(config)
    }
}

impl Config {
    /// Who allows X25519MLKEM768 alone rules DTLS 1.2 out with it.
    fn drop_versions_without_group(&mut self) -> Result<(), ConfigError> {
        let has_group = |version| self.groups(version).next().is_some();
        let (dtls12, dtls13) = (
            has_group(ProtocolVersion::DTLS1_2),
            has_group(ProtocolVersion::DTLS1_3),
        );
        self.dtls12 &= dtls12;
        self.dtls13 &= dtls13;
        if self.dtls12 || self.dtls13 {
            Ok(())
        } else {
            Err(ConfigError::NoGroup)
        }
    }

    /// Each allowed version needs at least one suite that the provider can do.
    fn check_algorithms(&self) -> Result<(), ConfigError> {
        if !self.dtls12 && !self.dtls13 {
            return Err(ConfigError::NoVersion);
        }
        for version in self.versions() {
            if self.suites(version).next().is_none() {
                return Err(ConfigError::NoCipherSuite(version));
            }
        }
        let known = self.provider.groups();
        for &group in &self.groups {
            if !known.iter().any(|known| known.name() == group) {
                return Err(ConfigError::UnknownGroup(group));
            }
        }
        if self.signature_schemes.is_empty() {
            return Err(ConfigError::NoSignatureScheme);
        }
        Ok(())
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
    /// An application protocol name that is empty or longer than 255 bytes.
    #[error("an application protocol name is empty or longer than 255 bytes")]
    BadApplicationProtocol,
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
