//! The first and the third word of an m-line: what kind of media, and how it is carried.

use std::fmt;

/// What kind of media an m-line describes (RFC 8866 §5.14).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Text, as that of RFC 4103.
    Text,
    /// Data channels, usually.
    Application,
    /// Another one; `image` and `message` are registered.
    Other(Box<str>),
}

impl MediaKind {
    /// The word in the m-line.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Text => "text",
            Self::Application => "application",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for MediaKind {
    fn from(name: &str) -> Self {
        match name {
            "audio" => Self::Audio,
            "video" => Self::Video,
            "text" => Self::Text,
            "application" => Self::Application,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a section's transport carries, of what a session can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// RTP and RTCP, sealed as SRTP.
    Rtp,
    /// Records of DTLS with SCTP in them.
    Data,
}

impl Payload {
    /// What these words of an m-line stand for.
    ///
    /// RFC 9429 §5.1.2: peers name the same transport in eleven ways, for reasons of history. Which
    /// one says nothing; the answer repeats it.
    #[must_use]
    pub fn of(protocol: &str) -> Option<Self> {
        match protocol {
            "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP" | "TCP/DTLS/RTP/SAVPF"
            | "TCP/DTLS/RTP/SAVP" | "RTP/SAVPF" | "RTP/SAVP" | "RTP/AVPF" | "RTP/AVP" => {
                Some(Self::Rtp)
            }
            "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" | "DTLS/SCTP" => Some(Self::Data),
            _ => None,
        }
    }

    /// The words in offers of ours.
    pub(crate) const fn protocol(self) -> &'static str {
        match self {
            // RFC 8834 §4.2.
            Self::Rtp => "UDP/TLS/RTP/SAVPF",
            // RFC 8841 §4.
            Self::Data => "UDP/DTLS/SCTP",
        }
    }
}
