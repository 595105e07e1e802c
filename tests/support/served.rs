//! A server with many calls on one port, and their callers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ice_lite::stun::{AttributeType, IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{
    Call, CloseReason, Context, Gate, IceMode, Kind, Path, Session, SessionEvent, SessionId, Shard,
};

use super::{Peer, Terms, connected, rtp, server_address};

/// What a call of the server has seen.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) rtp: Vec<Vec<u8>>,
    pub(crate) rtcp: Vec<Vec<u8>>,
    pub(crate) events: Vec<SessionEvent>,
    /// Which packets came, in their order: `true` if they were new, `false` if they came before.
    pub(crate) heard: Vec<(bool, Vec<u8>)>,
    /// How many events there were when the first packet came.
    pub(crate) events_before: Option<usize>,
    /// Panics when the next packet comes.
    pub(crate) fragile: bool,
    /// Ends when the next packet comes.
    pub(crate) hangs_up: bool,
    /// Sets a timer of its own when a packet comes, and then sends application data.
    pub(crate) replies_after: Option<Duration>,
    pub(crate) reply_due: Option<Instant>,
    /// Sends what comes on to these, and keeps nothing of it.
    pub(crate) relays_to: Vec<SessionId>,
    /// Where it notes its end.
    pub(crate) ends: Option<Ends>,
}

/// Which calls have ended, and why.
pub(crate) type Ends = Arc<Mutex<Vec<(SessionId, CloseReason)>>>;

impl Call for Recorder {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        assert!(!self.fragile, "asked to");
        if !self.relays_to.is_empty() {
            assert_eq!(
                cx.fan_out_rtp(&self.relays_to, packet, |_, _| {}),
                self.relays_to.len()
            );
            return;
        }
        if self.hangs_up {
            cx.close();
        }
        self.events_before.get_or_insert(self.events.len());
        self.reply_due = self.replies_after.map(|time| cx.now() + time);
        self.rtp.push(packet.to_vec());
        self.heard.push((true, packet.to_vec()));
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, packet: &mut [u8]) {
        self.rtcp.push(packet.to_vec());
        self.heard.push((true, packet.to_vec()));
    }

    fn handle_duplicate(&mut self, _: &mut Context<'_>, _: Kind, packet: &mut [u8]) {
        self.heard.push((false, packet.to_vec()));
    }

    fn handle_event(&mut self, _: &mut Context<'_>, event: SessionEvent) {
        self.events.push(event);
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        self.reply_due = None;
        let now = cx.now();
        let sent = cx.session_mut().send_application_data(now, b"reply");
        assert_eq!(sent, Ok(()));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.reply_due
    }

    fn handle_end(&mut self, id: SessionId, _: &Session, reason: &CloseReason) {
        if let Some(ends) = &self.ends {
            let mut ends = ends.lock().expect("no panic");
            ends.push((id, reason.clone()));
        }
    }
}

/// A caller, and the call that it has at the server.
pub(crate) struct Caller {
    pub(crate) peer: Peer,
    pub(crate) id: SessionId,
}

/// A server and its callers. The network between them takes no time and loses nothing.
pub(crate) struct Served {
    pub(crate) now: Instant,
    pub(crate) gate: Gate<Recorder>,
    pub(crate) callers: Vec<Caller>,
    /// How the server's calls have ended.
    pub(crate) ends: Ends,
    terms: Terms,
}

impl Served {
    /// A server with so many secured calls.
    pub(crate) fn with_calls(count: u16) -> Self {
        Self::with_calls_of(count, Terms::DEFAULT)
    }

    /// A server with so many secured calls of these terms.
    pub(crate) fn with_calls_of(count: u16, terms: Terms) -> Self {
        Self::with_calls_on(count, terms, Shard::ONLY)
    }

    /// One of several servers on one port, with so many secured calls of these terms.
    pub(crate) fn with_calls_on(count: u16, terms: Terms, shard: Shard) -> Self {
        let mut served = Self {
            terms,
            now: Instant::now(),
            gate: Gate::sharded([7; 16], shard),
            callers: Vec::new(),
            ends: Ends::default(),
        };
        for number in 0..count {
            served.place_call(number);
        }
        assert!(served.secure(), "all calls are secured");
        served
    }

    /// Signals a call from caller `number`, of whom nothing has come yet.
    pub(crate) fn place_call(&mut self, number: u16) -> SessionId {
        let address = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 1).into(), 1024 + number);
        let calling = self.terms.config(IceMode::Controlling, address);
        let serving = self.terms.config(IceMode::Lite, server_address());
        let [caller, session] = connected(self.now, calling, serving);
        let call = Recorder {
            ends: Some(Arc::clone(&self.ends)),
            ..Recorder::default()
        };
        let inserted = self.gate.insert(self.now, session, call);
        let id = inserted.expect("a new ufrag");
        let peer = Peer::new(caller, address);
        self.callers.push(Caller { peer, id });
        id
    }

    /// The path over which the server sees caller `index`.
    pub(crate) fn path(&self, index: usize) -> Path {
        Path::udp(server_address(), self.callers[index].peer.address)
    }

    /// Carries everything both ways until nobody has anything to say at this time.
    pub(crate) fn shuttle(&mut self) {
        let mut buf = [0; 1500];
        loop {
            let mut quiet = self.deliver_answers();
            for index in 0..self.callers.len() {
                let path = self.path(index);
                let peer = &mut self.callers[index].peer;
                while let Some(transmit) = peer.session.poll_transmit(self.now, &mut buf) {
                    quiet = false;
                    let datagram = &mut buf[..transmit.len];
                    self.gate.handle_datagram(self.now, path, datagram);
                }
                peer.collect();
            }
            if quiet {
                return;
            }
        }
    }

    /// Gives the callers what waits in the outbox; says whether there was nothing.
    pub(crate) fn deliver_answers(&mut self) -> bool {
        let answers: Vec<_> = self
            .gate
            .outbox()
            .datagrams()
            .map(|datagram| (datagram.path, datagram.bytes.to_vec()))
            .collect();
        self.gate.outbox().clear();
        for (path, mut bytes) in answers.clone() {
            for Caller { peer, .. } in &mut self.callers {
                if peer.address == path.remote {
                    let seen = Path::udp(path.remote, path.local);
                    peer.handle(self.now, seen, &mut bytes);
                }
            }
        }
        answers.is_empty()
    }

    /// Moves the clock on in steps of 10 ms.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let deadline = self.now + time;
        self.shuttle();
        while self.now < deadline {
            self.now += Duration::from_millis(10);
            self.gate.handle_timeout(self.now);
            for Caller { peer, .. } in &mut self.callers {
                peer.expire(self.now);
            }
            self.shuttle();
        }
    }

    /// Moves the clock on in steps of 10 ms, and of the callers only this one is heard.
    pub(crate) fn run_caller_for(&mut self, index: usize, time: Duration) {
        let mut silent: Vec<_> = self.callers.drain(..).enumerate().collect();
        let place = silent.iter().position(|(number, _)| *number == index);
        let (_, caller) = silent.remove(place.expect("there is one"));
        self.callers.push(caller);
        self.run_for(time);
        let caller = self.callers.remove(0);
        silent.push((index, caller));
        silent.sort_by_key(|(number, _)| *number);
        self.callers.extend(silent.into_iter().map(|(_, it)| it));
    }

    fn secure(&mut self) -> bool {
        for _ in 0..100 {
            self.run_for(Duration::from_millis(50));
            if self
                .callers
                .iter()
                .all(|caller| caller.peer.secured().is_some())
            {
                return true;
            }
        }
        false
    }

    /// The server's side of caller `index`, unless that call has ended.
    pub(crate) fn recorder(&self, index: usize) -> Option<&Recorder> {
        let id = self.callers[index].id;
        self.gate
            .calls()
            .find_map(|(other, _, recorder)| (other == id).then_some(recorder))
    }

    /// Whether an RTP packet of the server's reaches caller `index`.
    pub(crate) fn hears(&mut self, index: usize, sequence: u16) -> bool {
        let id = self.callers[index].id;
        let before = self.callers[index].peer.rtp.len();
        let (buf, len) = rtp::packet(9, sequence);
        let now = self.now;
        let sent = self
            .gate
            .with(now, id, |_, cx| cx.send_rtp(&buf[..len]).is_ok());
        assert_eq!(sent, Some(true), "the call may send");
        self.deliver_answers();
        self.callers[index].peer.rtp.len() == before + 1
    }

    /// A check of caller `index`, with USE-CANDIDATE, as whoever has its credentials writes it, in this role.
    pub(crate) fn check_of(&self, index: usize, number: u16, role: AttributeType) -> Vec<u8> {
        let id = self.callers[index].id;
        let mut calls = self.gate.calls();
        let found = calls.find(|(other, ..)| *other == id);
        let (_, session, _) = found.expect("the call");
        let ours = session.local_parameters().credentials;
        let mut id = [8; 12];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let mut buf = [0; 256];
        let kind = MessageType::BINDING_REQUEST;
        let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
        let theirs = self.callers[index].peer.session.local_ufrag();
        writer.username(ours.ufrag(), theirs).expect("room");
        let mut put = |kind, value: &[u8]| writer.attribute(kind, value).expect("room");
        put(AttributeType::PRIORITY, &[0x7E, 0, 0, 1]);
        put(role, &[1; 8]);
        put(AttributeType::USE_CANDIDATE, &[]);
        let key = IntegrityKey::new(ours.password().as_bytes());
        let len = writer.seal(&key).expect("room");
        buf[..len].to_vec()
    }

    /// A sealed RTP packet of caller `index`.
    pub(crate) fn sealed(&mut self, index: usize, sequence: u16) -> Vec<u8> {
        let (mut buf, len) = rtp::packet(7, sequence);
        let session = &mut self.callers[index].peer.session;
        let transmit = session.protect_rtp(self.now, &mut buf, len);
        buf[..transmit.expect("the call is secured").len].to_vec()
    }

    /// Sends an RTP packet from caller `index`; says whether the server's call got it.
    pub(crate) fn talks(&mut self, index: usize, sequence: u16) -> bool {
        let mut packet = self.sealed(index, sequence);
        let path = self.path(index);
        let before = self.recorder(index).map_or(0, |call| call.rtp.len());
        self.gate.handle_datagram(self.now, path, &mut packet);
        self.recorder(index)
            .is_some_and(|call| call.rtp.len() == before + 1)
    }

    /// Gives the server a datagram that it has to drop: nothing is sent, nothing changes.
    pub(crate) fn drops(&mut self, path: Path, datagram: &[u8]) {
        let before = self.gate.state_digest();
        self.gate
            .handle_datagram(self.now, path, &mut datagram.to_vec());
        assert!(self.gate.outbox().is_empty(), "zero bytes out");
        assert_eq!(self.gate.state_digest(), before, "nothing changes");
    }
}
