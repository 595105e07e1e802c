//! Wall-clock time as RTCP carries it (RFC 3550 §4), and the round trips that reports measure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rtcp_types::ReportBlock;

/// Seconds from 1900, where NTP begins, to 1970 (RFC 868).
const NTP_OFFSET: u64 = 2_208_988_800;

/// `time` as an NTP timestamp: seconds since 1900 and their 2^32nds.
pub(crate) fn ntp(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    (since_1970.as_secs() + NTP_OFFSET) << 32 | fraction
}

/// The middle 32 bits of an NTP timestamp, which reports refer to it by (RFC 3550 §6.4.1).
pub(crate) fn middle(ntp: u64) -> u32 {
    u32::try_from(ntp >> 16 & 0xffff_ffff).unwrap_or(0)
}

/// `duration` in units of 1/65536 s, as reports express it.
pub(crate) fn short(duration: Duration) -> u32 {
    u32::try_from((duration.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

/// The round-trip time given by `block`, received at the NTP time `now` (RFC 3550 §6.4.1).
pub(crate) fn round_trip(block: &ReportBlock<'_>, now: u64) -> Option<Duration> {
    // Zero: the peer has not received a sender report yet.
    let last_sr = Some(block.last_sender_report_timestamp()).filter(|&last| last != 0)?;
    let elapsed = middle(now)
        .wrapping_sub(last_sr)
        .checked_sub(block.delay_since_last_sender_report_timestamp())?;
    Some(Duration::from_micros(
        (u64::from(elapsed) * 1_000_000) >> 16,
    ))
}

#[cfg(test)]
mod tests {
    use rtcp_types::{ReceiverReport, RtcpPacketParser, RtcpPacketWriterExt};

    use super::*;

    #[test]
    fn the_round_trip_is_what_the_peer_did_not_keep() {
        let sent = ntp(UNIX_EPOCH + Duration::from_millis(1_700_000_000_250));
        let now = ntp(UNIX_EPOCH + Duration::from_millis(1_700_000_001_000));
        let kept = short(Duration::from_millis(500));
        let measured = |last_sr| {
            let block = ReportBlock::builder(1)
                .last_sender_report_timestamp(last_sr)
                .delay_since_last_sender_report_timestamp(kept);
            let mut buf = [0; 32];
            ReceiverReport::builder(2)
                .add_report_block(block)
                .write_into(&mut buf)
                .expect("it fits");
            let report = ReceiverReport::parse(&buf).expect("it is RTCP");
            let block = report.report_blocks().next().expect("it has a block");
            round_trip(&block, now)
        };
        assert_eq!(measured(middle(sent)), Some(Duration::from_millis(250)));
        assert_eq!(measured(0), None, "the peer has had no sender report");
    }
}
