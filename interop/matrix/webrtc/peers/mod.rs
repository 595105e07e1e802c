//! The peers, each in a file of its own.

mod browsers;
mod programs;

use super::peer::Peer;

/// All peers of WebRTC, in the order of the table.
pub(crate) const ALL: &[Peer] = &[
    browsers::CHROMIUM,
    browsers::FIREFOX,
    programs::AIORTC,
    programs::WERIFT,
    programs::NODE_DATACHANNEL,
    programs::WRTC,
    programs::PION,
    programs::WEBRTCBIN,
    programs::STR0M,
    programs::WEBRTC,
    programs::FFMPEG,
];
