//! Data channels: what a section of SCTP over DTLS says (RFC 8841, RFC 8864).

use sdp_types::Attribute;

use super::write::pair;

/// One side of an SCTP association over DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataChannels {
    /// `a=sctp-port`.
    pub port: u16,
    /// `a=max-message-size`: the largest message that its author takes; 0 means any.
    pub max_message_size: u64,
    /// What stands for them in the m-line.
    pub(super) format: String,
    /// The rest of the `a=sctpmap` that a section has in the form from before RFC 8841. The m-line bears
    /// the port then.
    sctpmap: Option<String>,
}

impl DataChannels {
    /// The largest message in the descriptions of Chromium.
    pub const USUAL_MAX_MESSAGE_SIZE: u64 = 262_144;

    /// RFC 8841 §6: what holds without the attribute.
    const DEFAULT_MAX_MESSAGE_SIZE: u64 = 65_536;

    /// At SCTP port 5000, which everybody uses, for messages of at most this size.
    #[must_use]
    pub fn new(max_message_size: u64) -> Self {
        Self {
            port: 5000,
            max_message_size,
            format: "webrtc-datachannel".to_owned(),
            sctpmap: None,
        }
    }

    /// As an m-line says it.
    pub(super) fn listed(formats: &str) -> Self {
        Self {
            // Before RFC 8841 the format was the port.
            port: formats.trim().parse().unwrap_or(5000),
            max_message_size: Self::DEFAULT_MAX_MESSAGE_SIZE,
            format: formats.to_owned(),
            sctpmap: None,
        }
    }

    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        match name {
            "sctp-port" => self.port = value.parse().unwrap_or(self.port),
            "max-message-size" => {
                self.max_message_size = value.parse().unwrap_or(self.max_message_size);
            }
            "sctpmap" => {
                let rest = value.split_once(' ').map_or("", |(_, rest)| rest);
                self.sctpmap = Some(rest.to_owned());
            }
            _ => return false,
        }
        true
    }

    pub(super) fn write(&self, attributes: &mut Vec<Attribute>) {
        match &self.sctpmap {
            None => attributes.push(pair("sctp-port", self.port)),
            Some(rest) => attributes.push(pair("sctpmap", format!("{} {rest}", self.port))),
        }
        attributes.push(pair("max-message-size", self.max_message_size));
    }

    /// Ours, written in the form of the offer.
    pub(in crate::signalling) fn in_form_of(&self, offered: &Self) -> Self {
        Self {
            // In the old form the port is the format too, which an answer takes over.
            port: match offered.sctpmap {
                Some(_) => offered.port,
                None => self.port,
            },
            max_message_size: self.max_message_size,
            format: offered.format.clone(),
            sctpmap: offered.sctpmap.clone(),
        }
    }
}
