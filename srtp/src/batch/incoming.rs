//! Unprotecting a batch.

use super::{Guarded, Places, Wipe};
use crate::classify::{Kind, classify};
use crate::error::UnprotectError;
use crate::kernel::{self, LIST_MAX, List};
use crate::opening::{Claim, Opening};
use crate::receiver::{Receiver, Unprotected};

/// A packet to unprotect, in a batch.
#[derive(Debug)]
pub struct Incoming<'a> {
    receiver: usize,
    kind: Kind,
    packet: &'a mut [u8],
    /// What has become of the packet: broken off from when it was looked at until it is taken.
    /// `None` before.
    outcome: Option<Result<(), UnprotectError>>,
    /// Where the outcome is a packet. Beside the outcome it is written and read as it is, inside
    /// byte by byte.
    unprotected: Unprotected,
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
        let guarded = Guarded(packets);
        unprotect_some(receivers, &mut *guarded.0);
    }
}

#[inline(always)]
fn unprotect_some<R>(receivers: &mut [R], packets: &mut [Incoming<'_>])
where
    R: AsRef<Receiver> + AsMut<Receiver>,
{
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
    /// They are opened one by one when it is their turn: those that share nothing, and those that
    /// were refused, which the packets before them may change.
    alone: Places,
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
        packet.outcome = Some(Err(UnprotectError::BrokenOff));
        if receiver.runs_alone() {
            batch.alone.insert(place);
            continue;
        }
        let made = openings.push_made(Opening::EMPTY, |opening| {
            receiver.look_at(packet.kind, packet.packet, opening)
        });
        match made {
            Ok((opening, ())) => {
                batch.together.insert(place);
                jobs.push(receiver.job(packet.kind, opening, packet.packet));
            }
            Err(_) => batch.alone.insert(place),
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
            let result = receiver.unprotect_again(self.kind, *claim, self.packet);
            self.outcome = Some(result.map(|unprotected| self.unprotected = unprotected));
            return;
        }
        // The index of an RTCP packet is its own, whatever came before.
        let result = if self.kind == Kind::Rtp && receiver.has_moved_past(claim) {
            receiver.commit_late(Kind::Rtp, *claim, self.packet, &mut self.unprotected)
        } else {
            receiver.commit(self.kind, claim, self.packet, &mut self.unprotected)
        };
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
}

impl Wipe for Incoming<'_> {
    fn wipe_unless_ended(&mut self) {
        if self.outcome == Some(Err(UnprotectError::BrokenOff)) {
            self.packet.fill(0);
        }
    }
}
