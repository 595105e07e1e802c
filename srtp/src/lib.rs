//! SRTP and SRTCP (RFC 3711, RFC 7714) in place, one packet at a time or in batches.
//!
//! A [`Sender`] protects all streams that go one way, a [`Receiver`] unprotects those that come the
//! other. Both are built from keys that move in ([`from_dtls`], [`Keys::from_raw`]); neither can be
//! cloned, reset or rewound, so that no nonce is used twice. No packet allocates but the first of
//! its SSRC. [`protect_batch`], [`unprotect_batch`] and [`protect_fan_out`] take packets of many
//! sessions at once, which is what fills the vector lanes of the kernels.
//!
//! ```
//! use srtp::{MAX_OVERHEAD, Profile, Receiver, ReceiverConfig, Role, Sender, SenderConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = Profile::AeadAes128Gcm;
//! # let exported: Vec<u8> = (0..profile.exported_len() as u8).collect();
//! let (keys, _) = srtp::from_dtls(profile, &exported, Role::Client)?;
//! let mut sender = Sender::new(keys, SenderConfig::default())?;
//! let (_, keys) = srtp::from_dtls(profile, &exported, Role::Server)?;
//! let mut receiver = Receiver::new(keys, ReceiverConfig::default())?;
//!
//! let packet = b"\x80\x60\0\x01\0\0\0\0\0\0\0\x01hello";
//! let mut buffer = [0; 100];
//! buffer[..packet.len()].copy_from_slice(packet);
//! assert!(packet.len() + MAX_OVERHEAD <= buffer.len());
//! let len = sender.protect_rtp(&mut buffer, packet.len())?;
//! let unprotected = receiver.unprotect_rtp(&mut buffer[..len])?;
//! assert_eq!(&buffer[..unprotected.len], packet);
//! # Ok(())
//! # }
//! ```
//!
//! Limits, and what was decided where the RFCs leave room: `docs/srtp.md` of the repository.
#![deny(unsafe_code)]

mod batch;
mod classify;
mod commit;
mod config;
mod cryptex;
mod error;
mod event;
mod extension;
mod header;
mod header_extension;
mod index;
mod kdf;
#[allow(unsafe_code)]
mod kernel;
mod keyring;
mod keys;
mod limits;
mod master;
mod opening;
mod profile;
mod receiver;
mod recovery;
mod repeats;
mod replay;
mod sealing;
mod sender;
mod session;
mod stack;
mod streams;
mod suite;
mod trailer;
#[cfg(test)]
mod vectors;

pub use batch::{Incoming, Outgoing, protect_batch, protect_fan_out, unprotect_batch};
pub use classify::{Kind, classify};
pub use config::{CryptexPolicy, Duplicates, ReceiverConfig, Repeats, RocRecovery, SenderConfig};
pub use error::{
    ConfigError, CounterError, ProtectError, ReconfigureError, RekeyError, UnprotectError,
};
pub use event::{Event, ReceiverStatistics, SenderStatistics};
pub use extension::ExtensionIds;
pub use header_extension::{HeaderExtension, NoRoom};
pub use kernel::{Tier, prefetch};
pub use keys::{
    DerivationRate, KeyError, Keys, MKI_MAX, ReceiverKeys, Receiving, Role, SenderKeys, Sending,
    from_dtls,
};
pub use limits::PACKET_MAX;
pub use profile::{Lifetime, Profile};
pub use receiver::{Freshness, Receiver, Unprotected};
pub use sender::Sender;
pub use suite::{Cipher, Protection, Suite};

/// The most bytes that protecting a packet without a master key identifier adds, whatever the
/// profile and its configuration.
pub const MAX_OVERHEAD: usize = 20;
