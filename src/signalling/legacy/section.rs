//! The media sections of a peer's description.

use sdp_types::{Attribute, Media};

use super::Direction;

/// A media section: as much of it as an answer has to repeat, or a session to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// `audio`, `video`, `application` and so on.
    pub kind: String,
    /// The port; 0 in an answer is a refusal (RFC 3264 §6).
    pub port: u16,
    /// The transport, such as `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// The payload types, or what stands in their place.
    pub formats: String,
    /// `a=mid` (RFC 5888).
    pub mid: Option<String>,
    /// Which way its author wants media to flow.
    pub direction: Direction,
    /// The payload type of Opus (RFC 7587), if it is listed.
    pub opus: Option<u8>,
    /// It has port 0, and this is not the `bundle-only` form: its author does not want it.
    pub rejected: bool,
}

impl Section {
    /// Reads a section; `bundle` lists the mids of the BUNDLE group.
    pub(super) fn read(media: &Media, session: &[Attribute], bundle: &[&str]) -> Self {
        let mid = value(&media.attributes, "mid");
        // RFC 9143 §6: port 0 within a group is a bundle-only section, and no rejection, in offers;
        // an answer's rejected sections are in no group.
        let bundled = mid.is_some_and(|mid| bundle.contains(&mid));
        Self {
            kind: media.media.clone(),
            port: media.port,
            protocol: media.proto.clone(),
            formats: media.fmt.clone(),
            mid: mid.map(str::to_owned),
            direction: direction(&media.attributes)
                .or_else(|| direction(session))
                .unwrap_or_default(),
            opus: opus(media),
            rejected: media.port == 0 && !bundled,
        }
    }

    /// Whether it is one that a session can carry.
    pub(super) fn is_usable(&self) -> bool {
        // RFC 8834 §4.2: SAVPF must be understood; SAVP differs by feedback timing alone.
        let secure = matches!(
            self.protocol.as_str(),
            "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP"
        );
        self.kind == "audio" && secure && self.opus.is_some() && !self.rejected
    }
}

/// The value of the first attribute of this name, without space around it.
pub(super) fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    values(attributes, name).next()
}

/// The values of all attributes of this name.
pub(super) fn values<'a>(attributes: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.attribute == name)
        .map(|attribute| attribute.value.as_deref().unwrap_or_default().trim())
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| {
        Direction::ALL
            .into_iter()
            .find(|direction| direction.name() == attribute.attribute)
    })
}

/// The payload type that an `a=rtpmap` gives to Opus (RFC 7587 §7) and that the m-line lists.
fn opus(media: &Media) -> Option<u8> {
    values(&media.attributes, "rtpmap")
        .filter_map(|map| map.split_once(' '))
        .filter(|(_, codec)| codec.trim().eq_ignore_ascii_case("opus/48000/2"))
        .filter(|(number, _)| media.fmt.split(' ').any(|listed| listed == *number))
        .filter_map(|(number, _)| number.parse().ok())
        .find(|number| *number < 128)
}
