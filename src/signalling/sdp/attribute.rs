//! The values of `a=setup` and of the direction attributes.

use std::fmt;

/// `a=setup`: who begins the DTLS handshake (RFC 4145 §4, RFC 8842 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Either; the answer decides.
    ActPass,
    /// The sender is the DTLS client.
    Active,
    /// The sender is the DTLS server.
    Passive,
}

impl Setup {
    /// Reads the attribute's value. `holdconn` is not accepted: it asks for no connection at all.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ActPass, Self::Active, Self::Passive]
            .into_iter()
            .find(|setup| setup.name() == name)
    }

    /// The attribute's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The direction of a media line, seen by the one who says it (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It sends only.
    SendOnly,
    /// It receives only.
    RecvOnly,
    /// Nothing for now.
    Inactive,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SendRecv,
        Self::SendOnly,
        Self::RecvOnly,
        Self::Inactive,
    ];

    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether its owner sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether its owner receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            both_or_neither => both_or_neither,
        }
    }

    /// The direction of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.name() == name)
    }

    /// How much of what we want we may do, when the peer says `remote` (RFC 3264 §6.1).
    #[must_use]
    pub const fn agreed(self, remote: Self) -> Self {
        match (
            self.sends() && remote.receives(),
            self.receives() && remote.sends(),
        ) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3264 §6.1: an answer never takes more than the offer gives.
    #[test]
    fn directions_agree_on_what_both_want() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        for (ours, theirs, agreed) in [
            (SendRecv, SendRecv, SendRecv),
            (SendRecv, SendOnly, RecvOnly),
            (SendRecv, RecvOnly, SendOnly),
            (SendRecv, Inactive, Inactive),
            (RecvOnly, RecvOnly, Inactive),
            (SendOnly, SendRecv, SendOnly),
        ] {
            assert_eq!(ours.agreed(theirs), agreed, "{ours:?} {theirs:?}");
        }
    }
}
