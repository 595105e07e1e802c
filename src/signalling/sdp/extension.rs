//! Header extensions of RTP (RFC 8285).

use super::Direction;

/// What an `a=extmap` says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension {
    /// The number in RTP packets.
    pub id: u16,
    /// What it is, such as `urn:ietf:params:rtp-hdrext:sdes:mid`.
    pub uri: String,
    /// In which direction it is used, if that is restricted.
    pub direction: Option<Direction>,
    /// Its own attributes; empty if it has none.
    pub attributes: String,
}

impl Extension {
    /// RFC 8285 §4.3: the largest number that a packet can bear. Those above stand for a choice that
    /// is left to the answer.
    pub const MAX_ID: u16 = 255;

    /// An extension that is used both ways.
    #[must_use]
    pub fn new(id: u16, uri: &str) -> Self {
        Self {
            id,
            uri: uri.to_owned(),
            direction: None,
            attributes: String::new(),
        }
    }

    /// RFC 8285 §8: `4/recvonly URI attributes`.
    pub(super) fn read(value: &str) -> Option<Self> {
        let (id, rest) = value.split_once(' ')?;
        let (id, direction) = match id.split_once('/') {
            Some((id, direction)) => (id, Some(Direction::from_name(direction)?)),
            None => (id, None),
        };
        let (uri, attributes) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        Some(Self {
            id: id.parse().ok()?,
            uri: uri.to_owned(),
            direction,
            attributes: attributes.trim().to_owned(),
        })
    }

    pub(super) fn value(&self) -> String {
        let Self {
            id,
            uri,
            direction,
            attributes,
        } = self;
        let direction = direction.map_or(String::new(), |it| format!("/{}", it.name()));
        let attributes = match attributes.as_str() {
            "" => String::new(),
            some => format!(" {some}"),
        };
        format!("{id}{direction} {uri}{attributes}")
    }
}
