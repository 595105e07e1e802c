//! The epochs of each direction: which keys are in use, which are next, which are still good.

use std::fmt;
use std::time::{Duration, Instant};

use super::header::{self, Header};
use super::number::{MAX_SEQUENCE, RecordNumber};
use super::protect::{EpochKeys, OpenError};
use super::replay::ReplayWindow;
use super::{MAX_PLAINTEXT, OpenFailure};
use crate::crypto::CryptoProvider;
use crate::error::Error;
use crate::stats::Discard;
use crate::wire::{ContentType, ProtocolVersion};

/// How long the keys of the epoch before the present one are kept, so that reordered records are
/// read and a final flight that is sent again is acknowledged: twice the maximum segment lifetime
/// of two minutes, as RFC 9147 §5.8.1 has it for the final flight.
pub(super) const PREVIOUS_LIFETIME: Duration = Duration::from_secs(240);

/// Forged records under one key after which new keys are asked for, half of [`FORGED_LIMIT`].
const FORGED_UPDATE: u64 = 1 << 35;

/// Forged records under one key after which the key must not be used (RFC 9147 §4.5.3).
const FORGED_LIMIT: u64 = 1 << 36;

/// One epoch of what we receive. Without keys it is epoch 0.
pub(super) struct ReadEpoch {
    epoch: u16,
    keys: Option<EpochKeys>,
    window: ReplayWindow,
    forged: u64,
    /// The peer was asked to change these keys.
    update_asked: bool,
}

/// What forged records leave behind is a count, which is no state: see
/// [`Connection::state_digest`](crate::Connection::state_digest).
impl fmt::Debug for ReadEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadEpoch")
            .field("epoch", &self.epoch)
            .field("keys", &self.keys)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// What a record held.
#[derive(Debug)]
pub(super) struct Content<'a> {
    pub(super) content_type: ContentType,
    pub(super) number: RecordNumber,
    pub(super) content: &'a [u8],
}

impl ReadEpoch {
    fn new(epoch: u16, keys: Option<EpochKeys>) -> Self {
        Self {
            epoch,
            keys,
            window: ReplayWindow::default(),
            forged: 0,
            update_asked: false,
        }
    }

    /// Opens a record of this epoch in place. Nothing changes unless it is authentic, but for the
    /// count of forged ones.
    pub(super) fn open<'a>(
        &mut self,
        provider: &dyn CryptoProvider,
        header: &Header,
        record: &'a mut [u8],
    ) -> Result<Content<'a>, OpenFailure> {
        let (head, body) = record.split_at_mut(header.length);
        let Some(keys) = &mut self.keys else {
            // No replay window: these numbers are not authenticated, and a forged one would shut out
            // genuine ones. What comes twice in epoch 0 does no harm.
            let (content_type, number) = header.as_plaintext().ok_or(Discard::WrongHeader)?;
            return Ok(Content {
                content_type,
                number,
                content: body,
            });
        };
        let outer_type = header
            .protected(keys.is_unified())
            .ok_or(Discard::WrongHeader)?;
        let rested = keys.thaw(provider);
        let opened = self.open_protected(header, outer_type, head, body);
        // A forgery wakes the keys of a resting connection for no longer than it takes to drop it.
        if opened.is_err() && rested {
            self.freeze();
        }
        opened
    }

    fn open_protected<'a>(
        &mut self,
        header: &Header,
        outer_type: ContentType,
        head: &mut [u8],
        body: &'a mut [u8],
    ) -> Result<Content<'a>, OpenFailure> {
        let Some(keys) = &self.keys else {
            return Err(Discard::UnknownEpoch.into());
        };
        let unified = keys.is_unified();
        let mask = keys.mask(body).ok_or(Discard::TooShort)?;
        let number = header.unmask(head, mask, self.epoch, self.window.next());
        // RFC 9147 §4.5.1: before a record is authenticated the window is only looked at.
        if self.window.is_replay(number.sequence()) {
            return Err(Discard::Replayed.into());
        }
        let plaintext = match keys.open(number, head, outer_type, body) {
            Ok(range) => body.get(range).unwrap_or_default(),
            Err(OpenError::TooShort) => return Err(Discard::TooShort.into()),
            Err(OpenError::Forged) => return Err(self.count_forged()),
        };
        self.window.record(number.sequence());
        let (content_type, content) = if unified {
            inner_plaintext(plaintext)?
        } else {
            (outer_type, plaintext)
        };
        Ok(Content {
            content_type,
            number,
            content,
        })
    }

    /// Whether its records are protected in the manner of DTLS 1.3.
    pub(super) fn is_unified(&self) -> bool {
        self.keys.as_ref().is_some_and(EpochKeys::is_unified)
    }

    /// Keeps the keys alone: records will be rare.
    pub(super) fn freeze(&mut self) {
        if let Some(keys) = &mut self.keys {
            keys.freeze();
        }
    }

    /// Counts a record whose tag did not fit.
    // RFC 9147 §4.5.3: failures are counted, and the key is given up at the limit.
    fn count_forged(&mut self) -> OpenFailure {
        self.forged += 1;
        if self.forged >= FORGED_LIMIT {
            Error::ForgeryLimit.into()
        } else {
            Discard::Forged.into()
        }
    }
}

/// Takes padding and content type off an inner plaintext (RFC 9147 §4, RFC 8446 §5.4).
fn inner_plaintext(plaintext: &[u8]) -> Result<(ContentType, &[u8]), Error> {
    // RFC 8446 §5.4: the limit is that of the content and its type, padding included.
    if plaintext.len() > MAX_PLAINTEXT + 1 {
        return Err(Error::RecordOverflow);
    }
    let last = plaintext
        .iter()
        .rposition(|&byte| byte != 0)
        .ok_or(Error::MissingContentType)?;
    let (content, rest) = plaintext.split_at(last);
    let content_type = rest.first().copied().unwrap_or_default();
    Ok((ContentType(content_type), content))
}

/// The epochs of what we receive: at most three.
#[derive(Debug)]
pub(super) struct ReadEpochs {
    current: ReadEpoch,
    /// Keys are known, but no record under them has come.
    next: Option<Box<ReadEpoch>>,
    previous: Option<Box<Previous>>,
}

#[derive(Debug)]
struct Previous {
    epoch: ReadEpoch,
    until: Instant,
}

impl ReadEpochs {
    pub(super) fn new() -> Self {
        Self {
            current: ReadEpoch::new(0, None),
            next: None,
            previous: None,
        }
    }

    /// The highest epoch whose keys are known.
    pub(super) fn newest(&self) -> u16 {
        self.next
            .as_ref()
            .map_or(self.current.epoch, |next| next.epoch)
    }

    /// Whether a record of `epoch` may bring new handshake messages: not if it is older than the
    /// newest keys.
    pub(super) fn is_newest(&self, epoch: u16) -> bool {
        epoch == self.newest()
    }

    /// Sets the keys that follow the present ones.
    pub(super) fn install(&mut self, epoch: u16, keys: EpochKeys) {
        debug_assert!(self.next.is_none() && epoch > self.current.epoch);
        self.next = Some(Box::new(ReadEpoch::new(epoch, Some(keys))));
    }

    /// Whether records of `epoch` can be opened.
    pub(super) fn has(&self, epoch: u16) -> bool {
        let next = self.next.as_deref();
        let previous = self.previous.as_deref().map(|previous| &previous.epoch);
        [Some(&self.current), next, previous]
            .into_iter()
            .flatten()
            .any(|known| known.epoch == epoch)
    }

    pub(super) fn get(&mut self, epoch: u16) -> Option<&mut ReadEpoch> {
        if epoch == self.current.epoch {
            return Some(&mut self.current);
        }
        if let Some(next) = self.next.as_deref_mut().filter(|next| next.epoch == epoch) {
            return Some(next);
        }
        let previous = self
            .previous
            .as_deref_mut()
            .map(|previous| &mut previous.epoch);
        previous.filter(|previous| previous.epoch == epoch)
    }

    /// A record of `epoch` was authenticated: if its keys were the next ones, they are the
    /// present ones now.
    pub(super) fn authenticated(&mut self, now: Instant, epoch: u16) {
        if let Some(next) = self.next.take_if(|next| next.epoch == epoch) {
            let mut old = std::mem::replace(&mut self.current, *next);
            // Plaintext is not taken any more once there was something better.
            let keep = old.keys.is_some();
            old.freeze();
            let previous = Previous {
                epoch: old,
                until: now + PREVIOUS_LIFETIME,
            };
            self.previous = keep.then(|| Box::new(previous));
        }
    }

    /// Drops keys whose time is over, and what was made of old ones for a record.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.previous.take_if(|previous| previous.until <= now);
        if let Some(previous) = &mut self.previous {
            previous.epoch.freeze();
        }
    }

    /// When the time of the keys before the present ones is over.
    pub(super) fn expiry(&self) -> Option<Instant> {
        self.previous.as_ref().map(|previous| previous.until)
    }

    /// Keeps the present keys alone: records will be rare.
    pub(super) fn rest(&mut self) {
        self.current.freeze();
    }

    /// Whether enough forged records came that the peer should be asked to change its keys.
    /// True once for each epoch.
    pub(super) fn take_update_need(&mut self) -> bool {
        let needed = self.current.forged >= FORGED_UPDATE && !self.current.update_asked;
        self.current.update_asked |= needed;
        needed
    }

    #[cfg(test)]
    pub(super) fn current_mut(&mut self) -> &mut ReadEpoch {
        &mut self.current
    }
}

#[cfg(test)]
impl ReadEpoch {
    pub(super) fn is_thawed(&self) -> bool {
        self.keys.as_ref().is_some_and(EpochKeys::is_thawed)
    }

    pub(super) fn set_forged(&mut self, forged: u64) {
        self.forged = forged;
    }
}

/// One epoch of what we send. Without keys it is epoch 0.
#[derive(Debug)]
pub(super) struct WriteEpoch {
    pub(super) epoch: u16,
    pub(super) keys: Option<EpochKeys>,
    next_sequence: u64,
    /// Blocks of the cipher that the keys have sealed.
    sealed: u64,
    /// The need to change these keys was reported.
    update_asked: bool,
}

impl WriteEpoch {
    fn new(epoch: u16, keys: Option<EpochKeys>) -> Self {
        Self {
            epoch,
            keys,
            next_sequence: 0,
            sealed: 0,
            update_asked: false,
        }
    }

    /// Completes a record: header, protection, mask. The content lies in its place.
    pub(super) fn seal(
        &mut self,
        provider: &dyn CryptoProvider,
        number: RecordNumber,
        content_type: ContentType,
        plaintext_version: ProtocolVersion,
        record: &mut [u8],
    ) {
        let unified = self.keys.as_ref().is_some_and(EpochKeys::is_unified);
        let header = if unified {
            header::UNIFIED
        } else {
            header::PLAINTEXT
        };
        let (head, body) = record.split_at_mut(header);
        let length = body.len() as u16;
        let Some(keys) = &mut self.keys else {
            head.copy_from_slice(&header::plaintext(
                content_type,
                plaintext_version,
                number,
                length,
            ));
            return;
        };
        if unified {
            head.copy_from_slice(&header::unified(number, length));
        } else {
            let version = ProtocolVersion::DTLS1_2;
            head.copy_from_slice(&header::plaintext(content_type, version, number, length));
        }
        keys.thaw(provider);
        keys.seal(number, head, content_type, body);
        self.sealed += blocks(body.len());
        // RFC 9147 §4.2.3: over the finished record.
        if let Some(mask) = keys.mask(body).filter(|_| unified) {
            header::mask(head, mask);
        }
    }

    /// The number of the next record, which is then used up.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`] if there are no more numbers, [`Error::KeyExhausted`] if the keys
    /// have protected all that they may.
    pub(super) fn take_number(&mut self) -> Result<RecordNumber, Error> {
        // RFC 9147 §4.2.1, RFC 6347 §4.1: the number space is not passed.
        if self.next_sequence > MAX_SEQUENCE {
            return Err(Error::SequenceExhausted);
        }
        // RFC 9147 §4.5.3, RFC 9325 §4.4: nor is the key's limit.
        let limits = self.keys.as_ref().map(EpochKeys::limits);
        if limits.is_some_and(|limits| self.sealed >= limits.stop_after) {
            return Err(Error::KeyExhausted);
        }
        let number = RecordNumber::new(self.epoch, self.next_sequence);
        self.next_sequence += 1;
        Ok(number)
    }
}

/// Blocks of 16 bytes that a record costs its key: those of its body, which is a tag longer than
/// what is encrypted, and the one that masks the tag.
fn blocks(body: usize) -> u64 {
    body.div_ceil(16) as u64 + 1
}

/// The epochs of what we send: the present one, and older ones as long as messages of the flight
/// under way belong to them.
#[derive(Debug)]
pub(super) struct WriteEpochs {
    current: WriteEpoch,
    older: Vec<WriteEpoch>,
}

impl WriteEpochs {
    pub(super) fn new() -> Self {
        Self {
            current: WriteEpoch::new(0, None),
            older: Vec::new(),
        }
    }

    pub(super) fn current(&self) -> &WriteEpoch {
        &self.current
    }

    pub(super) fn get(&self, epoch: u16) -> Option<&WriteEpoch> {
        self.all().find(|e| e.epoch == epoch)
    }

    pub(super) fn get_mut(&mut self, epoch: u16) -> Option<&mut WriteEpoch> {
        std::iter::once(&mut self.current)
            .chain(&mut self.older)
            .find(|e| e.epoch == epoch)
    }

    fn all(&self) -> impl Iterator<Item = &WriteEpoch> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// Sets the keys for what is sent from now on.
    pub(super) fn install(&mut self, epoch: u16, keys: EpochKeys) {
        let old = std::mem::replace(&mut self.current, WriteEpoch::new(epoch, Some(keys)));
        self.older.push(old);
    }

    /// Keeps the present keys alone: records will be rare.
    pub(super) fn rest(&mut self) {
        if let Some(keys) = &mut self.current.keys {
            keys.freeze();
        }
    }

    /// Drops older epochs that are not needed.
    pub(super) fn retain(&mut self, is_needed: impl Fn(u16) -> bool) {
        self.older.retain(|older| is_needed(older.epoch));
        if self.older.is_empty() {
            self.older = Vec::new();
        }
    }

    /// Lets an epoch go on at `sequence`.
    pub(super) fn set_sequence(&mut self, epoch: u16, sequence: u64) {
        if let Some(write) = self.get_mut(epoch) {
            write.next_sequence = sequence;
        }
    }

    /// Whether the present keys have sealed so much that they should be changed. True once for each
    /// epoch.
    pub(super) fn take_update_need(&mut self) -> bool {
        let current = &mut self.current;
        let worn = current.keys.as_ref().is_some_and(|keys| {
            current.sealed >= keys.limits().update_after
                || current.next_sequence >= MAX_SEQUENCE / 2
        });
        let needed = worn && !current.update_asked;
        current.update_asked |= needed;
        needed
    }

    #[cfg(test)]
    pub(super) fn set_sealed(&mut self, blocks: u64) {
        self.current.sealed = blocks;
    }
}
