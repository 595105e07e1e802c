//! What a receiver counts of one stream: its sequence numbers, losses and jitter (RFC 3550 §6.4.1
//! and appendix A).

use std::time::{Duration, Instant};

use crate::opus::CLOCK_HZ;
use crate::rtcp::{ReportBlock, SenderInfo, ntp_middle, short_ntp};
use crate::rtp::Packet;

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
    last_sr: Option<(SenderInfo, Instant)>,
}

impl Reception {
    /// Starts with the first packet, which still has to be counted.
    pub(crate) fn new(first: &Packet<'_>, now: Instant) -> Self {
        // One turn of the 16 bits ahead, so that packets from before the first have a number too.
        let base = 0x1_0000 + u64::from(first.sequence);
        Self {
            ssrc: first.ssrc,
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
    pub(crate) fn count(&mut self, packet: &Packet<'_>, now: Instant) -> u64 {
        let extended = self.extend(packet.sequence);
        self.base = self.base.min(extended);
        self.highest = self.highest.max(extended);
        self.received += 1;
        self.measure_jitter(packet.timestamp, now);
        extended
    }

    /// Notes the peer's sender report of this stream.
    pub(crate) fn report_received(&mut self, info: SenderInfo, now: Instant) {
        self.last_sr = Some((info, now));
    }

    /// The extended sequence number of the packet to expect first.
    pub(crate) fn first(&self) -> u64 {
        self.base
    }

    /// Packets missing: between the first and the last one received, or, if the sender's last
    /// report tells of more, among those it sent.
    pub(crate) fn lost(&self) -> u64 {
        let sent = self.last_sr.map_or(0, |(info, _)| u64::from(info.packets));
        sent.max(self.expected()).saturating_sub(self.received)
    }

    /// The report of this stream since the last one.
    pub(crate) fn report(&mut self, now: Instant) -> ReportBlock {
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
        let lost = i64::try_from(expected).unwrap_or(i64::MAX)
            - i64::try_from(received).unwrap_or(i64::MAX);
        let (last_sr, delay_since_sr) = match self.last_sr {
            Some((info, at)) => (ntp_middle(info.ntp), short_ntp(now.duration_since(at))),
            None => (0, 0),
        };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(lost).unwrap_or(i32::MAX),
            // The turn that was added at the start is not told.
            highest_sequence: u32::try_from((self.highest - 0x1_0000) & 0xffff_ffff).unwrap_or(0),
            jitter: self.jitter >> 4,
            last_sr,
            delay_since_sr,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32) -> Packet<'static> {
        Packet {
            payload_type: 111,
            sequence,
            timestamp,
            ssrc: 5,
            payload: &[],
        }
    }

    fn receive(sequences: &[u16]) -> Reception {
        let now = Instant::now();
        let mut reception = Reception::new(&packet(sequences[0], 0), now);
        for &sequence in sequences {
            reception.count(&packet(sequence, 0), now);
        }
        reception
    }

    #[test]
    fn sequence_numbers_go_over_their_16_bits() {
        let now = Instant::now();
        let mut reception = Reception::new(&packet(65_534, 0), now);
        let numbers = [65_534, 65_535, 0, 65_533, 1].map(|n| reception.count(&packet(n, 0), now));
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
        let block = reception.report(Instant::now());
        assert_eq!(
            (block.fraction_lost, block.lost, block.highest_sequence),
            (102, 2, 14)
        );
        reception.count(&packet(12, 0), Instant::now());
        assert_eq!(reception.lost(), 1);
        let block = reception.report(Instant::now());
        assert_eq!(
            (block.fraction_lost, block.lost),
            (0, 1),
            "nothing was expected since"
        );
    }

    #[test]
    fn the_senders_report_tells_of_the_tail() {
        let mut reception = receive(&[10, 11]);
        let info = SenderInfo {
            ntp: 0x1_2345_0000,
            rtp_timestamp: 0,
            packets: 5,
            octets: 0,
        };
        reception.report_received(info, Instant::now());
        assert_eq!(reception.lost(), 3);
        assert_eq!(reception.report(Instant::now()).last_sr, 0x1_2345);
    }

    #[test]
    fn steady_arrival_has_no_jitter_and_a_late_packet_has() {
        let start = Instant::now();
        let mut reception = Reception::new(&packet(0, 0), start);
        for n in 0..10_u16 {
            let at = start + Duration::from_millis(20) * u32::from(n);
            reception.count(&packet(n, 960 * u32::from(n)), at);
        }
        assert_eq!(reception.jitter(), Duration::ZERO);
        reception.count(&packet(10, 9600), start + Duration::from_millis(216));
        assert_eq!(
            reception.jitter(),
            Duration::from_millis(1),
            "16 ms weighted 1/16"
        );
    }
}
