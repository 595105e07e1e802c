//! What a receiver counts for one stream: its sequence numbers, losses and jitter (RFC 3550 §6.4.1
//! and appendix A).

use std::time::{Duration, Instant};

use rtcp_types::{ReportBlock, ReportBlockBuilder, SenderReport};
use rtp_types::RtpPacket;

use crate::ntp;
use crate::opus::CLOCK_HZ;

/// One received stream.
#[derive(Debug)]
pub(crate) struct Reception {
    ssrc: u32,
    /// The first sequence number, extended to 64 bits like all here.
    base: u64,
    highest: u64,
    received: u64,
    /// Received and expected packets at the last report.
    reported: (u64, u64),
    /// RFC 3550 §A.8: the jitter estimate, times 16.
    jitter: u32,
    /// The last packet's transit time: arrival less timestamp, in units of the clock.
    transit: Option<u32>,
    epoch: Instant,
    last_sr: Option<LastReport>,
}

/// The sender's last report of a stream.
#[derive(Clone, Copy, Debug)]
struct LastReport {
    ntp: u64,
    packets: u32,
    at: Instant,
}

impl Reception {
    /// Starts from the first packet, without counting it yet.
    pub(crate) fn new(first: &RtpPacket<'_>, now: Instant) -> Self {
        // Start one cycle of 16 bits ahead, so that packets from before the first have a number too.
        let base = 0x1_0000 + u64::from(first.sequence_number());
        Self {
            ssrc: first.ssrc(),
            base,
            highest: base,
            received: 0,
            reported: (0, 0),
            jitter: 0,
            transit: None,
            epoch: now,
            last_sr: None,
        }
    }

    /// Counts a packet and returns its extended sequence number.
    pub(crate) fn count(&mut self, packet: &RtpPacket<'_>, now: Instant) -> u64 {
        let extended = self.extend(packet.sequence_number());
        self.base = self.base.min(extended);
        self.highest = self.highest.max(extended);
        self.received += 1;
        self.measure_jitter(packet.timestamp(), now);
        extended
    }

    /// Notes the peer's sender report of this stream.
    pub(crate) fn report_received(&mut self, report: &SenderReport<'_>, now: Instant) {
        self.last_sr = Some(LastReport {
            ntp: report.ntp_timestamp(),
            packets: report.packet_count(),
            at: now,
        });
    }

    /// The extended sequence number of the packet to expect first.
    pub(crate) fn first(&self) -> u64 {
        self.base
    }

    /// Packets missing: between the first and the last one received, or, if the sender's last report
    /// counts more, among those it sent.
    pub(crate) fn lost(&self) -> u64 {
        let sent = self.last_sr.map_or(0, |report| u64::from(report.packets));
        sent.max(self.expected()).saturating_sub(self.received)
    }

    /// The report of this stream since the last one.
    pub(crate) fn report(&mut self, now: Instant) -> ReportBlockBuilder {
        let (received, expected) = (self.received, self.expected());
        let (received_then, expected_then) = self.reported;
        self.reported = (received, expected);
        // RFC 3550 §A.3: the fraction lost in the interval; never negative.
        let expected_now = expected - expected_then;
        let lost_now = expected_now.saturating_sub(received - received_then);
        let fraction = (lost_now << 8)
            .checked_div(expected_now)
            .unwrap_or(0)
            .min(255);
        let lost = expected.cast_signed() - received.cast_signed();
        let (last_sr, delay_since_sr) = match self.last_sr {
            Some(last) => (
                ntp::middle(last.ntp),
                ntp::short(now.duration_since(last.at)),
            ),
            None => (0, 0),
        };
        // Without the cycle that was added at the start.
        let highest = u32::try_from((self.highest - 0x1_0000) & 0xffff_ffff).unwrap_or(0);
        ReportBlock::builder(self.ssrc)
            .fraction_lost(u8::try_from(fraction).unwrap_or(u8::MAX))
            .cumulative_lost(to_24_bits(lost))
            .extended_sequence_number(highest)
            .interarrival_jitter(self.jitter >> 4)
            .last_sender_report_timestamp(last_sr)
            .delay_since_last_sender_report_timestamp(delay_since_sr)
    }

    /// The interarrival jitter.
    pub(crate) fn jitter(&self) -> Duration {
        Duration::from_micros(u64::from(self.jitter >> 4) * 1_000_000 / u64::from(CLOCK_HZ))
    }

    fn expected(&self) -> u64 {
        if self.received == 0 {
            0
        } else {
            self.highest - self.base + 1
        }
    }

    /// The sequence number nearest to the highest that ends in these 16 bits.
    fn extend(&self, sequence: u16) -> u64 {
        let ahead = sequence.wrapping_sub(self.highest as u16).cast_signed();
        self.highest.saturating_add_signed(i64::from(ahead))
    }

    /// RFC 3550 §A.8: a running mean of the change in transit time, weighted 1/16.
    fn measure_jitter(&mut self, timestamp: u32, now: Instant) {
        let micros = now.duration_since(self.epoch).as_micros() as u64;
        let arrival = (micros * u64::from(CLOCK_HZ) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            self.jitter = self.jitter - ((self.jitter + 8) >> 4) + change.min(u32::MAX >> 5);
        }
    }
}

/// Packets of a stream of ours that the peer reports missing; negative if duplicates arrived.
pub(crate) fn lost_at_peer(block: &ReportBlock<'_>) -> i32 {
    // Shifting left and back again spreads the sign of the 24 bits.
    (block.cumulative_lost() << 8).cast_signed() >> 8
}

/// RFC 3550 §6.4.1: 24 bits with a sign, saturating.
fn to_24_bits(lost: i64) -> u32 {
    let limited = lost.clamp(-0x80_0000, 0x7f_ffff) & 0xff_ffff;
    u32::try_from(limited).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rtcp_types::{ReceiverReport, RtcpPacketParser, RtcpPacketWriterExt};
    use rtp_types::RtpPacketBuilder;

    use super::*;

    fn packet(sequence: u16, timestamp: u32) -> [u8; 12] {
        let mut packet = [0; 12];
        RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(111)
            .sequence_number(sequence)
            .timestamp(timestamp)
            .ssrc(5)
            .write_into(&mut packet)
            .expect("a header has 12 bytes");
        packet
    }

    fn begin(sequence: u16, now: Instant) -> Reception {
        let first = packet(sequence, 0);
        Reception::new(&RtpPacket::parse(&first).expect("it is RTP"), now)
    }

    fn count(reception: &mut Reception, sequence: u16, timestamp: u32, now: Instant) -> u64 {
        let packet = packet(sequence, timestamp);
        reception.count(&RtpPacket::parse(&packet).expect("it is RTP"), now)
    }

    fn receive(sequences: &[u16]) -> Reception {
        let now = Instant::now();
        let mut reception = begin(sequences[0], now);
        for &sequence in sequences {
            count(&mut reception, sequence, 0, now);
        }
        reception
    }

    /// What the peer reads in a report: the fraction lost, all lost, the highest number and the
    /// last sender report.
    fn reported(reception: &mut Reception) -> (u8, i32, u32, u32) {
        let mut buf = [0; 32];
        ReceiverReport::builder(1)
            .add_report_block(reception.report(Instant::now()))
            .write_into(&mut buf)
            .expect("it fits");
        let report = ReceiverReport::parse(&buf).expect("it is RTCP");
        let block = report.report_blocks().next().expect("it has a block");
        (
            block.fraction_lost(),
            lost_at_peer(&block),
            block.extended_sequence_number(),
            block.last_sender_report_timestamp(),
        )
    }

    #[test]
    fn sequence_numbers_go_over_their_16_bits() {
        let now = Instant::now();
        let mut reception = begin(65_534, now);
        let numbers = [65_534, 65_535, 0, 65_533, 1].map(|n| count(&mut reception, n, 0, now));
        assert_eq!(
            numbers.map(|n| n - 65_536),
            [65_534, 65_535, 65_536, 65_533, 65_537]
        );
        assert_eq!((reception.received, reception.lost()), (5, 0));
    }

    #[test]
    fn gaps_are_lost_until_they_fill() {
        let mut reception = receive(&[10, 11, 14]);
        assert_eq!(reception.lost(), 2);
        assert_eq!(reported(&mut reception), (102, 2, 14, 0));
        count(&mut reception, 12, 0, Instant::now());
        assert_eq!(reception.lost(), 1);
        assert_eq!(
            reported(&mut reception),
            (0, 1, 14, 0),
            "nothing was expected since"
        );
    }

    #[test]
    fn duplicates_are_fewer_lost_than_none() {
        let mut reception = receive(&[10, 11, 11, 10, 11]);
        assert_eq!(reported(&mut reception), (0, -3, 11, 0));
        assert_eq!(to_24_bits(i64::MIN), 0x80_0000);
        assert_eq!(to_24_bits(i64::MAX), 0x7f_ffff);
    }

    #[test]
    fn the_senders_report_tells_of_the_tail() {
        let mut reception = receive(&[10, 11]);
        let mut buf = [0; 28];
        SenderReport::builder(5)
            .ntp_timestamp(0x1_2345_0000)
            .packet_count(5)
            .write_into(&mut buf)
            .expect("it fits");
        let report = SenderReport::parse(&buf).expect("it is RTCP");
        reception.report_received(&report, Instant::now());
        assert_eq!(reception.lost(), 3);
        assert_eq!(reported(&mut reception), (0, 0, 11, 0x1_2345));
    }

    #[test]
    fn steady_arrival_has_no_jitter_and_a_late_packet_has() {
        let start = Instant::now();
        let mut reception = begin(0, start);
        for n in 0..10_u16 {
            let at = start + Duration::from_millis(20) * u32::from(n);
            count(&mut reception, n, 960 * u32::from(n), at);
        }
        assert_eq!(reception.jitter(), Duration::ZERO);
        count(&mut reception, 10, 9600, start + Duration::from_millis(216));
        assert_eq!(
            reception.jitter(),
            Duration::from_millis(1),
            "16 ms weighted 1/16"
        );
    }
}
