//! The room: which packets go to which viewers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portcullis::signalling::sdp::Codec;
use portcullis::signalling::{Agreed, Translation};
use portcullis::{Context, SessionId};
use rtcp_types::{PayloadFeedback, Pli, RtcpPacketWriter, RtcpPacketWriterExt as _};
use rtp_types::{RtpPacket, RtpPacketMut};

/// How long to wait for a keyframe before requesting it again.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) type SharedRoom = Arc<Mutex<Room>>;

/// What is published, by number.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) tracks: BTreeMap<u32, Track>,
    pub(crate) next: u32,
    /// Incremented whenever a track comes or goes, so that viewers can be sent an offer.
    pub(crate) changes: tokio::sync::watch::Sender<u32>,
}

/// What one section of a publisher contributes.
pub(crate) struct Track {
    pub(crate) publisher: SessionId,
    /// The publisher's name, shown to viewers.
    pub(crate) stream: String,
    pub(crate) section: Agreed,
    /// The simulcast layers, or a single one without a rid.
    pub(crate) layers: Vec<Layer>,
    pub(crate) taps: Vec<Tap>,
}

pub(crate) struct Layer {
    pub(crate) rid: String,
    pub(crate) ssrc: u32,
    asked: Option<Instant>,
}

/// A track as one viewer gets it.
pub(crate) struct Tap {
    pub(crate) viewer: SessionId,
    pub(crate) translation: Translation,
    /// The SSRCs of the media and of its retransmissions (RFC 4588).
    pub(crate) ssrcs: [u32; 2],
    /// The layer that the viewer wants, and the one that it gets.
    pub(crate) wanted: usize,
    pub(crate) layer: Option<usize>,
    /// Added to sequence numbers and timestamps, so that they continue across a change of layer.
    pub(crate) offset: (u16, u32),
    /// The last sequence number and timestamp, and the last sequence number of retransmissions.
    pub(crate) last: (u16, u32, u16),
}

/// Locks the room, even if another holder of the lock panicked.
pub(crate) fn lock(room: &SharedRoom) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn bytes(packet: &impl RtcpPacketWriter) -> Vec<u8> {
    let mut bytes = vec![0; packet.calculate_size().unwrap_or(0)];
    let _ = packet.write_into(&mut bytes);
    bytes
}

impl Layer {
    pub(crate) fn new(rid: String) -> Self {
        Self {
            rid,
            ssrc: 0,
            asked: None,
        }
    }
}

impl Track {
    /// Asks the publisher for a keyframe, unless it was asked a moment ago.
    pub(crate) fn ask(&mut self, cx: &mut Context<'_>, layer: usize) {
        let layer = &mut self.layers[layer];
        if layer
            .asked
            .is_none_or(|at| cx.now() > at + KEYFRAME_INTERVAL)
        {
            layer.asked = Some(cx.now());
            let pli = Pli::builder();
            let pli = PayloadFeedback::builder(&pli).media_ssrc(layer.ssrc);
            let _ = cx.forward_rtcp(self.publisher, &bytes(&pli));
        }
    }

    /// Forwards a packet of a layer, or a retransmission, to the viewers of that layer.
    pub(crate) fn forward(
        &mut self,
        cx: &mut Context<'_>,
        layer: usize,
        packet: &[u8],
    ) -> Option<()> {
        let rtp = RtpPacket::parse(packet).ok()?;
        let codec = self.section.theirs.codec(rtp.payload_type())?;
        let (repeats, starts) = (codec.is("rtx"), is_start(codec, rtp.payload()));
        let mut missed = false;
        for tap in &mut self.taps {
            let nearer = |it: usize| layer.abs_diff(tap.wanted) < it.abs_diff(tap.wanted);
            let begins = !repeats && tap.layer.is_none_or(nearer);
            missed |= begins && !starts;
            if begins && starts {
                // The first packet of this layer follows the last one of the other.
                tap.offset.0 = (tap.last.0)
                    .wrapping_add(1)
                    .wrapping_sub(rtp.sequence_number());
                tap.offset.1 = (tap.last.1)
                    .wrapping_add(3000)
                    .wrapping_sub(rtp.timestamp());
                tap.layer = Some(layer);
            }
            let takes = tap.translation.payload_type(rtp.payload_type()).is_some();
            if tap.layer == Some(layer) && takes {
                cx.fan_out_rtp(&[tap.viewer], packet, |_, copy| {
                    tap.adapt(repeats, packet, copy);
                });
            }
        }
        if missed {
            self.ask(cx, layer);
        }
        Some(())
    }
}

impl Tap {
    /// Rewrites the publisher's packet for the viewer, in place.
    fn adapt(&mut self, repeats: bool, packet: &[u8], copy: &mut [u8]) -> Option<()> {
        self.translation.apply(packet, copy);
        let mut rtp = RtpPacketMut::parse(copy).ok()?;
        rtp.set_ssrc(self.ssrcs[usize::from(repeats)]);
        rtp.set_timestamp(rtp.timestamp().wrapping_add(self.offset.1));
        if repeats {
            // RFC 4588 §4: the payload begins with the original sequence number.
            let original = rtp.payload_mut().first_chunk_mut()?;
            *original = u16::from_be_bytes(*original)
                .wrapping_add(self.offset.0)
                .to_be_bytes();
            self.last.2 = self.last.2.wrapping_add(1);
            rtp.set_sequence_number(self.last.2);
        } else {
            self.last.0 = rtp.sequence_number().wrapping_add(self.offset.0);
            self.last.1 = rtp.timestamp();
            rtp.set_sequence_number(self.last.0);
        }
        Some(())
    }
}

/// Whether a decoder can start at this payload (RFC 7741 §4.2, §4.3; RFC 6184 §5.2).
fn is_start(codec: &Codec, payload: &[u8]) -> bool {
    let at = |index: usize| payload.get(index).copied().unwrap_or(0);
    if codec.is("VP8") {
        let fields = if at(0) & 0x80 != 0 { at(1) } else { 0 };
        let present = [0x80, 0x40, 0x30]
            .iter()
            .filter(|&&flag| fields & flag != 0)
            .count();
        let long_id = usize::from(fields & 0x80 != 0 && at(2) & 0x80 != 0);
        let header = 1 + usize::from(at(0) & 0x80 != 0) + present + long_id;
        return at(0) & 0x17 == 0x10 && at(header) & 1 == 0;
    }
    let unit = match at(0) & 0x1f {
        24 => at(3) & 0x1f,
        28 if at(1) & 0x80 != 0 => at(1) & 0x1f,
        unit => unit,
    };
    !codec.is("H264") || unit == 5 || unit == 7
}
