//! One browser or other client: it publishes what it sends and views what it receives.

use std::collections::{BTreeMap, HashMap};
use std::{mem, sync::Arc, time::Duration, time::Instant};

use portcullis::signalling::sdp::{Description, Direction, Media, MediaKind, Msid, Section};
use portcullis::signalling::sdp::{Source, SourceGroup};
use portcullis::signalling::{Capabilities, Decide as _, Signalling, SignallingError, Translation};
use portcullis::srtp::HeaderExtension;
use portcullis::{Call, CloseReason, Context, Session, SessionConfig, SessionEvent, SessionId};
use rtcp_types::{Compound, Fir, Nack, Packet, Pli, SenderReport, TransportFeedback, Twcc};
use rtp_types::RtpPacket;

use crate::room::{Layer, Room, SharedRoom, Tap, Track, bytes, lock};

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
const TRANSPORT_WIDE: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// How often arrivals are reported, and for how many packets at most.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
const MAX_ARRIVALS: usize = 500;

pub(crate) struct Peer {
    room: SharedRoom,
    signalling: Signalling,
    /// This call's id, once it is secured.
    id: Option<SessionId>,
    /// Which track and layer each SSRC of this peer belongs to.
    sources: HashMap<u32, (u32, usize)>,
    arrivals: Arrivals,
    /// The mids of the sections that carry other publishers' tracks to this peer.
    sections: BTreeMap<u32, Box<str>>,
    /// What this peer can receive, and the simulcast layer it wants.
    receives: Vec<Media>,
    rid: String,
    /// Something has changed and has yet to be negotiated.
    stale: bool,
}

/// Arrival times of packets not yet acknowledged, in units of 250 microseconds from the start.
struct Arrivals {
    start: Instant,
    times: BTreeMap<u64, i64>,
    highest: u64,
    reports: u8,
    due: Option<Instant>,
}

impl Peer {
    /// Accepts what is offered, and sends what is published.
    pub(crate) fn answer(
        config: Arc<SessionConfig>,
        room: SharedRoom,
        offer: &str,
    ) -> Result<(Session, Self, String), SignallingError> {
        let (start, mut sections, guard) = (Instant::now(), BTreeMap::new(), lock(&room));
        let decide = |section: &Section, _: Option<&Media>| {
            let mut media = (&Capabilities::browser()).decide(section, None)?;
            media.direction = Direction::RecvOnly;
            if section.media.direction.sends() {
                return Some(media);
            }
            media.extensions.retain(|it| it.uri != TRANSPORT_WIDE);
            media.direction = Direction::Inactive;
            let waits = |(number, track): &(&u32, &Track)| {
                track.section.ours.kind == media.kind && !sections.contains_key(*number)
            };
            let found = guard.tracks.iter().find(waits);
            if let (Some((number, track)), Some(mid)) = (found, &section.mid) {
                send(&mut media, *number, track);
                sections.insert(*number, Box::from(&**mid));
            }
            Some(media)
        };
        let offer = Description::read(offer)?;
        let (session, signalling, answer) = Signalling::answer(config, start, &offer, decide)?;
        drop(guard);
        let receives = signalling.agreed().filter(|it| !it.direction.receives());
        let receives = receives.map(|it| it.theirs.mirrored()).collect();
        let arrivals = Arrivals {
            start,
            times: BTreeMap::new(),
            highest: 1 << 16,
            reports: 0,
            due: None,
        };
        let peer = Self {
            room,
            signalling,
            id: None,
            sources: HashMap::new(),
            arrivals,
            sections,
            receives,
            rid: String::new(),
            stale: false,
        };
        Ok((session, peer, answer))
    }

    /// An offer that adds and removes tracks, if any have come or gone.
    pub(crate) fn offer(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Result<Option<String>, SignallingError> {
        // An earlier offer still without an answer won't get one.
        let session = cx.session_mut();
        self.signalling.rollback(session);
        let room = &*lock(&self.room);
        for (&number, track) in &room.tracks {
            let like = self
                .receives
                .iter()
                .find(|it| it.kind == track.section.ours.kind);
            if let (Some(like), false) = (like, self.sections.contains_key(&number)) {
                let mut media = like.clone();
                send(&mut media, number, track);
                self.sections.insert(number, self.signalling.add(media));
                self.stale = true;
            }
        }
        self.sections.retain(|number, mid| {
            let is_there = room.tracks.contains_key(number);
            self.stale |= !is_there && self.signalling.stop(mid);
            is_there
        });
        let offer = self.stale.then(|| self.signalling.offer_again(session));
        offer.transpose()
    }

    /// Applies the answer to the last offer.
    pub(crate) fn answered(
        &mut self,
        cx: &mut Context<'_>,
        answer: &str,
    ) -> Result<(), SignallingError> {
        let (now, answer) = (cx.now(), Description::read(answer)?);
        self.signalling
            .accept_answer(cx.session_mut(), now, &answer)?;
        self.stale = false;
        self.view(cx.id());
        Ok(())
    }

    /// Chooses a simulcast layer, in every track that has one of that name.
    pub(crate) fn want(&mut self, viewer: SessionId, rid: String) {
        for track in lock(&self.room).tracks.values_mut() {
            let wanted = track.layers.iter().position(|layer| layer.rid == rid);
            let tap = track.taps.iter_mut().find(|tap| tap.viewer == viewer);
            if let (Some(tap), Some(wanted)) = (tap, wanted) {
                tap.wanted = wanted;
            }
        }
        self.rid = rid;
    }

    /// Makes what this peer sends available to the others.
    fn publish(&self, publisher: SessionId) {
        let room = &mut *lock(&self.room);
        let stream = format!("publisher-{}", room.next);
        for section in self
            .signalling
            .agreed()
            .filter(|it| it.direction.receives())
        {
            let rids = section.theirs.rids.iter().map(|rid| rid.id.clone());
            let mut layers: Vec<_> = rids.map(Layer::new).collect();
            if layers.is_empty() {
                layers.push(Layer::new(String::new()));
            }
            let (stream, section, taps) = (stream.clone(), section.clone(), Vec::new());
            let track = Track {
                publisher,
                stream,
                section,
                layers,
                taps,
            };
            room.tracks.insert(room.next, track);
            room.next += 1;
        }
        room.changes.send_modify(|changes| *changes += 1);
    }

    /// Starts sending what was negotiated.
    fn view(&self, viewer: SessionId) {
        let room = &mut *lock(&self.room);
        for (number, mid) in &self.sections {
            let section = self
                .signalling
                .section(mid)
                .filter(|it| it.direction.sends());
            let (Some(section), Some(track)) = (section, room.tracks.get_mut(number)) else {
                continue;
            };
            if track.taps.iter().all(|tap| tap.viewer != viewer) {
                let ssrc = |index: usize| section.ours.sources.get(index).map_or(0, |it| it.ssrc);
                let wanted = track.layers.iter().position(|layer| layer.rid == self.rid);
                track.taps.push(Tap {
                    viewer,
                    translation: Translation::new(&track.section, section),
                    ssrcs: [ssrc(0), ssrc(1)],
                    wanted: wanted.unwrap_or(0),
                    layer: None,
                    offset: (0, 0),
                    last: (0, 0, 0),
                });
            }
        }
    }

    fn hear(&mut self, cx: &mut Context<'_>, packet: &[u8]) -> Option<()> {
        let rtp = RtpPacket::parse(packet).ok()?;
        let room = &mut *lock(&self.room);
        let known = self.sources.get(&rtp.ssrc()).copied();
        let (number, layer) = known.or_else(|| find(room, cx.id(), &rtp, packet))?;
        self.sources.insert(rtp.ssrc(), (number, layer));
        let track = room.tracks.get_mut(&number)?;
        if let Some(&[high, low]) = element(track, TRANSPORT_WIDE, packet) {
            self.arrivals
                .note(cx.now(), u16::from_be_bytes([high, low]));
        }
        track.forward(cx, layer, packet)
    }
}

impl Arrivals {
    fn note(&mut self, now: Instant, number: u16) {
        let ahead = number.wrapping_sub(self.highest as u16).cast_signed();
        let number = self.highest.saturating_add_signed(ahead.into());
        let passed = now.saturating_duration_since(self.start).as_micros() / 250;
        self.times.insert(number, passed as i64);
        self.highest = self.highest.max(number);
        self.due.get_or_insert(now + FEEDBACK_INTERVAL);
    }

    fn report(&mut self) -> Option<Vec<u8>> {
        use rtcp_types::TwccPacketStatus::{NotReceived, Received};
        self.due = None;
        let times = mem::take(&mut self.times);
        let (&first, &begin) = times.first_key_value()?;
        let mut before = begin & !0xff;
        let status = |number| match times.get(&number) {
            None => NotReceived,
            Some(&at) => Received {
                delta: (at - mem::replace(&mut before, at)) as i16,
            },
        };
        let statuses: Vec<_> = (first..=self.highest)
            .take(MAX_ARRIVALS)
            .map(status)
            .collect();
        // In units of 64 ms, truncated to 24 bits.
        let reference = (begin >> 8) as u32 & 0xff_ffff;
        let twcc = Twcc::builder(first as u16, reference, self.reports, &statuses, None);
        self.reports = self.reports.wrapping_add(1);
        Some(bytes(&TransportFeedback::builder(&twcc)))
    }
}

impl Call for Peer {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        self.hear(cx, packet);
    }

    fn handle_rtcp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        let room = &mut *lock(&self.room);
        for packet in Compound::parse(packet).into_iter().flatten().flatten() {
            match packet {
                // Receivers synchronize audio and video by it.
                Packet::Sr(report) => {
                    let source = self.sources.get(&report.ssrc());
                    let Some((track, layer)) =
                        source.and_then(|(n, layer)| Some((room.tracks.get(n)?, layer)))
                    else {
                        continue;
                    };
                    for tap in track.taps.iter().filter(|tap| tap.layer == Some(*layer)) {
                        let report = SenderReport::builder(tap.ssrcs[0])
                            .ntp_timestamp(report.ntp_timestamp())
                            .rtp_timestamp(report.rtp_timestamp().wrapping_add(tap.offset.1));
                        let _ = cx.forward_rtcp(tap.viewer, &bytes(&report));
                    }
                }
                Packet::PayloadFeedback(feedback) => {
                    let lost = feedback.parse_fci::<Pli<'_>>().is_ok();
                    let lost = lost.then(|| feedback.media_ssrc());
                    // RFC 5104 §4.3.1.1: a FIR names its streams in its entries alone.
                    let fir = feedback.parse_fci::<Fir<'_>>().ok();
                    let wanted = fir.iter().flat_map(Fir::entries).map(|it| it.ssrc());
                    for ssrc in wanted.chain(lost) {
                        if let Some((track, _, layer)) = tapped(room, cx.id(), ssrc) {
                            track.ask(cx, layer);
                        }
                    }
                }
                Packet::TransportFeedback(feedback) => {
                    let tapped = tapped(room, cx.id(), feedback.media_ssrc());
                    let (Some((track, offset, layer)), Ok(nack)) =
                        (tapped, feedback.parse_fci::<Nack<'_>>())
                    else {
                        continue;
                    };
                    let numbers = nack.entries().map(|number| number.wrapping_sub(offset));
                    let nack = numbers.fold(Nack::builder(), |nack, it| nack.add_rtp_sequence(it));
                    let nack =
                        TransportFeedback::builder(&nack).media_ssrc(track.layers[layer].ssrc);
                    let _ = cx.forward_rtcp(track.publisher, &bytes(&nack));
                }
                _ => {}
            }
        }
    }

    fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
        if matches!(event, SessionEvent::Secured(_)) {
            self.id = Some(cx.id());
            self.publish(cx.id());
            self.view(cx.id());
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.arrivals.due
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let report = self.arrivals.report();
        let _ = report.map(|report| cx.send_rtcp(&report));
    }

    fn handle_end(&mut self, id: SessionId, _: &Session, _: &CloseReason) {
        let room = &mut *lock(&self.room);
        room.tracks.retain(|_, track| track.publisher != id);
        room.tracks
            .values_mut()
            .for_each(|track| track.taps.retain(|tap| tap.viewer != id));
        room.changes.send_modify(|changes| *changes += 1);
    }
}

/// Turns a section into one that sends a track.
fn send(media: &mut Media, number: u32, track: &Track) {
    let (stream, ssrcs) = (&track.stream, rand::random::<[u32; 2]>());
    media.direction = Direction::SendOnly;
    media.msids = vec![Msid::new(stream, &number.to_string())];
    media.sources = ssrcs.map(|ssrc| Source::new(ssrc, stream)).into();
    media.source_groups = vec![SourceGroup::new("FID", &ssrcs)];
    if media.kind == MediaKind::Audio {
        // It has no retransmissions.
        media.sources.truncate(1);
        media.source_groups.clear();
    }
}

/// What a viewer gets under this SSRC: the track, the offset of its numbers, and the layer.
fn tapped(room: &mut Room, viewer: SessionId, ssrc: u32) -> Option<(&mut Track, u16, usize)> {
    room.tracks.values_mut().find_map(|track| {
        let mut taps = track.taps.iter().filter(|tap| tap.viewer == viewer);
        let tap = taps.find(|tap| tap.ssrcs[0] == ssrc)?;
        let (offset, layer) = (tap.offset.0, tap.layer?);
        Some((track, offset, layer))
    })
}

/// The value of a header extension in a packet of a track.
fn element<'a>(track: &Track, uri: &str, packet: &'a [u8]) -> Option<&'a [u8]> {
    let number = track.section.theirs.extension_id(uri)?;
    let mut elements = HeaderExtension::of(packet);
    Some(elements.find(|(id, _)| u16::from(*id) == number)?.1)
}

/// Which track and layer packets of an unknown SSRC belong to (RFC 9143 §9.2).
fn find(
    room: &mut Room,
    publisher: SessionId,
    rtp: &RtpPacket<'_>,
    packet: &[u8],
) -> Option<(u32, usize)> {
    let codec = |track: &Track| track.section.theirs.codec(rtp.payload_type()).cloned();
    let mut tracks = room
        .tracks
        .iter_mut()
        .filter(|(_, track)| track.publisher == publisher);
    let (&number, track) = tracks.find(|(_, track)| match element(track, MID, packet) {
        Some(mid) => track
            .section
            .mid
            .as_deref()
            .is_some_and(|it| it.as_bytes() == mid),
        None => {
            let sources = &track.section.theirs.sources;
            let is_told = sources.iter().any(|source| source.ssrc == rtp.ssrc());
            is_told || sources.is_empty() && codec(track).is_some()
        }
    })?;
    let repeats = codec(track)?.is("rtx");
    let rid = element(track, if repeats { REPAIRED_RID } else { RID }, packet).unwrap_or_default();
    let layer = track
        .layers
        .iter()
        .position(|layer| layer.rid.as_bytes() == rid)?;
    if !repeats {
        track.layers[layer].ssrc = rtp.ssrc();
    }
    Some((number, layer))
}
