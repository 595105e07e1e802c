//! Reassembly of handshake messages (RFC 6347 §4.2.3, RFC 9147 §5.5).
//!
//! Messages leave in the order of their `message_seq`, whole, and once. Memory grows with the
//! bytes received, never with a length that a header claims.

use std::collections::VecDeque;

use super::partial::Partial;
use crate::config::MAX_MESSAGE;
use crate::error::Error;
use crate::wire::HandshakeType;
use crate::wire::handshake::Header;

/// Messages that may be in reassembly at a time: a server's DTLS 1.2 flight with everything
/// optional has 7 (ServerHello, Certificate, CertificateStatus, ServerKeyExchange,
/// CertificateRequest, ServerHelloDone, and the Finished of a peer that numbers generously).
const MAX_MESSAGES: u32 = 7;

/// What the messages behind the one in turn may hold together: with it at its longest by default and a
/// bit for each of its bytes, 32 KiB for a connection. Separate, so that they can't starve the one that
/// must come first.
const LATER_BUDGET: usize = 32 * 1024 - current_budget(MAX_MESSAGE);

/// What the message next in turn can need: itself and a bit for each byte.
const fn current_budget(max: u16) -> usize {
    max as usize + max as usize / 8
}

/// Ways in which the fragments of one message may disagree that are kept beside each other: in
/// plaintext anybody may have sent one of them. Two are a forgery and the genuine message.
const MAX_VERSIONS: usize = 3;

/// The end of a message by which its repetition is known. 128 bits of a random, a key share or a
/// signature, which who did not see the message does not guess.
const TAIL: usize = 16;

/// A whole handshake message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) msg_type: HandshakeType,
    pub(crate) message_seq: u16,
    pub(crate) body: Vec<u8>,
}

/// Proof that no byte of a further message was received, so that keys may change
/// (RFC 8446 §5.1: handshake messages do not span key changes).
#[derive(Debug)]
#[must_use]
pub(crate) struct NoPendingFragments(());

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// It belongs to a message that was delivered before; `ends_last` if it ends the very last
    /// of them, the sign of a flight that is sent again.
    Past { ends_last: bool },
    /// It is held, or contained nothing new.
    Held,
    /// There is no room for it. It must be sent again.
    NoRoom,
}

/// Who vouches for a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The keys that it came under.
    Authentic,
    /// Nobody, but it is taken as if it came from the peer.
    Assumed,
    /// Nobody.
    Plaintext,
}

/// A message in reassembly: as many versions of it as its fragments tell of.
#[derive(Debug, Default)]
struct Slot {
    versions: Vec<Partial>,
    authentic: bool,
}

/// The last message that was delivered.
#[derive(Debug)]
struct Last {
    msg_type: HandshakeType,
    length: u32,
    tail: Vec<u8>,
}

/// Messages in reassembly, the next in turn at the front.
#[derive(Debug)]
pub(super) struct Inbound {
    /// `message_seq` of the front. It does not wrap (RFC 9147 §5.2): after the last number a u16
    /// holds, everything is past.
    next: u32,
    slots: VecDeque<Slot>,
    last: Option<Last>,
    /// The longest message taken.
    max: u16,
}

impl Inbound {
    /// Takes messages of at most `max` bytes.
    pub(super) fn new(max: u16) -> Self {
        Self {
            next: 0,
            slots: VecDeque::new(),
            last: None,
            max,
        }
    }

    /// Bytes that reassembly may hold for a connection.
    fn budget(&self) -> usize {
        current_budget(self.max) + LATER_BUDGET
    }

    /// Counts all messages up to this one as delivered.
    pub(super) fn skip_past(&mut self, message: &Incoming) {
        self.next = u32::from(message.message_seq) + 1;
        self.last = Some(Last::of(message));
    }

    /// Whether `message_seq` was delivered before.
    pub(super) fn is_past(&self, message_seq: u16) -> bool {
        u32::from(message_seq) < self.next
    }

    /// Takes in a fragment; `header` has been checked for its own consistency.
    ///
    /// # Errors
    /// [`Error::ExcessiveMessageSize`] and [`Error::FragmentMismatch`].
    pub(super) fn accept(
        &mut self,
        header: &Header,
        data: &[u8],
        trust: Trust,
    ) -> Result<Accepted, Error> {
        let message_seq = u32::from(header.message_seq);
        let Some(ahead) = message_seq.checked_sub(self.next) else {
            let is_last = message_seq + 1 == self.next;
            let last = self.last.as_ref().filter(|_| is_last);
            let ends_last = last.is_some_and(|last| last.ends_with(header, data));
            return Ok(Accepted::Past { ends_last });
        };
        if header.length > u32::from(self.max) {
            return Err(Error::ExcessiveMessageSize);
        }
        if ahead >= MAX_MESSAGES {
            return Ok(Accepted::NoRoom);
        }
        let index = ahead as usize;
        self.check_trust(index, header, trust)?;
        let versions = self.versions(index, header, data, trust);
        let mut accepted = Accepted::NoRoom;
        for at in versions {
            if self.add(index, at, header, data) {
                accepted = Accepted::Held;
            }
        }
        Ok(accepted)
    }

    /// Decides between authenticated and unauthenticated fragments.
    fn check_trust(&mut self, index: usize, header: &Header, trust: Trust) -> Result<(), Error> {
        let Some(slot) = self.slots.get_mut(index) else {
            return Ok(());
        };
        let known = slot.versions.first();
        match trust {
            Trust::Authentic if !slot.authentic => *slot = Slot::default(),
            // RFC 9147 §5.5: fragments of one message agree about it.
            Trust::Authentic | Trust::Assumed if known.is_some_and(|k| !k.matches(header)) => {
                return Err(Error::FragmentMismatch);
            }
            Trust::Plaintext if slot.authentic => return Err(Error::FragmentMismatch),
            _ => {}
        }
        Ok(())
    }

    /// The versions of a message that a fragment belongs to; one past the end for a new one.
    fn versions(&mut self, index: usize, header: &Header, data: &[u8], trust: Trust) -> Vec<usize> {
        let held = self.held(1);
        let Some(slot) = self
            .slots
            .get_mut(index)
            .filter(|_| trust == Trust::Plaintext)
        else {
            return vec![0];
        };
        let offset = header.fragment_offset;
        let agreeing = |partial: &Partial| partial.matches(header) && partial.agrees(offset, data);
        let all = slot.versions.iter().enumerate();
        let found: Vec<_> = all.filter(|(_, p)| agreeing(p)).map(|(at, _)| at).collect();
        if !found.is_empty() {
            return found;
        }
        // What this fragment disagrees with may hold genuine bytes elsewhere.
        let begun = slot.versions.iter().find(|partial| partial.matches(header));
        let begun = begun.map(|partial| partial.without(offset, data.len() as u32));
        if slot.versions.len() == MAX_VERSIONS {
            slot.drop_least();
        }
        let at = slot.versions.len();
        slot.versions
            .extend(begun.filter(|begun| index == 0 || held + begun.heap() <= LATER_BUDGET));
        vec![at]
    }

    fn add(&mut self, index: usize, at: usize, header: &Header, data: &[u8]) -> bool {
        let fresh = Partial::new(header);
        let version = |slot: &Slot| slot.versions.get(at).map(|known| known.growth(data.len()));
        let growth = self.slots.get(index).and_then(version);
        let growth = growth.unwrap_or_else(|| fresh.growth(data.len()));
        // The first version of the message in turn is not limited by what else is held.
        let (held, budget) = if index > 0 {
            (self.held(1), LATER_BUDGET)
        } else {
            (
                self.held(0),
                if at == 0 { usize::MAX } else { self.budget() },
            )
        };
        if held.saturating_add(growth) > budget {
            return false;
        }
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, Slot::default);
        }
        if let Some(slot) = self.slots.get_mut(index) {
            if slot.versions.len() <= at {
                slot.versions.push(fresh);
            }
            if let Some(partial) = slot.versions.get_mut(at) {
                partial.add(header.fragment_offset, data);
            }
        }
        self.keep_budget();
        true
    }

    /// Drops other versions of the message in turn where its first one grew over them.
    fn keep_budget(&mut self) {
        while self.held(0) > self.budget()
            && let Some(front) = self.slots.front_mut()
            && front.versions.len() > 1
        {
            front.versions.pop();
        }
    }

    /// Bytes of heap that messages from the `from`th on take.
    fn held(&self, from: usize) -> usize {
        let slots = self.slots.iter().skip(from);
        slots
            .flat_map(|slot| &slot.versions)
            .map(Partial::heap)
            .sum()
    }

    /// Tells that what was just taken in came under keys.
    pub(super) fn vouch(&mut self, message_seq: u16) {
        let ahead = u32::from(message_seq).checked_sub(self.next);
        if let Some(slot) = ahead.and_then(|ahead| self.slots.get_mut(ahead as usize)) {
            slot.authentic = true;
        }
    }

    /// The next message in turn, if it is whole and passes. Versions that don't are dropped.
    pub(super) fn next(&mut self, passes: impl Fn(&Incoming) -> bool) -> Option<Incoming> {
        let message_seq = u16::try_from(self.next).ok()?;
        loop {
            let front = self.slots.front_mut()?;
            let whole = front.versions.iter().position(Partial::is_whole)?;
            let (msg_type, body) = front.versions.remove(whole).into_whole()?;
            let message = Incoming {
                msg_type,
                message_seq,
                body,
            };
            if passes(&message) {
                self.slots.pop_front();
                self.skip_past(&message);
                return Some(message);
            }
        }
    }

    /// Type and length of the message in turn, as far as its fragments agree.
    pub(super) fn begun(&self) -> Option<(HandshakeType, u32)> {
        self.slots.front()?.versions.first().map(Partial::kind)
    }

    /// Whether a part of a message is held that lacks another.
    pub(super) fn is_pending(&self) -> bool {
        self.slots.iter().any(|slot| !slot.versions.is_empty())
    }

    /// Whether what is held has something missing before it, and not only behind it.
    pub(super) fn has_gap(&self) -> bool {
        let front = self.slots.front().and_then(|slot| slot.versions.first());
        let later = self.slots.iter().skip(1);
        front.is_some_and(Partial::has_gap) || later.flat_map(|slot| &slot.versions).count() > 0
    }

    /// Forgets unauthenticated fragments: they can't belong to what comes next.
    pub(super) fn drop_plaintext(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| !slot.authentic) {
            slot.versions.clear();
        }
    }

    /// Proof that no fragment of a further message is held, if so.
    pub(super) fn no_pending(&self) -> Option<NoPendingFragments> {
        (!self.is_pending()).then_some(NoPendingFragments(()))
    }

    /// Gives back memory that only a handshake needs.
    pub(super) fn shrink(&mut self) {
        self.slots.shrink_to_fit();
    }
}

impl Slot {
    /// Makes room for another version.
    fn drop_least(&mut self) {
        // Of those that have the same, the last to come.
        let least = (0..self.versions.len())
            .rev()
            .min_by_key(|&at| self.versions.get(at).map(Partial::received));
        if let Some(least) = least {
            self.versions.remove(least);
        }
    }
}

impl Last {
    fn of(message: &Incoming) -> Self {
        let tail = message.body.len().saturating_sub(TAIL);
        Self {
            msg_type: message.msg_type,
            length: message.body.len() as u32,
            tail: message.body.get(tail..).unwrap_or_default().to_vec(),
        }
    }

    /// Whether a fragment is the end of this message.
    fn ends_with(&self, header: &Header, data: &[u8]) -> bool {
        let same = (self.msg_type, self.length) == (header.msg_type, header.length);
        let at_end = header.fragment_offset + header.fragment_length == header.length;
        // As many of the last bytes as both have.
        let pairs = self.tail.iter().rev().zip(data.iter().rev());
        same && at_end && pairs.into_iter().all(|(known, new)| known == new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::partial::{LOG_HEADER, LOG_STEP};
    use super::*;

    const LONGEST: u32 = MAX_MESSAGE as u32;

    fn header(message_seq: u16, length: u32, offset: u32, data: &[u8]) -> Header {
        Header {
            msg_type: HandshakeType::CERTIFICATE,
            length,
            message_seq,
            fragment_offset: offset,
            fragment_length: data.len() as u32,
        }
    }

    fn body(length: u32) -> Vec<u8> {
        (0..length).map(|n| (n * 7 + n / 256) as u8).collect()
    }

    /// Gives the bytes `from..to` of `body`.
    fn give(inbound: &mut Inbound, message_seq: u16, body: &[u8], from: u32, to: u32) -> Accepted {
        let data = &body[from as usize..to as usize];
        let header = header(message_seq, body.len() as u32, from, data);
        inbound
            .accept(&header, data, Trust::Assumed)
            .expect("consistent fragment")
    }

    fn heap(inbound: &Inbound) -> usize {
        inbound.held(0)
    }

    #[test]
    fn messages_leave_in_order_and_once() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        let bodies = [body(10), body(0), body(300)];
        for message_seq in [2, 1, 1, 0] {
            let body = &bodies[usize::from(message_seq)];
            give(&mut inbound, message_seq, body, 0, body.len() as u32);
        }
        for (message_seq, body) in (0..).zip(bodies) {
            let msg_type = HandshakeType::CERTIFICATE;
            assert_eq!(
                inbound.next(|_| true),
                Some(Incoming {
                    msg_type,
                    message_seq,
                    body
                })
            );
        }
        assert_eq!(inbound.next(|_| true), None);
        assert!(inbound.no_pending().is_some());
        let past = give(&mut inbound, 1, &[], 0, 0);
        assert_eq!(past, Accepted::Past { ends_last: false });
        let past = give(&mut inbound, 2, &body(300), 0, 299);
        assert_eq!(past, Accepted::Past { ends_last: false });
        let past = give(&mut inbound, 2, &body(300), 299, 300);
        assert_eq!(past, Accepted::Past { ends_last: true });
    }

    /// T-HSK-01: lengths alone cost nothing.
    #[test]
    fn t_hsk_01_nothing_is_allocated_from_a_claimed_length() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        for message_seq in 0..16 {
            let header = header(message_seq, LONGEST, 0, &[]);
            assert!(inbound.accept(&header, &[], Trust::Assumed).is_ok());
        }
        assert_eq!(heap(&inbound), 0);
        let huge = header(0, 0xff_ffff, 0, &[]);
        assert_eq!(
            inbound.accept(&huge, &[], Trust::Assumed),
            Err(Error::ExcessiveMessageSize)
        );
    }

    /// T-HSK-02: however many messages are begun, all of them stay within the budget.
    #[test]
    fn t_hsk_02_unfinished_messages_stay_within_the_budget() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        let body = body(LONGEST);
        let mut no_room = 0;
        for (from, to) in [(0, 9000), (9000, 12_000), (12_000, LONGEST - 1)] {
            for message_seq in (0..10_000).rev() {
                let accepted = give(&mut inbound, message_seq, &body, from, to);
                no_room += u32::from(accepted == Accepted::NoRoom);
                assert!(
                    heap(&inbound) <= inbound.budget(),
                    "{} bytes",
                    heap(&inbound)
                );
            }
        }
        assert!(no_room > 29_900);
        // What must come first is not starved by the rest.
        give(&mut inbound, 0, &body, LONGEST - 1, LONGEST);
        assert_eq!(
            inbound.next(|_| true).map(|message| message.body),
            Some(body)
        );
    }

    /// T-HSK-03: the number tells messages apart, not the type.
    #[test]
    fn t_hsk_03_fragments_of_two_messages_are_not_merged() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        let (first, second) = (vec![1; 20], vec![2; 20]);
        give(&mut inbound, 0, &first, 0, 10);
        give(&mut inbound, 1, &second, 10, 20);
        assert_eq!(inbound.next(|_| true), None);
        give(&mut inbound, 1, &second, 0, 10);
        assert_eq!(inbound.next(|_| true), None);
        give(&mut inbound, 0, &first, 10, 20);
        assert_eq!(
            inbound.next(|_| true).map(|message| message.body),
            Some(first)
        );
        assert_eq!(
            inbound.next(|_| true).map(|message| message.body),
            Some(second)
        );
    }

    /// T-HSK-04, RFC 9147 §5.5.
    #[test]
    fn t_hsk_04_fragments_that_disagree() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        let body = body(100);
        give(&mut inbound, 0, &body, 0, 90);
        let longer = header(0, 101, 90, &body[90..]);
        assert_eq!(
            inbound.accept(&longer, &body[90..], Trust::Assumed),
            Err(Error::FragmentMismatch)
        );
        let other_type = Header {
            msg_type: HandshakeType::FINISHED,
            ..header(0, 100, 90, &body[90..])
        };
        assert_eq!(
            inbound.accept(&other_type, &body[90..], Trust::Assumed),
            Err(Error::FragmentMismatch)
        );
        // Other bytes where they overlap: the first ones stay.
        give(&mut inbound, 0, &[0xff; 100], 50, 95);
        give(&mut inbound, 0, &[0xff; 100], 0, 100);
        let whole = inbound
            .next(|_| true)
            .map(|message| message.body)
            .expect("whole");
        assert_eq!(whole[..90], body[..90]);
        assert_eq!(whole[90..], [0xff; 10]);
    }

    /// T-HSK-05: fragments without data do no harm, wherever they stand.
    #[test]
    fn t_hsk_05_empty_fragments() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        let body = body(50);
        for at in [0, 25, 50] {
            give(&mut inbound, 0, &body, at, at);
        }
        assert_eq!((inbound.next(|_| true), heap(&inbound)), (None, 0));
        give(&mut inbound, 0, &body, 0, 50);
        assert_eq!(
            inbound.next(|_| true).map(|message| message.body),
            Some(body)
        );
        give(&mut inbound, 1, &[], 0, 0);
        assert_eq!(
            inbound.next(|_| true).map(|message| message.body),
            Some(Vec::new())
        );
    }

    /// T-HSK-07: single bytes with gaps between them.
    #[test]
    fn t_hsk_07_overhead_of_tiny_fragments() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        let body = body(LONGEST);
        for at in (0..LONGEST).step_by(2) {
            give(&mut inbound, 0, &body, at, at + 1);
            let received = at as usize / 2 + 1;
            let noted = received * (1 + LOG_HEADER) + LOG_STEP;
            let bound = current_budget(MAX_MESSAGE).min(noted * 9 / 8);
            assert!(heap(&inbound) <= bound, "{} for {received}", heap(&inbound));
        }
    }

    /// T-HSK-16: numbers start at 0 and don't wrap.
    #[test]
    fn t_hsk_16_message_seq_does_not_wrap() {
        let mut inbound = Inbound {
            next: u16::MAX.into(),
            ..Inbound::new(MAX_MESSAGE)
        };
        give(&mut inbound, u16::MAX, &[1], 0, 1);
        assert_eq!(
            inbound.next(|_| true).map(|message| message.message_seq),
            Some(u16::MAX)
        );
        for message_seq in [0, 1, u16::MAX] {
            assert!(matches!(
                give(&mut inbound, message_seq, &[1], 0, 1),
                Accepted::Past { .. }
            ));
        }
        assert_eq!(inbound.next(|_| true), None);
    }

    #[test]
    fn a_far_message_has_to_come_again() {
        let mut inbound = Inbound::new(MAX_MESSAGE);
        assert_eq!(give(&mut inbound, 6, &[1], 0, 1), Accepted::Held);
        assert_eq!(give(&mut inbound, 7, &[1], 0, 1), Accepted::NoRoom);
        assert!(inbound.no_pending().is_none());
    }

    proptest! {
        /// T-HSK-06: any pieces in any order, overlapping, nested, repeated.
        #[test]
        fn t_hsk_06_any_pieces_in_any_order(
            length in 1_u32..600,
            pieces in prop::collection::vec((0_u32..600, 0_u32..80), 0..60),
            order in any::<prop::sample::Index>(),
        ) {
            let body = body(length);
            let mut pieces: Vec<(u32, u32)> = pieces
                .into_iter()
                .map(|(from, extent)| (from.min(length), (from + extent).min(length)))
                .collect();
            // Whatever they leave out comes in between them.
            let rest = (0..length).step_by(37).map(|from| (from, (from + 37).min(length)));
            for (index, piece) in rest.enumerate() {
                pieces.insert((order.index(1000) * (index + 1)) % (pieces.len() + 1), piece);
            }
            let mut inbound = Inbound::new(MAX_MESSAGE);
            let mut delivered = Vec::new();
            for (from, to) in pieces {
                give(&mut inbound, 0, &body, from, to);
                delivered.extend(inbound.next(|_| true));
            }
            prop_assert_eq!(delivered.len(), 1);
            prop_assert_eq!(&delivered[0].body, &body);
            prop_assert_eq!(heap(&inbound), 0);
        }
    }

    /// Chains of certificates with post-quantum keys are longer than those of WebRTC's peers.
    #[test]
    fn longer_messages_are_taken_where_they_may_come() {
        let long = u32::from(u16::MAX);
        let body = body(long);
        let header = header(0, long, 0, &body[..1000]);
        let data = &body[..1000];
        let refused = Inbound::new(MAX_MESSAGE).accept(&header, data, Trust::Plaintext);
        assert_eq!(refused, Err(Error::ExcessiveMessageSize));
        let mut inbound = Inbound::new(u16::MAX);
        for at in (0..long).step_by(1000) {
            give(&mut inbound, 0, &body, at, (at + 1000).min(long));
            assert!(heap(&inbound) <= inbound.budget());
        }
        let message = inbound.next(|_| true).expect("whole");
        assert_eq!(message.body, body);
    }
}
