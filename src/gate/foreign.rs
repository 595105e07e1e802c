//! What comes to the port but belongs to no call: QUIC, TURN, ZRTP.

use std::fmt;
use std::time::Instant;

use ice_lite::Path;

use super::outbox::Outbox;
use super::{Arrival, Ecn, Gate};
use crate::demux::Class;

/// What the application does with datagrams of some classes.
pub(super) struct Foreign {
    classes: Vec<Class>,
    handler: Box<Handler>,
}

type Handler = dyn FnMut(Instant, Arrival<'_>, &mut Replies<'_>) + Send;

/// Sends what an application answers.
#[derive(Debug)]
pub struct Replies<'a>(&'a mut Outbox);

impl Replies<'_> {
    /// Sends a datagram as it is. The receiver has proved nothing, so bounding what may be sent to it is up to the
    /// application.
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
    /// `handler` sends its immediate answers through its [`Replies`], and later ones through [`Gate::send_foreign`]. With several
    /// shards each has a handler of its own, and a peer always reaches the same one.
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

    /// Puts a datagram that belongs to no call into the outbox, as it is.
    pub fn send_foreign(&mut self, path: Path, ecn: Ecn, datagram: &[u8]) {
        self.outbox.put(path, ecn, datagram);
    }

    /// Gives a datagram to whoever has claimed its class, or returns it if nobody has.
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
