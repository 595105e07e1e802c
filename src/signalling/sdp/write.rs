//! The text of a description of ours.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sdp_types::{Attribute, Connection, Origin, Session, Time};

use super::{Direction, Media, MediaKind};

/// What a description of ours says for all its sections.
#[derive(Debug)]
pub(in crate::signalling) struct SessionLevel {
    /// The number in the `o=` line (RFC 8866 §5.2).
    pub(in crate::signalling) id: u64,
    /// How many descriptions went before.
    pub(in crate::signalling) version: u64,
    /// The default address (RFC 8839 §4.2.1.2), if we have one.
    pub(in crate::signalling) address: Option<SocketAddr>,
    pub(in crate::signalling) attributes: Vec<Attribute>,
}

/// An m-line of ours.
#[derive(Debug)]
pub(in crate::signalling) struct Line<'a> {
    pub(in crate::signalling) kind: &'a MediaKind,
    pub(in crate::signalling) protocol: &'a str,
    pub(in crate::signalling) mid: Option<&'a str>,
    pub(in crate::signalling) content: Content<'a>,
}

/// What an m-line of ours says.
#[derive(Debug)]
pub(in crate::signalling) enum Content<'a> {
    /// RFC 3264 §6: what is not taken is repeated with port 0, and with the formats it had.
    Rejected { formats: &'a str },
    Media {
        media: &'a Media,
        /// Of the transport, and whatever else stands around the media.
        attributes: Vec<Attribute>,
        /// RFC 9143 §6: port 0, and yet no rejection.
        bundle_only: bool,
    },
}

/// The text of a description.
pub(in crate::signalling) fn write(session: SessionLevel, lines: &[Line<'_>]) -> String {
    // RFC 8839 §4.2.1.2: without a candidate, the address is unspecified and the port 9.
    let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9);
    let address = session.address.unwrap_or(nowhere);
    let origin = Origin::with_ip_addr(session.id, session.version, address.ip());
    let mut description = Session::new(origin, "-");
    description.times = vec![Time::new(0, 0)];
    description.attributes = session.attributes;
    description.medias = lines.iter().map(|line| line.write(address)).collect();
    description.to_string()
}

impl Line<'_> {
    fn write(&self, address: SocketAddr) -> sdp_types::Media {
        let mid = self.mid.map(|mid| pair("mid", mid));
        let mut media = sdp_types::Media {
            media: self.kind.to_string(),
            port: 0,
            num_ports: None,
            proto: self.protocol.to_owned(),
            fmt: String::new(),
            media_title: None,
            connections: vec![Connection::from_ip_addr(Ipv4Addr::UNSPECIFIED)],
            bandwidths: Vec::new(),
            key: None,
            attributes: mid.into_iter().collect(),
        };
        match &self.content {
            Content::Rejected { formats } => {
                (*formats).clone_into(&mut media.fmt);
                media.attributes.push(flag(Direction::Inactive.name()));
            }
            Content::Media {
                media: said,
                attributes,
                bundle_only,
            } => {
                media.fmt = said.formats();
                media.bandwidths = said.bandwidth_lines();
                if *bundle_only {
                    media.attributes.push(flag("bundle-only"));
                } else {
                    media.port = address.port();
                    media.connections = vec![Connection::from_ip_addr(address.ip())];
                }
                media.attributes.extend_from_slice(attributes);
                said.write(&mut media.attributes);
            }
        }
        media
    }
}

/// An attribute with a value.
pub(in crate::signalling) fn pair(name: &str, value: impl ToString) -> Attribute {
    Attribute::with_value(name, value)
}

/// An attribute without a value.
pub(in crate::signalling) fn flag(name: &str) -> Attribute {
    Attribute::new(name)
}
