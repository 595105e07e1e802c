//! An offer of ours, the first one or a later one.

use super::describe;
use super::lines::MLine;
use super::sdp::{Content, IceOptions, Line, Media, MediaKind, Payload, SessionLevel};
use super::sdp::{Setup, flag, pair, write};
use crate::session::LocalParameters;

/// An offer of ours that waits for its answer.
#[derive(Debug)]
pub(super) struct Offer {
    /// Its sections, in their order.
    pub(super) lines: Vec<Offered>,
    /// How many of those that the application has added are in it.
    pub(super) added: usize,
    /// No offer has been answered before.
    first: bool,
}

/// A section of it.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) mid: Option<Box<str>>,
    pub(super) kind: MediaKind,
    pub(super) protocol: Box<str>,
    /// What we want; or, for a section that is disabled, its last formats.
    pub(super) media: Result<Media, Box<str>>,
    /// Both sides have it already, so that the peer has no reason to refuse it.
    pub(super) is_current: bool,
}

impl Offer {
    /// RFC 9429 §5.2.2: sections keep their places, stopped ones too, until a new one takes the place.
    pub(super) fn new(lines: &[MLine], added: &[(Box<str>, Media)]) -> Self {
        let mut new = added.iter().map(|(mid, media)| Offered {
            mid: Some(mid.clone()),
            kind: media.kind.clone(),
            protocol: media.payload().protocol().into(),
            media: Ok(media.clone()),
            is_current: false,
        });
        let mut offered: Vec<_> = lines
            .iter()
            .map(|line| match (&line.agreed, line.stopping) {
                (None, _) => new.next().unwrap_or_else(|| line.disabled()),
                (Some(_), true) => line.disabled(),
                (Some(agreed), false) => Offered {
                    media: Ok(agreed.ours.clone()),
                    is_current: true,
                    ..line.disabled()
                },
            })
            .collect();
        offered.extend(new);
        Self {
            lines: offered,
            added: added.len(),
            first: lines.is_empty(),
        }
    }

    /// Whether all of its sections fit on one transport.
    pub(super) fn is_bundled(&self) -> bool {
        let mut live = self.live();
        live.clone().nth(1).is_none() || live.all(|line| line.mid.is_some())
    }

    fn live(&self) -> impl Iterator<Item = &Offered> + Clone {
        self.lines.iter().filter(|line| line.media.is_ok())
    }

    /// The section that we suggest for the transport's tag.
    ///
    /// RFC 9143 §7.5: any but one that we disable. An answerer can't refuse it alone (§7.3.3), so it is
    /// not a new one while there are others.
    fn tagged(&self) -> Option<usize> {
        let current = self.lines.iter().position(|line| line.is_current);
        current.or_else(|| self.lines.iter().position(|line| line.media.is_ok()))
    }

    /// RFC 9143 §7.5: the mids of the sections that are not disabled, the tagged one first.
    fn bundled(&self, tagged: Option<usize>) -> impl Iterator<Item = &str> {
        let others = self.lines.iter().enumerate();
        let others = others.filter(move |&(index, _)| Some(index) != tagged);
        let others = others.map(|(_, line)| line);
        let tagged = tagged.and_then(|index| self.lines.get(index));
        let live = tagged.into_iter().chain(others);
        let live = live.filter(|line| line.media.is_ok());
        live.filter_map(|line| line.mid.as_deref())
    }

    /// The text.
    pub(super) fn write(&self, id: u64, version: u64, local: &LocalParameters) -> String {
        let tagged = self.tagged();
        // RFC 8842 §5.2: an offer leaves the role open, and the answer keeps what was chosen before.
        let transport = describe::transport(local, Setup::ActPass, true);
        let lines: Vec<_> = self
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                let content = match &line.media {
                    Err(formats) => Content::Rejected { formats },
                    Ok(media) => {
                        let mut attributes = transport.clone();
                        if tagged == Some(index) {
                            attributes.extend(describe::candidates(local));
                        }
                        attributes.extend(around(media, local));
                        Content::Media {
                            media,
                            attributes,
                            // RFC 9143 §7.2: before the group is agreed on, only one section can have
                            // the address.
                            bundle_only: self.first && tagged != Some(index),
                        }
                    }
                };
                Line {
                    kind: &line.kind,
                    protocol: &line.protocol,
                    mid: line.mid.as_deref(),
                    content,
                }
            })
            .collect();
        let mut attributes = Vec::new();
        attributes.extend(local.ice_lite.then(|| flag("ice-lite")));
        // RFC 8445 §10.
        let options = IceOptions::ours(local.sped).value();
        attributes.extend(options.map(|options| pair("ice-options", options)));
        attributes.extend(describe::bundle(self.bundled(tagged)));
        let session = SessionLevel {
            id,
            version,
            address: local.candidates.first().map(|best| best.address),
            attributes,
        };
        write(session, &lines)
    }
}

/// What stands around the media of a section of ours, behind the transport's attributes.
fn around(media: &Media, local: &LocalParameters) -> Vec<sdp_types::Attribute> {
    let mut attributes = Vec::new();
    attributes.extend(local.cryptex.then(|| flag("cryptex")));
    if media.payload() == Payload::Rtp {
        // RFC 8858 §4.2: both, from an offerer that can't do without.
        attributes.extend([flag("rtcp-mux"), flag("rtcp-mux-only")]);
        let mixed = media.extmap_allow_mixed;
        attributes.extend(mixed.then(|| flag("extmap-allow-mixed")));
    }
    attributes
}
