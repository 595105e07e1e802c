//! One call: the gate's session and the media that goes through it.
//!
//! The verbs are those of the session, and what was said of polling there holds here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use portcullis::{CloseReason, Received, Session, SessionEvent, Transmit};

use crate::error::Error;
use crate::incoming::RecordTo;
use crate::media::{Media, MediaConfig, Outgoing};
use crate::opus::Clip;
use crate::player::{Pace, Player};
use crate::report::{Report, Security};
use crate::rtp::Stream;

/// How long a call may take to be secured: ICE gives up after 39.5 s (RFC 8489 §6.2.1), a person
/// sooner.
const SETUP_LIMIT: Duration = Duration::from_secs(15);

/// How long a side that has said all waits for the other to do so, after it last heard from it.
const PARTING_LIMIT: Duration = Duration::from_secs(3);

/// What a call plays and records.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) clip: Arc<Clip>,
    pub(crate) repeat: bool,
    pub(crate) pace: Pace,
    /// Whether to hang up when all was played, or to wait until the peer leaves.
    pub(crate) until: Until,
    pub(crate) record: Option<RecordTo>,
    pub(crate) arrivals: Option<Arc<AtomicU64>>,
    pub(crate) payload_type: u8,
    pub(crate) name: String,
}

/// What ends a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// This side has played all.
    Played,
    /// Both sides have played all.
    BothPlayed,
    /// The peer leaves.
    PeerLeaves,
}
