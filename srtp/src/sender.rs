//! The sending side.

use crate::classify::Kind;
use crate::config::SenderConfig;
use crate::error::{ConfigError, CounterError, ProtectError, RekeyError};
use crate::event::{Event, Events, SenderStatistics};
use crate::kernel::{Job, Tier};
use crate::keyring::KeyRing;
use crate::keys::SenderKeys;
use crate::profile::{Profile, Transform};
use crate::sealing::Sealing;
use crate::streams::StreamTable;

/// Protects what one endpoint sends to another: all its SRTP and SRTCP streams under one set of
/// keys.
///
/// Sequence numbers come from the RTP headers; the sender keeps the rollover counter (ROC) of each
/// SSRC. A sequence number is sealed once: packets may come out of order within
/// [`SenderConfig::window`], but one that has been sent is refused, since under the same nonce a
/// second packet would reveal both (RFC 3711 §9.1, RFC 7714 §8.4). A retransmission is the
/// protected packet, kept and sent once more, or a packet of an RTX stream (RFC 4588) with an SSRC
/// of its own.
///
/// A sender can't be cloned, reset or rewound:
///
/// ```compile_fail
/// fn twice(sender: &srtp::Sender) -> srtp::Sender {
///     sender.clone()
/// }
/// ```
#[derive(Debug)]
pub struct Sender {
    pub(crate) ring: KeyRing,
    pub(crate) streams: StreamTable,
    pub(crate) config: SenderConfig,
    pub(crate) events: Events,
    statistics: SenderStatistics,
}

impl Sender {
    /// A sender under `keys`.
    ///
    /// # Errors
    ///
    /// If the configuration contradicts itself or the profile.
    pub fn new(keys: SenderKeys, config: SenderConfig) -> Result<Self, ConfigError> {
        config.check(keys.profile())?;
        let header = !config.encrypted_extensions.is_empty();
        Ok(Self {
            ring: KeyRing::new(keys.material, config.tier, header),
            streams: StreamTable::new(
                config.max_streams,
                config.max_retired_streams,
                config.window,
                0,
            ),
            config,
            events: Events::default(),
            statistics: SenderStatistics::default(),
        })
    }

    /// Protects the RTP packet in the first `len` bytes of `buffer`, in place; returns its new
    /// length.
    ///
    /// The buffer needs room for [`Sender::rtp_overhead`] more bytes.
    ///
    /// # Errors
    ///
    /// The packet must not be sent, and is unchanged.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.protect(Kind::Rtp, buffer, len)
    }

    /// Protects the RTCP packet, compound or reduced-size (RFC 5506), in the first `len` bytes of
    /// `buffer`, in place; returns its new length.
    ///
    /// The buffer needs room for [`Sender::rtcp_overhead`] more bytes.
    ///
    /// # Errors
    ///
    /// The packet must not be sent, and is unchanged.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.protect(Kind::Rtcp, buffer, len)
    }

    /// How many bytes protection adds to an RTP packet at most.
    #[must_use]
    pub fn rtp_overhead(&self) -> usize {
        let insertion = if self.config.cryptex { 4 } else { 0 };
        self.ring.profile().rtp_tag_len() + self.ring.mki_len() + insertion
    }

    /// How many bytes protection adds to an RTCP packet.
    #[must_use]
    pub fn rtcp_overhead(&self) -> usize {
        self.ring.profile().rtcp_tag_len() + self.ring.mki_len() + 4
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.ring.profile()
    }

    /// The instruction set that the packets run on.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.ring.tier()
    }

    /// The rollover counter of an SSRC, if packets of it were sent or it was set.
    #[must_use]
    pub fn roc(&self, ssrc: u32) -> Option<u32> {
        self.streams.roc(ssrc)
    }

    /// Makes the next packet of an SSRC one of this ROC: for a stream that another sender began.
    ///
    /// # Errors
    ///
    /// [`CounterError::Backwards`] if the stream has come further.
    pub fn set_roc(&mut self, ssrc: u32, roc: u32) -> Result<(), CounterError> {
        // Whoever began the stream may have sent all that lies before.
        self.streams.set_roc(ssrc, roc, 0)
    }

    /// The next SRTCP index of an SSRC.
    #[must_use]
    pub fn rtcp_index(&self, ssrc: u32) -> u32 {
        // The index ends at 2^31 - 1, and the next one at 2^31.
        self.streams.lists(ssrc).rtcp.next() as u32
    }

    /// Makes `next` the next SRTCP index of an SSRC: for a stream that another sender began.
    ///
    /// # Errors
    ///
    /// [`CounterError::Backwards`] if the stream has come further, [`CounterError::OutOfRange`]
    /// beyond 2^31 - 1.
    pub fn set_rtcp_index(&mut self, ssrc: u32, next: u32) -> Result<(), CounterError> {
        self.streams.set_rtcp_index(ssrc, next.into())
    }

    /// Replaces the master key at once. Streams keep their ROC and indexes (RFC 3711 §3.3.1),
    /// packet counts start anew. Where keys have identifiers, the new one has another, and the old
    /// one stays until [`Sender::remove_keys`].
    ///
    /// # Errors
    ///
    /// If the key does not fit this context; nothing has changed.
    pub fn rekey(&mut self, keys: SenderKeys) -> Result<(), RekeyError> {
        if self.ring.mki_len() == 0 {
            return self.ring.replace(keys.material, false);
        }
        let mki = keys.material.mki;
        self.ring.add(keys.material)?;
        self.ring.activate(mki.as_slice())
    }

    /// Adds a master key with an identifier, to be used after [`Sender::switch_to`].
    ///
    /// # Errors
    ///
    /// If the key does not fit this context; nothing has changed.
    pub fn add_keys(&mut self, keys: SenderKeys) -> Result<(), RekeyError> {
        self.ring.add(keys.material)
    }

    /// Protects further packets with the master key of this identifier.
    ///
    /// # Errors
    ///
    /// [`RekeyError::UnknownMki`].
    pub fn switch_to(&mut self, mki: &[u8]) -> Result<(), RekeyError> {
        self.ring.activate(mki)
    }

    /// Drops the master key of this identifier.
    ///
    /// # Errors
    ///
    /// [`RekeyError::UnknownMki`], or [`RekeyError::Active`] for the key in use.
    pub fn remove_keys(&mut self, mki: &[u8]) -> Result<(), RekeyError> {
        self.ring.remove(mki)
    }

    /// What has happened. To be polled after protecting packets, whenever convenient; returns
    /// `None` when there is no more.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    /// What was done so far.
    #[must_use]
    pub fn statistics(&self) -> SenderStatistics {
        self.statistics
    }

    #[inline(always)]
    pub(crate) fn protect(
        &mut self,
        kind: Kind,
        buffer: &mut [u8],
        len: usize,
    ) -> Result<usize, ProtectError> {
        let mut sealing = Sealing::EMPTY;
        let len = self.prepare(kind, buffer, len, &mut sealing)?;
        if self.ring.is_periodic() {
            self.seal_periodic(sealing, buffer);
        } else {
            self.job(&sealing, buffer).protect();
        }
        Ok(len)
    }

    /// Everything before the cryptography, which has to follow; gives the length of the protected
    /// packet.
    #[inline(always)]
    pub(crate) fn prepare(
        &mut self,
        kind: Kind,
        buffer: &mut [u8],
        len: usize,
        sealing: &mut Sealing,
    ) -> Result<usize, ProtectError> {
        let result = match kind {
            Kind::Rtp => self.prepare_rtp(buffer, len, sealing),
            Kind::Rtcp => self.prepare_rtcp(buffer, len).map(|(len, prepared)| {
                *sealing = prepared;
                len
            }),
        };
        match (&result, kind) {
            (Ok(_), Kind::Rtp) => self.statistics.rtp += 1,
            (Ok(_), Kind::Rtcp) => self.statistics.rtcp += 1,
            (Err(_), _) => self.statistics.refused += 1,
        }
        result
    }

    /// The kernel's job for a packet that was prepared, where session keys don't change.
    #[inline(always)]
    pub(crate) fn job<'a>(&'a self, sealing: &Sealing, buffer: &'a mut [u8]) -> Job<'a> {
        sealing.job(&self.ring.key(sealing.key).session, buffer)
    }

    /// Whether packets are best sealed one by one: those of AES-GCM, which share nothing, or where
    /// session keys change with the index.
    #[inline(always)]
    pub(crate) fn runs_alone(&self) -> bool {
        self.ring.profile().transform() == Transform::Gcm || self.ring.is_periodic()
    }

    /// Seals a packet where session keys change with the index (RFC 3711 §4.3.1).
    #[cold]
    pub(crate) fn seal_periodic(&mut self, sealing: Sealing, buffer: &mut [u8]) {
        self.ring.prepare(sealing.key, sealing.index);
        let session = self.ring.key(sealing.key).session_of(sealing.index);
        sealing.job(session, buffer).protect();
        self.ring.key_mut(sealing.key).keep(sealing.index);
    }
}
