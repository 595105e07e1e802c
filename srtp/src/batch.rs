//! Many packets of many senders or receivers at once, each with its own outcome.

use crate::classify::{Kind, classify};
use crate::error::{ProtectError, UnprotectError};
use crate::kernel::{self, LIST_MAX, List};
use crate::opening::{Claim, Opening};
use crate::receiver::{Receiver, Unprotected};
use crate::sealing::Sealing;
use crate::sender::Sender;

/// A packet to protect, in a batch.
#[derive(Debug)]
pub struct Outgoing<'a> {
    sender: usize,
    kind: Kind,
    buffer: &'a mut [u8],
    /// The length of the packet, which is the protected one where the outcome is one.
    len: usize,
    outcome: Option<Result<(), ProtectError>>,
}

/// A packet to unprotect, in a batch.
#[derive(Debug)]
pub struct Incoming<'a> {
    receiver: usize,
    kind: Kind,
    packet: &'a mut [u8],
    outcome: Option<Result<(), UnprotectError>>,
    /// Where the outcome is a packet. Beside the outcome it is written and read as it is, inside
    /// byte by byte.
    unprotected: Unprotected,
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

impl<'a> Incoming<'a> {
    /// An SRTP or SRTCP packet, told apart as [`classify`] does, for the receiver at place
    /// `receiver` of the batch's receivers.
    #[must_use]
    pub fn new(receiver: usize, packet: &'a mut [u8]) -> Self {
        Self {
            receiver,
            kind: classify(packet),
            packet,
            outcome: None,
            unprotected: Unprotected::NONE,
        }
    }

    /// Whether it is an RTP or an RTCP packet.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The unprotected packet and what is known of it, or why there is none; `None` before the
    /// batch has run.
    pub fn outcome(&mut self) -> Option<Result<(Unprotected, &mut [u8]), UnprotectError>> {
        Some(match self.outcome? {
            Ok(()) => Ok((self.unprotected, &mut self.packet[..self.unprotected.len])),
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
    for packets in packets.chunks_mut(LIST_MAX) {
        let mut sealings = List::new();
        let mut together = Places::default();
        for (place, packet) in packets.iter_mut().enumerate() {
            if packet.prepare(senders, &mut sealings) {
                together.insert(place);
            }
        }
        if together.is_empty() {
            continue;
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
    }
}

/// Protects one payload to many: appends `payload` to the RTP header that stands in the first bytes
/// of each packet's buffer, and protects them all. This is the shape of a forwarder, whose packets
/// to all its receivers differ in their headers alone.
pub fn protect_fan_out<S>(senders: &mut [S], payload: &[u8], packets: &mut [Outgoing<'_>])
where
    S: AsRef<Sender> + AsMut<Sender>,
{
    for packet in &mut *packets {
        packet.append(payload);
    }
    protect_batch(senders, packets);
}

impl Outgoing<'_> {
    /// Protects the packet, or enters what is still to be done into `later`; whether it did that.
    #[inline(always)]
    fn prepare<S: AsMut<Sender>>(&mut self, senders: &mut [S], later: &mut List<Sealing>) -> bool {
        if self.outcome.is_some() {
            return false;
        }
        let Some(sender) = senders.get_mut(self.sender) else {
            self.outcome = Some(Err(ProtectError::UnknownSender));
            return false;
        };
        let sender = sender.as_mut();
        // Packets of RTCP are too rare to wait for each other.
        if self.kind == Kind::Rtcp || sender.runs_alone() {
            match self.kind {
                Kind::Rtp => {
                    let result = sender.protect(Kind::Rtp, self.buffer, self.len);
                    self.set(result);
                }
                Kind::Rtcp => {
                    let result = sender.protect_rtcp(self.buffer, self.len);
                    self.set(result);
                }
            }
            return false;
        }
        let result = later.push_made(Sealing::EMPTY, |sealing| {
            sender.prepare(Kind::Rtp, self.buffer, self.len, sealing)
        });
        let is_later = result.is_ok();
        self.set(result.map(|(_, len)| len));
        is_later
    }

    /// Puts down what became of the packet, field by field: copied as a whole, it would wait for
    /// its own small stores.
    #[inline(always)]
    fn set(&mut self, result: Result<usize, ProtectError>) {
        self.outcome = Some(result.map(|len| self.len = len));
    }

    fn append(&mut self, payload: &[u8]) {
        let end = self.len + payload.len();
        match self.buffer.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(payload);
                self.len = end;
            }
            None => self.outcome = Some(Err(ProtectError::BufferTooSmall(end))),
        }
    }
}

/// Unprotects all packets, each in its buffer, as if one after the other; [`Incoming::outcome`]
/// then says what became of each.
///
/// Packets may be of any receivers, profiles and lengths; what can share vector lanes is put
/// together in groups of 64, so that a caller need not sort them. A forged packet changes nothing
/// for the others.
pub fn unprotect_batch<R>(receivers: &mut [R], packets: &mut [Incoming<'_>])
where
    R: AsRef<Receiver> + AsMut<Receiver>,
{
    for packets in packets.chunks_mut(LIST_MAX) {
        let mut batch = Batch::default();
        let mut openings = List::new();
        open(receivers, packets, &mut batch, &mut openings);
        let mut openings = openings.as_slice().iter().enumerate();
        for (place, packet) in packets.iter_mut().enumerate() {
            if batch.together.has(place) {
                if let Some((nth, opening)) = openings.next() {
                    packet.commit(receivers, &opening.claim, batch.authentic.has(nth));
                }
            } else if batch.alone.has(place) {
                packet.unprotect(receivers);
            } else if batch.refused.has(place) {
                packet.count(receivers);
            }
        }
    }
}

/// What was found out about the packets of a batch, by their places.
#[derive(Default)]
struct Batch {
    /// They were looked at, and went to the kernels.
    together: Places,
    /// Which of these were authentic, counted in their order.
    authentic: Places,
    /// They are best opened one by one.
    alone: Places,
    /// They were looked at, and refused.
    refused: Places,
}

/// Looks at all packets, and runs the jobs of those that go together. No receiver changes.
#[inline(always)]
fn open<R: AsRef<Receiver>>(
    receivers: &[R],
    packets: &mut [Incoming<'_>],
    batch: &mut Batch,
    openings: &mut List<Opening>,
) {
    let mut jobs = List::new();
    for (place, packet) in packets.iter_mut().enumerate() {
        if packet.outcome.is_some() {
            continue;
        }
        let Some(receiver) = receivers.get(packet.receiver).map(AsRef::as_ref) else {
            packet.outcome = Some(Err(UnprotectError::UnknownReceiver));
            continue;
        };
        // Packets of RTCP are too rare to wait for each other.
        if packet.kind == Kind::Rtcp || receiver.runs_alone() {
            batch.alone.insert(place);
            continue;
        }
        let made = openings.push_made(Opening::EMPTY, |opening| {
            receiver.look_at(Kind::Rtp, packet.packet, opening)
        });
        match made {
            Ok((opening, ())) => {
                batch.together.insert(place);
                jobs.push(receiver.job(Kind::Rtp, opening, packet.packet));
            }
            Err(reason) => {
                batch.refused.insert(place);
                packet.outcome = Some(Err(reason));
            }
        }
    }
    kernel::unprotect(jobs.as_mut_slice());
    for (nth, job) in jobs.as_mut_slice().iter().enumerate() {
        if job.authentic() {
            batch.authentic.insert(nth);
        }
    }
}

impl Incoming<'_> {
    #[inline(always)]
    fn commit<R: AsMut<Receiver>>(&mut self, receivers: &mut [R], claim: &Claim, authentic: bool) {
        let receiver = receivers[self.receiver].as_mut();
        if !authentic {
            let result = receiver.unprotect_again(Kind::Rtp, *claim, self.packet);
            self.outcome = Some(result.map(|unprotected| self.unprotected = unprotected));
            return;
        }
        let result = receiver.commit(Kind::Rtp, claim, self.packet, &mut self.unprotected);
        self.outcome = Some(receiver.count(result));
    }

    #[inline(always)]
    fn unprotect<R: AsMut<Receiver>>(&mut self, receivers: &mut [R]) {
        let receiver = receivers[self.receiver].as_mut();
        self.outcome = Some(match self.kind {
            Kind::Rtp => receiver.unprotect_into(Kind::Rtp, self.packet, &mut self.unprotected),
            Kind::Rtcp => receiver
                .unprotect_rtcp(self.packet)
                .map(|unprotected| self.unprotected = unprotected),
        });
    }

    /// Counts the reason why it was refused.
    #[cold]
    fn count<R: AsMut<Receiver>>(&self, receivers: &mut [R]) {
        if let Some(Err(reason)) = self.outcome {
            receivers[self.receiver]
                .as_mut()
                .statistics
                .count_discard(reason);
        }
    }
}

/// Places in a list of up to [`LIST_MAX`].
#[derive(Clone, Copy, Default)]
struct Places(u64);

const _: () = assert!(LIST_MAX == u64::BITS as usize);

impl Places {
    #[inline(always)]
    fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    #[inline(always)]
    fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    fn has(self, place: usize) -> bool {
        self.0 >> place & 1 != 0
    }
}

impl AsRef<Self> for Sender {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for Sender {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl AsRef<Self> for Receiver {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for Receiver {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}
