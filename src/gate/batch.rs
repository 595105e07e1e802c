//! Many datagrams at once: those of media are opened together.

use std::time::Instant;

use arrayvec::ArrayVec;
use ice_lite::Path;
use srtp::{Incoming, Kind};

use super::{BATCH, Call, Ecn, Follow, Gate};
use crate::demux::{Class, classify};
use crate::router::{Route, SessionId};
use crate::session::Received;

/// A datagram that has come.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrival<'b> {
    /// Over which path.
    pub path: Path,
    /// What it says. It is decrypted in place.
    pub bytes: &'b mut [u8],
    /// The ECN field of its IP header.
    pub ecn: Ecn,
}

impl<'b> Arrival<'b> {
    /// A datagram of which no ECN field is known.
    #[must_use]
    pub const fn new(path: Path, bytes: &'b mut [u8]) -> Self {
        let ecn = Ecn::NotEct;
        Self { path, bytes, ecn }
    }
}

/// Packets of media that wait to be opened together, of any sessions.
struct Waiting<'b> {
    packets: ArrayVec<Incoming<'b>, BATCH>,
    origins: ArrayVec<Origin, BATCH>,
}

/// Where a packet came from.
#[derive(Clone, Copy)]
struct Origin {
    id: SessionId,
    path: Path,
    ecn: Ecn,
    len: usize,
}

impl<C: Call> Gate<C> {
    /// Takes datagrams that came over any paths, like [`Gate::handle_datagram`], but opens
    /// SRTP and SRTCP of many calls in one pass, up to 64 packets of them.
    ///
    /// What one call hears is the same, in the same order, as if its datagrams were taken one by
    /// one; of different calls, one may hear of its datagrams before another hears of earlier ones.
    /// What is another shard's goes to `hand_over`, with the number of that shard.
    pub fn handle_datagrams<'b>(
        &mut self,
        now: Instant,
        arrivals: impl IntoIterator<Item = Arrival<'b>>,
        mut hand_over: impl FnMut(u16, Arrival<'b>),
    ) {
        if self.sessions.are_warm() {
            return self.take_all(now, arrivals, ArrayVec::new(), &mut hand_over);
        }
        let mut arrivals = arrivals.into_iter();
        loop {
            let some: ArrayVec<_, BATCH> = arrivals.by_ref().take(BATCH).collect();
            if some.is_empty() {
                return;
            }
            let foreseen = self.foresee(&some);
            self.take_all(now, some, foreseen, &mut hand_over);
        }
    }

    /// Takes datagrams. Where the first ones go may be `foreseen`.
    fn take_all<'b>(
        &mut self,
        now: Instant,
        arrivals: impl IntoIterator<Item = Arrival<'b>>,
        foreseen: ArrayVec<Option<(SessionId, Kind)>, BATCH>,
        hand_over: &mut impl FnMut(u16, Arrival<'b>),
    ) {
        let mut foreseen = foreseen.into_iter();
        let moves = self.router.moves();
        let mut waiting = Waiting::new();
        for arrival in arrivals {
            let route = match foreseen.next().flatten() {
                Some((id, _)) if self.router.moves() == moves => Route::Session(id),
                _ => self.router.route(now, &arrival.path, arrival.bytes),
            };
            match route {
                Route::Drop(_) => {}
                Route::Foreign(class) => self.take_foreign(now, class, arrival),
                Route::Shard(shard) => hand_over(shard, arrival),
                Route::Session(id) if self.opens_media(id, &arrival) => {
                    waiting.push(id, arrival);
                    if waiting.packets.is_full() {
                        self.open(now, &mut waiting);
                    }
                }
                Route::Session(id) => {
                    // The session must hear what came first, first.
                    if waiting.has(id) {
                        self.open(now, &mut waiting);
                    }
                    self.give(now, id, arrival);
                }
            }
        }
        self.open(now, &mut waiting);
    }

    /// Where each of these goes, if it is media and no path moves meanwhile, and its kind. Asks for the memory that it
    /// will touch.
    fn foresee(&self, arrivals: &[Arrival<'_>]) -> ArrayVec<Option<(SessionId, Kind)>, BATCH> {
        let foreseen: ArrayVec<_, BATCH> = arrivals
            .iter()
            .map(|Arrival { path, bytes, .. }| {
                let id = self.router.foresee(path, bytes)?;
                Some((id, srtp::classify(bytes)))
            })
            .collect();
        self.prefetch(foreseen.iter().copied().flatten());
        foreseen
    }

    /// Whether this is a packet that only its keys can tell from noise.
    fn opens_media(&self, id: SessionId, arrival: &Arrival<'_>) -> bool {
        matches!(classify(arrival.bytes), Class::Rtp | Class::Rtcp)
            && self
                .sessions
                .get(id)
                .is_some_and(|session| session.opens_media(&arrival.path))
    }

    /// Opens the packets that wait, and gives them to their calls.
    fn open(&mut self, now: Instant, waiting: &mut Waiting<'_>) {
        self.sessions.unprotect(&mut waiting.packets);
        let origins = waiting.origins.drain(..);
        for (origin, mut packet) in origins.zip(waiting.packets.drain(..)) {
            self.deliver(now, origin, &mut packet);
        }
    }

    fn deliver(&mut self, now: Instant, origin: Origin, packet: &mut Incoming<'_>) {
        let Origin { id, path, ecn, len } = origin;
        if !self.sessions.contains(id) {
            // An earlier packet of the batch has ended its call.
            self.router.count_unvalidated_media();
            return;
        }
        let kind = packet.kind();
        self.visit(now, id, |call, cx| {
            cx.set_received(ecn);
            let session = cx.session_untouched();
            let received = match packet.outcome() {
                Some(outcome) => session.handle_unprotected(now, path, len, kind, outcome),
                None => Received::Nothing,
            };
            super::hear(call, cx, received);
            Ok(Follow::IfAsked)
        });
    }
}

impl<'b> Waiting<'b> {
    fn new() -> Self {
        Self {
            packets: ArrayVec::new(),
            origins: ArrayVec::new(),
        }
    }

    fn push(&mut self, id: SessionId, arrival: Arrival<'b>) {
        let Arrival { path, bytes, ecn } = arrival;
        let len = bytes.len();
        self.origins.push(Origin { id, path, ecn, len });
        self.packets.push(Incoming::new(id.index(), bytes));
    }

    fn has(&self, id: SessionId) -> bool {
        self.origins.iter().any(|origin| origin.id == id)
    }
}
