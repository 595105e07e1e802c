//! Offers and answers over the public verbs of a [`Session`](crate::Session).

mod legacy;

pub use self::legacy::{
    AgreedAudio, Audio, Direction, LocalDescription, MAX_CANDIDATES, MAX_FINGERPRINTS, MAX_LENGTH,
    RemoteDescription, SdpError, Section, Setup, Signalling, SignallingError,
};
