//! The media sections of a peer's description.

use sdp_types::Attribute;

use super::SourceGroup;
use super::codec::Codecs;
use super::media::is_reserved;
use super::source::Sources;
use super::transport::Transport;
use super::{DataChannels, Direction, Extension, Media, MediaKind, Msid, Payload, Rid, Simulcast};

/// An m-line of the peer's and what stands below it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Section {
    /// `a=mid` (RFC 5888): its name.
    pub mid: Option<String>,
    /// The port. 0 is a refusal, or the form of a section that is [`Section::bundle_only`].
    pub port: u16,
    /// The words that name the transport, such as `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// The last words of the m-line: payload types, or what stands in their place.
    pub formats: String,
    /// `a=bundle-only` (RFC 9143 §6): it is offered as part of its group or not at all.
    pub bundle_only: bool,
    /// `a=rtcp-mux` (RFC 5761), or the `a=rtcp-mux-only` that means it too (RFC 8858).
    pub rtcp_mux: bool,
    /// Which of the description's BUNDLE groups it is in.
    pub group: Option<usize>,
    /// What it says of its media, with what the session level says for all.
    pub media: Media,
    pub(super) transport: Transport,
    /// `a=extmap-allow-mixed` stands at the section itself.
    pub(super) own_allow_mixed: bool,
}

impl Section {
    /// What its transport carries, if it is one that a session can have.
    #[must_use]
    pub fn payload(&self) -> Option<Payload> {
        Payload::of(&self.protocol)
    }

    /// Whether its author does not want it: it has port 0, and is not meant for its group only.
    ///
    /// RFC 9143 §6: port 0 with `a=bundle-only` in a group is an offer. In an answer it never is.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.port == 0 && !(self.bundle_only && self.group.is_some())
    }

    /// Reads a section. The caller finds out about its group.
    pub(super) fn read(media: sdp_types::Media, session: &SessionDefaults) -> Self {
        let payload = Payload::of(&media.proto);
        let formats = media.fmt;
        let mut reading = Reading {
            codecs: Codecs::listed(match payload {
                Some(Payload::Rtp) => &formats,
                _ => "",
            }),
            section: Self {
                mid: None,
                port: media.port,
                protocol: media.proto,
                bundle_only: false,
                rtcp_mux: session.rtcp_mux,
                group: None,
                media: Media {
                    data: (payload == Some(Payload::Data)).then(|| DataChannels::listed(&formats)),
                    ..Media::new(MediaKind::from(media.media.as_str()))
                },
                formats,
                transport: Transport::default(),
                own_allow_mixed: false,
            },
            direction: None,
            sources: Sources::default(),
        };
        let bandwidths = media.bandwidths.into_iter();
        reading.section.media.bandwidths = bandwidths
            .map(|line| (line.bwtype, line.bandwidth))
            .collect();
        for attribute in media.attributes {
            reading.take(attribute);
        }
        reading.finish(session)
    }
}

/// What the session level says for all sections, as far as it is of media.
#[derive(Default)]
pub(super) struct SessionDefaults {
    direction: Option<Direction>,
    extensions: Vec<Extension>,
    pub(super) allow_mixed: bool,
    rtcp_mux: bool,
    rtcp_rsize: bool,
}

impl SessionDefaults {
    pub(super) fn take(&mut self, name: &str, value: &str) {
        match name {
            "extmap"
                if self.extensions.len() < MAX_INHERITED && value.len() < MAX_INHERITED_LENGTH =>
            {
                self.extensions.extend(Extension::read(value));
            }
            "extmap-allow-mixed" => self.allow_mixed = true,
            "rtcp-mux" => self.rtcp_mux = true,
            "rtcp-rsize" => self.rtcp_rsize = true,
            _ => self.direction = self.direction.or_else(|| Direction::from_name(name)),
        }
    }
}

/// A section while its attributes are read.
struct Reading {
    section: Section,
    codecs: Codecs,
    sources: Sources,
    direction: Option<Direction>,
}

impl Reading {
    fn take(&mut self, Attribute { attribute, value }: Attribute) {
        let name = attribute.trim();
        let text = value.as_deref().unwrap_or_default().trim();
        let Section {
            mid,
            bundle_only,
            rtcp_mux,
            media,
            transport,
            own_allow_mixed,
            ..
        } = &mut self.section;
        let taken = transport.take(name, text)
            || self.codecs.take(name, text)
            || media
                .data
                .as_mut()
                .is_some_and(|data| data.take(name, text));
        if taken {
            return;
        }
        match name {
            "mid" if mid.is_none() => *mid = Some(text.to_owned()),
            "bundle-only" => *bundle_only = true,
            "rtcp-mux" | "rtcp-mux-only" => *rtcp_mux = true,
            "rtcp-rsize" => media.rtcp_rsize = true,
            "extmap-allow-mixed" => {
                *own_allow_mixed = true;
                media.extmap_allow_mixed = true;
            }
            "extmap" => media.extensions.extend(Extension::read(text)),
            "rid" => media.rids.extend(Rid::read(text)),
            "simulcast" => media.simulcast = Simulcast::read(text),
            "msid" => media.msids.extend(Msid::read(text)),
            "ssrc" => self.sources.take(text),
            "ssrc-group" => media.source_groups.extend(SourceGroup::read(text)),
            _ if is_reserved(name) => {
                self.direction = self.direction.or_else(|| Direction::from_name(name));
            }
            _ => media.attributes.push((attribute, value)),
        }
    }

    fn finish(self, session: &SessionDefaults) -> Section {
        let mut section = self.section;
        let media = &mut section.media;
        media.codecs = self.codecs.finish();
        media.sources = self.sources.finish();
        let direction = self.direction.or(session.direction);
        media.direction = direction.unwrap_or_default();
        if section.protocol.contains("RTP") {
            media.rtcp_rsize |= session.rtcp_rsize;
            media.extmap_allow_mixed |= session.allow_mixed;
            // RFC 8285 §5: at either level; a section's own go first.
            media.extensions.extend_from_slice(&session.extensions);
        }
        section
    }
}

/// The most header extensions that sections take over from the session level: packets of the short
/// form bear no more than 14. Each section gets a copy, so that the product has to be bounded.
const MAX_INHERITED: usize = 14;

/// The longest of them. The longest that is in use has 84 bytes.
const MAX_INHERITED_LENGTH: usize = 128;
