//! What the first two bytes of an Opus packet say (RFC 6716 §3.1).

/// The clock of Opus timestamps, whatever rate the encoder worked at (RFC 7587 §4.1).
pub(crate) const CLOCK_HZ: u32 = 48_000;

/// The longest packet: 120 ms (RFC 6716 §3.2.5, R5).
const MAX_SAMPLES: u32 = CLOCK_HZ * 120 / 1000;

/// How much time `packet` covers, in samples of [`CLOCK_HZ`]; `None` if it is no Opus packet.
pub(crate) fn samples(packet: &[u8]) -> Option<u32> {
    let (&toc, rest) = packet.split_first()?;
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    let total = frames * frame_samples(toc);
    // RFC 6716 §3.2.5: a code 3 packet holds at least one frame and at most 120 ms.
    (1..=MAX_SAMPLES).contains(&total).then_some(total)
}

/// Whether `packet` was coded in stereo.
pub(crate) fn is_stereo(packet: &[u8]) -> bool {
    packet.first().is_some_and(|toc| toc & 4 != 0)
}

/// A packet without audio data that lasts as one frame of `model`: a decoder conceals it.
///
/// RFC 7845 §4.1: a gap in a live stream is filled with such packets, not left open.
pub(crate) fn gap_filler(model: &[u8]) -> Option<[u8; 1]> {
    Some([model.first()? & !3])
}

/// Samples of one frame of the configuration that `toc` names (RFC 6716 §3.1, table 2).
fn frame_samples(toc: u8) -> u32 {
    let config = u32::from(toc >> 3);
    match config {
        0..12 => [480, 960, 1920, 2880][(config & 3) as usize],
        12..16 => [480, 960][(config & 1) as usize],
        _ => [120, 240, 480, 960][(config & 3) as usize],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_table_of_configurations() {
        assert_eq!(samples(&[0]), Some(480), "SILK narrowband, 10 ms");
        assert_eq!(samples(&[3 << 3]), Some(2880), "SILK narrowband, 60 ms");
        assert_eq!(samples(&[13 << 3]), Some(960), "hybrid, 20 ms");
        assert_eq!(samples(&[28 << 3]), Some(120), "CELT, 2.5 ms");
        assert_eq!(
            samples(&[31 << 3 | 1]),
            Some(1920),
            "CELT, two frames of 20 ms"
        );
        assert_eq!(
            samples(&[31 << 3 | 3, 6]),
            Some(5760),
            "CELT, six frames of 20 ms"
        );
    }

    #[test]
    fn what_is_no_opus_packet_has_no_duration() {
        assert_eq!(samples(&[]), None);
        assert_eq!(
            samples(&[31 << 3 | 3]),
            None,
            "code 3 without its frame count"
        );
        assert_eq!(samples(&[31 << 3 | 3, 0]), None, "code 3 with no frame");
        assert_eq!(samples(&[31 << 3 | 3, 7]), None, "140 ms");
    }

    #[test]
    fn a_filler_lasts_one_frame_of_its_model() {
        let filler = gap_filler(&[31 << 3 | 7, 2, 9, 9]).expect("the model has a first byte");
        assert_eq!(samples(&filler), Some(960));
        assert!(is_stereo(&filler));
    }
}
