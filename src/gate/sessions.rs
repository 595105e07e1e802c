//! The sessions of a gate, by their ids.

use std::panic::{AssertUnwindSafe, catch_unwind};

use srtp::{Incoming, Outgoing, Receiver, Sender};

use crate::router::SessionId;
use crate::session::Session;

/// A table of sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Vec<Slot>,
    panics: u64,
}

/// A place in the table. A batch of packets names the place of each packet's session.
#[derive(Debug, Default)]
struct Slot(Option<(SessionId, Box<Session>)>);

impl Sessions {
    pub(super) fn insert(&mut self, id: SessionId, session: Session) {
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, Slot::default);
        }
        self.slots[id.index()] = Slot(Some((id, Box::new(session))));
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        let (owner, session) = self.slots.get(id.index())?.0.as_ref()?;
        (*owner == id).then_some(&**session)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let (owner, session) = self.slots.get_mut(id.index())?.0.as_mut()?;
        (*owner == id).then_some(&mut **session)
    }

    /// How many places the table has: the most sessions that there were at a time.
    pub(super) fn places(&self) -> usize {
        self.slots.len()
    }

    /// Asks for the memory of a place in the table.
    pub(super) fn prefetch(&self, id: SessionId) {
        if let Some(slot) = self.slots.get(id.index()) {
            srtp::prefetch(slot);
        }
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        if self.contains(id)
            && let Some(slot) = self.slots.get_mut(id.index())
        {
            slot.0 = None;
        }
    }

    /// There is none any more.
    pub(super) fn clear(&mut self) {
        self.slots = Vec::new();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.slots
            .iter()
            .filter_map(|slot| slot.0.as_ref())
            .map(|(id, session)| (*id, &**session))
    }

    /// Opens packets that name their sessions by index. Each of these must have a receiver.
    pub(super) fn unprotect(&mut self, packets: &mut [Incoming<'_>]) {
        let slots = self.slots.as_mut_slice();
        // A receiver commits a packet last, so that a panic loses packets and nothing else.
        let done = catch_unwind(AssertUnwindSafe(|| srtp::unprotect_batch(slots, packets)));
        self.panics += u64::from(done.is_err());
    }

    /// Seals packets that name their sessions by index. Each of these must have a sender.
    pub(super) fn protect(&mut self, packets: &mut [Outgoing<'_>]) {
        let slots = self.slots.as_mut_slice();
        // A sender takes a packet's index first, so that after a panic none is used twice.
        let done = catch_unwind(AssertUnwindSafe(|| srtp::protect_batch(slots, packets)));
        self.panics += u64::from(done.is_err());
    }

    /// How many batches ended in a panic.
    pub(super) fn panics(&self) -> u64 {
        self.panics
    }
}

/// Only sessions with keys have packets in a batch.
const KEYED: &str = "invariant: a session whose packets are in a batch has keys";

impl AsRef<Receiver> for Slot {
    fn as_ref(&self) -> &Receiver {
        let session = self.0.as_ref().map(|(_, session)| session);
        session.and_then(|session| session.receiver()).expect(KEYED)
    }
}

impl AsMut<Receiver> for Slot {
    fn as_mut(&mut self) -> &mut Receiver {
        let session = self.0.as_mut().map(|(_, session)| session);
        session
            .and_then(|session| session.receiver_mut())
            .expect(KEYED)
    }
}

impl AsRef<Sender> for Slot {
    fn as_ref(&self) -> &Sender {
        let session = self.0.as_ref().map(|(_, session)| session);
        session.and_then(|session| session.sender()).expect(KEYED)
    }
}

impl AsMut<Sender> for Slot {
    fn as_mut(&mut self) -> &mut Sender {
        let session = self.0.as_mut().map(|(_, session)| session);
        session
            .and_then(|session| session.sender_mut())
            .expect(KEYED)
    }
}

#[cfg(test)]
mod tests {
    use srtp::ProtectError;

    use super::*;

    /// A batch that panics, here since a place in it has no session, calls nothing sealed and
    /// nothing genuine, and leaves nothing in the clear.
    #[test]
    fn a_panic_in_a_batch_lets_nothing_through() {
        let mut sessions = Sessions::default();
        sessions.slots.push(Slot(None));
        let mut buffer = [0x80; 100];
        let mut packets = [Outgoing::rtp(0, &mut buffer, 60)];
        sessions.protect(&mut packets);
        let outcome = packets[0].outcome();
        assert_eq!(outcome, Some(Err(ProtectError::BrokenOff)));
        assert_eq!(buffer, [0; 100]);

        let mut buffer = [0x80; 100];
        let mut packets = [Incoming::new(0, &mut buffer)];
        sessions.unprotect(&mut packets);
        assert_eq!(packets[0].outcome(), None, "it was not even begun");
        assert_eq!(sessions.panics(), 2);
    }
}
