//! Records: their two header forms, epochs, numbers, replay protection and AEAD
//! (RFC 6347 §4.1, RFC 9147 §4).
//!
//! A record that is not wanted costs nothing but a count: nothing changes before it is
//! authenticated.

mod early;
mod epoch;
mod header;
mod number;
pub(crate) mod plaintext;
mod protect;
mod replay;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use self::early::Early;
use self::epoch::{Content, ReadEpochs, WriteEpochs};
use self::header::Header;
pub(crate) use self::number::RecordNumber;
pub(crate) use self::protect::EpochKeys;
use crate::crypto::CryptoProvider;
use crate::error::Error;
use crate::stats::Discard;
use crate::wire::{ContentType, ProtocolVersion};

/// The most content that a record may have (RFC 8446 §5.1, RFC 5246 §6.2.1).
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;

/// The most that protection may add to it: 2048 bytes in DTLS 1.2, 256 in DTLS 1.3. A record that
/// is longer than allowed fails later; this bound only cuts off nonsense.
const MAX_CIPHERTEXT: usize = MAX_PLAINTEXT + 2048;

/// Which keys are installed; the number of their epoch follows from it (RFC 9147 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The one key change of a DTLS 1.2 handshake: epoch 1.
    Traffic12,
    /// The handshake keys of DTLS 1.3: epoch 2.
    Handshake,
    /// The first application keys of DTLS 1.3: epoch 3.
    Application,
    /// The keys after a KeyUpdate.
    Update,
}

/// A record: authenticated, unless it is of epoch 0.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) content_type: ContentType,
    pub(crate) number: RecordNumber,
    pub(crate) content: &'a [u8],
    /// Its epoch is the newest that we know: it may bring new handshake messages.
    pub(crate) newest: bool,
    /// It is protected in the manner of DTLS 1.3.
    pub(crate) unified: bool,
}

/// Why a record did not come out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenFailure {
    /// It is noise.
    Discard(Discard),
    /// Its keys may still come: it is kept for [`RecordLayer::take_early`].
    Early,
    /// Its authentic sender broke the rules.
    Fatal(Error),
}

/// The record layer of a connection.
#[derive(Debug)]
pub(crate) struct RecordLayer {
    provider: Arc<dyn CryptoProvider>,
    read: ReadEpochs,
    write: WriteEpochs,
    early: Early,
    /// The version in the header of plaintext records.
    plaintext_version: ProtocolVersion,
    limits: Limits,
}

/// The longest plaintexts of protected records, as `record_size_limit` counts them: in DTLS 1.3 with
/// their content type (RFC 8449 §4).
#[derive(Clone, Copy, Debug)]
struct Limits {
    read: u16,
    write: u16,
}

impl Limits {
    /// What holds without the extension.
    const NONE: Self = Self {
        read: MAX_PLAINTEXT as u16 + 1,
        write: MAX_PLAINTEXT as u16 + 1,
    };
}

impl RecordLayer {
    pub(crate) fn new(provider: Arc<dyn CryptoProvider>) -> Self {
        Self {
            provider,
            read: ReadEpochs::new(),
            write: WriteEpochs::new(),
            early: Early::default(),
            // RFC 9147 §5.3, RFC 6347 §4.2.1: the first ClientHello may say DTLS 1.0, which the
            // oldest servers need to see.
            plaintext_version: ProtocolVersion::DTLS1_0,
            limits: Limits::NONE,
        }
    }

    /// Takes protected records of plaintexts up to `read` bytes, and makes none of more than `write`; in
    /// DTLS 1.3 the content type is one of them.
    pub(crate) fn limit(&mut self, read: u16, write: u16) {
        self.limits = Limits { read, write };
    }

    /// The longest content of a record that is sent now.
    pub(crate) fn max_content(&self) -> usize {
        self.content_limit(self.write_epoch())
    }

    fn content_limit(&self, epoch: u16) -> usize {
        let keys = self.write.get(epoch).and_then(|write| write.keys.as_ref());
        let limit = usize::from(self.limits.write);
        match keys {
            None => MAX_PLAINTEXT,
            Some(keys) => (limit - usize::from(keys.is_unified())).min(MAX_PLAINTEXT),
        }
    }

    /// The version is known.
    pub(crate) fn set_version(&mut self, _version: ProtocolVersion) {
        // RFC 9147 §4: legacy_record_version is frozen at DTLS 1.2.
        self.plaintext_version = ProtocolVersion::DTLS1_2;
    }

    /// Takes the next record off the front of `datagram` and opens it in place. `None` when the
    /// datagram is used up.
    pub(crate) fn open<'a>(
        &mut self,
        now: Instant,
        datagram: &mut &'a mut [u8],
    ) -> Option<Result<Opened<'a>, OpenFailure>> {
        if datagram.is_empty() {
            return None;
        }
        let rest = std::mem::take(datagram);
        let split = Header::read(rest).and_then(|header| {
            let length = header.length + header.body_length(rest.len())?;
            (length - header.length <= MAX_CIPHERTEXT).then_some((header, length))
        });
        let Some((header, length)) = split else {
            return Some(Err(Discard::MalformedRecord.into()));
        };
        let (record, rest) = rest.split_at_mut(length);
        *datagram = rest;
        Some(self.open_record(now, &header, record))
    }

    fn open_record<'a>(
        &mut self,
        now: Instant,
        header: &Header,
        record: &'a mut [u8],
    ) -> Result<Opened<'a>, OpenFailure> {
        self.read.tidy(now);
        let epoch = header.epoch(self.read.newest());
        let unknown = if epoch == 0 {
            Discard::LatePlaintext
        } else {
            Discard::UnknownEpoch
        };
        let newest = self.read.newest();
        let Some(read) = self.read.get(epoch) else {
            let kept = self.early.keep(epoch, newest, record);
            return Err(if kept {
                OpenFailure::Early
            } else {
                unknown.into()
            });
        };
        let unified = read.is_unified();
        let Content {
            content_type,
            number,
            content,
        } = read.open(&*self.provider, header, record)?;
        self.read.authenticated(now, epoch);
        // RFC 8449 §4: a record over the limit that we sent is an error. Padding is let pass.
        let over =
            epoch > 0 && content.len() + usize::from(unified) > usize::from(self.limits.read);
        if content.len() > MAX_PLAINTEXT || over {
            return Err(Error::RecordOverflow.into());
        }
        Ok(Opened {
            content_type,
            number,
            content,
            newest: self.read.is_newest(epoch),
            unified,
        })
    }

    /// Takes out a record that came before its keys, if they have come since.
    pub(crate) fn take_early(&mut self) -> Option<Vec<u8>> {
        let Self { early, read, .. } = self;
        early.take(|record| {
            Header::read(record).is_some_and(|header| read.has(header.epoch(read.newest())))
        })
    }

    /// The handshake is over: no record waits for keys any more.
    pub(crate) fn close_early(&mut self) {
        self.early.close();
    }

    /// Accepts records under new keys, beside those under the present ones.
    ///
    /// # Errors
    /// [`Error::TooManyKeyUpdates`] if the epochs are used up.
    pub(crate) fn install_read(&mut self, stage: Stage, keys: EpochKeys) -> Result<(), Error> {
        let epoch = stage.epoch(self.read.newest())?;
        self.read.install(epoch, keys);
        Ok(())
    }

    /// Protects what is sent from now on under new keys.
    ///
    /// # Errors
    /// [`Error::TooManyKeyUpdates`] if the epochs are used up.
    pub(crate) fn install_write(&mut self, stage: Stage, keys: EpochKeys) -> Result<(), Error> {
        let epoch = stage.epoch(self.write_epoch())?;
        self.write.install(epoch, keys);
        Ok(())
    }

    /// The epoch of what is sent now.
    pub(crate) fn write_epoch(&self) -> u16 {
        self.write.current().epoch
    }

    /// Drops older keys for sending, except those of epochs that are still needed.
    pub(crate) fn retain_write(&mut self, is_needed: impl Fn(u16) -> bool) {
        self.write.retain(is_needed);
    }

    /// Gives back what was made of the keys for records, until the next record.
    pub(crate) fn rest(&mut self) {
        self.read.rest();
        self.write.rest();
    }

    /// When [`RecordLayer::tidy`] will have something to drop.
    pub(crate) fn expiry(&self) -> Option<Instant> {
        self.read.expiry()
    }

    /// Drops keys of the past whose time is over.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.read.tidy(now);
    }

    /// Leaves out all numbers for sending below `sequence`.
    pub(crate) fn skip_writing(&mut self, sequence: u64) {
        self.write.set_sequence(self.write_epoch(), sequence);
    }

    /// Whether keys should be changed soon: ours for sending, or the peer's for what we receive.
    /// Each is reported once for each key.
    pub(crate) fn take_update_need(&mut self) -> UpdateNeed {
        UpdateNeed {
            write: self.write.take_update_need(),
            read: self.read.take_update_need(),
        }
    }

    /// The place for the content of a record of `epoch` that starts at the front of `out`; `None`
    /// if there is no room for a single byte.
    pub(crate) fn payload_room<'a>(&self, epoch: u16, out: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let Overhead { before, after } = self.overhead(epoch)?;
        let longest = self.content_limit(epoch);
        let end = out.len().checked_sub(after)?.min(before + longest);
        out.get_mut(before..end).filter(|room| !room.is_empty())
    }

    /// The bytes that protection adds to a record of the present epoch.
    pub(crate) fn write_overhead(&self) -> usize {
        self.overhead(self.write_epoch())
            .map_or(0, |overhead| overhead.before + overhead.after)
    }

    fn overhead(&self, epoch: u16) -> Option<Overhead> {
        Some(match &self.write.get(epoch)?.keys {
            None => Overhead {
                before: header::PLAINTEXT,
                after: 0,
            },
            Some(keys) if keys.is_unified() => Overhead {
                before: header::UNIFIED,
                after: keys.suffix(),
            },
            Some(keys) => Overhead {
                before: header::PLAINTEXT + keys.prefix(),
                after: keys.suffix(),
            },
        })
    }

    /// Makes a record of the `length` bytes that lie in the [`RecordLayer::payload_room`] of
    /// `out`. Returns its number, and its length in `out`.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`] and [`Error::KeyExhausted`] if these keys may protect no more records.
    pub(crate) fn seal(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        out: &mut [u8],
        length: usize,
    ) -> Result<(RecordNumber, usize), Error> {
        let version = self.plaintext_version;
        let overhead = self.overhead(epoch);
        let write = self.write.get_mut(epoch);
        let (write, Overhead { before, after }) = write
            .zip(overhead)
            .expect("invariant: epochs of unsent messages are kept");
        let number = write.take_number()?;
        let total = before + length + after;
        let record = out
            .get_mut(..total)
            .expect("invariant: the content lies in payload_room");
        write.seal(&*self.provider, number, content_type, version, record);
        Ok((number, total))
    }
}

/// Which keys should be changed soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpdateNeed {
    pub(crate) write: bool,
    pub(crate) read: bool,
}

/// Bytes of a record before and after its content.
#[derive(Clone, Copy, Debug)]
struct Overhead {
    before: usize,
    after: usize,
}

impl Stage {
    /// The epoch of these keys; `present` is the newest one of the direction.
    fn epoch(self, present: u16) -> Result<u16, Error> {
        match self {
            Self::Traffic12 => Ok(1),
            Self::Handshake => Ok(2),
            Self::Application => Ok(3),
            // RFC 9147 §8: epochs don't wrap.
            Self::Update => present.checked_add(1).ok_or(Error::TooManyKeyUpdates),
        }
    }
}

impl From<Discard> for OpenFailure {
    fn from(discard: Discard) -> Self {
        Self::Discard(discard)
    }
}

impl From<Error> for OpenFailure {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

#[cfg(test)]
impl RecordLayer {
    /// Counts this many blocks as sealed.
    pub(crate) fn set_sealed(&mut self, blocks: u64) {
        self.write.set_sealed(blocks);
    }

    /// Counts this many records as forged.
    pub(crate) fn set_forged(&mut self, forged: u64) {
        self.read.current_mut().set_forged(forged);
    }
}
