//! What a section of either side says of its media.

use sdp_types::{Attribute, Bandwidth};

use super::write::{flag, pair};
use super::{Codec, DataChannels, Direction, Extension, MediaKind, Msid, Payload, Rid, Simulcast};
use super::{Source, SourceGroup};

/// The media of one section: what its author sends and takes. Nothing in it concerns the transport, which
/// all sections of a session share.
///
/// For a section of the peer it holds what was read. Ours are made from it: either one that [`Media::new`] begins, or
/// one that mirrors the peer's, [`Media::mirrored`]. Its fields may be changed freely.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Media {
    /// What kind it is.
    pub kind: MediaKind,
    /// Which way it flows, seen from its author. In ours it is what we want; what is agreed on is
    /// never more than the peer wants too.
    pub direction: Direction,
    /// The codecs, in order of preference.
    pub codecs: Vec<Codec>,
    /// The header extensions of RTP.
    pub extensions: Vec<Extension>,
    /// Streams that are known by their names.
    pub rids: Vec<Rid>,
    /// Which of them are sent or taken at the same time.
    pub simulcast: Option<Simulcast>,
    /// The streams of the application, and the track, of what its author sends.
    pub msids: Vec<Msid>,
    /// The SSRCs of what its author sends, as far as they are known.
    pub sources: Vec<Source>,
    /// How they relate to each other.
    pub source_groups: Vec<SourceGroup>,
    /// `a=rtcp-rsize`: RTCP need not be compound (RFC 5506).
    pub rtcp_rsize: bool,
    /// `a=extmap-allow-mixed`: header extensions of both forms may be mixed (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// What data channels need, in a section of theirs.
    pub data: Option<DataChannels>,
    /// The `b=` lines: the type, such as `AS`, and the number.
    pub bandwidths: Vec<(String, u64)>,
    /// All other attributes, such as `ptime`, with their values. In ours, those that belong to the
    /// transport or to another field are not written.
    pub attributes: Vec<(String, Option<String>)>,
}

impl Media {
    /// Media of this kind, both ways, and nothing else.
    #[must_use]
    pub fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            direction: Direction::SendRecv,
            codecs: Vec::new(),
            extensions: Vec::new(),
            rids: Vec::new(),
            simulcast: None,
            msids: Vec::new(),
            sources: Vec::new(),
            source_groups: Vec::new(),
            rtcp_rsize: false,
            extmap_allow_mixed: false,
            data: None,
            bandwidths: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// A section of data channels.
    #[must_use]
    pub fn data_channels(data: DataChannels) -> Self {
        Self {
            data: Some(data),
            ..Self::new(MediaKind::Application)
        }
    }

    /// Takes everything that this offers: the same codecs in the same order, the same extensions, the same
    /// streams in the other direction. What we send ourselves, [`Media::msids`] and
    /// [`Media::sources`], is left empty, and so is whatever means nothing to us.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let rids = self.rids.iter().map(|rid| Rid {
            direction: rid.direction.reversed(),
            ..rid.clone()
        });
        let extensions = self.extensions.iter().map(|extension| Extension {
            direction: extension.direction.map(Direction::reversed),
            ..extension.clone()
        });
        Self {
            direction: self.direction.reversed(),
            codecs: self.codecs.clone(),
            extensions: extensions.collect(),
            rids: rids.collect(),
            simulcast: self.simulcast.as_ref().map(Simulcast::reversed),
            rtcp_rsize: self.rtcp_rsize,
            extmap_allow_mixed: self.extmap_allow_mixed,
            data: self
                .data
                .is_some()
                .then(|| DataChannels::new(DataChannels::USUAL_MAX_MESSAGE_SIZE)),
            ..Self::new(self.kind.clone())
        }
    }

    /// This with other codecs and extensions.
    pub(in crate::signalling) fn reduced(
        &self,
        codecs: Vec<Codec>,
        extensions: Vec<Extension>,
    ) -> Self {
        Self {
            codecs,
            extensions,
            kind: self.kind.clone(),
            direction: self.direction,
            rids: self.rids.clone(),
            simulcast: self.simulcast.clone(),
            msids: self.msids.clone(),
            sources: self.sources.clone(),
            source_groups: self.source_groups.clone(),
            rtcp_rsize: self.rtcp_rsize,
            extmap_allow_mixed: self.extmap_allow_mixed,
            data: self.data.clone(),
            bandwidths: self.bandwidths.clone(),
            attributes: self.attributes.clone(),
        }
    }

    /// What its transport carries.
    #[must_use]
    pub const fn payload(&self) -> Payload {
        match self.data {
            Some(_) => Payload::Data,
            None => Payload::Rtp,
        }
    }

    /// The codec with this payload type.
    #[must_use]
    pub fn codec(&self, payload_type: u8) -> Option<&Codec> {
        self.codecs
            .iter()
            .find(|codec| codec.payload_type == payload_type)
    }

    /// The number of a header extension.
    #[must_use]
    pub fn extension_id(&self, uri: &str) -> Option<u16> {
        let mut extensions = self.extensions.iter();
        extensions
            .find(|extension| extension.uri == uri)
            .map(|extension| extension.id)
    }

    /// The last words of the m-line.
    pub(super) fn formats(&self) -> String {
        match &self.data {
            Some(data) => data.format.clone(),
            None => {
                let numbers = self.codecs.iter().map(|codec| codec.payload_type);
                numbers
                    .map(|number| number.to_string())
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        }
    }

    pub(super) fn bandwidth_lines(&self) -> Vec<Bandwidth> {
        let lines = self.bandwidths.iter().map(|(kind, bandwidth)| Bandwidth {
            bwtype: kind.clone(),
            bandwidth: *bandwidth,
        });
        lines.collect()
    }

    /// All attributes that are ours to write.
    pub(super) fn write(&self, attributes: &mut Vec<Attribute>) {
        if let Some(data) = &self.data {
            data.write(attributes);
        } else {
            attributes.push(flag(self.direction.name()));
            self.write_rtp(attributes);
        }
        let others = self.attributes.iter();
        let others = others.filter(|(name, _)| !is_reserved(name));
        attributes.extend(others.map(|(name, value)| Attribute {
            attribute: name.clone(),
            value: value.clone(),
        }));
    }

    fn write_rtp(&self, attributes: &mut Vec<Attribute>) {
        if self.rtcp_rsize {
            attributes.push(flag("rtcp-rsize"));
        }
        for extension in &self.extensions {
            attributes.push(pair("extmap", extension.value()));
        }
        for codec in &self.codecs {
            codec.write(attributes);
        }
        for rid in &self.rids {
            attributes.push(pair("rid", rid.value()));
        }
        if let Some(simulcast) = &self.simulcast
            && !simulcast.is_empty()
        {
            attributes.push(pair("simulcast", simulcast));
        }
        if !self.direction.sends() {
            return;
        }
        for msid in &self.msids {
            attributes.push(pair("msid", msid.value()));
        }
        for group in &self.source_groups {
            attributes.push(pair("ssrc-group", group.value()));
        }
        for source in &self.sources {
            source.write(attributes);
        }
    }
}

/// Whether an attribute is written from a field of its own, or has no place in our descriptions.
pub(super) fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 34] = [
        "bundle-only",
        "candidate",
        "crypto",
        "cryptex",
        "end-of-candidates",
        "extmap",
        "extmap-allow-mixed",
        "fingerprint",
        "fmtp",
        "group",
        "ice-lite",
        "ice-options",
        "ice-pwd",
        "ice-ufrag",
        "inactive",
        "max-message-size",
        "mid",
        "msid",
        "recvonly",
        "remote-candidates",
        "rid",
        "rtcp",
        "rtcp-fb",
        "rtcp-mux",
        "rtcp-mux-only",
        "rtcp-rsize",
        "rtpmap",
        "sctp-port",
        "sctpmap",
        "sendonly",
        "sendrecv",
        "setup",
        "simulcast",
        "tls-id",
    ];
    RESERVED.contains(&name) || matches!(name, "ssrc" | "ssrc-group")
}
