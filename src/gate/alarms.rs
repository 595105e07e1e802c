//! Which session has something to do, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::router::SessionId;

/// The alarms of many sessions, one for each.
///
/// Changing one costs the logarithm of their number at most, and nothing if it moves to a later
/// time, which is the common case: the entry made before stays, and moves on when its time comes.
/// Stale entries are swept out when they outnumber the others.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    heap: BinaryHeap<Reverse<(Instant, SessionId)>>,
    slots: Vec<Slot>,
    /// An upper bound on the stale entries of the heap.
    left_over: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    id: Option<SessionId>,
    /// When the session wants to be called.
    wanted: Option<Instant>,
    /// When the session itself wants to be called, and not its call.
    session: Option<Instant>,
    /// The valid entry of the heap; others of the session are stale.
    armed: Option<Instant>,
}

impl Alarms {
    /// Sets or moves the alarm of a session; with `None` it has none for now.
    pub(super) fn set(&mut self, id: SessionId, when: Option<Instant>) {
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, Slot::default);
        }
        let slot = &mut self.slots[id.index()];
        if slot.id != Some(id) {
            *slot = Slot {
                id: Some(id),
                ..Slot::default()
            };
        }
        slot.wanted = when;
        if let Some(when) = when
            && slot.armed.is_none_or(|armed| when < armed)
        {
            self.left_over += usize::from(slot.armed.is_some());
            slot.armed = Some(when);
            self.heap.push(Reverse((when, id)));
            self.sweep();
        }
    }

    /// Notes when the session itself wants to be called, whatever its call wants. Call it after
    /// [`Alarms::set`].
    pub(super) fn note_session(&mut self, id: SessionId, when: Option<Instant>) {
        let slot = self.slots.get_mut(id.index());
        if let Some(slot) = slot.filter(|slot| slot.id == Some(id)) {
            slot.session = when;
        }
    }

    /// What [`Alarms::note_session`] noted last.
    pub(super) fn session(&self, id: SessionId) -> Option<Instant> {
        let slot = self.slots.get(id.index());
        slot.filter(|slot| slot.id == Some(id))?.session
    }

    /// Asks for the memory of an alarm.
    pub(super) fn prefetch(&self, id: SessionId) {
        if let Some(slot) = self.slots.get(id.index()) {
            srtp::prefetch(slot);
        }
    }

    /// The session has ended. What is left of it goes when a few others have ended too.
    pub(super) fn remove(&mut self, id: SessionId) {
        let slot = self.slots.get_mut(id.index());
        if let Some(slot) = slot.filter(|slot| slot.id == Some(id)) {
            self.left_over += usize::from(slot.armed.is_some());
            *slot = Slot::default();
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        if self.left_over * 2 > self.heap.len() {
            self.left_over = 0;
            self.heap.retain(|Reverse((when, id))| {
                let slot = self.slots.get(id.index());
                slot.is_some_and(|slot| slot.id == Some(*id) && slot.armed == Some(*when))
            });
        }
    }

    /// Moves the alarm of a session to this time, unless it is earlier already.
    pub(super) fn bring_forward(&mut self, id: SessionId, when: Instant) {
        let slot = self.slots.get(id.index());
        let wanted = slot
            .filter(|slot| slot.id == Some(id))
            .and_then(|slot| slot.wanted);
        if wanted.is_none_or(|wanted| when < wanted) {
            self.set(id, Some(when));
        }
    }

    /// Sets the alarm that is still wanted after one was taken out, unless it has been set since.
    pub(super) fn rearm(&mut self, id: SessionId) {
        let slot = self.slots.get(id.index());
        if let Some(slot) = slot.filter(|slot| slot.id == Some(id) && slot.armed.is_none()) {
            self.set(id, slot.wanted);
        }
    }

    /// At least as many as there are alarms.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Takes out a session whose time has come. A later alarm of the session itself is still wanted: see
    /// [`Alarms::rearm`].
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<SessionId> {
        loop {
            let &Reverse((when, id)) = self.heap.peek()?;
            if when > now {
                return None;
            }
            self.heap.pop();
            let slot = self.slots.get_mut(id.index());
            let counts = |slot: &&mut Slot| slot.id == Some(id) && slot.armed == Some(when);
            let Some(slot) = slot.filter(counts) else {
                self.left_over = self.left_over.saturating_sub(1);
                continue;
            };
            slot.armed = None;
            match slot.wanted {
                Some(wanted) if wanted <= now => {
                    slot.wanted = slot.session.filter(|when| *when > now);
                    return Some(id);
                }
                wanted => self.set(id, wanted),
            }
        }
    }

    /// When the next alarm may be due; never too late.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((when, _))| *when)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::router::Router;

    fn ids(count: usize) -> Vec<SessionId> {
        let mut router = Router::new([0; 16]);
        let insert = |n: usize| router.insert(&format!("session{n}")).expect("a new ufrag");
        (0..count).map(insert).collect()
    }

    #[test]
    fn alarms_ring_once_at_their_last_time() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let [a, b] = ids(2)[..] else { unreachable!() };
        let mut alarms = Alarms::default();
        alarms.set(a, Some(start + 2 * second));
        alarms.set(b, Some(start + second));
        alarms.set(a, Some(start + 5 * second));
        assert_eq!(alarms.pop_due(start), None);
        assert_eq!(alarms.pop_due(start + 3 * second), Some(b));
        assert_eq!(alarms.pop_due(start + 3 * second), None);
        assert_eq!(alarms.next(), Some(start + 5 * second));
        alarms.set(a, Some(start + 4 * second));
        assert_eq!(alarms.pop_due(start + 9 * second), Some(a));
        assert_eq!(alarms.pop_due(start + 9 * second), None);
        assert_eq!(alarms.next(), None);
    }

    #[test]
    fn alarms_are_brought_forward_and_never_put_off() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let [a] = ids(1)[..] else { unreachable!() };
        let mut alarms = Alarms::default();
        alarms.bring_forward(a, start + 3 * second);
        alarms.bring_forward(a, start + 5 * second);
        assert_eq!(alarms.pop_due(start + 2 * second), None);
        alarms.bring_forward(a, start + second);
        assert_eq!(alarms.pop_due(start + 2 * second), Some(a));
    }

    /// An alarm of a call rings without that of its session, which stays, whether the call wants another
    /// one or not.
    #[test]
    fn the_alarm_of_a_session_outlasts_those_of_its_call() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let [a] = ids(1)[..] else { unreachable!() };
        let mut alarms = Alarms::default();
        alarms.set(a, Some(start + second));
        alarms.note_session(a, Some(start + 5 * second));
        assert_eq!(alarms.pop_due(start + second), Some(a));
        assert_eq!(alarms.session(a), Some(start + 5 * second));
        alarms.bring_forward(a, start + 2 * second);
        alarms.rearm(a);
        assert_eq!(alarms.pop_due(start + 2 * second), Some(a));
        alarms.rearm(a);
        assert_eq!(alarms.next(), Some(start + 5 * second));
        assert_eq!(alarms.pop_due(start + 4 * second), None);
        assert_eq!(alarms.pop_due(start + 5 * second), Some(a));
        alarms.rearm(a);
        assert_eq!(alarms.next(), None);
    }

    #[test]
    fn removed_alarms_are_silent() {
        let start = Instant::now();
        let [a] = ids(1)[..] else { unreachable!() };
        let mut alarms = Alarms::default();
        alarms.set(a, Some(start));
        alarms.set(a, None);
        assert_eq!(alarms.pop_due(start), None);
    }

    /// T-DOS-07: sessions that end long before their alarms leave no entries behind.
    #[test]
    fn t_dos_07_ended_sessions_do_not_pile_up() {
        let start = Instant::now();
        let all = ids(1000);
        let mut alarms = Alarms::default();
        for (id, seconds) in all.iter().zip(1..) {
            alarms.set(*id, Some(start + Duration::from_secs(seconds)));
        }
        for (id, left) in all.iter().zip((0..1000_usize).rev()) {
            alarms.remove(*id);
            assert!(alarms.len() <= 2 * left, "{} for {left}", alarms.len());
        }
        assert_eq!(alarms.next(), None);
    }

    /// T-DOS-07: alarms that are moved all the time leave no entries behind.
    #[test]
    fn t_dos_07_moving_alarms_does_not_pile_up() {
        let start = Instant::now();
        let [a] = ids(1)[..] else { unreachable!() };
        let mut alarms = Alarms::default();
        for millis in 0..10_000 {
            let now = start + Duration::from_millis(millis);
            alarms.set(a, Some(now + Duration::from_secs(30)));
            assert_eq!(alarms.pop_due(now), None);
        }
        assert_eq!(alarms.heap.len(), 1);
    }
}
