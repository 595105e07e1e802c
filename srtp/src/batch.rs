//! Many packets of many senders or receivers at once, each with its own outcome.

use crate::classify::{Kind, classify};
use crate::error::{ProtectError, UnprotectError};
use crate::kernel::{self, JOBS_MAX, JobList};
use crate::opening::Opening;
use crate::receiver::{Receiver, Unprotected};
use crate::sealing::Sealing;
use crate::sender::Sender;

/// A packet to protect, in a batch.
#[derive(Debug)]
pub struct Outgoing<'a> {
    sender: usize,
    kind: Kind,
    buffer: &'a mut [u8],
    len: usize,
    state: State<Sealing, usize, ProtectError>,
}

/// A packet to unprotect, in a batch.
#[derive(Debug)]
pub struct Incoming<'a> {
    receiver: usize,
    kind: Kind,
    packet: &'a mut [u8],
    state: State<Opening, Unprotected, UnprotectError>,
}

/// How far a packet of a batch has come.
#[derive(Debug)]
enum State<P, T, E> {
    Waiting,
    Prepared(P),
    Done(Result<T, E>),
}

impl<'a> Outgoing<'a> {
    /// The RTP packet in the first `len` bytes of `buffer`, for the sender at place `sender` of the batch's senders.
    ///
    /// The buffer needs room for [`Sender::rtp_overhead`] more bytes.
    #[must_use]
    pub fn rtp(sender: usize, buffer: &'a mut [u8], len: usize) -> Self {
        Self::new(sender, Kind::Rtp, buffer, len)
    }

    /// The RTCP packet in the first `len` bytes of `buffer`, likewise, with room for [`Sender::rtcp_overhead`] more.
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
            state: State::Waiting,
        }
    }

    /// The protected packet, or why there is none; `None` before the batch has run.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<&[u8], ProtectError>> {
        match self.state {
            State::Done(Ok(len)) => Some(Ok(&self.buffer[..len])),
            State::Done(Err(error)) => Some(Err(error)),
            State::Waiting | State::Prepared(_) => None,
        }
    }
}

impl<'a> Incoming<'a> {
    /// An SRTP or SRTCP packet, told apart as [`classify`] does, for the receiver at place `receiver` of the batch's receivers.
    #[must_use]
    pub fn new(receiver: usize, packet: &'a mut [u8]) -> Self {
        Self {
            receiver,
            kind: classify(packet),
            packet,
            state: State::Waiting,
        }
    }

    /// Whether it is an RTP or an RTCP packet.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The unprotected packet and what is known of it, or why there is none; `None` before the batch has run.
    pub fn outcome(&mut self) -> Option<Result<(Unprotected, &mut [u8]), UnprotectError>> {
        match self.state {
            State::Done(Ok(unprotected)) => {
                Some(Ok((unprotected, &mut self.packet[..unprotected.len])))
            }
            State::Done(Err(error)) => Some(Err(error)),
            State::Waiting | State::Prepared(_) => None,
        }
    }
}

/// Protects all packets, each in its buffer, as if one after the other; [`Outgoing::outcome`] then says what became of each.
///
/// Packets may be of any senders, profiles and lengths; what can share vector lanes is put together in groups of 64, so that a
/// caller need not sort them.
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
    for packets in packets.chunks_mut(JOBS_MAX) {
        for packet in &mut *packets {
            packet.prepare(senders);
        }
        let mut jobs = JobList::new();
        for packet in packets {
            if let State::Prepared(sealing) = packet.state {
                let job = senders[packet.sender].as_ref().job(&sealing, packet.buffer);
                packet.state = State::Done(Ok(sealing.len));
                jobs.push(job);
            }
        }
        kernel::protect(jobs.as_mut_slice());
    }
}

/// Protects one payload to many: appends `payload` to the RTP header that stands in the first bytes of each packet's buffer, and
/// protects them all. This is the shape of a forwarder, whose packets to all its receivers differ in their headers alone.
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
    #[inline(always)]
    fn prepare<S: AsMut<Sender>>(&mut self, senders: &mut [S]) {
        if !matches!(self.state, State::Waiting) {
            return;
        }
        let Some(sender) = senders.get_mut(self.sender) else {
            self.state = State::Done(Err(ProtectError::UnknownSender));
            return;
        };
        let sender = sender.as_mut();
        if sender.runs_alone() {
            self.state = State::Done(sender.protect(self.kind, self.buffer, self.len));
            return;
        }
        // Built where it stays: a copy would wait for the stores before it.
        self.state = match sender.prepare(self.kind, self.buffer, self.len) {
            Ok(sealing) => State::Prepared(sealing),
            Err(error) => State::Done(Err(error)),
        };
    }

    fn append(&mut self, payload: &[u8]) {
        let end = self.len + payload.len();
        match self.buffer.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(payload);
                self.len = end;
            }
            None => self.state = State::Done(Err(ProtectError::BufferTooSmall(end))),
        }
    }
}

/// Unprotects all packets, each in its buffer, as if one after the other; [`Incoming::outcome`] then says what became of each.
///
/// Packets may be of any receivers, profiles and lengths; what can share vector lanes is put together in groups of 64, so that a
/// caller need not sort them. A forged packet changes nothing for the others.
pub fn unprotect_batch<R>(receivers: &mut [R], packets: &mut [Incoming<'_>])
where
    R: AsRef<Receiver> + AsMut<Receiver>,
{
    for packets in packets.chunks_mut(JOBS_MAX) {
        for packet in &mut *packets {
            packet.prepare(receivers);
        }
        let authentic = run(receivers, packets);
        for (packet, authentic) in packets.iter_mut().zip(authentic) {
            packet.commit(receivers, authentic);
        }
    }
}

/// Runs the jobs of those packets that are prepared; says which were authentic.
fn run<R: AsRef<Receiver>>(receivers: &[R], packets: &mut [Incoming<'_>]) -> [bool; JOBS_MAX] {
    let mut jobs = JobList::new();
    let mut places = [0; JOBS_MAX];
    let mut count = 0;
    for (place, packet) in packets.iter_mut().enumerate() {
        if let State::Prepared(opening) = &packet.state {
            let job = receivers[packet.receiver]
                .as_ref()
                .job(opening, packet.packet);
            jobs.push(job);
            places[count] = place;
            count += 1;
        }
    }
    kernel::unprotect(jobs.as_mut_slice());
    let mut authentic = [false; JOBS_MAX];
    for (job, &place) in jobs.as_mut_slice().iter().zip(&places) {
        authentic[place] = job.authentic();
    }
    authentic
}

impl Incoming<'_> {
    #[inline(always)]
    fn prepare<R: AsMut<Receiver>>(&mut self, receivers: &mut [R]) {
        if !matches!(self.state, State::Waiting) {
            return;
        }
        let Some(receiver) = receivers.get_mut(self.receiver) else {
            self.state = State::Done(Err(UnprotectError::UnknownReceiver));
            return;
        };
        let receiver = receiver.as_mut();
        if receiver.runs_alone() {
            let result = receiver.unprotect_uncounted(self.kind, self.packet);
            self.state = State::Done(receiver.count(result));
            return;
        }
        self.state = match receiver.prepare(self.kind, self.packet) {
            Ok(opening) => State::Prepared(opening),
            Err(reason) => State::Done(receiver.count(Err(reason))),
        };
    }

    #[inline(always)]
    fn commit<R: AsMut<Receiver>>(&mut self, receivers: &mut [R], authentic: bool) {
        let State::Prepared(opening) = &self.state else {
            return;
        };
        let receiver = receivers[self.receiver].as_mut();
        let result = if authentic {
            receiver.commit(opening, self.packet)
        } else {
            receiver.unprotect_again(opening, self.packet)
        };
        self.state = State::Done(receiver.count(result));
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
