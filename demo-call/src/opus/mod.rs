//! Opus in Ogg: reading the recording a call plays, and writing the one it receives.

mod clip;
mod head;
mod packet;
mod recorder;

pub(crate) use clip::{Clip, ClipError};
pub(crate) use packet::{CLOCK_HZ, samples};
pub(crate) use recorder::Recorder;
