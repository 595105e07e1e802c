//! What comes to the port and is nobody's call: QUIC, TURN, ZRTP.

use std::fmt;
use std::time::Instant;

use ice_lite::Path;

use super::outbox::Outbox;
use super::{Arrival, Ecn, Gate};
use crate::demux::Class;

/// The application's own way with datagrams of some classes.
pub(super) struct Foreign {
    classes: Vec<Class>,
    handler: Box<Handler>,
}

type Handler = dyn FnMut(Instant, Arrival<'_>, &mut Replies<'_>) + Send;

/// Sends what an application answers.
#[derive(Debug)]
pub struct Replies<'a>(&'a mut Outbox);

impl Replies<'_> {
    /// Sends a datagram as it is. What it may cost its receiver, who has proved nothing, is for the
    /// application to bound.
    pub fn send(&mut self, path: Path, ecn: Ecn, datagram: &[u8]) {
        self.0.put(path, ecn, datagram);
    }
}

impl<C> Gate<C> {
    /// Gives datagrams of these classes of [RFC 9443](https://www.rfc-editor.org/rfc/rfc9443) to
    /// `handler`, whatever path they come over, so that one port serves more than calls: QUIC, TURN,
    /// ZRTP, and what is of no class known. STUN, DTLS, RTP and RTCP stay with the calls. Datagrams that
    /// nobody has claimed are dropped and counted.
    ///
    /// What `handler` sends at once goes by its [`Replies`]; later, by [`Gate::send_foreign`]. Of several
    /// shards each has a handler of its own, and a peer comes to always the same.
    pub fn hand_out(
        &mut self,
        classes: &[Class],
        handler: impl FnMut(Instant, Arrival<'_>, &mut Replies<'_>) + Send + 'static,
    ) {
        let is_ours = |class: &&Class| {
            let foreign = [Class::Quic, Class::TurnChannel, Class::Zrtp, Class::Unknown];
            !foreign.contains(class)
        };
        debug_assert!(!classes.iter().any(|class| is_ours(&class)), "{classes:?}");
        let classes = classes.iter().filter(|class| !is_ours(class));
        self.foreign = Some(Foreign {
            classes: classes.copied().collect(),
            handler: Box::new(handler),
        });
    }

    /// Puts a datagram that is no call's into the outbox, as it is.
    pub fn send_foreign(&mut self, path: Path, ecn: Ecn, datagram: &[u8]) {
        self.outbox.put(path, ecn, datagram);
    }

    /// Gives a datagram to who has claimed its class; gives it back if nobody has.
    pub(super) fn give_foreign<'b>(
        &mut self,
        now: Instant,
        class: Class,
        arrival: Arrival<'b>,
    ) -> Option<Arrival<'b>> {
        match &mut self.foreign {
            Some(foreign) if foreign.classes.contains(&class) => {
                (foreign.handler)(now, arrival, &mut Replies(&mut self.outbox));
                None
            }
            _ => Some(arrival),
        }
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign")
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}
