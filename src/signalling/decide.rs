//! Who decides what becomes of an offered section.

use super::sdp::{Media, Section};

/// An application's decision on each section of an offer.
///
/// A function of the section and of what we have in it so far is one; so is
/// [`Capabilities`](super::Capabilities), which takes what it can.
pub trait Decide {
    /// Our side of `section`, or `None` to refuse it. `current` is what we have in it, if it is one that
    /// both sides have agreed on before.
    ///
    /// Whatever is returned is cut down to what the offer allows: its codecs, its extensions with
    /// their numbers, its streams, its directions.
    /// It is not asked about sections that can't be taken at all.
    fn decide(&mut self, section: &Section, current: Option<&Media>) -> Option<Media>;
}

impl<F> Decide for F
where
    F: FnMut(&Section, Option<&Media>) -> Option<Media>,
{
    fn decide(&mut self, section: &Section, current: Option<&Media>) -> Option<Media> {
        self(section, current)
    }
}
