//! Many calls behind one port: the router, the sessions, and what the application does with each.

mod alarms;
mod batch;
mod call;
mod claims;
mod ecn;
mod foreign;
mod outbox;
mod prefetch;
mod sessions;
mod totals;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use ice_lite::Path;

pub use self::batch::Arrival;
pub use self::call::{Call, Context};
pub use self::ecn::Ecn;
pub use self::foreign::Replies;
pub use self::outbox::{Datagram, Outbox, Run, Runs};
pub use self::totals::Totals;

use self::alarms::Alarms;
use self::claims::Claims;
use self::foreign::Foreign;
use self::sessions::Sessions;
use crate::demux::{Class, classify};
use crate::router::{Announcement, Owner, Route, Router, SessionId, Shard, UfragInUse};
use crate::session::{Received, Session, SessionError, SessionEvent};

/// Many calls behind one port, without I/O.
///
/// It finds the session of each datagram, drives it, and hands what it decrypted to the [`Call`]
/// that was inserted with the session. After each method that takes `&mut self`, send what waits in
/// [`Gate::outbox`] and set an alarm to [`Gate::poll_timeout`].
///
/// A panic in a session, or in its call, ends that call only.
#[derive(Debug)]
pub struct Gate<C> {
    router: Router,
    sessions: Sessions,
    /// At the index of their session.
    calls: Vec<Option<C>>,
    alarms: Alarms,
    outbox: Outbox,
    claims: Claims,
    foreign: Option<Foreign>,
    panics: u64,
    /// Of the sessions that have ended.
    ended: Totals,
}

/// Packets that are opened or sealed in one pass: as many as one pass of the kernels takes.
const BATCH: usize = 64;

/// What to look at after something was done with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follow {
    /// The session's events, its datagrams and its alarm.
    All,
    /// Nothing, unless the call has asked something of its session: media raises no events, sends nothing and
    /// moves no alarm. Most packets end here, and touch less memory for it.
    IfAsked,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It was given to a session, or dropped and counted.
    Here,
    /// It belongs to this shard.
    HandOver(u16),
}

impl<C: Call> Gate<C> {
    /// A gate whose tables hash under `key`, which must be random and secret.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self::sharded(key, Shard::ONLY)
    }

    /// One of several gates on one port, each of which has its own thread. All must have the same
    /// key.
    #[must_use]
    pub fn sharded(key: [u8; 16], shard: Shard) -> Self {
        Self {
            router: Router::sharded(key, shard),
            sessions: Sessions::default(),
            calls: Vec::new(),
            alarms: Alarms::default(),
            outbox: Outbox::default(),
            claims: Claims::default(),
            foreign: None,
            panics: 0,
            ended: Totals::default(),
        }
    }

    /// Adds a session and the call that it is for.
    ///
    /// # Errors
    /// [`UfragInUse`]: the two are dropped.
    pub fn insert(
        &mut self,
        now: Instant,
        session: Session,
        call: C,
    ) -> Result<SessionId, UfragInUse> {
        let id = self.router.insert(session.local_ufrag())?;
        self.sessions.insert(id, session);
        if self.calls.len() <= id.index() {
            self.calls.resize_with(id.index() + 1, || None);
        }
        self.calls[id.index()] = Some(call);
        self.visit(now, id, |_, _| Ok(Follow::All));
        Ok(id)
    }

    /// Takes a datagram that came over `path`. It is decrypted in place.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Handled {
        let arrival = Arrival::new(path, datagram);
        match self.router.route(now, &path, arrival.bytes) {
            Route::Drop(_) => Handled::Here,
            Route::Foreign(class) => {
                self.take_foreign(now, class, arrival);
                Handled::Here
            }
            Route::Shard(shard) => Handled::HandOver(shard),
            Route::Session(id) => {
                self.give(now, id, arrival);
                Handled::Here
            }
        }
    }

    /// Does what is due at `now`; call it when the instant of [`Gate::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        // Each at most once: one that wants to be called again at once must not keep others waiting.
        for _ in 0..self.alarms.len() {
            let Some(id) = self.alarms.pop_due(now) else {
                return;
            };
            let session = self.alarms.session(id);
            // An alarm of the call alone does not wake its session.
            let sleeps = session.is_some_and(|when| when > now);
            self.visit(now, id, |call, cx| {
                if !sleeps {
                    cx.session_mut().handle_timeout(now)?;
                }
                if call.poll_timeout().is_some_and(|when| when <= now) {
                    call.handle_timeout(cx);
                }
                Ok(if sleeps { Follow::IfAsked } else { Follow::All })
            });
            if sleeps {
                self.alarms.rearm(id);
            }
        }
    }

    /// When [`Gate::handle_timeout`] is to be called next, if at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.alarms.next()
    }

    /// What the gates of all other shards need to know, oldest first, for their
    /// [`Gate::handle_announcement`]. Poll until `None` after each method that takes `&mut self`. The
    /// only shard has nothing to say.
    #[must_use]
    pub fn poll_announcement(&mut self) -> Option<Announcement> {
        self.router.poll_announcement()
    }

    /// The datagrams that wait to be sent, sealed. Clear it when they are.
    pub fn outbox(&mut self) -> &mut Outbox {
        self.outbox.seal_queued(&mut self.sessions);
        &mut self.outbox
    }

    /// Lets `act` do something with a call and its session. `None` if the call has ended.
    pub fn with<R>(
        &mut self,
        now: Instant,
        id: SessionId,
        act: impl FnOnce(&mut C, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let mut result = None;
        self.visit(now, id, |call, cx| {
            result = Some(act(call, cx));
            Ok(Follow::All)
        });
        result
    }

    /// The calls that there are.
    pub fn calls(&self) -> impl Iterator<Item = (SessionId, &Session, &C)> {
        self.sessions.iter().filter_map(|(id, session)| {
            let call = self.calls.get(id.index())?.as_ref()?;
            Some((id, session, call))
        })
    }

    /// A hash of all state except the counters. It is the same before and after each datagram that
    /// was dropped, which is tested.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.router.state_digest().hash(&mut hasher);
        for (id, session) in self.sessions.iter() {
            (id, session.state_digest()).hash(&mut hasher);
        }
        self.outbox.len().hash(&mut hasher);
        hasher.finish()
    }

    /// The router, with its counters.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The router, to set its limits.
    pub fn router_mut(&mut self) -> &mut Router {
        &mut self.router
    }

    /// The kernel says that a datagram over this path may have this many bytes. The handshake of the call
    /// that has the path keeps to that.
    pub fn handle_path_mtu(&mut self, path: &Path, bytes: usize) {
        if let Owner::Session(id) = self.router.owner(path)
            && let Some(session) = self.sessions.get_mut(id)
        {
            session.limit_datagrams(bytes);
        }
    }

    /// How often a session claimed a path that another one has, and did not get it: somebody writes
    /// the address of another call's peer, or two calls share a socket of their peer's.
    #[must_use]
    pub fn refused_paths(&self) -> u64 {
        self.claims.refused()
    }

    /// How often a session lost a path to another one, whose peer is at that address now.
    #[must_use]
    pub fn lost_paths(&self) -> u64 {
        self.claims.lost()
    }

    /// How many panics there were: each ended one call, or lost a batch of packets.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics + self.sessions.panics()
    }

    /// What all sessions have counted since the gate was made, those that have ended included. It
    /// looks at each session that there is.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = self.ended.clone();
        for (_, session) in self.sessions.iter() {
            totals.add(&session.statistics());
        }
        totals
    }

    // ---- Inside --------------------------------------------------------------------------------

    /// Gives a datagram to its session.
    fn give(&mut self, now: Instant, id: SessionId, arrival: Arrival<'_>) {
        let Arrival {
            path,
            bytes: datagram,
            ecn,
        } = arrival;
        let is_stun = classify(datagram) == Class::Stun;
        self.visit(now, id, |call, cx| {
            cx.set_received(ecn);
            let received = cx
                .session_untouched()
                .handle_datagram(now, path, datagram)?;
            Ok(hear(call, cx, received))
        });
        if is_stun {
            self.settle_path(now, id, path);
        }
    }

    /// Gives a datagram that is no call's to who has claimed its class, or drops it.
    fn take_foreign(&mut self, now: Instant, class: Class, arrival: Arrival<'_>) {
        if self.give_foreign(now, class, arrival).is_some() {
            self.router.count_foreign(class);
        }
    }

    /// Does something with one call, and then everything that follows from it.
    fn visit(
        &mut self,
        now: Instant,
        id: SessionId,
        act: impl FnOnce(&mut C, &mut Context<'_>) -> Result<Follow, SessionError>,
    ) {
        if !self.sessions.contains(id) {
            return;
        }
        let Some(mut call) = self.calls.get_mut(id.index()).and_then(Option::take) else {
            return;
        };
        let mut cx = Context::new(now, id, &mut self.sessions, &mut self.outbox);
        let (router, claims) = (&mut self.router, &mut self.claims);
        // What a panic leaves half done belongs to this call alone, and goes with it.
        let end = catch_unwind(AssertUnwindSafe(|| {
            let result = act(&mut call, &mut cx);
            let calm = result == Ok(Follow::IfAsked) && cx.is_calm();
            if !calm {
                follow(&mut call, &mut cx, router, claims);
            }
            result.map(|_| (calm, call.poll_timeout()))
        }));
        match end {
            Ok(Ok((true, when))) => self.settle(id, call, when),
            Ok(Ok((false, when))) if !cx.session().is_closed() => self.rearm(id, call, when),
            // An error has ended the session too.
            Ok(_) => self.end(id, call),
            Err(_) => {
                self.panics += 1;
                self.forget(id);
                self.discard(call);
            }
        }
    }

    /// `when` is the call's own alarm.
    fn rearm(&mut self, id: SessionId, call: C, when: Option<Instant>) {
        let session = self.sessions.get(id).and_then(Session::poll_timeout);
        self.alarms.set(id, session.into_iter().chain(when).min());
        self.alarms.note_session(id, session);
        self.put_back(id, call);
    }

    /// Follows up on something that concerns the call alone.
    fn settle(&mut self, id: SessionId, call: C, when: Option<Instant>) {
        if let Some(when) = when {
            self.alarms.bring_forward(id, when);
        }
        self.put_back(id, call);
    }

    fn put_back(&mut self, id: SessionId, call: C) {
        if let Some(slot) = self.calls.get_mut(id.index()) {
            *slot = Some(call);
        }
    }

    fn end(&mut self, id: SessionId, mut call: C) {
        if let Some(session) = self.sessions.get(id)
            && let Some(reason) = session.close_reason()
        {
            let tell = || call.handle_end(id, session, reason);
            let told = catch_unwind(AssertUnwindSafe(tell));
            self.panics += u64::from(told.is_err());
        }
        self.forget(id);
        self.discard(call);
    }

    /// Drops a call that has ended. It may panic in doing so.
    fn discard(&mut self, call: C) {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(call)));
        self.panics += u64::from(dropped.is_err());
    }

    fn forget(&mut self, id: SessionId) {
        // What the call has queued can only be sealed while its session is there.
        self.outbox.seal_queued(&mut self.sessions);
        if let Some(session) = self.sessions.get(id) {
            self.ended.add(&session.statistics());
        }
        self.alarms.remove(id);
        self.router.remove(id);
        self.sessions.remove(id);
        if let Some(slot) = self.calls.get_mut(id.index()) {
            *slot = None;
        }
        if self.router.is_empty() {
            // Memory of the peak is given back too.
            self.alarms = Alarms::default();
            self.sessions.clear();
            self.calls = Vec::new();
        }
    }
}

/// Gives a call what its session has made of a datagram.
fn hear<C: Call>(call: &mut C, cx: &mut Context<'_>, received: Received<'_>) -> Follow {
    match received {
        Received::Nothing => return Follow::All,
        Received::Duplicate { kind, packet } => call.handle_duplicate(cx, kind, packet),
        Received::Rtp(packet) => call.handle_rtp(cx, packet),
        Received::Rtcp(packet) => call.handle_rtcp(cx, packet),
    }
    Follow::IfAsked
}

/// Takes out a session's events and datagrams until there are no more.
fn follow<C: Call>(call: &mut C, cx: &mut Context<'_>, router: &mut Router, claims: &mut Claims) {
    let mut buf = Vec::new();
    loop {
        follow_events(call, cx, router, claims);
        // Media that came before its keys is delivered once the call knows that there are keys.
        cx.set_received(Ecn::NotEct);
        let now = cx.now();
        let Some(received) = cx.session_untouched().poll_received(now, &mut buf) else {
            return;
        };
        hear(call, cx, received);
    }
}

/// Takes out events and datagrams.
fn follow_events<C: Call>(
    call: &mut C,
    cx: &mut Context<'_>,
    router: &mut Router,
    claims: &mut Claims,
) {
    let id = cx.id();
    while let Some(event) = cx.session_mut().poll_event() {
        match event {
            SessionEvent::PathValidated { path } => cx.claim(router, claims, path),
            SessionEvent::PathRemoved { path } => router.invalidate(id, &path),
            SessionEvent::IceRestarted => {
                let ufrag = cx.session().local_ufrag();
                // 96 random bits are nobody else's.
                let _ = router.add_ufrag(id, ufrag);
            }
            _ => {}
        }
        // Media that a call sends when it hears of its keys must not overtake the handshake's last
        // flight: the peer has no keys before that.
        cx.transmit(router);
        call.handle_event(cx, event);
    }
    cx.transmit(router);
}
