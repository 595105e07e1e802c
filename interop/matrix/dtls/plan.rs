//! Which handshakes are tried with a peer.

use std::fmt;

use super::peer::Peer;

/// Our side of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// The peer's side.
    pub(crate) fn peer(self) -> &'static str {
        match self {
            Self::Client => "server",
            Self::Server => "client",
        }
    }
}

/// An SRTP profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// IANA's name.
    pub(crate) iana: &'static str,
    /// IANA's number.
    pub(crate) id: u16,
    /// Bytes of keys and salts for both directions.
    pub(crate) keys: usize,
}

pub(crate) const GCM_128: Profile = Profile {
    iana: "SRTP_AEAD_AES_128_GCM",
    id: 7,
    keys: 56,
};

pub(crate) const GCM_256: Profile = Profile {
    iana: "SRTP_AEAD_AES_256_GCM",
    id: 8,
    keys: 88,
};

pub(crate) const CM_80: Profile = Profile {
    iana: "SRTP_AES128_CM_HMAC_SHA1_80",
    id: 1,
    keys: 60,
};

pub(crate) const CM_32: Profile = Profile {
    iana: "SRTP_AES128_CM_HMAC_SHA1_32",
    id: 2,
    keys: 60,
};

/// One handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) role: Role,
    pub(crate) dtls: &'static str,
    pub(crate) profile: Profile,
    /// `ecdsa` or `rsa`, on both sides.
    pub(crate) certificate: &'static str,
    /// The group that we ask for.
    pub(crate) group: &'static str,
    /// It is the only one that we offer or take.
    pub(crate) fixed_group: bool,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role.name();
        let Self {
            dtls,
            certificate,
            group,
            ..
        } = self;
        write!(
            f,
            "{role}-{dtls}-{}-{certificate}-{group}",
            self.profile.iana
        )
    }
}

/// For each role and version: every profile once, every certificate once, every group once.
pub(super) fn shapes(peer: &Peer) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for role in [Role::Client, Role::Server] {
        for dtls in peer.dtls {
            let groups = if *dtls == "1.3" {
                peer.groups13
            } else {
                &["X25519"]
            };
            let usual = Shape {
                role,
                dtls,
                profile: peer.profiles[0],
                certificate: peer.certificates[0],
                group: groups[0],
                fixed_group: false,
            };
            let profiles = peer
                .profiles
                .iter()
                .map(|&profile| Shape { profile, ..usual });
            let others = peer.certificates.iter().skip(1);
            let certificates = others.map(|certificate| Shape {
                certificate,
                ..usual
            });
            let only = |group| Shape {
                group,
                fixed_group: true,
                ..usual
            };
            let groups: Vec<_> = match *dtls {
                "1.3" => groups.iter().map(|group| only(group)).collect(),
                _ => Vec::new(),
            };
            shapes.extend(profiles.chain(certificates).chain(groups));
        }
    }
    shapes
}
