//! Which calls are tried with a peer.

use std::fmt;

use super::peer::{Media, Peer};
use crate::dtls::{Profile, Role};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The peer offers, `demo-call listen` answers.
    Peer,
    /// `demo-call dial` offers, the peer answers.
    We,
}

/// What is special about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    Nothing,
    /// Both sides have RSA certificates.
    Rsa,
    /// A proxy loses, doubles and reorders datagrams.
    Impaired,
    /// The peer refuses calls without Cryptex.
    Cryptex,
    /// The peer has DTLS inside STUN.
    Sped,
    /// The peer has no UDP: ICE-TCP (RFC 6544).
    Tcp,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) caller: Caller,
    /// Our role in the DTLS handshake.
    pub(crate) role: Role,
    pub(crate) dtls: &'static str,
    /// The only group that we offer or take, if it is given.
    pub(crate) group: Option<&'static str>,
    /// The only SRTP profile that we offer or take.
    pub(crate) profile: Profile,
    pub(crate) special: Special,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let caller = match self.caller {
            Caller::Peer => "offers",
            Caller::We => "answers",
        };
        let role = self.role.name();
        write!(f, "{caller}-{role}-{}-{}", self.dtls, self.profile.iana)?;
        if let Some(group) = self.group {
            write!(f, "-{group}")?;
        }
        match self.special {
            Special::Nothing => Ok(()),
            special => write!(f, "-{special:?}"),
        }
    }
}

/// Every caller, role, version and group with the usual profile; then every other profile, and what
/// is special, once for each version.
pub(super) fn shapes(peer: &Peer) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for &caller in peer.callers {
        for &role in peer.roles {
            for &dtls in peer.dtls {
                let groups: Vec<_> = match dtls {
                    "1.3" => peer.groups13.iter().map(|&group| Some(group)).collect(),
                    _ => vec![None],
                };
                shapes.extend(groups.into_iter().map(|group| Shape {
                    caller,
                    role,
                    dtls,
                    group,
                    profile: peer.profiles[0],
                    special: Special::Nothing,
                }));
            }
        }
    }
    let mut more = Vec::new();
    for &dtls in peer.dtls {
        // As server, in a call that the peer makes, or the only way it has.
        let Some(usual) = shapes.iter().find(|shape| shape.dtls == dtls).copied() else {
            continue;
        };
        let profiles = peer.profiles.iter().skip(1);
        more.extend(profiles.map(|&profile| Shape { profile, ..usual }));
        let specials = peer.specials.iter();
        // With every group: our own choice is what has to work.
        more.extend(specials.map(|&special| Shape {
            special,
            group: None,
            ..usual
        }));
    }
    // What is special as client too.
    let as_client = more
        .iter()
        .filter(|shape| shape.special != Special::Nothing);
    let as_client: Vec<_> = as_client
        .map(|&shape| Shape {
            role: Role::Client,
            ..shape
        })
        .collect();
    shapes.extend(more);
    shapes.extend(as_client);
    shapes
}

impl Shape {
    /// What the columns of the table do not say.
    pub(super) fn detail(&self, peer: &Peer) -> String {
        let caller = match self.caller {
            Caller::Peer => "it calls",
            Caller::We => "we call",
        };
        let special = match self.special {
            Special::Nothing => "",
            Special::Rsa => ", RSA certificates",
            Special::Impaired => ", datagrams lost, doubled and reordered",
            Special::Cryptex => ", Cryptex required",
            Special::Sped => ", DTLS inside STUN",
            Special::Tcp => ", over TCP",
        };
        let media = match peer.media {
            Media::Tone => ", tones heard at both ends",
            Media::Echo => ", our tone comes back",
            Media::Sends => ", it only sends",
        };
        format!("{caller}{special}{media}")
    }
}
