//! Protecting a batch.

use super::{Guarded, Places, Wipe};
use crate::classify::Kind;
use crate::error::ProtectError;
use crate::kernel::{self, LIST_MAX, List};
use crate::sealing::Sealing;
use crate::sender::Sender;

/// A packet to protect, in a batch.
#[derive(Debug)]
pub struct Outgoing<'a> {
    sender: usize,
    kind: Kind,
    buffer: &'a mut [u8],
    /// The length of the packet; once it was looked at, of the protected one.
    len: usize,
    /// What has become of the packet, never what is to become of it: broken off from when it was
    /// looked at until it is sealed. `None` before.
    outcome: Option<Result<(), ProtectError>>,
}

impl<'a> Outgoing<'a> {
    /// The RTP packet in the first `len` bytes of `buffer`, for the sender at place `sender` of the
    /// batch's senders.
    ///
    /// The buffer needs room for [`Sender::rtp_overhead`] more bytes.
    #[must_use]
    pub fn rtp(sender: usize, buffer: &'a mut [u8], len: usize) -> Self {
        Self::new(sender, Kind::Rtp, buffer, len)
    }

    /// The RTCP packet in the first `len` bytes of `buffer`, likewise, with room for
    /// [`Sender::rtcp_overhead`] more.
    #[must_use]
    pub fn rtcp(sender: usize, buffer: &'a mut [u8], len: usize) -> Self {
        Self::new(sender, Kind::Rtcp, buffer, len)
    }

    fn new(sender: usize, kind: Kind, buffer: &'a mut [u8], len: usize) -> Self {
        Self {
            sender,
            kind,
            buffer,
            len,
            outcome: None,
        }
    }

    /// The protected packet, or why there is none; `None` before the batch has run.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<&[u8], ProtectError>> {
        Some(match self.outcome? {
            Ok(()) => Ok(&self.buffer[..self.len]),
            Err(error) => Err(error),
        })
    }
}

/// Protects all packets, each in its buffer, as if one after the other; [`Outgoing::outcome`] then
/// says what became of each.
///
/// Packets may be of any senders, profiles and lengths; what can share vector lanes is put together
/// in groups of 64, so that a caller need not sort them.
///
/// ```
/// use srtp::{Outgoing, Profile, Sender, SenderConfig, SenderKeys};
///
/// let sender = |key: u8| {
///     let keys = SenderKeys::from_raw(Profile::AeadAes128Gcm, &[key; 16], &[0; 12]).unwrap();
///     Sender::new(keys, SenderConfig::default()).unwrap()
/// };
/// let mut senders = [sender(1), sender(2)];
/// let mut buffers = [[0x80; 64]; 2];
/// let [first, second] = &mut buffers;
/// let mut packets = [Outgoing::rtp(0, first, 40), Outgoing::rtp(1, second, 40)];
/// srtp::protect_batch(&mut senders, &mut packets);
/// assert_eq!(packets[0].outcome().unwrap().unwrap().len(), 56);
/// ```
pub fn protect_batch<S>(senders: &mut [S], packets: &mut [Outgoing<'_>])
where
    S: AsRef<Sender> + AsMut<Sender>,
{
    protect_all(senders, &[], packets);
}

/// Protects one payload to many: appends `payload` to the RTP header (or the start of an RTCP packet) that stands in the first bytes
/// of each packet's buffer, and protects them all. This is the shape of a forwarder, whose packets
/// to all its receivers differ in their headers alone.
pub fn protect_fan_out<S>(senders: &mut [S], payload: &[u8], packets: &mut [Outgoing<'_>])
where
    S: AsRef<Sender> + AsMut<Sender>,
{
    protect_all(senders, payload, packets);
}

fn protect_all<S>(senders: &mut [S], payload: &[u8], packets: &mut [Outgoing<'_>])
where
    S: AsRef<Sender> + AsMut<Sender>,
{
    for packets in packets.chunks_mut(LIST_MAX) {
        let guarded = Guarded(packets);
        protect_some(senders, payload, &mut *guarded.0);
    }
}

#[inline(always)]
fn protect_some<S>(senders: &mut [S], payload: &[u8], packets: &mut [Outgoing<'_>])
where
    S: AsRef<Sender> + AsMut<Sender>,
{
    let mut sealings = List::new();
    let mut together = Places::default();
    for (place, packet) in packets.iter_mut().enumerate() {
        if packet.prepare(senders, payload, &mut sealings) {
            together.insert(place);
        }
    }
    if together.is_empty() {
        return;
    }
    let mut sealings = sealings.as_slice().iter();
    let mut jobs = List::new();
    for (place, packet) in packets.iter_mut().enumerate() {
        if together.has(place)
            && let Some(sealing) = sealings.next()
        {
            let sender = senders[packet.sender].as_ref();
            jobs.push(sender.job(sealing, packet.buffer));
        }
    }
    kernel::protect(jobs.as_mut_slice());
    for (place, packet) in packets.iter_mut().enumerate() {
        if together.has(place) {
            packet.outcome = Some(Ok(()));
        }
    }
}

impl Outgoing<'_> {
    /// Appends `payload` and protects the packet, or enters what is still to be done into `later`;
    /// whether it did that.
    #[inline(always)]
    fn prepare<S: AsMut<Sender>>(
        &mut self,
        senders: &mut [S],
        payload: &[u8],
        later: &mut List<Sealing>,
    ) -> bool {
        if self.outcome.is_some() {
            return false;
        }
        let Some(sender) = senders.get_mut(self.sender) else {
            self.outcome = Some(Err(ProtectError::UnknownSender));
            return false;
        };
        self.outcome = Some(Err(ProtectError::BrokenOff));
        if !payload.is_empty()
            && let Err(reason) = self.append(payload)
        {
            self.outcome = Some(Err(reason));
            return false;
        }
        let sender = sender.as_mut();
        if sender.runs_alone() {
            let result = match self.kind {
                Kind::Rtp => sender.protect(Kind::Rtp, self.buffer, self.len),
                Kind::Rtcp => sender.protect_rtcp(self.buffer, self.len),
            };
            self.outcome = Some(result.map(|len| self.len = len));
            return false;
        }
        let prepared = later.push_made(Sealing::EMPTY, |sealing| {
            sender.prepare(self.kind, self.buffer, self.len, sealing)
        });
        match prepared {
            Ok((_, len)) => {
                self.len = len;
                true
            }
            Err(reason) => {
                self.outcome = Some(Err(reason));
                false
            }
        }
    }

    fn append(&mut self, payload: &[u8]) -> Result<(), ProtectError> {
        let room = self.buffer.get_mut(self.len..);
        let room = room.ok_or(ProtectError::LengthBeyondBuffer)?;
        let end = self.len + payload.len();
        let place = room
            .get_mut(..payload.len())
            .ok_or(ProtectError::BufferTooSmall(end))?;
        place.copy_from_slice(payload);
        self.len = end;
        Ok(())
    }
}

impl Wipe for Outgoing<'_> {
    fn wipe_unless_ended(&mut self) {
        if self.outcome == Some(Err(ProtectError::BrokenOff)) {
            self.buffer.fill(0);
        }
    }
}
