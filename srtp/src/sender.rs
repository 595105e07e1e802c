//! The sending side.

use crate::classify::Kind;
use crate::config::SenderConfig;
use crate::cryptex::Preparation;
use crate::error::{ConfigError, CounterError, ProtectError, ReconfigureError, RekeyError};
use crate::event::{Event, Events, SenderStatistics};
use crate::header::RtpHeader;
use crate::kernel::{Job, Tier};
use crate::keyring::KeyRing;
use crate::keys::SenderKeys;
use crate::profile::{Profile, Transform};
use crate::repeats::Sent;
use crate::sealing::Sealing;
use crate::streams::StreamTable;
use crate::suite::Suite;

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
    /// Where packets may be repeated: what was sent.
    pub(crate) sent: Option<Box<Sent>>,
    statistics: SenderStatistics,
}

impl Sender {
    /// A sender under `keys`.
    ///
    /// # Errors
    ///
    /// If the configuration contradicts itself or the profile.
    pub fn new(keys: SenderKeys, config: SenderConfig) -> Result<Self, ConfigError> {
        config.check(keys.suite())?;
        let header = !config.encrypted_extensions.is_empty();
        Ok(Self {
            sent: Sent::new(&keys.material, &config),
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
        self.ring.trailer(Kind::Rtp).len() + insertion
    }

    /// How many bytes protection adds to an RTCP packet.
    #[must_use]
    pub fn rtcp_overhead(&self) -> usize {
        self.ring.trailer(Kind::Rtcp).len()
    }

    /// Asks the CPU to fetch what the next packet touches, as
    /// [`Receiver::prefetch`](crate::Receiver::prefetch) does.
    pub fn prefetch(&self, kind: Kind) {
        self.streams.prefetch(kind);
        self.ring.prefetch(kind);
    }

    /// The exact length that this RTP packet will have when it is protected.
    ///
    /// # Errors
    ///
    /// If it has no whole header, or one that Cryptex can't encrypt.
    pub fn protected_rtp_len(&self, packet: &[u8]) -> Result<usize, ProtectError> {
        let header = RtpHeader::parse(packet)?;
        let growth = if self.config.cryptex {
            Preparation::of(&header)
                .map_err(|_| ProtectError::ExtensionNotEncryptable)?
                .growth()
        } else {
            0
        };
        Ok(packet.len() + growth + self.ring.trailer(Kind::Rtp).len())
    }

    /// The profile, if there is one that says what the suite says.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        self.ring.suite().profile()
    }

    /// The suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.ring.suite()
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
        self.streams
            .lists(ssrc)
            .rtcp
            .next()
            .max(self.config.first_rtcp_index.into()) as u32
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
        if !self.ring.has_mki() {
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

    /// Takes other keys and another configuration for the same streams: they keep their ROC and indexes,
    /// and nothing that was sent counts as new, so that the key in use may be among the keys. The suite
    /// may be another one. The first key is the one in use.
    ///
    /// # Errors
    ///
    /// If a key was in use before those that are now, or configuration and keys don't fit; nothing has
    /// changed.
    pub fn reconfigure(
        &mut self,
        keys: Vec<SenderKeys>,
        config: SenderConfig,
    ) -> Result<(), ReconfigureError> {
        let keys: Vec<_> = keys.into_iter().map(|keys| keys.material).collect();
        let first = keys.first().ok_or(RekeyError::NoKey)?;
        config.check(first.suite)?;
        let sent = Sent::new(first, &config);
        let header = !config.encrypted_extensions.is_empty();
        self.ring = self.ring.succeeded_by(keys, config.tier, header)?;
        self.streams
            .resize(config.max_streams, config.max_retired_streams);
        self.streams.set_windows(config.window, 0);
        // Under another cipher, or with headers encrypted otherwise, it is not the same any more.
        self.sent = sent;
        self.config = config;
        Ok(())
    }

    /// Gives the place of an SSRC free. What was sent of it is remembered by its highest index: nothing up
    /// to that is sent again.
    pub fn forget(&mut self, ssrc: u32) {
        self.streams.retire(ssrc);
        if let Some(sent) = &mut self.sent {
            sent.forget(ssrc);
        }
    }

    /// Whether an SSRC is held: one of which packets were sent, or whose counters were set.
    #[must_use]
    pub fn holds(&self, ssrc: u32) -> bool {
        self.streams.find(ssrc).is_some()
    }

    /// Protects further packets with the key at this place, in the order in which keys were given, and says
    /// whether its master key identifier stands in them. For callers that choose anew with each packet.
    ///
    /// # Errors
    ///
    /// [`RekeyError::UnknownMki`] if there are fewer keys.
    pub fn select(&mut self, place: usize, show_mki: bool) -> Result<(), RekeyError> {
        if place >= self.ring.len() {
            return Err(RekeyError::UnknownMki);
        }
        self.ring.set_active(place);
        self.ring.show_mki(show_mki);
        Ok(())
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
        self.ring.rtp_transform() == Transform::Gcm || self.ring.is_periodic()
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
