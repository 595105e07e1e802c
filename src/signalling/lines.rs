//! The m-lines of a call, as both sides have agreed on them.

use super::offer::Offered;
use super::sdp::{Direction, Media, MediaKind, Section};

/// A section that both sides have agreed on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Agreed {
    /// Its name, if the peer gives it one.
    pub mid: Option<Box<str>>,
    /// Which way media flows, seen from us.
    pub direction: Direction,
    /// Our side, as we want it. [`Signalling::media_mut`](super::Signalling::media_mut) changes it.
    pub ours: Media,
    /// The peer's side. Its codecs are those that both sides take, in the order of the answerer; its
    /// extensions those that both know, with the numbers that packets bear.
    pub theirs: Media,
}

/// An m-line.
#[derive(Debug)]
pub(super) struct MLine {
    pub(super) mid: Option<Box<str>>,
    pub(super) kind: MediaKind,
    pub(super) protocol: Box<str>,
    pub(super) formats: Box<str>,
    /// `None`: it is disabled, and another section may take its place (RFC 3264 §8.2).
    pub(super) agreed: Option<Box<Agreed>>,
    /// Our next offer disables it.
    pub(super) stopping: bool,
}

impl MLine {
    pub(super) fn new(section: &Section, agreed: Option<Agreed>) -> Self {
        Self {
            mid: section.mid.as_deref().map(Into::into),
            kind: section.media.kind.clone(),
            protocol: section.protocol.as_str().into(),
            formats: section.formats.as_str().into(),
            agreed: agreed.map(Box::new),
            stopping: false,
        }
    }

    /// As it is written in an offer that does not want it.
    pub(super) fn disabled(&self) -> Offered {
        Offered {
            mid: self.mid.clone(),
            kind: self.kind.clone(),
            protocol: self.protocol.clone(),
            media: Err(self.formats.clone()),
            is_current: false,
        }
    }

    /// Takes over from the same section before that it is to be stopped, which no description has said yet.
    pub(super) fn inherit_stop(&mut self, before: &Self) {
        self.stopping |= before.stopping && self.agreed.is_some() && self.mid == before.mid;
    }

    /// Takes over our side of the same section, which may have changed since the offer that was
    /// answered now.
    pub(super) fn inherit_ours(&mut self, before: &mut Self) {
        if let (Some(agreed), Some(before)) = (&mut self.agreed, &mut before.agreed)
            && agreed.mid == before.mid
        {
            std::mem::swap(&mut agreed.ours, &mut before.ours);
        }
    }

    /// Whether a section of the peer's at its place is still this one (RFC 3264 §8): as long as it is
    /// not disabled, its kind, its mid and its transport stay.
    pub(super) fn continues_in(&self, section: &Section) -> bool {
        self.agreed.is_none()
            || (section.media.kind == self.kind
                && section.protocol == *self.protocol
                && section.mid.as_deref() == self.mid.as_deref())
    }
}
