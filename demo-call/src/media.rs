//! The media of one call, between its recordings and the gate: RTP and RTCP in the clear.
//!
//! Like the cores below it, it knows neither sockets nor clocks: both clocks, the monotonic one and
//! the wall's (which RTCP reports carry), come from outside. After each call of
//! [`Media::handle_rtp`], [`Media::handle_rtcp`] and [`Media::say_goodbye`], and when the time that
//! [`Media::poll_timeout`] gives has come, [`Media::poll_packet`] is called until it gives `None`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rtcp_types::{
    Bye, Compound, Packet, ReceiverReport, ReceiverReportBuilder, ReportBlock, RtcpPacketWriterExt,
    Sdes, SdesChunk, SdesItem, SenderReportBuilder,
};
use rtp_types::RtpPacket;

use crate::archive::Track;
use crate::incoming::{Incoming, RecordTo};
use crate::ntp::{ntp, round_trip};
use crate::player::Player;
use crate::reception::lost_at_peer;

/// Streams that are received in one call. A browser that sends one microphone needs one; a few more
/// allow for an SSRC that changes.
const MAX_STREAMS: usize = 4;

/// The mean time between reports. RFC 3550 §6.2 gives RTCP 5 % of the session: 200 bytes/s at
/// 32 kbit/s, and a report is below 100.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What of a call's media is decided before it begins.
#[derive(Debug)]
pub(crate) struct MediaConfig {
    /// The payload type that means Opus in this call.
    pub(crate) payload_type: u8,
    pub(crate) cname: String,
    pub(crate) record: Option<RecordTo>,
    /// Counts packets for a peer that plays at [`crate::player::Pace::Window`].
    pub(crate) arrivals: Option<Arc<AtomicU64>>,
}

/// A packet that [`Media::poll_packet`] wrote: its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Rtp(usize),
    Rtcp(usize),
}

/// What a call counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) rtp_sent: u64,
    pub(crate) rtp_sent_bytes: u64,
    pub(crate) rtp_received: u64,
    pub(crate) rtp_received_bytes: u64,
    pub(crate) rtcp_sent: u64,
    pub(crate) rtcp_received: u64,
    /// Missing of the peer's packets.
    pub(crate) lost: u64,
    /// Authenticated packets that are no RTP or RTCP, or of another payload type.
    pub(crate) strange: u64,
    /// When the last packet of the peer came.
    pub(crate) heard: Option<Instant>,
}

/// The media of one call.
#[derive(Debug)]
pub(crate) struct Media {
    config: MediaConfig,
    player: Player,
    incoming: BTreeMap<u32, Incoming>,
    counters: Counters,
    /// One moment on both clocks.
    epoch: (Instant, SystemTime),
    next_report: Instant,
    goodbye: Goodbye,
    peer_left: bool,
    /// How many packets of our stream the peer misses, as it last said.
    lost_at_peer: Option<i32>,
    round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    No,
    Due,
    Said,
}

impl Media {
    /// Media that begins `now`, which is `wall` on the wall's clock, with the first packet and the
    /// first report.
    pub(crate) fn new(config: MediaConfig, player: Player, now: Instant, wall: SystemTime) -> Self {
        Self {
            config,
            player,
            incoming: BTreeMap::new(),
            counters: Counters::default(),
            epoch: (now, wall),
            next_report: now,
            goodbye: Goodbye::No,
            peer_left: false,
            lost_at_peer: None,
            round_trip: None,
        }
    }

    /// Takes an RTP packet that was authenticated and decrypted.
    pub(crate) fn handle_rtp(&mut self, now: Instant, packet: &[u8]) {
        self.counters.heard = Some(now);
        let Ok(packet) = RtpPacket::parse(packet) else {
            self.counters.strange += 1;
            return;
        };
        let known = self.incoming.contains_key(&packet.ssrc());
        if packet.payload_type() != self.config.payload_type
            || (!known && self.incoming.len() == MAX_STREAMS)
        {
            self.counters.strange += 1;
            return;
        }
        if !known {
            let track = self.track(packet.ssrc());
            self.incoming
                .insert(packet.ssrc(), Incoming::new(&packet, track, now));
        }
        self.counters.rtp_received += 1;
        self.counters.rtp_received_bytes += packet.payload_len() as u64;
        if let Some(arrivals) = &self.config.arrivals {
            arrivals.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(incoming) = self.incoming.get_mut(&packet.ssrc()) {
            incoming.handle(&packet, now);
        }
    }

    /// Takes an RTCP packet that was authenticated and decrypted.
    pub(crate) fn handle_rtcp(&mut self, now: Instant, compound: &[u8]) {
        self.counters.rtcp_received += 1;
        self.counters.heard = Some(now);
        let Ok(packets) = Compound::parse(compound) else {
            self.counters.strange += 1;
            return;
        };
        // The reading ends at the first part that is malformed.
        for packet in packets.flatten() {
            match packet {
                Packet::Sr(report) => {
                    if let Some(incoming) = self.incoming.get_mut(&report.ssrc()) {
                        incoming.reception.report_received(&report, now);
                    }
                    self.handle_blocks(now, report.report_blocks());
                }
                Packet::Rr(report) => self.handle_blocks(now, report.report_blocks()),
                Packet::Bye(bye) => self.peer_left |= bye.ssrcs().next().is_some(),
                _ => {}
            }
        }
    }

    /// Takes what the peer reports of the streams that it hears.
    fn handle_blocks<'a>(&mut self, now: Instant, blocks: impl Iterator<Item = ReportBlock<'a>>) {
        for block in blocks.filter(|block| block.ssrc() == self.player.ssrc()) {
            self.lost_at_peer = Some(lost_at_peer(&block));
            self.round_trip = round_trip(&block, self.ntp(now)).or(self.round_trip);
        }
    }

    /// Ends the call for this side: no more RTP, one last report with a BYE (RFC 3550 §6.3.7).
    pub(crate) fn say_goodbye(&mut self) {
        if self.goodbye == Goodbye::No {
            self.goodbye = Goodbye::Due;
        }
    }

    /// Writes the next packet that is due into `buf`.
    pub(crate) fn poll_packet(&mut self, now: Instant, buf: &mut [u8]) -> Option<Outgoing> {
        match self.goodbye {
            Goodbye::No => {}
            Goodbye::Due => {
                self.goodbye = Goodbye::Said;
                return self.report(now, buf, true);
            }
            Goodbye::Said => return None,
        }
        if let Some(length) = self.player.poll_packet(now, buf) {
            return Some(Outgoing::Rtp(length));
        }
        if now < self.next_report {
            return None;
        }
        // RFC 3550 §6.3.1: varied between half and one and a half of the interval.
        self.next_report = now + REPORT_INTERVAL.mul_f64(rand::random_range(0.5..1.5));
        self.report(now, buf, false)
    }

    /// When [`Media::poll_packet`] has something next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let report = self.next_report;
        let packet = self.player.poll_timeout();
        (self.goodbye != Goodbye::Said).then(|| packet.map_or(report, |packet| packet.min(report)))
    }

    /// Whether the recording was played to its end.
    pub(crate) fn has_played(&self) -> bool {
        self.player.is_finished()
    }

    /// Whether this side's BYE is out.
    pub(crate) fn has_left(&self) -> bool {
        self.goodbye == Goodbye::Said
    }

    /// Whether the peer said BYE.
    pub(crate) fn peer_has_left(&self) -> bool {
        self.peer_left
    }

    /// What was counted so far.
    pub(crate) fn counters(&self) -> Counters {
        let (rtp_sent, rtp_sent_bytes) = self.player.sent();
        let lost = self
            .incoming
            .values()
            .map(|incoming| incoming.reception.lost())
            .sum();
        Counters {
            rtp_sent,
            rtp_sent_bytes,
            lost,
            ..self.counters
        }
    }

    /// The interarrival jitter, of the stream where it is greatest.
    pub(crate) fn jitter(&self) -> Option<Duration> {
        self.incoming
            .values()
            .map(|incoming| incoming.reception.jitter())
            .max()
    }

    /// How many packets of our stream the peer misses, as it last reported.
    pub(crate) fn lost_at_peer(&self) -> Option<u64> {
        self.lost_at_peer
            .map(|lost| lost.max(0).unsigned_abs().into())
    }

    /// The round-trip time that the peer's last report tells.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Ends the media; returns the recordings, which have still to be closed.
    pub(crate) fn finish(self) -> Vec<Track> {
        let streams = self.incoming.into_values();
        streams.filter_map(Incoming::finish).collect()
    }

    /// `now` as an NTP timestamp.
    fn ntp(&self, now: Instant) -> u64 {
        let (start, wall) = self.epoch;
        ntp(wall + now.saturating_duration_since(start))
    }

    fn track(&self, ssrc: u32) -> Option<Track> {
        let to = self.config.record.as_ref()?;
        let path = to.path(self.incoming.len());
        Some(to.archive.open(&path, &to.title, ssrc))
    }

    fn report(&mut self, now: Instant, buf: &mut [u8], goodbye: bool) -> Option<Outgoing> {
        let ssrc = self.player.ssrc();
        let sender = self.player.report(self.ntp(now));
        let incoming = self.incoming.values_mut();
        let blocks = incoming.map(|incoming| incoming.reception.report(now));
        // RFC 3550 §6.1: a report comes first, even an empty one.
        let compound = Compound::builder();
        let compound = match sender {
            Some(report) => {
                compound.add_packet(blocks.fold(report, SenderReportBuilder::add_report_block))
            }
            None => {
                let report = ReceiverReport::builder(ssrc);
                compound.add_packet(blocks.fold(report, ReceiverReportBuilder::add_report_block))
            }
        };
        // RFC 3550 §6.1: and the CNAME goes into each compound packet.
        let cname = SdesItem::builder(SdesItem::CNAME, &self.config.cname);
        let chunk = SdesChunk::builder(ssrc).add_item(cname);
        let mut compound = compound.add_packet(Sdes::builder().add_chunk(chunk));
        if goodbye {
            compound = compound.add_packet(Bye::builder().add_source(ssrc));
        }
        let length = compound
            .write_into(buf)
            .expect("invariant: MAX_STREAMS blocks and a CNAME of ours fit a packet");
        self.counters.rtcp_sent += 1;
        Some(Outgoing::Rtcp(length))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::archive::{Archive, Limits};
    use crate::console::Console;
    use crate::opus::{CLOCK_HZ, Clip};
    use crate::player::Pace;
    use crate::stream::Stream;

    const OPUS: u8 = 111;

    fn clip() -> Clip {
        let asset = include_bytes!("../assets/second.ogg");
        Clip::read(Cursor::new(asset)).expect("the asset is Ogg Opus")
    }

    fn media(ssrc: u32, now: Instant, record: Option<RecordTo>) -> Media {
        let stream = Stream::new(ssrc, OPUS, 65_500, u32::MAX - CLOCK_HZ);
        let player = Player::new(Arc::new(clip()), false, Pace::Real, stream, now);
        let config = MediaConfig {
            payload_type: OPUS,
            cname: "test".to_owned(),
            record,
            arrivals: None,
        };
        Media::new(config, player, now, SystemTime::now())
    }

    /// Gives all that `from` has to say at `now` to `to`.
    fn transfer(now: Instant, from: &mut Media, to: &mut Media) {
        let mut buf = [0; 1500];
        while let Some(packet) = from.poll_packet(now, &mut buf) {
            match packet {
                Outgoing::Rtp(len) => to.handle_rtp(now, &buf[..len]),
                Outgoing::Rtcp(len) => to.handle_rtcp(now, &buf[..len]),
            }
        }
    }

    #[test]
    fn a_call_carries_its_recordings_both_ways_unchanged() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let console = Console::start().expect("threads");
        let archive = Archive::start(Limits::new(100, 1000), console).expect("a thread");
        let record = RecordTo {
            archive: archive.clone(),
            title: "A test".to_owned(),
            dir: dir.path().to_owned(),
            name: "b".to_owned(),
        };
        let mut now = Instant::now();
        let (mut a, mut b) = (media(1, now, None), media(2, now, Some(record.clone())));
        while !(a.has_left() && b.has_left()) {
            for media in [&mut a, &mut b] {
                if media.has_played() {
                    media.say_goodbye();
                }
            }
            transfer(now, &mut a, &mut b);
            transfer(now, &mut b, &mut a);
            now += Duration::from_millis(20);
        }
        assert!(a.peer_has_left() && b.peer_has_left());
        assert_eq!(a.counters().rtp_sent, b.counters().rtp_received);
        assert_eq!(b.counters().rtcp_sent, a.counters().rtcp_received);
        assert_eq!((a.counters().lost, b.counters().lost), (0, 0));
        assert_eq!(a.lost_at_peer(), Some(0));
        assert!(
            a.round_trip()
                .is_some_and(|time| time < Duration::from_millis(1))
        );
        let closed = archive.close(b.finish()).blocking_recv();
        let closed = closed.expect("the recording is closed");
        assert_eq!((closed.len(), &closed[0].problem), (1, &None));
        let written = Clip::open(&record.path(0)).expect("it is Ogg Opus");
        assert_eq!(written.packets(), clip().packets());
    }

    #[test]
    fn what_is_not_of_the_call_is_counted_only() {
        let now = Instant::now();
        let mut media = media(1, now, None);
        let mut buf = [0; 64];
        let length = Stream::new(9, OPUS + 1, 0, 0).write(b"?", 960, &mut buf);
        media.handle_rtp(now, &buf[..length]);
        media.handle_rtp(now, b"no RTP");
        for ssrc in 0..=MAX_STREAMS as u32 {
            let length = Stream::new(ssrc, OPUS, 0, 0).write(&[31 << 3], 960, &mut buf);
            media.handle_rtp(now, &buf[..length]);
        }
        assert_eq!(
            media.counters().strange,
            3,
            "the payload type, the length, one SSRC too many"
        );
        assert_eq!(media.counters().rtp_received, MAX_STREAMS as u64);
    }

    #[test]
    fn rtcp_that_contradicts_itself_is_counted_only() {
        let now = Instant::now();
        let (mut a, mut b) = (media(1, now, None), media(2, now, None));
        a.say_goodbye();
        let mut buf = [0; 1500];
        let Some(Outgoing::Rtcp(length)) = a.poll_packet(now, &mut buf) else {
            panic!("a goodbye was due");
        };
        b.handle_rtcp(now, &buf[..length - 1]);
        assert!(!b.peer_has_left());
        assert_eq!((b.counters().strange, b.counters().rtcp_received), (1, 1));
        b.handle_rtcp(now, &buf[..length]);
        assert!(b.peer_has_left());
    }

    #[test]
    fn after_a_goodbye_nothing_more_is_sent() {
        let now = Instant::now();
        let (mut a, mut b) = (media(1, now, None), media(2, now, None));
        transfer(now, &mut a, &mut b);
        a.say_goodbye();
        transfer(now, &mut a, &mut b);
        assert!(a.has_left() && b.peer_has_left());
        let mut buf = [0; 1500];
        assert_eq!(a.poll_packet(now + Duration::from_secs(60), &mut buf), None);
        assert_eq!(a.poll_timeout(), None);
    }
}
