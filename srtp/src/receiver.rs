//! The receiving side.

use std::hash::{DefaultHasher, Hasher as _};

use crate::classify::Kind;
use crate::config::ReceiverConfig;
use crate::error::{ConfigError, CounterError, ReconfigureError, RekeyError, UnprotectError};
use crate::event::{Event, Events, ReceiverStatistics};
use crate::index::HALF_CYCLE;
use crate::kernel::Tier;
use crate::keyring::KeyRing;
use crate::keys::ReceiverKeys;
use crate::profile::{Profile, Transform};
use crate::streams::StreamTable;
use crate::suite::Suite;

/// Unprotects what one endpoint receives from another: all its SRTP and SRTCP streams under one set
/// of keys.
///
/// For each packet: parse, estimate the index, check replay, authenticate, decrypt, commit. Nothing
/// changes before a packet proved authentic but a counter of the reason why it was dropped. Replay
/// protection is always on, and a receiver can't be cloned or reset:
///
/// ```compile_fail
/// fn twice(receiver: &srtp::Receiver) -> srtp::Receiver {
///     receiver.clone()
/// }
/// ```
#[derive(Debug)]
pub struct Receiver {
    pub(crate) ring: KeyRing,
    pub(crate) streams: StreamTable,
    pub(crate) config: ReceiverConfig,
    pub(crate) events: Events,
    pub(crate) statistics: ReceiverStatistics,
}

/// An authentic packet, now decrypted in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Unprotected {
    /// Length of the RTP or RTCP packet; of one whose payload is not handed out, length of its
    /// header.
    pub len: usize,
    /// The SSRC; in RTCP, that of the sender.
    pub ssrc: u32,
    /// The index: for SRTP the ROC and the sequence number, of 48 bits; for SRTCP its own, of 31.
    pub index: u64,
    /// Whether it is news.
    pub freshness: Freshness,
}

impl Unprotected {
    /// What stands in the place of a packet that is not there.
    pub(crate) const NONE: Self = Self {
        len: 0,
        ssrc: 0,
        index: 0,
        freshness: Freshness::New,
    };

    /// Whether the packet was not known to be new: its payload is wiped unless
    /// [`Duplicates::Deliver`](crate::Duplicates::Deliver) is configured.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.freshness != Freshness::New
    }
}

/// What the replay list says of an authentic packet (RFC 3711 §3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Its index comes for the first time.
    New,
    /// Its index was received before.
    Duplicate,
    /// Its index is below the replay window, so it is unknown whether it was received before.
    TooOld,
}

impl Receiver {
    /// A receiver under `keys`.
    ///
    /// # Errors
    ///
    /// If the configuration contradicts itself or the profile.
    pub fn new(keys: ReceiverKeys, config: ReceiverConfig) -> Result<Self, ConfigError> {
        config.check(keys.suite())?;
        let header = !config.encrypted_extensions.is_empty();
        Ok(Self {
            ring: KeyRing::new(keys.material, config.tier, header),
            streams: StreamTable::new(
                config.max_streams,
                config.max_retired_streams,
                config.rtp_window,
                config.rtcp_window,
            ),
            config,
            events: Events::default(),
            statistics: ReceiverStatistics::default(),
        })
    }

    /// Unprotects an SRTP packet in place; the RTP packet is the first [`Unprotected::len`] bytes
    /// then.
    ///
    /// # Errors
    ///
    /// The packet is to be dropped. The buffer holds no plaintext.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<Unprotected, UnprotectError> {
        self.unprotect(Kind::Rtp, packet)
    }

    /// Unprotects an SRTCP packet in place; the RTCP packet, compound or reduced-size (RFC 5506),
    /// is the first [`Unprotected::len`] bytes then.
    ///
    /// # Errors
    ///
    /// The packet is to be dropped. The buffer holds no plaintext.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<Unprotected, UnprotectError> {
        self.unprotect(Kind::Rtcp, packet)
    }

    /// Asks the CPU to fetch what the next packet touches: streams, replay window, keys. It goes on
    /// without waiting, and nothing changes.
    ///
    /// A receiver that has not been used for a while is in no cache, and its next packet waits for some ten
    /// lines of memory, one after the other. With datagrams of several receivers at hand, ask for the memory of all of
    /// them before [`unprotect_batch`](crate::unprotect_batch): first [`prefetch`](crate::prefetch()) each
    /// receiver, then call this on each, so that nothing waits for what was only just asked for.
    pub fn prefetch(&self, kind: Kind) {
        self.streams.prefetch(kind);
        self.ring.prefetch(kind);
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

    /// How many SSRCs are held with their replay windows.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// The rollover counter of an SSRC, if packets of it were received or it was set.
    #[must_use]
    pub fn roc(&self, ssrc: u32) -> Option<u32> {
        self.streams.roc(ssrc)
    }

    /// Tells the ROC of a stream that is joined late. The next packet is taken for one of this ROC,
    /// and if its tag is wrong then, for one of the ROC next to it, on the side where its sequence
    /// number is nearer to the edge: packet and ROC travel apart ([`RocRecovery`]).
    ///
    /// # Errors
    ///
    /// [`CounterError::Backwards`] if the stream has come further.
    ///
    /// [`RocRecovery`]: crate::RocRecovery
    pub fn set_roc(&mut self, ssrc: u32, roc: u32) -> Result<(), CounterError> {
        self.streams.set_roc(ssrc, roc, HALF_CYCLE)
    }

    /// Tells the first SRTCP index of a stream that may still be taken, if it is joined late.
    ///
    /// # Errors
    ///
    /// [`CounterError::Backwards`] if the stream has come further, [`CounterError::OutOfRange`]
    /// beyond 2^31 - 1.
    pub fn set_rtcp_index(&mut self, ssrc: u32, next: u32) -> Result<(), CounterError> {
        self.streams.set_rtcp_index(ssrc, next.into())
    }

    /// Takes a new master key. Streams keep their ROC, indexes and replay lists (RFC 3711 §3.3.1).
    ///
    /// Where keys have identifiers, the new one has another and stands beside the others. Else
    /// packets are tried with the new key first and with the one before after it, until
    /// [`Receiver::drop_replaced_keys`].
    ///
    /// # Errors
    ///
    /// If the key does not fit this context; nothing has changed.
    pub fn rekey(&mut self, keys: ReceiverKeys) -> Result<(), RekeyError> {
        if !self.ring.has_mki() {
            self.ring.replace(keys.material, true)
        } else {
            self.ring.add(keys.material)
        }
    }

    /// Forgets the key before the last [`Receiver::rekey`], of keys without identifiers. RFC 5764
    /// §5.2 asks to keep it for some time, for packets on their way.
    pub fn drop_replaced_keys(&mut self) {
        if !self.ring.has_mki() {
            self.ring.drop_replaced();
        }
    }

    /// Drops the master key of this identifier.
    ///
    /// # Errors
    ///
    /// [`RekeyError::UnknownMki`], or [`RekeyError::Active`] for the last key.
    pub fn remove_keys(&mut self, mki: &[u8]) -> Result<(), RekeyError> {
        // A receiver goes by the identifiers in packets; which key is active means nothing to it.
        if let Some(other) = (0..self.ring.len()).find(|&place| self.ring.key(place).mki() != mki) {
            self.ring.set_active(other);
        }
        self.ring.remove(mki)
    }

    /// Takes other keys and another configuration for the same streams: they keep their ROC, indexes and
    /// replay lists, so that the key in use may be among the keys. The suite may be another one.
    ///
    /// # Errors
    ///
    /// If a key was in use before those that are now, or configuration and keys don't fit; nothing has
    /// changed.
    pub fn reconfigure(
        &mut self,
        keys: Vec<ReceiverKeys>,
        config: ReceiverConfig,
    ) -> Result<(), ReconfigureError> {
        let keys: Vec<_> = keys.into_iter().map(|keys| keys.material).collect();
        let first = keys.first().ok_or(RekeyError::NoKey)?;
        config.check(first.suite)?;
        let header = !config.encrypted_extensions.is_empty();
        self.ring = self.ring.succeeded_by(keys, config.tier, header)?;
        self.streams
            .resize(config.max_streams, config.max_retired_streams);
        self.streams
            .set_windows(config.rtp_window, config.rtcp_window);
        self.config = config;
        Ok(())
    }

    /// Gives the place of an SSRC free. It is remembered by its highest indexes: nothing up to those is taken
    /// again.
    pub fn forget(&mut self, ssrc: u32) {
        self.streams.retire(ssrc);
    }

    /// Whether an SSRC is held: one of which packets were received, or whose counters were set.
    #[must_use]
    pub fn holds(&self, ssrc: u32) -> bool {
        self.streams.find(ssrc).is_some()
    }

    /// Says whether the master key identifiers of the keys stand in packets to come. Where they don't,
    /// packets are opened with the first key alone.
    pub fn expect_mki(&mut self, expected: bool) {
        self.ring.set_active(0);
        self.ring.show_mki(expected);
    }

    /// What has happened. To be polled after unprotecting packets, whenever convenient; returns
    /// `None` when there is no more.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    /// What was done so far, and why packets were dropped.
    #[must_use]
    pub fn statistics(&self) -> &ReceiverStatistics {
        &self.statistics
    }

    /// A hash of all state that decides anything: replay lists and their order of use, what is left
    /// of the keys' lifetimes, session keys that are held, events that wait. It is the same before
    /// and after each packet that is not both genuine and new, which tests hold us to.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.streams.digest(&mut hasher);
        self.ring.digest(&mut hasher);
        self.events.digest(&mut hasher);
        hasher.finish()
    }

    #[inline(always)]
    pub(crate) fn unprotect(
        &mut self,
        kind: Kind,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let mut unprotected = Unprotected::NONE;
        self.unprotect_into(kind, packet, &mut unprotected)?;
        Ok(unprotected)
    }

    /// Unprotects a packet, and notes what it is.
    #[inline(always)]
    pub(crate) fn unprotect_into(
        &mut self,
        kind: Kind,
        packet: &mut [u8],
        unprotected: &mut Unprotected,
    ) -> Result<(), UnprotectError> {
        let result = self.unprotect_uncounted(kind, packet, unprotected);
        self.count(result)
    }

    /// Counts the reason of a packet that is dropped.
    #[inline(always)]
    pub(crate) fn count<T>(
        &mut self,
        result: Result<T, UnprotectError>,
    ) -> Result<T, UnprotectError> {
        if let Err(reason) = result {
            self.statistics.count_discard(reason);
        }
        result
    }

    /// Whether packets are best opened one by one: those of AES-GCM, which share nothing, or where
    /// session keys change with the index.
    #[inline(always)]
    pub(crate) fn runs_alone(&self) -> bool {
        self.ring.rtp_transform() == Transform::Gcm || self.ring.is_periodic()
    }
}
