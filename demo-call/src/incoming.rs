//! One received stream: put back into order, counted, and recorded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use rtp_types::RtpPacket;

use crate::archive::{Archive, Track};
use crate::opus::CLOCK_HZ;
use crate::reception::Reception;

/// How many packets wait for a missing one: 320 ms at 20 ms each. A recording can afford a delay that
/// a listener could not, and reordering on real paths stays far below it.
const REORDER_DEPTH: usize = 16;

/// Samples of silence that a recording may have beyond the time its packets took to arrive. A peer
/// can claim anything with its timestamps, and one of its packets must not cost thousands of ours.
const SILENCE_AHEAD: u64 = 60 * CLOCK_HZ as u64;

/// In samples.
const MILLISECOND: u64 = CLOCK_HZ as u64 / 1000;

/// Where a call's recordings go.
#[derive(Clone, Debug)]
pub(crate) struct RecordTo {
    pub(crate) archive: Archive,
    pub(crate) dir: PathBuf,
    /// The file's name without `.ogg`; further streams of the call get a number behind it.
    pub(crate) name: String,
    /// The title in the file: who is heard.
    pub(crate) title: String,
}

impl RecordTo {
    /// The file for the `number`th stream of the call.
    pub(crate) fn path(&self, number: usize) -> PathBuf {
        let name = match number {
            0 => format!("{}.ogg", self.name),
            _ => format!("{}-{}.ogg", self.name, number + 1),
        };
        self.dir.join(name)
    }
}

/// One received stream.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) reception: Reception,
    track: Option<Track>,
    /// The extended sequence number to record next.
    next: u64,
    /// The timestamp that follows the last packet recorded.
    next_timestamp: Option<u32>,
    /// Samples of silence recorded.
    silence: u64,
    /// When the first packet came, and the last.
    heard: (Instant, Instant),
    waiting: BTreeMap<u64, (u32, Vec<u8>)>,
}

impl Incoming {
    /// Starts from the first packet of the stream, without handling it yet.
    pub(crate) fn new(first: &RtpPacket<'_>, track: Option<Track>, now: Instant) -> Self {
        let reception = Reception::new(first, now);
        let next = reception.first();
        Self {
            reception,
            track,
            next,
            next_timestamp: None,
            silence: 0,
            heard: (now, now),
            waiting: BTreeMap::new(),
        }
    }

    /// Takes one packet.
    pub(crate) fn handle(&mut self, packet: &RtpPacket<'_>, now: Instant) {
        let number = self.reception.count(packet, now);
        self.heard.1 = now;
        // A packet that arrives after its place was given up is left out of the recording.
        if number >= self.next && self.track.is_some() {
            self.waiting
                .insert(number, (packet.timestamp(), packet.payload().to_owned()));
        }
        self.record(REORDER_DEPTH);
    }

    /// Ends the stream and returns its recording, which has yet to be closed.
    pub(crate) fn finish(mut self) -> Option<Track> {
        self.record(0);
        self.track
    }

    /// Records the packets that are next in order, and those with more than `depth` packets waiting
    /// behind them.
    fn record(&mut self, depth: usize) {
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() != self.next && self.waiting.len() <= depth {
                break;
            }
            let Some((number, (timestamp, payload))) = self.waiting.pop_first() else {
                break;
            };
            self.next = number + 1;
            self.write(timestamp, &payload);
        }
    }

    fn write(&mut self, timestamp: u32, payload: &[u8]) {
        let Some(track) = &mut self.track else {
            return;
        };
        let Some(samples) = crate::opus::samples(payload) else {
            return;
        };
        let gap = self
            .next_timestamp
            .map_or(0, |next| timestamp.wrapping_sub(next));
        let (first, last) = self.heard;
        let passed = last.saturating_duration_since(first).as_millis() as u64;
        let silence = self.silence + u64::from(gap);
        // A timestamp that goes backwards does not make a gap.
        if gap.cast_signed() > 0 && silence <= passed * MILLISECOND + SILENCE_AHEAD {
            self.silence = silence;
            track.write_gap(u64::from(gap));
        }
        self.next_timestamp = Some(timestamp.wrapping_add(samples));
        track.write(payload);
    }
}

#[cfg(test)]
mod tests {
    use rtp_types::RtpPacketBuilder;

    use super::*;
    use crate::archive::Limits;
    use crate::console::Console;
    use crate::opus::{CLOCK_HZ, Clip};

    fn record(packets: &[(u16, u32)]) -> Vec<Vec<u8>> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("call.ogg");
        let console = Console::start().expect("threads");
        let archive = Archive::start(Limits::new(100, 1000), console).expect("a thread");
        let now = Instant::now();
        let mut track = Some(archive.open(&path, "a call", 1));
        let mut incoming = None;
        for &(sequence, timestamp) in packets {
            let payload = [31 << 3, sequence as u8];
            let written = RtpPacketBuilder::<&[u8], &[u8]>::new()
                .payload_type(111)
                .sequence_number(sequence)
                .timestamp(timestamp)
                .ssrc(1)
                .payload(&payload)
                .write_vec()
                .expect("its fields are valid");
            let packet = RtpPacket::parse(&written).expect("it is RTP");
            incoming
                .get_or_insert_with(|| Incoming::new(&packet, track.take(), now))
                .handle(&packet, now);
        }
        let track = incoming.expect("there were packets").finish();
        let closed = archive.close(track).blocking_recv().expect("it is closed");
        assert_eq!(closed[0].problem, None);
        Clip::open(&path)
            .expect("Ogg Opus")
            .packets()
            .iter()
            .map(|p| p.to_vec())
            .collect()
    }

    fn packet(number: u8) -> Vec<u8> {
        vec![31 << 3, number]
    }

    #[test]
    fn packets_are_recorded_in_the_order_of_their_numbers() {
        let recorded = record(&[(65_535, 0), (1, 1920), (0, 960), (2, 2880)]);
        assert_eq!(recorded, [packet(255), packet(0), packet(1), packet(2)]);
    }

    #[test]
    fn a_lost_packet_leaves_its_time_in_the_recording() {
        let recorded = record(&[(1, 960), (2, 1920), (4, 3840)]);
        assert_eq!(recorded, [packet(1), packet(2), vec![31 << 3], packet(4)]);
    }

    #[test]
    fn waiting_for_a_packet_has_an_end() {
        let mut packets: Vec<_> = (0..=20_u16).map(|n| (n, u32::from(n) * 960)).collect();
        let late = packets.remove(1);
        packets.push(late);
        let recorded = record(&packets);
        assert_eq!(recorded.len(), 21);
        assert_eq!(recorded[1], [31 << 3], "its place was given up");
    }
    /// Each packet claims to come a minute after the one before, and all come at once.
    #[test]
    fn silence_is_recorded_no_faster_than_time_passes() {
        let minute = 60 * CLOCK_HZ;
        let packets: Vec<_> = (0..100).map(|n| (n, u32::from(n) * minute)).collect();
        let recorded = record(&packets).len() as u32;
        assert!(recorded > 100, "gaps are filled");
        assert!(recorded <= 100 + minute / 960, "{recorded}");
    }
}
