//! An extension of ours: packets of many sessions in one call (`portcullis_srtp.h`).
//!
//! For the time of a group, streams lend their senders or receivers to it: so no session is borrowed while
//! packets of another one are looked at, whichever sessions a caller names, and how often.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use srtp::{Incoming, Kind, Outgoing, Receiver, Sender};

use super::handle::{Context, poison, with_session};
use super::packets::{srtp_protect, srtp_protect_rtcp, srtp_unprotect, srtp_unprotect_rtcp};
use crate::packet::Packet;
use crate::session::StreamKey;
use crate::status::Status;

/// `portcullis_srtp_packet_t`.
#[repr(C)]
#[derive(Debug)]
pub struct BatchPacket {
    session: *mut Context,
    packet: *mut c_void,
    length: c_int,
    rtcp: c_int,
    status: Status,
}

/// As many packets as a group has: what the kernels take at a time.
const GROUP_MAX: usize = 64;

/// A packet that runs with others.
struct Member {
    /// Its place in the group.
    place: usize,
    /// The place of what was lent for it.
    lent: usize,
    ssrc: u32,
}

/// Whose sender or receiver is lent, and to whom it goes back.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lender {
    session: *mut Context,
    stream: StreamKey,
}

/// `portcullis_srtp_protect_batch`: protects packets of any sessions; gives how many were.
///
/// # Safety
///
/// `packets` points to `count` of them, each as for [`srtp_protect`]; no two share memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portcullis_srtp_protect_batch(
    packets: *mut BatchPacket,
    count: usize,
) -> usize {
    // SAFETY: passed on.
    unsafe { run(packets, count, |group| protect_group(group)) }
}

/// `portcullis_srtp_unprotect_batch`: unprotects packets of any sessions; gives how many were.
///
/// # Safety
///
/// `packets` points to `count` of them, each as for [`srtp_unprotect`]; no two share memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn portcullis_srtp_unprotect_batch(
    packets: *mut BatchPacket,
    count: usize,
) -> usize {
    // SAFETY: passed on.
    unsafe { run(packets, count, |group| unprotect_group(group)) }
}

/// # Safety
///
/// `packets` is null or points to `count` of them.
unsafe fn run(
    packets: *mut BatchPacket,
    count: usize,
    mut run_group: impl FnMut(&mut [BatchPacket]),
) -> usize {
    if packets.is_null() {
        return 0;
    }
    // SAFETY: not null, and so many as the caller says.
    let packets = unsafe { std::slice::from_raw_parts_mut(packets, count) };
    for group in packets.chunks_mut(GROUP_MAX) {
        // Until it is known to be more.
        group
            .iter_mut()
            .for_each(|packet| packet.status = Status::FAIL);
        run_group(group);
    }
    let done = packets.iter().filter(|packet| packet.status == Status::OK);
    done.count()
}

/// # Safety
///
/// Each packet as for [`srtp_protect`].
unsafe fn protect_group(group: &mut [BatchPacket]) {
    let (mut lenders, mut members, mut alone) = (vec![], vec![], vec![]);
    let mut senders = Vec::<Box<Sender>>::new();
    let broke_off = catch_unwind(AssertUnwindSafe(|| {
        for (place, packet) in group.iter().enumerate() {
            // SAFETY: passed on.
            let joined = unsafe {
                join(
                    packet,
                    place,
                    &mut lenders,
                    &mut members,
                    |session, stream| {
                        senders.push(session.lend_sender(stream)?);
                        Ok(())
                    },
                )
            };
            if !joined {
                alone.push(place);
            }
        }
        let mut packets: Vec<_> = members
            .iter()
            .map(|member| {
                let packet = &group[member.place];
                let sender: &Sender = &senders[member.lent];
                let len = packet.length as usize;
                // SAFETY: `join` saw that the length is none below zero and the pointer not null; the caller
                // promised the rest.
                let bytes = unsafe { Packet::new(packet.packet.cast(), len) };
                Outgoing::rtp(member.lent, bytes.into_slice(sender.rtp_overhead()), len)
            })
            .collect();
        srtp::protect_batch(&mut senders, &mut packets);
        let outcomes: Vec<_> = packets
            .iter()
            .map(|packet| packet.outcome().map(|outcome| outcome.map(<[u8]>::len)))
            .collect();
        (outcomes, senders)
    }));
    let Ok((outcomes, senders)) = broke_off else {
        return break_off(&lenders);
    };
    for (lender, sender) in lenders.iter().zip(senders) {
        // SAFETY: passed on.
        let _ = unsafe {
            with_session(lender.session, |session, _| {
                session.take_back_sender(lender.stream, sender);
                Ok(())
            })
        };
    }
    for (member, outcome) in members.iter().zip(outcomes) {
        let lender: Lender = lenders[member.lent];
        let Some(result) = outcome else { continue };
        // SAFETY: passed on.
        let outcome = unsafe {
            with_session(lender.session, |session, events| {
                let stream = session.stream(lender.stream).ok_or(Status::FAIL)?;
                stream.after_protect(Kind::Rtp, member.ssrc, result, events)
            })
        };
        enter(&mut group[member.place], outcome);
    }
    // Only now: no stream may make a second sender while its own is lent.
    for place in alone {
        // SAFETY: passed on.
        group[place].status = unsafe { protect_alone(&mut group[place]) };
    }
}

/// # Safety
///
/// Each packet as for [`srtp_unprotect`].
unsafe fn unprotect_group(group: &mut [BatchPacket]) {
    let (mut lenders, mut members, mut alone) = (vec![], vec![], vec![]);
    let mut receivers = Vec::<Box<Receiver>>::new();
    let broke_off = catch_unwind(AssertUnwindSafe(|| {
        for (place, packet) in group.iter().enumerate() {
            // SAFETY: passed on.
            let joined = unsafe {
                join(
                    packet,
                    place,
                    &mut lenders,
                    &mut members,
                    |session, stream| {
                        receivers.push(session.lend_receiver(stream)?);
                        Ok(())
                    },
                )
            };
            if !joined {
                alone.push(place);
            }
        }
        let mut packets: Vec<_> = members
            .iter()
            .map(|member| {
                let packet = &group[member.place];
                // SAFETY: as in `protect_group`.
                let bytes = unsafe { Packet::new(packet.packet.cast(), packet.length as usize) };
                Incoming::new(member.lent, bytes.into_slice(0))
            })
            .collect();
        srtp::unprotect_batch(&mut receivers, &mut packets);
        let outcomes: Vec<_> = packets
            .iter_mut()
            .map(|packet| {
                packet
                    .outcome()
                    .map(|outcome| outcome.map(|(unprotected, _)| unprotected))
            })
            .collect();
        (outcomes, receivers)
    }));
    let Ok((outcomes, receivers)) = broke_off else {
        return break_off(&lenders);
    };
    for (lender, receiver) in lenders.iter().zip(receivers) {
        // SAFETY: passed on.
        let _ = unsafe {
            with_session(lender.session, |session, _| {
                session.take_back_receiver(lender.stream, receiver);
                Ok(())
            })
        };
    }
    for (member, outcome) in members.iter().zip(outcomes) {
        let lender: Lender = lenders[member.lent];
        let Some(result) = outcome else { continue };
        let place = &mut group[member.place];
        // SAFETY: as in `protect_group`.
        let packet = unsafe { Packet::new(place.packet.cast(), place.length as usize) };
        // SAFETY: passed on.
        let outcome = unsafe {
            with_session(lender.session, |session, events| {
                let stream = session.stream(lender.stream).ok_or(Status::FAIL)?;
                stream.after_unprotect(Kind::Rtp, member.ssrc, packet.as_slice(), result, events)
            })
        };
        enter(place, outcome);
    }
    // Only now, as above.
    for place in alone {
        // SAFETY: passed on.
        group[place].status = unsafe { unprotect_alone(&mut group[place]) };
    }
}

/// Makes a packet a member of the group, with what its stream lends; `false` for one that runs alone behind the
/// others: RTCP, what looks like it, and what can't be looked at.
///
/// # Safety
///
/// The packet as for [`srtp_protect`].
unsafe fn join(
    packet: &BatchPacket,
    place: usize,
    lenders: &mut Vec<Lender>,
    members: &mut Vec<Member>,
    mut lend: impl FnMut(&mut crate::session::Session, StreamKey) -> Result<(), Status>,
) -> bool {
    let Ok(len) = usize::try_from(packet.length) else {
        return false;
    };
    if packet.packet.is_null() || packet.rtcp != 0 {
        return false;
    }
    // SAFETY: passed on.
    let bytes = unsafe { Packet::new(packet.packet.cast(), len) };
    if srtp::classify(bytes.as_slice()) != Kind::Rtp {
        return false;
    }
    // SAFETY: passed on.
    let outcome = unsafe {
        with_session(packet.session, |session, _| {
            let (stream, ssrc) = session.key_of(Kind::Rtp, bytes.as_slice())?;
            let lender = Lender {
                session: packet.session,
                stream,
            };
            let lent = match lenders.iter().rposition(|&other| other == lender) {
                Some(lent) => lent,
                None => {
                    lend(session, stream)?;
                    lenders.push(lender);
                    lenders.len() - 1
                }
            };
            members.push(Member { place, lent, ssrc });
            Ok(())
        })
    };
    outcome.is_ok()
}

/// # Safety
///
/// The packet as for [`srtp_protect`].
unsafe fn protect_alone(packet: &mut BatchPacket) -> Status {
    let (session, bytes, len) = (packet.session, packet.packet, &raw mut packet.length);
    // SAFETY: passed on.
    unsafe {
        match packet.rtcp {
            0 => srtp_protect(session, bytes, len),
            _ => srtp_protect_rtcp(session, bytes, len),
        }
    }
}

/// # Safety
///
/// The packet as for [`srtp_unprotect`].
unsafe fn unprotect_alone(packet: &mut BatchPacket) -> Status {
    let (session, bytes, len) = (packet.session, packet.packet, &raw mut packet.length);
    // SAFETY: passed on.
    unsafe {
        match packet.rtcp {
            0 => srtp_unprotect(session, bytes, len),
            _ => srtp_unprotect_rtcp(session, bytes, len),
        }
    }
}

fn enter(packet: &mut BatchPacket, outcome: Result<usize, Status>) {
    match outcome {
        Ok(len) => {
            // A packet is no longer than the `int` that it came with, and its trailer.
            packet.length = len as c_int;
            packet.status = Status::OK;
        }
        Err(status) => packet.status = status,
    }
}

/// After a panic: what was lent is gone, and with it all that says which indexes were used. Its sessions answer
/// no more.
#[cold]
fn break_off(lenders: &[Lender]) {
    for lender in lenders {
        // SAFETY: the caller promised that these sessions live, or they would not have lent.
        unsafe { poison(lender.session) };
    }
}
