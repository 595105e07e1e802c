//! STUN and ICE for media servers, sans-I/O.
//!
//! - [`stun`]: zero-copy views of STUN messages and a writer into the caller's buffer (RFC 8489).
//! - [`LiteAgent`]: the ICE-lite agent of a server (RFC 8445, RFC 8839), with consent (RFC 7675).
//! - [`ControllingAgent`]: the small full agent that a caller needs, against a lite or a full peer.
//! - [`tcp`]: the RFC 4571 framing of ICE-TCP (RFC 6544).
//!
//! No part reads a clock, opens a socket, starts a thread or draws randomness by itself: `now` and
//! bytes come in with each call, randomness comes with the configuration. A datagram that does not
//! authenticate changes nothing but a counter ([`Discard`]) and gets no answer.
//!
//! # Driving an agent
//!
//! After every `handle_*` call, and after every call that changes the agent, poll until `None`:
//! `poll_transmit`, then `poll_event`; then arm a timer for `poll_timeout`.
//!
//! # Paths
//!
//! A [`Path`] is a 5-tuple. It becomes valid only by a check that authenticated; until then
//! [`LiteAgent::is_valid`] is false, and DTLS or SRTP from it must be dropped. What may be sent, and
//! where, the agent decides for each datagram (`authorize_send`); it refuses without consent.
//!
//! **A key proves who speaks, a round trip proves where.** A peer that knows the password, and seals
//! its media, may still forge somebody else's source address. So the bytes that go to an address stay
//! below three times the bytes that came from it until the address is *proved*: a check of ours, whose
//! transaction id nobody could foresee, was answered from there ([`LiteAgent::prove_addresses`]; the
//! controlling agent's own checks do it anyway), or the peer has answered our flight of a handshake
//! that went only there (`prove`). A TCP connection has no limit, since its own handshake shows that somebody
//! is there; that it is the peer has to be proved as on any path. Nothing else lifts the limit, not even
//! media. A proof holds until the peer of another session proves to be there too ([`LiteAgent::doubt`]).
//!
//! **Sending follows the peer.** A new check, a packet of DTLS or SRTP (`confirm`), or an answer to one
//! of ours over another valid path moves sending there when the selected path is silent, for half a
//! second or for seven, depending on how much the sign tells; so a peer whose NAT gives it another
//! address keeps its call though it nominates nothing. Of nominated paths the one that carries traffic
//! stays; before there is traffic the higher priority wins as long as that path is heard, and the last
//! nomination when it is not. A path that is not proved takes nothing from one that is, if the peer is
//! known to answer checks. Replies (`authorize_reply`) go where the question came from.
//!
//! **Every transaction ends.** A request of the controlling agent is answered, or fails after its last
//! wait; a nomination that nobody answers gives way to that of another pair that works; consent is
//! asked for on each of them; a peer that answers every check with a role conflict is given up. Two
//! requests are never closer than Ta.
#![forbid(unsafe_code)]

mod candidate;
mod controlling;
mod credentials;
mod event;
mod lite;
mod path;
mod prover;
mod queue;
mod rate_limit;
mod remote;
mod request;
mod responder;
mod rtt;
mod selection;
mod statistics;
pub mod stun;
pub mod tcp;
mod transaction_memory;
mod valid_list;
mod valid_pair;

pub use candidate::{Candidate, CandidateError, CandidateKind};
pub use controlling::{ControllingAgent, ControllingConfig};
pub use credentials::{Credentials, CredentialsError};
pub use event::{
    ConsentLoss, Envelope, Event, FailureReason, Outcome, PathStanding, RemovalReason, SendRefused,
    Transmit,
};
pub use lite::{LiteAgent, LiteConfig};
pub use path::{Path, Transport};
pub use statistics::{Discard, Statistics};

/// A buffer of this many bytes holds every message that an agent writes without added attributes.
///
/// The longest is a check: two ufrags of 256 bytes make 537 of header and USERNAME, the other
/// attributes 60.
pub const MAX_MESSAGE: usize = 600;

/// A source of cryptographic randomness: it fills the whole slice it is given.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;
