//! How contexts are configured.

use crate::error::ConfigError;
use crate::extension::ExtensionIds;
use crate::kernel::Tier;
use crate::suite::Suite;

/// The most streams a context may be configured for.
const STREAMS_LIMIT: usize = 1 << 16;

/// The smallest and largest replay window (RFC 3711 §3.3.2 asks for 64 at least; beyond 2^15 an
/// index is ambiguous).
const WINDOWS: std::ops::RangeInclusive<usize> = 64..=1 << 15;

/// How a [`Sender`](crate::Sender) protects packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderConfig {
    /// Encrypts CSRCs and header extensions (RFC 9335), once SDP has agreed on `a=cryptex`.
    /// Default: no.
    pub cryptex: bool,
    /// The header extensions to encrypt one by one (RFC 6904), by their local identifiers. Default:
    /// none.
    pub encrypted_extensions: ExtensionIds,
    /// Encrypts SRTCP, as DTLS-SRTP always does (RFC 3711 §3.4: the E flag). Default: yes.
    pub encrypt_rtcp: bool,
    /// Takes a profile or suite that does not encrypt all. Default: no.
    pub allow_null_cipher: bool,
    /// Takes a suite with tags below those of the profiles. Default: no.
    pub allow_weak_tags: bool,
    /// How far behind the newest a sequence number may be sent, in packets; rounded up to a power
    /// of two. Default: 1024.
    ///
    /// A forwarder sends packets in the order in which they reach it. What was sent is remembered
    /// that far back, and is refused a second time.
    pub window: usize,
    /// How many SSRCs are held with their window at a time. Default: 256.
    pub max_streams: usize,
    /// How many SSRCs beyond that are remembered by their highest index alone. Past both, new ones
    /// are refused, since forgetting one could repeat a nonce. Default: 65536, of 40 bytes each.
    pub max_retired_streams: usize,
    /// What becomes of an RTP packet whose sequence number has been sent. Default: [`Repeats::Refuse`].
    pub repeats: Repeats,
    /// The first SRTCP index of each SSRC. Default: 0 (RFC 3711 §3.4); libsrtp starts at 1.
    pub first_rtcp_index: u32,
    /// The instruction set of the kernels. Default: the best of this CPU.
    pub tier: Tier,
}

/// What a [`Sender`](crate::Sender) does with an RTP packet whose sequence number has been sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Repeats {
    /// It is refused. The default: nothing is remembered of what was sent but its index.
    #[default]
    Refuse,
    /// It is sealed once more, if nothing comes of that which was not sent before. For forwarders
    /// that keep packets in the clear and retransmit them under their old numbers.
    ///
    /// Under AES-GCM, Cryptex or RFC 6904 that takes the very same packet: header and payload. Under
    /// counter mode the payload must be the same, and the header may differ, which no key stream
    /// covers. A keyed fingerprint tells, which takes 32 bytes for each packet of [`SenderConfig::window`]; a
    /// packet that fails is refused as [`IndexUsed`](crate::ProtectError::IndexUsed).
    Same,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self {
            cryptex: false,
            encrypted_extensions: ExtensionIds::NONE,
            encrypt_rtcp: true,
            allow_null_cipher: false,
            allow_weak_tags: false,
            window: 1024,
            max_streams: 256,
            max_retired_streams: 65_536,
            repeats: Repeats::Refuse,
            first_rtcp_index: 0,
            tier: Tier::detect(),
        }
    }
}

/// Which packets with header extensions or CSRCs a [`Receiver`](crate::Receiver) takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CryptexPolicy {
    /// Cryptex is not agreed on. What bears its mark is refused. The default.
    #[default]
    Off,
    /// Packets may come with Cryptex or without (RFC 9335 §4: `a=cryptex`).
    Accept,
    /// A packet with CSRCs or header extensions in the clear is dropped.
    Require,
}

/// What becomes of an authentic packet whose index was received before, or lies below the replay
/// window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Duplicates {
    /// It is dropped before its tag is looked at, the cheapest.
    Drop,
    /// It is authenticated and reported, its header readable and its payload wiped. The default:
    /// browsers probe bandwidth with packets sent before, and a congestion controller has to see
    /// them arrive.
    #[default]
    Report,
    /// It is handed out like a new packet, marked as what it is. Whoever asks for this does without
    /// replay protection.
    Deliver,
}

/// When a packet whose tag is wrong is tried again with another ROC, which costs a second
/// authentication, and gives a forger a second try: with tags of 32 bits, that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RocRecovery {
    /// Never.
    Never,
    /// For the first packet of an SSRC, or after [`Receiver::set_roc`](crate::Receiver::set_roc):
    /// with the next ROC below sequence number 2^15, since the packets before the edge at 2^16 may
    /// have been lost, and above with the one before, if a ROC was told. The default.
    #[default]
    FirstPacket,
    /// Also for later packets: an outage of 2^15 to 98303 packets is recovered from. Each forged
    /// packet costs twice as much.
    Always,
}

/// How a [`Receiver`](crate::Receiver) unprotects packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverConfig {
    /// Which packets with header extensions or CSRCs are taken. Default: [`CryptexPolicy::Off`].
    pub cryptex: CryptexPolicy,
    /// The header extensions that come encrypted one by one (RFC 6904), by their local identifiers.
    /// Default: none.
    pub encrypted_extensions: ExtensionIds,
    /// Drops SRTCP packets that are not encrypted (RFC 3711 §3.4: the E flag). Default: yes. The
    /// NULL profiles take both.
    pub require_encrypted_rtcp: bool,
    /// Takes a profile or suite that does not encrypt all. Default: no.
    pub allow_null_cipher: bool,
    /// Takes a suite with tags below those of the profiles. Default: no.
    pub allow_weak_tags: bool,
    /// The replay window of SRTP in packets, from 64; rounded up to a power of two. Default: 1024.
    pub rtp_window: usize,
    /// The replay window of SRTCP in packets, from 64; rounded up to a power of two. Default: 128.
    pub rtcp_window: usize,
    /// What becomes of duplicates. Default: [`Duplicates::Report`].
    pub duplicates: Duplicates,
    /// Whether the ROC is guessed a second time. Default: [`RocRecovery::FirstPacket`].
    pub roc_recovery: RocRecovery,
    /// How many SSRCs are held with their replay windows at a time. The least recently used gives
    /// way. Default: 256.
    pub max_streams: usize,
    /// How many SSRCs that gave way are remembered by their highest indexes, so that nothing of
    /// them is taken twice. Past that, new SSRCs are refused. Default: 4096, of 40 bytes each.
    pub max_retired_streams: usize,
    /// The instruction set of the kernels. Default: the best of this CPU.
    pub tier: Tier,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            cryptex: CryptexPolicy::Off,
            encrypted_extensions: ExtensionIds::NONE,
            require_encrypted_rtcp: true,
            allow_null_cipher: false,
            allow_weak_tags: false,
            rtp_window: 1024,
            rtcp_window: 128,
            duplicates: Duplicates::Report,
            roc_recovery: RocRecovery::FirstPacket,
            max_streams: 256,
            max_retired_streams: 4096,
            tier: Tier::detect(),
        }
    }
}

impl SenderConfig {
    pub(crate) fn check(&self, suite: Suite) -> Result<(), ConfigError> {
        let headers = (self.cryptex, !self.encrypted_extensions.is_empty());
        let weak = (self.allow_null_cipher, self.allow_weak_tags);
        check_services(suite, weak, headers)?;
        check_sizes(&[self.window], self.max_streams)
    }
}

impl ReceiverConfig {
    pub(crate) fn check(&self, suite: Suite) -> Result<(), ConfigError> {
        let cryptex = self.cryptex != CryptexPolicy::Off;
        let headers = (cryptex, !self.encrypted_extensions.is_empty());
        let weak = (self.allow_null_cipher, self.allow_weak_tags);
        check_services(suite, weak, headers)?;
        check_sizes(&[self.rtp_window, self.rtcp_window], self.max_streams)
    }
}

/// `weak` says whether ciphers may be missing, and whether tags may be short; `headers` whether Cryptex is
/// on, and whether extensions are encrypted one by one.
fn check_services(
    suite: Suite,
    (allow_null, allow_weak_tags): (bool, bool),
    headers: (bool, bool),
) -> Result<(), ConfigError> {
    let null = !suite.rtp().encrypts();
    match headers {
        _ if !suite.encrypts_all() && !allow_null => Err(ConfigError::NullCipher),
        _ if suite.has_weak_tags() && !allow_weak_tags => Err(ConfigError::WeakTags),
        // RFC 9335 §5: both mechanisms would encrypt the same bytes.
        (true, true) => Err(ConfigError::CryptexWithEncryptedExtensions),
        (true, _) | (_, true) if null => Err(ConfigError::HeaderEncryptionWithNullCipher),
        _ => Ok(()),
    }
}

fn check_sizes(windows: &[usize], max_streams: usize) -> Result<(), ConfigError> {
    if !windows.iter().all(|window| WINDOWS.contains(window)) {
        return Err(ConfigError::ReplayWindow);
    }
    if !(1..=STREAMS_LIMIT).contains(&max_streams) {
        return Err(ConfigError::MaxStreams);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn sender(profile: Profile, change: impl FnOnce(&mut SenderConfig)) -> Result<(), ConfigError> {
        let mut config = SenderConfig::default();
        change(&mut config);
        config.check(profile.into())
    }

    fn receiver(change: impl FnOnce(&mut ReceiverConfig)) -> Result<(), ConfigError> {
        let mut config = ReceiverConfig::default();
        change(&mut config);
        config.check(Profile::AeadAes128Gcm.into())
    }

    #[test]
    fn profiles_without_encryption_need_leave() {
        let null = Profile::NullSha1_80;
        assert_eq!(sender(null, |_| ()), Err(ConfigError::NullCipher));
        assert_eq!(sender(null, |c| c.allow_null_cipher = true), Ok(()));
        let cryptex = |c: &mut SenderConfig| {
            c.allow_null_cipher = true;
            c.cryptex = true;
        };
        assert_eq!(
            sender(null, cryptex),
            Err(ConfigError::HeaderEncryptionWithNullCipher)
        );
    }

    /// T-SRT-16: Cryptex and RFC 6904 together.
    #[test]
    fn cryptex_and_encrypted_extensions_exclude_each_other() {
        let ids: ExtensionIds = [1].into_iter().collect();
        let both = |c: &mut SenderConfig| {
            c.cryptex = true;
            c.encrypted_extensions = ids;
        };
        assert_eq!(
            sender(Profile::AeadAes128Gcm, both),
            Err(ConfigError::CryptexWithEncryptedExtensions)
        );
        for policy in [CryptexPolicy::Accept, CryptexPolicy::Require] {
            let both = |c: &mut ReceiverConfig| {
                c.cryptex = policy;
                c.encrypted_extensions = ids;
            };
            assert_eq!(
                receiver(both),
                Err(ConfigError::CryptexWithEncryptedExtensions)
            );
        }
    }

    /// RFC 3711 §3.3.2: a window has 64 packets at least.
    #[test]
    fn sizes_have_limits() {
        for window in [0, 63, 32769] {
            let result = receiver(|c| c.rtp_window = window);
            assert_eq!(result, Err(ConfigError::ReplayWindow), "{window}");
            let result = receiver(|c| c.rtcp_window = window);
            assert_eq!(result, Err(ConfigError::ReplayWindow), "{window}");
        }
        assert_eq!(receiver(|c| c.rtp_window = 64), Ok(()));
        assert_eq!(
            receiver(|c| c.max_streams = 0),
            Err(ConfigError::MaxStreams)
        );
    }
}
