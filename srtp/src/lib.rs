//! SRTP and SRTCP, in place, one packet at a time or in batches.
#![deny(unsafe_code)]

mod batch;
mod classify;
mod config;
mod cryptex;
mod error;
mod event;
mod extension;
mod header;
mod index;
mod kdf;
#[allow(unsafe_code)]
#[allow(dead_code, unused_imports)]
mod kernel;
mod keyring;
mod keys;
mod opening;
mod profile;
mod receiver;
mod replay;
mod sealing;
mod sender;
mod session;
mod streams;
mod trailer;
#[cfg(test)]
mod vectors;

pub use batch::{Incoming, Outgoing, protect_batch, protect_fan_out, unprotect_batch};
pub use classify::{Kind, classify};
pub use config::{CryptexPolicy, Duplicates, ReceiverConfig, RocRecovery, SenderConfig};
pub use error::{ConfigError, CounterError, ProtectError, RekeyError, UnprotectError};
pub use event::{Event, ReceiverStatistics, SenderStatistics};
pub use extension::ExtensionIds;
pub use kernel::Tier;
pub use keys::{
    DerivationRate, KeyError, Keys, MKI_MAX, ReceiverKeys, Receiving, Role, SenderKeys, Sending,
    from_dtls,
};
pub use profile::{Lifetime, Profile};
pub use receiver::{Freshness, Receiver, Unprotected};
pub use sender::Sender;

/// The most bytes that protecting a packet without a master key identifier adds, whatever the profile and its configuration.
pub const MAX_OVERHEAD: usize = 20;
