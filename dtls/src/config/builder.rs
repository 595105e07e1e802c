//! Putting a configuration together, and checking that it can work.

use std::sync::Arc;
use std::time::Duration;

use super::{ClientAuth, Config, ConfigError, MIN_MTU, PostQuantumRetry, RetransmitConfig};
use crate::keylog::KeyLog;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, SrtpProfile};

/// The most bytes of application protocol names: far more than anyone has, and with room for the
/// rest of a ClientHello whose extensions have 2^16 bytes.
const MAX_ALPN: usize = 1 << 14;

/// The first retransmission where nothing is known of the path (RFC 9147 §5.8.2).
const DATA_RETRANSMIT: Duration = Duration::from_secs(1);

/// The values of `record_size_limit` (RFC 8449 §4).
const RECORD_SIZES: std::ops::RangeInclusive<u16> = 64..=(1 << 14) + 1;

/// RFC 6066 §3: a DNS name, no address, without a dot at the end.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<std::net::IpAddr>().is_err()
}

/// Puts a [`Config`] together. Setters replace defaults; [`ConfigBuilder::build`] checks the whole.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConfigBuilder {
    pub(super) config: Config,
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
    /// HelloRetryRequest goes out if there is no such group, or for a post-quantum one
    /// ([`ConfigBuilder::post_quantum_retry`]). As client, the first group gets
    /// a share in DTLS 1.3; a hybrid group also gives the share of its classic part.
    ///
    /// In DTLS 1.2 the list also says which curves a client takes in certificates (RFC 8422 §5.1): without
    /// `SECP256R1` no server may show it a certificate with a P-256 key.
    pub fn groups(mut self, groups: &[NamedGroup]) -> Self {
        self.config.groups = groups.to_vec();
        self
    }

    /// When a server asks by HelloRetryRequest for a post-quantum share that the client did not send,
    /// although it could go on without; by default always.
    pub fn post_quantum_retry(mut self, retry: PostQuantumRetry) -> Self {
        self.config.post_quantum_retry = retry;
        self
    }

    /// Takes peers of DTLS 1.2 that have no extended master secret (RFC 7627): old SIP devices. By default
    /// they are refused with [`Error::ExtendedMasterSecretMissing`](crate::Error::ExtendedMasterSecretMissing).
    /// Peers that have it use it as ever.
    ///
    /// What it risks: without it the keys don't depend on the certificates. Somebody to whom both ends
    /// connect on purpose, each with its fingerprint, can make both handshakes end in one master secret,
    /// and so in the same SRTP and exported keys (the triple handshake, RFC 7627 §1): packets of one call can
    /// be played into the other, and what is bound to an exporter is bound to both. Nobody whose
    /// fingerprint is not in the signalling can do that.
    /// [`ConnectionInfo::extended_master_secret`](crate::ConnectionInfo::extended_master_secret) tells which calls
    /// are so.
    pub fn dangerous_allow_plain_master_secret(mut self) -> Self {
        self.config.plain_master_secret = true;
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

    /// The MKI to offer as client (RFC 5764 §4.1.3); at most 255 bytes. As server it is the only one
    /// that is taken up.
    pub fn mki(mut self, mki: &[u8]) -> Self {
        self.config.mki = mki.to_vec();
        self
    }

    /// Application protocols (RFC 7301), most wanted first, e.g. `webrtc`, `c-webrtc`.
    pub fn alpn(mut self, protocols: &[&[u8]]) -> Self {
        self.config.alpn = protocols.iter().map(|name| name.to_vec()).collect();
        self
    }

    /// For DTLS without SRTP: no `use_srtp` is offered, or answered, and the first retransmission comes
    /// after 1 s, since the 400 ms that RFC 9147 §5.8.2 has for DTLS-SRTP suit the paths of calls.
    ///
    /// Without this, or [`ConfigBuilder::srtp_required`] with `false`, a peer that knows no `use_srtp` is refused
    /// with [`Error::NoCommonSrtpProfile`](crate::Error::NoCommonSrtpProfile).
    pub fn for_data(mut self) -> Self {
        self.config.srtp_profiles = Vec::new();
        self.config.srtp_required = false;
        self.config.retransmit.initial = DATA_RETRANSMIT;
        self
    }

    /// The host that a client asks for (RFC 6066 §3), so that a server of several can choose what to show: a
    /// DNS name in ASCII, without a dot at the end. It is sent in the clear. None by default.
    pub fn server_name(mut self, name: &str) -> Self {
        self.config.server_name = Some(name.to_owned());
        self
    }

    /// The longest plaintext of a protected record that we take, in bytes, from 64 to 16385; in DTLS 1.3 the content
    /// type is one of them (`record_size_limit`, RFC 8449). A client offers it, a server answers a client
    /// that offers it, and then each keeps to what the other said. Not sent by default: small devices ask
    /// for it, whose buffers don't hold 2^14 bytes.
    pub fn record_size_limit(mut self, bytes: u16) -> Self {
        self.config.record_size_limit = Some(bytes);
        self
    }

    /// The longest handshake message to take, in bytes; 16 KiB by default. A chain of certificates with
    /// post-quantum keys may need more. That much is held for a peer that sent as much, and an eighth
    /// more, before anything of it is verified.
    pub fn max_handshake_message(mut self, bytes: u16) -> Self {
        self.config.max_message = bytes;
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

    /// The time after which an unfinished handshake fails, counted from the start of a client, and
    /// from the first handshake record that a server gets; `None` for no limit.
    pub fn handshake_timeout(mut self, limit: Option<Duration>) -> Self {
        self.config.handshake_timeout = limit;
        self
    }

    /// How long a handshake may take to go on after an alert in plaintext, by default 2 s.
    ///
    /// Before there are keys anybody who can send from the peer's address can forge records, and
    /// RFC 6347 §4.1.2.7 and RFC 9147 §4.5.2 let them be dropped. So what breaks the rules in plaintext is dropped and
    /// counted, and an alert is remembered: if no message of the peer carries the handshake on within this
    /// time, it ends with the alert's reason.
    ///
    /// With zero the first alert or violation ends the handshake at once, for tests of peers and for
    /// transports that nobody else can write to.
    pub fn plaintext_patience(mut self, patience: Duration) -> Self {
        self.config.plaintext_patience = patience;
        self
    }

    /// Whether a DTLS 1.3 client says `psk_dhe_ke` (RFC 8446 §4.2.9), as Chromium does, and so
    /// invites session tickets. They are read and forgotten: sessions are not resumed. Off by
    /// default.
    pub fn invite_tickets(mut self, invite: bool) -> Self {
        self.config.invite_tickets = invite;
        self
    }

    /// What a server demands of its client's certificate.
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.config.client_auth = client_auth;
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
        let total: usize = config.alpn.iter().map(|name| 1 + name.len()).sum();
        if !config.alpn.iter().all(fits) || total > MAX_ALPN {
            return Err(ConfigError::BadApplicationProtocol);
        }
        if let Some(limit) = config.record_size_limit
            && !RECORD_SIZES.contains(&limit)
        {
            return Err(ConfigError::BadRecordSizeLimit(limit));
        }
        if config
            .server_name
            .as_deref()
            .is_some_and(|name| !is_host(name))
        {
            return Err(ConfigError::BadServerName);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::default_provider;

    fn refusal(change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Option<ConfigError> {
        change(Config::builder(default_provider())).build().err()
    }

    #[test]
    fn what_cannot_work_is_refused() {
        use ProtocolVersion as V;
        let tls13 = [CipherSuite::TLS_AES_128_GCM_SHA256];
        let unknown = NamedGroup(0x0200);
        let zero = RetransmitConfig {
            initial: Duration::ZERO,
            ..RetransmitConfig::default()
        };
        let name = [b'a'; 256];
        let many = [&name[..255]; 65];
        assert_eq!(refusal(|c| c), None);
        assert_eq!(refusal(|c| c.versions(&[])), Some(ConfigError::NoVersion));
        assert_eq!(
            refusal(|c| c.versions(&[V::DTLS1_2]).cipher_suites(&tls13)),
            Some(ConfigError::NoCipherSuite(V::DTLS1_2))
        );
        assert_eq!(refusal(|c| c.groups(&[])), Some(ConfigError::NoGroup));
        assert_eq!(
            refusal(|c| c.groups(&[unknown])),
            Some(ConfigError::UnknownGroup(unknown))
        );
        assert_eq!(
            refusal(|c| c.signature_schemes(&[])),
            Some(ConfigError::NoSignatureScheme)
        );
        assert_eq!(
            refusal(|c| c.mtu(MIN_MTU - 1)),
            Some(ConfigError::MtuTooSmall(MIN_MTU - 1))
        );
        assert_eq!(
            refusal(|c| c.fallback_mtu(Some(1))),
            Some(ConfigError::MtuTooSmall(1))
        );
        assert_eq!(
            refusal(|c| c.mki(&name)),
            Some(ConfigError::MkiTooLong(256))
        );
        for name in [
            "",
            ".",
            "a..b",
            "a.example.",
            "192.0.2.1",
            "::1",
            "a\0b",
            "ä.example",
        ] {
            let error = Some(ConfigError::BadServerName);
            assert_eq!(refusal(|c| c.server_name(name)), error, "{name}");
        }
        for limit in [0, 63, 16_386] {
            let error = Some(ConfigError::BadRecordSizeLimit(limit));
            assert_eq!(refusal(|c| c.record_size_limit(limit)), error);
        }
        for names in [&[&b""[..]][..], &[&name], &many] {
            let error = Some(ConfigError::BadApplicationProtocol);
            assert_eq!(refusal(|c| c.alpn(names)), error);
        }
        assert_eq!(
            refusal(|c| c.retransmit(zero)),
            Some(ConfigError::ZeroRetransmitTime)
        );
    }

    /// A group that only DTLS 1.3 has leaves DTLS 1.3 alone.
    #[test]
    fn a_version_without_group_is_not_offered() {
        let config = Config::builder(default_provider()).groups(&[NamedGroup::X25519MLKEM768]);
        let config = config.build().expect("DTLS 1.3 is left");
        assert_eq!(config.versions(), [ProtocolVersion::DTLS1_3]);
    }
}
