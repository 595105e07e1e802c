//! The ready-made decision: take what I can, in the order I prefer.

use super::Decide;
use super::agree::is_primary;
use super::sdp::{Codec, DataChannels, Direction, Extension, Media, MediaKind, Payload, Section};

/// What an application can do, in the order it prefers: a decision for offers of all kinds, and the
/// sections of offers of ours.
///
/// ```
/// use portcullis::signalling::Capabilities;
/// use portcullis::signalling::sdp::{Codec, Direction, MediaKind};
///
/// let capabilities = Capabilities::new()
///     .codec(MediaKind::Audio, Codec::new(111, "opus", 48_000).with_channels(2))
///     .codec(MediaKind::Video, Codec::new(96, "VP8", 90_000).with_feedback(&["nack pli"]))
///     .codec(MediaKind::Video, Codec::new(97, "rtx", 90_000).with_parameters("apt=96"))
///     .extension("urn:ietf:params:rtp-hdrext:sdes:mid")
///     .direction(Direction::RecvOnly);
/// ```
#[derive(Clone, Debug)]
pub struct Capabilities {
    codecs: Vec<(MediaKind, Codec)>,
    extensions: Vec<Extension>,
    data: Option<DataChannels>,
    direction: Direction,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}

impl Capabilities {
    /// No capabilities yet; both directions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            codecs: Vec::new(),
            extensions: Vec::new(),
            data: None,
            direction: Direction::SendRecv,
        }
    }

    /// What browsers send, for a server that forwards it: Opus and the audio codecs of telephony; VP8,
    /// VP9, H.264, AV1 and H.265 with retransmission; the header extensions that identify sections, streams and
    /// losses; data channels.
    #[must_use]
    pub fn browser() -> Self {
        const VIDEO_FEEDBACK: [&str; 5] =
            ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"];
        let opus = Codec::new(111, "opus", 48_000)
            .with_channels(2)
            .with_parameters("minptime=10;useinbandfec=1")
            .with_feedback(&["transport-cc", "nack"]);
        let mut capabilities = Self::new()
            .codec(MediaKind::Audio, opus)
            .codec(MediaKind::Audio, Codec::new(9, "G722", 8000))
            .codec(MediaKind::Audio, Codec::new(0, "PCMU", 8000))
            .codec(MediaKind::Audio, Codec::new(8, "PCMA", 8000))
            .codec(MediaKind::Audio, Codec::new(126, "telephone-event", 8000));
        let h264 = |id: &str| {
            format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={id}")
        };
        for (payload_type, name, parameters) in [
            (96, "VP8", ""),
            (98, "VP9", "profile-id=0"),
            (108, "H264", &h264("42e01f")),
            (102, "H264", &h264("42001f")),
            (116, "H264", &h264("4d001f")),
            (112, "H264", &h264("640c1f")),
            (45, "AV1", "level-idx=5;profile=0;tier=0"),
            (
                49,
                "H265",
                "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST",
            ),
        ] {
            let codec = Codec::new(payload_type, name, 90_000)
                .with_parameters(parameters)
                .with_feedback(&VIDEO_FEEDBACK);
            let repeats = Codec::new(payload_type + 1, "rtx", 90_000)
                .with_parameters(&format!("apt={payload_type}"));
            capabilities = capabilities
                .codec(MediaKind::Video, codec)
                .codec(MediaKind::Video, repeats);
        }
        capabilities
            .extension("urn:ietf:params:rtp-hdrext:sdes:mid")
            .extension("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id")
            .extension("urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id")
            .extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level")
            .extension("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time")
            .extension("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01")
            .extension("urn:3gpp:video-orientation")
            .data_channels(DataChannels::new(DataChannels::USUAL_MAX_MESSAGE_SIZE))
    }

    /// Adds a codec for media of this kind. Its payload type is that of our offers, its feedback what
    /// we can take of the peer's, and its parameters are both: they decide what it is
    /// [compatible](Codec::is_compatible) with, and stand in our offers. An answer takes over those of
    /// the offer.
    ///
    /// `rtx` with an `apt` goes with the codec of that payload type.
    #[must_use]
    pub fn codec(mut self, kind: MediaKind, codec: Codec) -> Self {
        self.codecs.push((kind, codec));
        self
    }

    /// Adds a header extension. In our offers it gets the next number.
    #[must_use]
    pub fn extension(mut self, uri: &str) -> Self {
        let id = self.extensions.len() + 1;
        let id = u16::try_from(id).unwrap_or(Extension::MAX_ID);
        self.extensions.push(Extension::new(id, uri));
        self
    }

    /// Takes data channels, too.
    #[must_use]
    pub fn data_channels(mut self, data: DataChannels) -> Self {
        self.data = Some(data);
        self
    }

    /// Which way media is to flow, seen from us.
    #[must_use]
    pub const fn direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// A section of this kind, for an offer of ours.
    #[must_use]
    pub fn media(&self, kind: MediaKind) -> Media {
        if let (MediaKind::Application, Some(data)) = (&kind, &self.data) {
            return Media::data_channels(data.clone());
        }
        let codecs = self.codecs.iter().filter(|(of, _)| *of == kind);
        Media {
            codecs: codecs.map(|(_, codec)| codec.clone()).collect(),
            extensions: self.extensions.clone(),
            direction: self.direction,
            rtcp_rsize: true,
            extmap_allow_mixed: true,
            ..Media::new(kind)
        }
    }

    /// Our side of an offered section: all of it that we can do.
    fn take(&self, section: &Section) -> Option<Media> {
        let offered = &section.media;
        let mut media = offered.mirrored();
        media.direction = self.direction;
        if section.payload() == Some(Payload::Data) {
            media.data = Some(self.data.clone()?);
            return Some(media);
        }
        media.codecs = self.codecs(offered);
        media
            .extensions
            .retain(|offered| self.extensions.iter().any(|ours| ours.uri == offered.uri));
        media.codecs.iter().any(is_primary).then_some(media)
    }

    /// The offered codecs that we can do, in our order, each followed by its retransmission format.
    fn codecs(&self, offered: &Media) -> Vec<Codec> {
        let ours = || self.codecs.iter().filter(|(kind, _)| *kind == offered.kind);
        let repeated = |number: u8| {
            let mut ours = ours().map(|(_, codec)| codec);
            ours.any(|codec| codec.repeats() == Some(number))
        };
        let mut taken: Vec<Codec> = Vec::new();
        for (_, ours) in ours().filter(|(_, codec)| !codec.is("rtx")) {
            for theirs in offered.codecs.iter().filter(|it| ours.is_compatible(it)) {
                if taken
                    .iter()
                    .any(|it| it.payload_type == theirs.payload_type)
                {
                    continue;
                }
                let mut codec = theirs.clone();
                codec
                    .feedback
                    .retain(|kind| ours.feedback.iter().any(|it| it == kind));
                taken.push(codec);
                let repeats = |it: &&Codec| it.repeats() == Some(theirs.payload_type);
                if repeated(ours.payload_type) {
                    taken.extend(offered.codecs.iter().find(repeats).cloned());
                }
            }
        }
        taken
    }
}

impl Decide for &Capabilities {
    /// In a section that both sides have already, our direction, streams and sources stay.
    fn decide(&mut self, section: &Section, current: Option<&Media>) -> Option<Media> {
        let mut media = self.take(section)?;
        if let Some(current) = current {
            media.direction = current.direction;
            media.msids.clone_from(&current.msids);
            media.sources.clone_from(&current.sources);
            media.source_groups.clone_from(&current.source_groups);
            media.attributes.clone_from(&current.attributes);
            media.bandwidths.clone_from(&current.bandwidths);
        }
        Some(media)
    }
}
