//! A peer: a browser, or a program that makes or takes one call, and what it says.

use std::process::Command;

use interop::browser::Kind;

use super::plan::{Caller, Special};
use crate::dtls::{Profile, Role};

/// What is known of a peer.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Says its version, if it is here.
    pub(crate) version: fn() -> Option<String>,
    /// What installs it.
    pub(crate) install: &'static str,
    pub(crate) callers: &'static [Caller],
    /// Our roles in the DTLS handshake.
    pub(crate) roles: &'static [Role],
    pub(crate) dtls: &'static [&'static str],
    /// Groups of DTLS 1.3.
    pub(crate) groups13: &'static [&'static str],
    /// SRTP profiles, the usual one first.
    pub(crate) profiles: &'static [Profile],
    pub(crate) specials: &'static [Special],
    pub(crate) media: Media,
    pub(crate) how: How,
}

/// What a peer sends and tells of what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// It sends a tone of [`super::PEER_TONE`], and tells the frequency that it hears.
    Tone,
    /// It sends back what it receives: both directions are heard in one recording.
    Echo,
    /// It sends a tone of [`super::PEER_TONE`] and receives nothing.
    Sends,
}

/// How a peer is run.
pub(crate) enum How {
    Browser(Kind),
    /// A program that is called with `offer URL SECONDS` or `answer PORT SECONDS`.
    Program(fn() -> Command),
    /// A program that needs other arguments: the URL, how many seconds it sends, our role.
    Sender(fn(&str, u32, Role) -> Command),
}

/// What a peer told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) connected: bool,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// The frequency that it heard, in Hz.
    pub(crate) heard: Option<u64>,
    /// `1.2` or `1.3`.
    pub(crate) version: Option<String>,
    /// IANA's name.
    pub(crate) profile: Option<String>,
    pub(crate) error: Option<String>,
}

impl Facts {
    /// Reads all that a program of `interop/peers/` printed: lines `word value`.
    pub(crate) fn read(text: &str) -> Self {
        let mut facts = Self::default();
        for line in text.lines() {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            let value = value.trim();
            match word {
                "connected" => facts.connected = true,
                "sent" => facts.sent = value.parse().unwrap_or(0),
                "received" => facts.received = value.parse().unwrap_or(0),
                "heard" => facts.heard = value.parse().ok(),
                "version" => facts.version = Some(value.to_owned()),
                "profile" => facts.profile = Some(value.to_owned()),
                "error" => facts.error = Some(value.to_owned()),
                _ => {}
            }
        }
        facts
    }
}
