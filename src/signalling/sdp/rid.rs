//! Simulcast: the streams of one source (RFC 8851) and which of them are sent (RFC 8853).

use std::fmt;

/// Which way a stream goes, seen by the one who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RidDirection {
    /// It sends it.
    Send,
    /// It receives it.
    Recv,
}

impl RidDirection {
    const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Recv => "recv",
        }
    }

    /// The same seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Send => Self::Recv,
            Self::Recv => Self::Send,
        }
    }
}

/// What an `a=rid` says (RFC 8851 §4): a stream that is known by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rid {
    /// As in packets, by the extension `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`.
    pub id: String,
    /// Which way it goes.
    pub direction: RidDirection,
    /// The payload types that it may have; any, if there are none.
    pub payload_types: Vec<u8>,
    /// The other restrictions, such as `max-width=640;max-fps=15`; empty if there are none.
    pub restrictions: String,
}

impl Rid {
    /// A stream without restrictions.
    #[must_use]
    pub fn new(id: &str, direction: RidDirection) -> Self {
        Self {
            id: id.to_owned(),
            direction,
            payload_types: Vec::new(),
            restrictions: String::new(),
        }
    }

    pub(super) fn read(value: &str) -> Option<Self> {
        let mut words = value.splitn(3, ' ');
        let id = words.next()?;
        let direction = match words.next()? {
            "send" => RidDirection::Send,
            "recv" => RidDirection::Recv,
            _ => return None,
        };
        let restrictions = words.next().unwrap_or_default().trim();
        let (payload_types, restrictions) = match restrictions.strip_prefix("pt=") {
            // RFC 8851 §4: the payload types go first.
            Some(list) => list.split_once(';').unwrap_or((list, "")),
            None => ("", restrictions),
        };
        Some(Self {
            id: id.to_owned(),
            direction,
            payload_types: payload_types
                .split(',')
                .filter_map(|number| number.trim().parse().ok())
                .collect(),
            restrictions: restrictions.to_owned(),
        })
    }

    pub(super) fn value(&self) -> String {
        let numbers: Vec<_> = self.payload_types.iter().map(u8::to_string).collect();
        let payload_types = match numbers.is_empty() {
            true => String::new(),
            false => format!("pt={}", numbers.join(",")),
        };
        let restrictions: Vec<_> = [payload_types.as_str(), &self.restrictions]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let mut value = format!("{} {}", self.id, self.direction.name());
        if !restrictions.is_empty() {
            value.push(' ');
            value.push_str(&restrictions.join(";"));
        }
        value
    }
}

/// One of the streams that stand for the same source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulcastStream {
    /// Which [`Rid`].
    pub rid: String,
    /// It is not sent for now.
    pub paused: bool,
}

/// What an `a=simulcast` says (RFC 8853 §5.1): in each direction the streams, best first or not, and
/// for each the formats that may be chosen for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulcast {
    /// What its author sends.
    pub send: Vec<Vec<SimulcastStream>>,
    /// What its author receives.
    pub recv: Vec<Vec<SimulcastStream>>,
}

impl Simulcast {
    /// `send h;m,M;~l recv a`.
    pub(super) fn read(value: &str) -> Option<Self> {
        let mut simulcast = Self::default();
        let mut words = value.split_ascii_whitespace();
        while let Some(direction) = words.next() {
            let streams = read_streams(words.next()?);
            match direction {
                "send" => simulcast.send = streams,
                "recv" => simulcast.recv = streams,
                _ => return None,
            }
        }
        Some(simulcast)
    }

    /// The same seen from the other side.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            send: self.recv.clone(),
            recv: self.send.clone(),
        }
    }

    /// Whether there is no stream at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.send.is_empty() && self.recv.is_empty()
    }
}

fn read_streams(list: &str) -> Vec<Vec<SimulcastStream>> {
    let stream = |word: &str| SimulcastStream {
        rid: word.strip_prefix('~').unwrap_or(word).to_owned(),
        paused: word.starts_with('~'),
    };
    list.split(';')
        .filter(|alternatives| !alternatives.is_empty())
        .map(|alternatives| alternatives.split(',').map(stream).collect())
        .collect()
}

impl fmt::Display for Simulcast {
    /// The value of the attribute.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (direction, streams) in [("send", &self.send), ("recv", &self.recv)] {
            if streams.is_empty() {
                continue;
            }
            let space = if first { "" } else { " " };
            write!(f, "{space}{direction} ")?;
            first = false;
            for (index, alternatives) in streams.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ";" })?;
                for (index, stream) in alternatives.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let paused = if stream.paused { "~" } else { "" };
                    write!(f, "{comma}{paused}{}", stream.rid)?;
                }
            }
        }
        Ok(())
    }
}
