//! Asks ahead for memory that media will touch.
//!
//! A gate may have thousands of calls, and then what a call holds is in no cache when its next packet comes. A
//! packet leads from its place in a table to the session, from there to the agent and the contexts, and from those
//! to streams and keys. Each step waits for memory, and nothing can be done for the packet meanwhile. So these
//! steps are taken ahead of the work, each one for all packets at hand before the next.

use srtp::Kind;

use super::sessions::Sessions;
use super::{Call, Gate};
use crate::router::SessionId;
use crate::session::Way;

/// The most bytes of an application's call that are asked for.
const CALL_MAX: usize = 256;

/// So many calls, or fewer, and what their packets touch is mostly in a core's own cache, where asking costs more than
/// waiting. Of 1,000 calls on a Zen 5 a packet took up to 1.3 times as long with it, of 10,000 half.
const WARM_CALLS: usize = 2048;

impl<C: Call> Gate<C> {
    /// Asks for what packets to be opened touch.
    pub(super) fn prefetch(&self, packets: impl Iterator<Item = (SessionId, Kind)> + Clone) {
        for (id, _) in packets.clone() {
            self.sessions.prefetch(id);
            self.alarms.prefetch(id);
            if let Some(call) = self.calls.get(id.index())
                && size_of_val(call) <= CALL_MAX
            {
                srtp::prefetch(call);
            }
        }
        self.sessions.prefetch_behind(Way::In, packets);
    }
}

impl Sessions {
    /// Whether they are so few that their memory is in a cache anyway.
    pub(super) fn are_warm(&self) -> bool {
        self.places() <= WARM_CALLS
    }

    /// Asks for what packets to be sealed touch.
    pub(super) fn prefetch_to_send(
        &self,
        packets: impl Iterator<Item = (SessionId, Kind)> + Clone,
    ) {
        if self.are_warm() {
            return;
        }
        for (id, _) in packets.clone() {
            self.prefetch(id);
        }
        self.prefetch_behind(Way::Out, packets);
    }

    /// The steps from the table on.
    fn prefetch_behind(&self, way: Way, packets: impl Iterator<Item = (SessionId, Kind)> + Clone) {
        for session in packets.clone().filter_map(|(id, _)| self.get(id)) {
            session.prefetch();
        }
        for session in packets.clone().filter_map(|(id, _)| self.get(id)) {
            session.prefetch_behind(way);
        }
        for (id, kind) in packets {
            if let Some(session) = self.get(id) {
                session.prefetch_keys(way, kind);
            }
        }
    }
}
